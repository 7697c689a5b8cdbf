"""Turns: of several processes that want to do the same heavy thing, few do it at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["turn"]


@contextmanager
def turn(folder: Path, what: str, number: int, *, at_once: int) -> Iterator[None]:
    """Wait for one's turn, and have it for as long as this lasts.

    The kernel keeps the line, and ends the turn of a process that dies.

    Args:
        folder: where all of them can write.
        what: the heavy thing, a word for a file's name.
        number: which of them this is, from 0; those with the same rest by ``at_once`` take turns.
        at_once: how many may do it at a time.
    """
    line = folder / f".{what}-{number % at_once}"
    handle = os.open(line, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
