"""What a phone's lamps tell about its power, beside what the PDU says."""

from __future__ import annotations

from collections.abc import Callable

from harness.deadlines import Deadlines
from harness.events import LampColour
from harness.keypad import Keypad
from harness.power import OutletState

__all__ = ["LampEffect"]


class LampEffect:
    """The lamps in front of a keypad's sensors as a side effect of an outlet.

    A lit lamp proves power. Dark lamps prove that there is none only when one was lit before: an
    idle phone is dark too.

    Args:
        phone: its name in lab.yaml.
        keypad: the robot that watches its lamps.
        deadlines: what the times of a real phone mean on this bench.
    """

    def __init__(self, phone: str, keypad: Keypad, deadlines: Deadlines) -> None:
        self._phone = phone
        self._keypad = keypad
        self._deadlines = deadlines

    @property
    def name(self) -> str:
        """Whose lamps they are."""
        return f"lamps of {self._phone}"

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
        return any(colour is not LampColour.DARK for colour in self._keypad.lamps().values())
