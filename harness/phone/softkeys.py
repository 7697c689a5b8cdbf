"""Where each soft key sits on each screen of a 79x2 with the default soft-key template.

A robot cannot read the display, so the façade must know which of the four keys under it means
what. The sets are those of the default template of SIP firmware 9.x without a ``softKeyFile``:
call-state names as in the public SoftKeys.xml samples (connected, onHook, ringIn, ...), order as
users describe it; grade: remembered, to be confirmed on a phone.
"""

from __future__ import annotations

from enum import StrEnum

from harness.errors import HarnessBug

__all__ = ["Screen", "SoftKey", "keys_for"]


class SoftKey(StrEnum):
    """Soft keys the façade presses, by the label on the display."""

    ANSWER = "Answer"
    HOLD = "Hold"
    RESUME = "Resume"
    END_CALL = "EndCall"
    NEW_CALL = "NewCall"
    TRANSFER = "Trnsfer"
    CONFERENCE = "Confrn"
    REDIAL = "Redial"
    CFWD_ALL = "CFwdAll"
    IGNORE = "Ignore"
    MORE = "more"


class Screen(StrEnum):
    """What the phone shows, as far as the keys under the display go."""

    ON_HOOK = "on hook"
    OFF_HOOK = "off hook"
    RING_IN = "ring in"
    RING_OUT = "ring out"
    CONNECTED = "connected"
    ON_HOLD = "on hold"
    CONSULT_RINGING = "ring out, transfer or conference begun"
    CONSULT_CONNECTED = "connected, transfer begun"
    CONFERENCE_CONNECTED = "connected, conference begun"


_ = SoftKey
_PAGES: dict[Screen, tuple[tuple[SoftKey, ...], ...]] = {
    Screen.ON_HOOK: ((_.REDIAL, _.NEW_CALL, _.CFWD_ALL),),
    Screen.OFF_HOOK: ((_.REDIAL, _.END_CALL, _.CFWD_ALL),),
    Screen.RING_IN: ((_.ANSWER, _.IGNORE),),
    Screen.RING_OUT: ((_.HOLD, _.END_CALL),),
    Screen.CONNECTED: ((_.HOLD, _.END_CALL, _.TRANSFER, _.MORE), (_.CONFERENCE,)),
    Screen.ON_HOLD: ((_.RESUME, _.NEW_CALL),),
    Screen.CONSULT_RINGING: ((_.HOLD, _.END_CALL, _.TRANSFER),),
    Screen.CONSULT_CONNECTED: ((_.HOLD, _.END_CALL, _.TRANSFER, _.MORE), (_.CONFERENCE,)),
    Screen.CONFERENCE_CONNECTED: ((_.HOLD, _.END_CALL, _.CONFERENCE, _.MORE), (_.TRANSFER,)),
}


def keys_for(screen: Screen, soft_key: SoftKey) -> tuple[str, ...]:
    """Return the physical keys to tap for a soft key on a screen, e.g. ``("soft4", "soft1")``.

    Raises:
        HarnessBug: the screen does not offer that soft key.
    """
    for number, page in enumerate(_PAGES[screen]):
        if soft_key in page:
            turns = ("soft4",) * number
            return (*turns, f"soft{page.index(soft_key) + 1}")
    raise HarnessBug(f"there is no soft key {soft_key} on the screen '{screen}'")
