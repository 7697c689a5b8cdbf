"""Where a run or a trial is kept: a folder whose name has the time it began."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

__all__ = ["fresh_folder"]


def fresh_folder(parent: Path, form: str) -> Path:
    """Return a folder that is not there yet, for something that begins now.

    Args:
        parent: where.
        form: its name, with ``{}`` for the time. A number follows when the name is taken.
    """
    first = folder = parent / form.format(f"{datetime.now().astimezone():%Y%m%d-%H%M%S}")
    number = 1
    while folder.exists():
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    return folder
