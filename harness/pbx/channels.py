"""Waiting for the end of channels, by the events that end them."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.errors import ProductFault
from harness.timeline import Timeline

__all__ = ["wait_no_channels"]

#: Seconds without an event after which the list is read again.
_LOOK_AGAIN_S = 0.5


def wait_no_channels(
    channels_of: Callable[[str], list[str]],
    timeline: Timeline,
    user: str,
    *,
    device: str,
    within: float,
) -> None:
    """Wait until a user has no channel left.

    Args:
        channels_of: lists the channels of a user.
        timeline: where the end of each channel is written.
        user: whose.
        device: whom to blame.
        within: seconds.

    Raises:
        BenchFault: the PBX does not answer.
        ProductFault: a channel is still there.
    """
    # Every channel's end is an event. The mark comes before the look: an end between the two must
    # not be waited for. Asterisk may still list a channel whose end it has told.
    deadline = time.monotonic() + within
    while True:
        since = timeline.mark()
        left = channels_of(user)
        if not left:
            return
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise ProductFault(
                f"a call leg of {user} is still up at the PBX: {', '.join(left)}",
                device=device,
                expected=f"no channel within {within:.0f} s",
                hint="read the ladder: who owes the BYE?",
            )
        timeline.wait_until(bool, within=min(remaining, _LOOK_AGAIN_S), since=since)
