"""What a person sees of the phone: line lamps, display, soft keys."""

from __future__ import annotations

from collections.abc import Sequence

from harness.events import LampColour
from harness.virtual.phone.call import Call, CallState
from harness.virtual.phone.config import LineConfig, PhoneConfig
from harness.virtual.phone.lamps import Lamps
from harness.virtual.phone.softkeys import Display, soft_key
from harness.virtual.phone.windows.handset import Picture

__all__ = ["Face", "display_of"]

_SAID = {
    CallState.RING_IN: "From",
    CallState.RING_OUT: "Ring out",
    CallState.CONNECTED: "Connected",
    CallState.HELD: "Hold",
}


def display_of(
    calls: Sequence[Call],
    active: Call | None,
    consult_for: Call | None,
    consult_kind: str,
    *,
    dialling: bool,
) -> Display:
    """Return which set of soft keys the phone shows."""
    if dialling:
        return Display.DIALLING
    if any(call.state is CallState.RING_IN for call in calls):
        return Display.RING_IN
    if active is None:
        return Display.IDLE
    if consult_for is not None and consult_for is not active:
        if active.state is CallState.RING_OUT:
            return Display.CONSULT_RINGING
        if consult_kind == "Confrn":
            return Display.CONFERENCE_CONNECTED
        return Display.TRANSFER_CONNECTED
    if active.state is CallState.RING_OUT:
        return Display.RING_OUT
    return Display.HELD if active.state is CallState.HELD else Display.CONNECTED


class Face:
    """Light the lamps and word the display of one configured phone."""

    def __init__(self, config: PhoneConfig, lamps: Lamps) -> None:
        self._config = config
        self._lamps = lamps

    def show(self, calls: Sequence[Call], *, dialling: bool) -> None:
        """Light the lamp of each line by its calls."""
        for line in self._config.lines:
            self._light(line, calls, dialling=dialling)

    def _light(self, line: LineConfig, calls: Sequence[Call], *, dialling: bool) -> None:
        lamp = f"line{line.button}"
        states = {call.state for call in calls if call.line is line}
        if CallState.RING_IN in states:
            self._lamps.blink(lamp, LampColour.AMBER, 0.8)
        elif states & {CallState.CONNECTED, CallState.RING_OUT} or (dialling and line.button == 1):
            self._lamps.show(lamp, LampColour.GREEN)
        elif CallState.HELD in states:
            self._lamps.blink(lamp, LampColour.GREEN, 1.0)
        else:
            self._lamps.show(lamp, LampColour.DARK)

    def picture(
        self,
        display: Display,
        page: int,
        calls: Sequence[Call],
        typed: str,
        menu: Sequence[str],
        *,
        registered: bool,
    ) -> Picture:
        """Word the display: label, lines, calls or menu, soft keys."""
        lines = self._config.lines
        told = [f"{_SAID[call.state]} {call.other}" for call in calls if call.state in _SAID]
        if typed:
            told.append(typed)
        if not registered:
            told.append("Registering" if lines else "Unprovisioned")
        keys = [soft_key(display, page, position) for position in range(1, 5)]
        return Picture(
            title=self._config.phone_label or (lines[0].name if lines else ""),
            lines=tuple(menu or told),
            line_labels=tuple(line.label for line in lines),
            soft_keys=() if menu else tuple(keys),
        )
