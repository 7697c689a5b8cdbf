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
    PbxSpec,
    PeerSpec,
    PhoneSpec,
    ProvisioningSpec,
    SeededFaults,
    VirtualSpec,
)
from harness.lab.loader import load_lab
from harness.lab.power_spec import (
    Credentials,
    LabgridPowerSpec,
    OtherPowerSpec,
    PowerSpec,
    ScpiPowerSpec,
    SnmpPowerSpec,
    power_drivers,
)

__all__ = [
    "Credentials",
    "KeypadSpec",
    "Lab",
    "LabgridPowerSpec",
    "Line",
    "NetworkSpec",
    "OtherPowerSpec",
    "OutletRef",
    "PbxSpec",
    "PeerSpec",
    "PhoneSpec",
    "PowerSpec",
    "ProvisioningSpec",
    "ScpiPowerSpec",
    "SeededFaults",
    "SnmpPowerSpec",
    "VirtualSpec",
    "load_lab",
    "power_drivers",
]
