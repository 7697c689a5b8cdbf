"""Where a lab's firmware comes from: the folder lab.yaml names, or made-up files for twins.

A real phone refuses a made-up image (its signature does not fit), and after a factory reset it has
no other: so it is never served one. Twins take a folder too when it has their load, which is how a
release is tried on them by stand-in images.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.errors import UsageFault
from harness.lab import Lab
from harness.provisioning.firmware.manifest import FirmwareSet, load_manifest, make_up
from harness.provisioning.firmware.verify import components_in, verify_folder

__all__ = ["firmware_set", "stage_firmware"]

_BOOT_LOADS = ("term42.default.loads", "term62.default.loads")


def firmware_set(lab: Lab, load: str) -> FirmwareSet:
    """Return the files of a load of this lab, with the sizes they will be served in.

    Components of real firmware are in the order their .loads file names them; that a phone fetches
    them in this order is inferred, not seen.

    Raises:
        UsageFault: a phone of hardware takes it and lab.yaml names no folder with it, or the set
            there is not whole; or a twin's load is unknown.
    """
    folder = _folder(lab)
    if folder is not None and (folder / f"{load}.loads").is_file():
        return _in_folder(folder, load)
    takers = [
        name
        for name, phone in lab.phones.items()
        if not phone.virtual and _load(lab, phone.load) == load
    ]
    if not takers:
        return load_manifest(load)
    if folder is None:
        raise UsageFault(
            f"there are no real files of {load} for {', '.join(takers)}",
            device="provisioning",
            expected="provisioning.firmware in lab.yaml: a folder with Cisco's files",
            hint="unpack the load's zip beside lab.yaml and name the folder",
        )
    return _in_folder(folder, load)


def _folder(lab: Lab) -> Path | None:
    given = lab.provisioning.firmware
    return lab.beside(given) if given else None


def _in_folder(folder: Path, load: str) -> FirmwareSet:
    faults = verify_folder(folder, load)
    loads = folder / f"{load}.loads"
    parts = components_in(loads.read_bytes()) if loads.is_file() else []
    own = {loads.name, *_BOOT_LOADS, *parts}
    # What else lies in the folder may belong to another load of this lab.
    ours = [str(fault) for fault in faults if fault.file in own]
    if not parts and not ours:
        ours = [f"{loads.name}: names no .sbn file"]
    if ours:
        raise UsageFault(
            f"the firmware in {folder} is not whole: {'; '.join(ours)}",
            device="provisioning",
            hint=f"harness firmware verify {folder}",
        )
    sizes = tuple((name, (folder / name).stat().st_size) for name in parts)
    return FirmwareSet(load, _BOOT_LOADS, sizes)


def stage_firmware(lab: Lab, load: str, root: Path) -> None:
    """Put the files of a load into a TFTP root.

    Raises:
        UsageFault: as `firmware_set`.
    """
    found = firmware_set(lab, load)
    folder = _folder(lab)
    if folder is None or not (folder / f"{load}.loads").is_file():
        make_up(found, root)
        return
    root.mkdir(parents=True, exist_ok=True)
    for name in found.names:
        shutil.copyfile(folder / name, root / name)


def _load(lab: Lab, own: str) -> str:
    return own or lab.provisioning.load
