"""The soft keys under the display, by what the phone shows.

The default set of SIP 9.x without a softKeyFile, as users describe it [remembered; to be confirmed
on a phone].
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Display", "soft_key"]


class Display(Enum):
    """What the phone shows, with the pages of soft keys it then offers."""

    IDLE = (("Redial", "NewCall", "CFwdAll"),)
    DIALLING = (("Redial", "EndCall", "CFwdAll"),)
    RING_IN = (("Answer", "Ignore"),)
    RING_OUT = (("Hold", "EndCall"),)
    CONNECTED = (("Hold", "EndCall", "Trnsfer", "more"), ("Confrn",))
    HELD = (("Resume", "NewCall"),)
    CONSULT_RINGING = (("Hold", "EndCall", "Trnsfer"),)
    TRANSFER_CONNECTED = (("Hold", "EndCall", "Trnsfer", "more"), ("Confrn",), ())
    CONFERENCE_CONNECTED = (("Hold", "EndCall", "Confrn", "more"), ("Trnsfer",))


def soft_key(display: Display, page: int, position: int) -> str:
    """Return the label of the soft key at ``position`` (from 1), empty when there is none."""
    pages = [keys for keys in display.value if keys]
    keys = pages[page % len(pages)]
    return keys[position - 1] if position <= len(keys) else ""
