"""A wish to end that is not Ctrl-C: it unwinds this process as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["orderly_sigterm"]


@contextmanager
def orderly_sigterm() -> Iterator[None]:
    """Take SIGTERM (systemd, a CI's timeout, kill) for Ctrl-C, once: then the bench is closed.

    Its default would end this process at once, with a key down and an outlet cut. A second one
    changes nothing, for it would cut short what the first began. Where somebody else handles the
    signal already, or off the main thread, this does nothing.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    asked = False

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (signal's signature)
        nonlocal asked
        if not asked:
            asked = True
            raise KeyboardInterrupt("SIGTERM")

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
