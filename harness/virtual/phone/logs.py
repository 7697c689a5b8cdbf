"""The two logs of a phone: status messages for people, console log for support."""

from __future__ import annotations

import json
import os
from collections import deque
from datetime import datetime

__all__ = ["Logs", "say"]

_KEEP = 200
#: Console lines kept, and how many of them make one file of /FS/cache.
_KEEP_CONSOLE = 1200
_PER_FILE = 400
_BANNER = "|== Syslogd TNP=="


def say(**message: object) -> None:
    """Tell the world one thing: a lamp, or a line of log."""
    os.write(1, (json.dumps(message) + "\n").encode())


class Logs:
    """Keep the last messages of both logs; the console log also goes out to the world."""

    def __init__(self) -> None:
        self._sequence = 0
        self.status: deque[tuple[str, str]] = deque(maxlen=_KEEP)
        self.console: deque[str] = deque(maxlen=_KEEP_CONSOLE)

    def to_status(self, text: str) -> None:
        """Add to Settings > Status > Status Messages.

        The time before it has the form users quote, ``10:24:30a`` [remembered].
        """
        now = datetime.now().astimezone()
        self.status.append((f"{now:%I:%M:%S}{'ap'[now.hour >= 12]}", text))
        say(log=f"status: {text}")

    def to_console(self, text: str, *, level: str = "NOT", task: str = "JVM") -> None:
        """Add to the console log (/FS/cache/log); never shown to the user.

        Line format as in a 7942's log: sequence, level, time with microseconds, task, text.
        """
        self._sequence += 1
        now = datetime.now().astimezone().strftime("%H:%M:%S.%f")
        self.console.append(f"{self._sequence}: {level} {now} {task}: {text}")
        say(log=text)

    def file(self, number: int) -> bytes | None:
        """Return one file of the console log, 0 the newest; None when there are not so many."""
        lines = list(self.console)
        end = len(lines) - _PER_FILE * number
        if number and end <= 0:
            return None
        return "\n".join([_BANNER, *lines[max(0, end - _PER_FILE) : end], ""]).encode()
