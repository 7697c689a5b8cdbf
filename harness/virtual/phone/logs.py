"""The two logs of a phone: status messages for people, console log for support."""

from __future__ import annotations

import json
import os
from collections import deque
from datetime import datetime

__all__ = ["Logs", "say"]

_KEEP = 200


def say(**message: object) -> None:
    """Tell the world one thing: a lamp, or a line of log."""
    os.write(1, (json.dumps(message) + "\n").encode())


class Logs:
    """Keep the last messages of both logs; the console log also goes out to the world."""

    def __init__(self) -> None:
        self._sequence = 0
        self.status: deque[str] = deque(maxlen=_KEEP)
        self.console: deque[str] = deque(maxlen=_KEEP)

    def to_status(self, text: str) -> None:
        """Add to Settings > Status > Status Messages."""
        self.status.append(text)
        say(log=f"status: {text}")

    def to_console(self, text: str) -> None:
        """Add to the console log (/FS/cache/log); never shown to the user.

        Line format as in a 7942's log: sequence, level, time with microseconds, task, text.
        """
        self._sequence += 1
        now = datetime.now().astimezone().strftime("%H:%M:%S.%f")
        self.console.append(f"{self._sequence}: NOT {now} JVM: {text}")
        say(log=text)
