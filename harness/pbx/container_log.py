"""Follow the output of Asterisk's container: keep it, and see the moments that matter."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

__all__ = ["ContainerLog"]

_READY = "Asterisk Ready."
_TAKEN = "address already in use"
#: What a start that failed says. Asterisk reports each optional file it lacks as an ERROR too.
_TELLING = ("error", "unable", "failed", "could not", "cannot", _TAKEN)
_HARMLESS = ("unable to load config file", "could not load stasis", "notice[", "warning[")


class ContainerLog:
    """Copies a container's output to a file, line by line, in a thread of its own.

    Args:
        stream: the container's standard output and error; closed when it ends.
        path: where every byte is kept.
        on_line: called in the thread with each line.
        on_end: called in the thread, once, when the output ends.
    """

    def __init__(
        self,
        stream: IO[bytes],
        path: Path,
        on_line: Callable[[str], None],
        on_end: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._path = path
        self._on_line = on_line
        self._on_end = on_end
        self._changed = threading.Condition()
        self._ready = False
        self._ended = False
        self._last: deque[str] = deque(maxlen=400)
        self._thread = threading.Thread(target=self._follow, name="pbx-log", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the container said its last word."""
        with self._changed:
            return self._ended

    def wait_ready(self, within: float) -> bool:
        """Wait for ``Asterisk Ready.``; False when the output ends or the deadline passes first."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended, within)
            return self._ready and not self._ended

    def says(self, text: str) -> bool:
        """Whether one of the last lines holds ``text``."""
        with self._changed:
            return any(text in line for line in self._last)

    def telling(self, count: int = 3) -> list[str]:
        """Return the last lines that tell of a failure, or the last ones if none does."""
        with self._changed:
            lines = [line for line in self._last if line.strip()]
        telling = [
            line
            for line in lines
            if any(word in line.lower() for word in _TELLING)
            # chan_sip only warns of a port it cannot have.
            and (_TAKEN in line.lower() or not any(word in line.lower() for word in _HARMLESS))
        ]
        return [line.strip()[-200:] for line in (telling or lines)[-count:]]

    def join(self, within: float) -> None:
        """Wait until everything was read and the file is closed."""
        if threading.current_thread() is not self._thread:
            self._thread.join(within)

    def _follow(self) -> None:
        with self._path.open("wb", buffering=0) as kept, self._stream as stream:
            for raw in stream:
                # Asterisk stands still when nobody takes what it says, full disk or not.
                with suppress(OSError):
                    kept.write(raw)
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                with self._changed:
                    self._last.append(line)
                    if _READY in line:
                        self._ready = True
                    self._changed.notify_all()
                self._on_line(line)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._on_end()
