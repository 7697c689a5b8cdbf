"""The phone as a tester thinks of it: a thing with power, keys, lamps, a state and calls.

The façade acts only through the drivers and believes only the timeline: what the PDU read back,
the controller acknowledged, TFTP served, the PBX reported and the wire carried. It does not know
whether the phone is made of plastic.
"""

from harness.phone.audition import Ear, who_hears_whom
from harness.phone.lamp_effect import LampEffect
from harness.phone.phone import Phone, ResetCode
from harness.phone.softkeys import Screen, SoftKey
from harness.phone.state import PhoneState
from harness.phone.windows import PhoneWeb

__all__ = [
    "Ear",
    "LampEffect",
    "Phone",
    "PhoneState",
    "PhoneWeb",
    "ResetCode",
    "Screen",
    "SoftKey",
    "who_hears_whom",
]
