"""The SIP ladder of a test while it grows."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from harness.events import Record
from harness.evidence import ladder_html

__all__ = ["LiveLadder"]

#: Messages shown; a ladder is drawn whole each time it grows, and nobody reads hundreds live.
_SHOWN = 60


class LiveLadder:
    """The last messages of one test, drawn when asked for and not drawn again for nothing.

    Args:
        names: actor by address; it may grow while the ladder does.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._records: deque[Record] = deque(maxlen=_SHOWN)
        self._drawn: tuple[int, int] = (0, 0)
        self._html = ""
        #: How many messages there were.
        self.messages = 0

    @property
    def left_out(self) -> int:
        """How many messages came before those that are shown."""
        return self.messages - len(self._records)

    def add(self, record: Record) -> None:
        """Take in a record that holds a SIP message."""
        self._records.append(record)
        self.messages += 1

    def html(self) -> str:
        """Return the ladder as a fragment of HTML; empty without a message."""
        wanted = (self.messages, len(self._names))
        if wanted != self._drawn:
            self._html = ladder_html(self._records, self._names)
            self._drawn = wanted
        return self._html
