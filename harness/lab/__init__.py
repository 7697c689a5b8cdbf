"""What is on the bench: lab.yaml read into a validated inventory.

Data and its checks live here, and the locks that keep two runs off one bench. Nothing in this
room opens a device.
"""

from harness.lab.inventory import (
    KeypadSpec,
    Lab,
    Line,
    NetworkSpec,
    OutletRef,
    PeerSpec,
    PhoneSpec,
    PowerSpec,
    ProvisioningSpec,
    SeededFaults,
    VirtualSpec,
)
from harness.lab.loader import load_lab
from harness.lab.pbx_spec import PBX_KINDS, PbxKind, PbxSpec

__all__ = [
    "PBX_KINDS",
    "KeypadSpec",
    "Lab",
    "Line",
    "NetworkSpec",
    "OutletRef",
    "PbxKind",
    "PbxSpec",
    "PeerSpec",
    "PhoneSpec",
    "PowerSpec",
    "ProvisioningSpec",
    "SeededFaults",
    "VirtualSpec",
    "load_lab",
]
