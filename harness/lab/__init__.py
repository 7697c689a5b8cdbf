"""What is on the bench: lab.yaml read into a validated inventory.

Data and its checks live here, and the locks that keep two runs off one bench. Nothing in this
room opens a device.
"""

from harness.lab.inventory import (
    Lab,
    Line,
    NetworkSpec,
    OutletRef,
    PbxSpec,
    PeerSpec,
    PhoneSpec,
    PowerSpec,
    ProvisioningSpec,
    SeededFaults,
    VirtualSpec,
)
from harness.lab.keypad_spec import GrblSpec, KeypadSpec, MatrixSpec, ServoStylus, ZStylus
from harness.lab.loader import load_lab

__all__ = [
    "GrblSpec",
    "KeypadSpec",
    "Lab",
    "Line",
    "MatrixSpec",
    "NetworkSpec",
    "OutletRef",
    "PbxSpec",
    "PeerSpec",
    "PhoneSpec",
    "PowerSpec",
    "ProvisioningSpec",
    "SeededFaults",
    "ServoStylus",
    "VirtualSpec",
    "ZStylus",
    "load_lab",
]
