"""A pcap that grows by whole records only, also when its disk fills up in the middle of one."""

from __future__ import annotations

from pathlib import Path

__all__ = ["PcapFile"]


class PcapFile:
    """A classic pcap being written, each packet on disk before anything else is done with it.

    Args:
        path: the file; an old one is written over.
        header: the file header, to go first as soon as there is room for it.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        self.path = path
        # Unbuffered: a killed run keeps every packet seen.
        self._file = path.open("wb", buffering=0)
        self._size = 0
        self._header = header

    def write(self, records: bytes) -> OSError | None:
        """Add records, all or none; returns why none were added."""
        whole = self._header + records
        try:
            written = 0
            while written < len(whole):
                written += self._file.write(whole[written:])
        except OSError as error:
            # What follows a torn record could not be read any more.
            self._file.truncate(self._size)
            self._file.seek(self._size)
            return error
        self._size += len(whole)
        self._header = b""
        return None

    def close(self) -> None:
        """Close it."""
        self._file.close()
