"""A file that lines are added to, also while its disk is full: what has no room yet is not lost."""

from __future__ import annotations

import os
import threading
from pathlib import Path

__all__ = ["AppendOnlyFile"]


class AppendOnlyFile:
    """Add text to the end of a file; never raises for want of room. Thread-safe.

    What cannot be written stays in memory, in order, and goes first with the next write. A line
    that was torn by a full disk is completed then, so that at most the last one is ever torn.

    Args:
        path: the file; made when missing.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        self._owed = b""
        self._lock = threading.Lock()

    @property
    def owed(self) -> int:
        """Bytes that are not on disk yet."""
        return len(self._owed)

    def write(self, text: str) -> OSError | None:
        """Add ``text``; returns why not all is on disk, or None when it is."""
        with self._lock:
            self._owed += text.encode("utf-8")
            return self._settle()

    def close(self) -> OSError | None:
        """Write what is owed, if there is room now, and close."""
        with self._lock:
            trouble = self._settle()
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            return trouble

    def _settle(self) -> OSError | None:
        try:
            while self._owed:
                # The kernel takes what fits and says how much that was.
                self._owed = self._owed[os.write(self._descriptor, self._owed) :]
        except OSError as error:
            return error
        return None
