"""Robots that press a phone's keys and watch its lamps.

Here live the `Keypad` protocol, its drivers, and what lamps mean when watched over time. A driver
returns when its controller has acknowledged a movement and says in a bench fault why it cannot.
What a key does to a phone is no business of this room.
"""

from harness.keypad.api import Keypad
from harness.keypad.build import build_keypad
from harness.keypad.fate import Fate, KeyFault
from harness.keypad.grbl import GrblKeypad
from harness.keypad.keys import KEYS, LAMPS
from harness.keypad.lamps import (
    Blinking,
    Dark,
    LampEdge,
    LampPattern,
    Steady,
    Unsteady,
    Walk,
    find_walk,
    lamp_edges,
    lamp_pattern,
    wait_for_pattern,
    wait_for_walk,
)
from harness.keypad.matrix import MatrixKeypad
from harness.keypad.senses import Senses

__all__ = [
    "KEYS",
    "LAMPS",
    "Blinking",
    "Dark",
    "Fate",
    "GrblKeypad",
    "KeyFault",
    "Keypad",
    "LampEdge",
    "LampPattern",
    "MatrixKeypad",
    "Senses",
    "Steady",
    "Unsteady",
    "Walk",
    "build_keypad",
    "find_walk",
    "lamp_edges",
    "lamp_pattern",
    "wait_for_pattern",
    "wait_for_walk",
]
