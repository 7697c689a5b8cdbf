"""Firmware sets: which files make up a load, whether they are all there, and how to get to it.

Real images are never parsed: they are signed, and all that is read of a .loads file is the
readable names of its components. Stand-ins for benches without real images are made here too.
"""

from harness.provisioning.firmware.folder import load_in
from harness.provisioning.firmware.manifest import (
    FirmwareSet,
    known_loads,
    load_manifest,
    make_up,
    read_manifest,
)
from harness.provisioning.firmware.release import Release
from harness.provisioning.firmware.supply import firmware_set, stage_firmware
from harness.provisioning.firmware.upgrade import Plan, Step, plan_upgrade
from harness.provisioning.firmware.verify import FileFault, components_in, verify_folder

__all__ = [
    "FileFault",
    "FirmwareSet",
    "Plan",
    "Release",
    "Step",
    "components_in",
    "firmware_set",
    "known_loads",
    "load_in",
    "load_manifest",
    "make_up",
    "plan_upgrade",
    "read_manifest",
    "stage_firmware",
    "verify_folder",
]
