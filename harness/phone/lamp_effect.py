"""What a phone's lamps tell about its power, beside what the PDU says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.deadlines import Deadlines
from harness.events import LampColour
from harness.keypad import Keypad
from harness.power import OutletState

__all__ = ["LampEffect"]


class LampEffect:
    """The lamps in front of keypads' sensors as a side effect of the outlet that feeds them all.

    A lit lamp proves power. Dark lamps prove that there is none only when one was lit before: an
    idle phone is dark too.

    Args:
        keypads: the robot that watches its lamps, by each phone's name in lab.yaml.
        deadlines: what the times of a real phone mean on this bench.
    """

    def __init__(self, keypads: Mapping[str, Keypad], deadlines: Deadlines) -> None:
        self._keypads = keypads
        self._deadlines = deadlines

    @property
    def name(self) -> str:
        """Whose lamps they are."""
        return f"lamps of {' and '.join(self._keypads)}"

    def within(self, on: bool) -> float:
        """Seconds until they show it: some boot loaders take minutes to light the first lamp."""
        return self._deadlines.device(300) if on else self._deadlines.wire(3)

    def start(self) -> Callable[[], OutletState]:
        """Look at the lamps before the outlet is switched."""
        were_lit = self._any_lit()

        def look() -> OutletState:
            if self._any_lit():
                return OutletState.ON
            return OutletState.OFF if were_lit else OutletState.UNKNOWN

        return look

    def _any_lit(self) -> bool:
        return any(
            colour is not LampColour.DARK
            for keypad in self._keypads.values()
            for colour in keypad.lamps().values()
        )
