"""Files that grow, read to their present end: whole lines only, each of them once."""

from __future__ import annotations

import json
import os
from pathlib import Path

from harness.events import Record

__all__ = ["LineTail", "TimelineTail"]


class LineTail:
    """The lines of a file that somebody else appends to.

    A last line without its end is being written at this moment: it waits until it is whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode = 0
        self._position = 0
        self._lines = 0

    def new_lines(self) -> list[bytes]:
        """Return what was added since the last call, without the line ends; empty when nothing."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                known = 0
                if status.st_ino != self._inode or status.st_size < self._position:
                    # A run that ends hides secrets in it: another file, the same lines.
                    self._inode, self._position, known = status.st_ino, 0, self._lines
                    self._lines = 0
                file.seek(self._position)
                whole, end, _ = file.read().rpartition(b"\n")
        except OSError:
            # Not there yet, or removed while somebody looks at it.
            return []
        if not end:
            return []
        self._position += len(whole) + 1
        lines = whole.split(b"\n")
        self._lines += len(lines)
        return lines[known:]


class TimelineTail:
    """The records of a timeline that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tail = LineTail(path)
        #: Lines that are no record of a kind this version knows; they are left out.
        self.unread = 0

    def new_records(self) -> list[Record]:
        """Return the records added since the last call."""
        found = []
        for line in self._tail.new_lines():
            try:
                found.append(Record.from_dict(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError):
                self.unread += 1
        return found
