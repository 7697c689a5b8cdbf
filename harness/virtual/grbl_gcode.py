"""The part of GRBL 1.1's G-code parser that a stylus needs, with its error numbers.

Written from gnea/grbl's doc/markdown/interface.md and the error table; what a gantry that presses
keys never sends (arcs, probing, tool lengths) is error:20 here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Block", "Modes", "Refused", "parse"]

_WORD = re.compile(r"([A-Z])([-+]?(?:\d+\.?\d*|\.\d+))")
_AXES = "XYZ"
#: Commands by their modal group; two of one group in a block are error:21.
_GROUPS = {
    **dict.fromkeys(("G0", "G1"), "motion"),
    **dict.fromkeys(("G4", "G53"), "non-modal"),
    **dict.fromkeys(("G90", "G91"), "distance"),
    **dict.fromkeys(("G20", "G21"), "units"),
    "G17": "plane",
    "G54": "system",
    "G94": "feed mode",
    **dict.fromkeys(("M3", "M5"), "spindle"),
}
_JOG = frozenset(("G20", "G21", "G90", "G91", "G53"))


class Refused(Exception):
    """``error:<code>``."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"error:{code}")


@dataclass(slots=True)
class Modes:
    """What stays from one block to the next."""

    motion: str = "G0"
    absolute: bool = True
    inches: bool = False
    feed: float = 0.0
    speed: float = 0.0
    spindle: bool = False


@dataclass(slots=True)
class Block:
    """One line, understood. ``target`` is in machine mm, ``feed`` in mm/min, 0 for rapid."""

    dwell: float | None = None
    target: tuple[float, float, float] | None = None
    feed: float = 0.0
    spindle: tuple[bool, float] | None = None
    commands: set[str] = field(default_factory=set)


def parse(
    line: str, modes: Modes, position: tuple[float, float, float], *, jog: bool = False
) -> Block:
    """Understand one line and change ``modes`` as it says; nothing changes when it is refused.

    Raises:
        Refused: with the number GRBL gives for it.
    """
    commands, values = _words(line)
    block = Block(commands=set(commands))
    absolute, inches = _modes(commands, modes)
    scale = 25.4 if inches else 1.0
    axes = {axis: values.pop(axis) * scale for axis in _AXES if axis in values}
    feed = values.pop("F", modes.feed / scale) * scale
    if jog and (not set(commands) <= _JOG or not axes):
        raise Refused(16)
    motion = next((c for c in commands if _GROUPS[c] == "motion"), modes.motion)
    if "G4" in commands:
        if "P" not in values:
            raise Refused(28)
        block.dwell = values.pop("P")
        if axes:
            raise Refused(31)
    elif axes:
        if (motion == "G1" or jog) and feed <= 0:
            raise Refused(22)
        block.feed = feed if motion == "G1" or jog else 0.0
        block.target = _target(axes, position, absolute or "G53" in commands)
    elif "G53" in commands:
        raise Refused(26)
    speed = values.pop("S", modes.speed)
    if speed < 0 or feed < 0:
        raise Refused(4)
    spindle = {"M3": True, "M5": False}
    turns = next((spindle[c] for c in commands if c in spindle), modes.spindle)
    if (turns, speed) != (modes.spindle, modes.speed):
        block.spindle = (turns, speed)
    values.pop("N", None)
    if values:
        raise Refused(36)
    if not jog:
        # A jog leaves no mode behind (doc/markdown/jogging.md).
        modes.motion, modes.absolute, modes.inches = motion, absolute, inches
        modes.feed, modes.speed, modes.spindle = feed, speed, turns
    return block


def _words(line: str) -> tuple[list[str], dict[str, float]]:
    commands: list[str] = []
    values: dict[str, float] = {}
    groups: set[str] = set()
    at = 0
    while at < len(line):
        if not line[at].isalpha():
            raise Refused(1)
        word = _WORD.match(line, at)
        if word is None:
            raise Refused(2)
        at = word.end()
        letter, number = word[1], float(word[2])
        if letter not in "GM":
            if letter in values:
                raise Refused(25)
            values[letter] = number
            continue
        command = f"{letter}{number:g}"
        if command not in _GROUPS:
            raise Refused(20)
        if _GROUPS[command] in groups:
            raise Refused(21)
        groups.add(_GROUPS[command])
        commands.append(command)
    return commands, values


def _modes(commands: list[str], modes: Modes) -> tuple[bool, bool]:
    absolute, inches = modes.absolute, modes.inches
    for command in commands:
        if command in ("G90", "G91"):
            absolute = command == "G90"
        elif command in ("G20", "G21"):
            inches = command == "G20"
    return absolute, inches


def _target(
    axes: dict[str, float], position: tuple[float, float, float], absolute: bool
) -> tuple[float, float, float]:
    x, y, z = (
        axes.get(axis, 0.0 if not absolute else here) + (0.0 if absolute else here)
        for axis, here in zip(_AXES, position, strict=True)
    )
    return x, y, z
