"""The configuration files each phone was handed, as they were at that moment.

A test may change a phone's file and put it back before anybody looks; what the phone runs on is
what it was served last.
"""

from __future__ import annotations

from pathlib import Path

from harness.events import FileServed, Record

__all__ = ["AsServed"]

_SUFFIXES = {".xml", ".cnf", ".loads", ".txt"}
#: Larger ones are no configuration: tone files of a locale have a few KiB.
_LARGEST = 256 * 1024


class AsServed:
    """Listen to a timeline (call it with each record) and keep a copy of each small text file.

    Args:
        root: the folder the servers hand out.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: dict[tuple[str, str], bytes] = {}

    def __call__(self, record: Record) -> None:
        """Take a record; called in the server's thread, when the last block was acknowledged."""
        event = record.event
        if not isinstance(event, FileServed) or event.size > _LARGEST or not record.device:
            return
        name = event.name.lstrip("/")
        path = self._root / name
        if path.suffix.lower() in _SUFFIXES and path.is_file():
            self._kept[record.device, name] = path.read_bytes()

    def of(self, phone: str) -> dict[str, str]:
        """Return what a phone was served last, by name."""
        return {
            name: content.decode("utf-8", "replace")
            for (device, name), content in tuple(self._kept.items())
            if device == phone
        }
