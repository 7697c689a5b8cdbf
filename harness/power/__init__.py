"""Switched power: outlets of PDUs and power supplies, switched and confirmed.

Here live the `Power` protocol and its drivers. A driver switches, then confirms by reading back
until the device agrees, and says in a bench fault why it cannot. What a phone does with its power
is no business of this room; neither is whether the device at the address is real.
"""

from harness.power.api import OutletState, Power
from harness.power.dialects import DIALECTS, PLAIN, ScpiDialect
from harness.power.scpi import ScpiPower

__all__ = ["DIALECTS", "PLAIN", "OutletState", "Power", "ScpiDialect", "ScpiPower"]
