"""The folder both servers hand out: what a name asked for leads to, and what it may not."""

from __future__ import annotations

from pathlib import Path

__all__ = ["OutsideRoot", "ServedFolder"]


class OutsideRoot(Exception):
    """A name that leads out of the folder, by dots or by a link. Answered, never raised further."""


class ServedFolder:
    """A folder of files, read-only; names are as on disk, case included, as on a real server."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def read(self, name: str) -> bytes:
        """Return a file's content; a leading slash is the folder itself.

        Raises:
            OutsideRoot: it would be a file that is not in the folder.
            OSError: there is no such regular file, or it cannot be read.
        """
        try:
            path = (self.path / name.lstrip("/")).resolve()
        except (ValueError, RuntimeError) as error:
            # A null byte in the name; a link that leads to itself.
            raise FileNotFoundError(name) from error
        if not path.is_relative_to(self.path):
            raise OutsideRoot(name)
        if not path.is_file():
            # A folder; or a pipe, whose reading would wait for ever and stall every phone.
            raise FileNotFoundError(name)
        return path.read_bytes()
