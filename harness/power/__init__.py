"""Switched power: outlets of PDUs and power supplies, switched and confirmed.

Here live the `Power` protocol and its drivers. A driver switches; `SwitchedOutlets` confirms by
reading back, by draw or by a side effect, and says in a bench fault why it cannot. What a phone
does with its power is no business of this room; neither is whether the device at the address is
real.
"""

from harness.power.api import OutletDriver, OutletState, Power, SideEffect
from harness.power.build import Opening, driver_names, open_driver, open_power, register
from harness.power.outlets import SwitchedOutlets

__all__ = [
    "Opening",
    "OutletDriver",
    "OutletState",
    "Power",
    "SideEffect",
    "SwitchedOutlets",
    "driver_names",
    "open_driver",
    "open_power",
    "register",
]
