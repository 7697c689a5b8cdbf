"""The phone as a tester thinks of it: a thing with power, keys, lamps, a state and calls.

The façade acts only through the drivers and believes only the timeline: what the PDU read back,
the controller acknowledged, TFTP served, the PBX reported and the wire carried. It does not know
whether the phone is made of plastic.
"""

from harness.phone.audition import Ear, who_hears_whom
from harness.phone.factory_reset import ResetCode
from harness.phone.lamp_effect import LampEffect
from harness.phone.phone import Phone
from harness.phone.second_opinion import KeyWindow, WebKeys
from harness.phone.softkeys import Screen, SoftKey
from harness.phone.state import PhoneState
from harness.phone.windows import PhoneConsole, PhoneWeb, WindowClosed

__all__ = [
    "Ear",
    "KeyWindow",
    "LampEffect",
    "Phone",
    "PhoneConsole",
    "PhoneState",
    "PhoneWeb",
    "ResetCode",
    "Screen",
    "SoftKey",
    "WebKeys",
    "WindowClosed",
    "who_hears_whom",
]
