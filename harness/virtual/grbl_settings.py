"""GRBL's ``$`` settings: what a small, fast gantry over a desk phone would have.

Numbers and formats: gnea/grbl wiki "Grbl v1.1 Configuration".
"""

from __future__ import annotations

from harness.virtual.grbl_gcode import Refused

__all__ = ["SETTINGS", "shown", "store"]

SETTINGS: dict[int, float] = {
    **{0: 10, 1: 25, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 10: 1, 11: 0.01, 12: 0.002, 13: 0},
    **{20: 1, 21: 0, 22: 1, 23: 0, 24: 25, 25: 1500, 26: 250, 27: 1, 30: 1000, 31: 0, 32: 0},
    **{100: 80, 101: 80, 102: 400, 110: 12000, 111: 12000, 112: 6000},
    **{120: 1500, 121: 1500, 122: 800, 130: 300, 131: 240, 132: 40},
}
_INTEGERS = frozenset((0, 1, 2, 3, 4, 5, 6, 10, 13, 20, 21, 22, 23, 26, 30, 31, 32)) - {30, 31}


def shown(number: int, settings: dict[int, float]) -> str:
    """Format a value as ``$$`` does."""
    value = settings[number]
    return f"{value:.0f}" if number in _INTEGERS else f"{value:.3f}"


def store(text: str, settings: dict[int, float]) -> None:
    """Take ``number=value``.

    Raises:
        Refused: it is no setting.
    """
    number, equals, value = text.partition("=")
    if not number.isdecimal() or not equals or int(number) not in settings:
        raise Refused(3)
    try:
        wanted = float(value)
    except ValueError:
        raise Refused(2) from None
    if wanted < 0:
        raise Refused(4)
    if int(number) == 20 and wanted and not settings[22]:
        raise Refused(10)
    settings[int(number)] = wanted
    if int(number) == 22 and not wanted:
        settings[20] = 0
