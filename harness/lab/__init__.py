"""What is on the bench: lab.yaml read into a validated inventory.

Data and its checks live here, and the locks that keep two runs off one bench. Nothing in this
room opens a device.
"""

from harness.lab.checked import load_checked
from harness.lab.inventory import (
    Lab,
    Line,
    NetworkSpec,
    OutletRef,
    PeerSpec,
    PhoneSpec,
    ProvisioningSpec,
    SeededFaults,
    Values,
    VirtualSpec,
)
from harness.lab.keypad_spec import (
    GrblSpec,
    KeypadSpec,
    MatrixSpec,
    PositionSpec,
    ServoStylus,
    ZStylus,
)
from harness.lab.loader import load_lab
from harness.lab.pbx_spec import PBX_KINDS, PbxKind, PbxSpec
from harness.lab.place_spec import LabgridSpec, PowerPort, SerialRef
from harness.lab.power_spec import (
    Credentials,
    LabgridPowerSpec,
    OtherPowerSpec,
    PlacePowerSpec,
    PowerSpec,
    Rest,
    ScpiPowerSpec,
    SnmpPowerSpec,
    power_drivers,
)

__all__ = [
    "PBX_KINDS",
    "Credentials",
    "GrblSpec",
    "KeypadSpec",
    "Lab",
    "LabgridPowerSpec",
    "LabgridSpec",
    "Line",
    "MatrixSpec",
    "NetworkSpec",
    "OtherPowerSpec",
    "OutletRef",
    "PbxKind",
    "PbxSpec",
    "PeerSpec",
    "PhoneSpec",
    "PlacePowerSpec",
    "PositionSpec",
    "PowerPort",
    "PowerSpec",
    "ProvisioningSpec",
    "Rest",
    "ScpiPowerSpec",
    "SeededFaults",
    "SerialRef",
    "ServoStylus",
    "SnmpPowerSpec",
    "Values",
    "VirtualSpec",
    "ZStylus",
    "load_checked",
    "load_lab",
    "power_drivers",
]
