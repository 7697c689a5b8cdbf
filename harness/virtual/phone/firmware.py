"""Loads: reading made-up load files and telling older from newer.

Real ``.loads`` files are signed binaries and are never parsed; the twin takes only stand-ins that
say so in their first line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["LoadFile", "generation", "is_older", "parse_loads"]

_MAGIC = "PHONE-BENCH MADE-UP LOADS 1"
_VERSION = re.compile(r"SIP4[12]\.(\d+)-(\d+)-(\d+)(?:SR(\d+))?")


@dataclass(frozen=True, slots=True)
class LoadFile:
    """What a load consists of, in the order it is fetched."""

    load: str
    components: tuple[str, ...]


def parse_loads(content: bytes) -> LoadFile | None:
    """Read a made-up load file; None when it is anything else."""
    lines = content.decode("latin-1").split("\n")
    if lines[0] != _MAGIC or "end" not in lines:
        return None
    load, components = "", []
    for line in lines[1 : lines.index("end")]:
        key, _, value = line.partition(": ")
        if key == "load":
            load = value
        elif key == "file":
            components.append(value)
    return LoadFile(load, tuple(components)) if load and components else None


def _version(load: str) -> tuple[int, ...] | None:
    match = _VERSION.match(load)
    return tuple(int(part or 0) for part in match.groups()) if match else None


def is_older(load: str, installed: str) -> bool:
    """Whether ``load`` is older than what is installed; unknown names are never older."""
    ours, theirs = _version(installed), _version(load)
    return ours is not None and theirs is not None and theirs < ours


def generation(load: str) -> int:
    """Major version of a load, 9 when its name does not tell."""
    version = _version(load)
    return version[0] if version else 9
