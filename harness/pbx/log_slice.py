"""The part of Asterisk's log that belongs to one test, also over a restart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["LogMark", "log_mark", "log_since"]

#: Bytes of one test's log that are kept: its beginning and its end, half each.
_MOST = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogMark:
    """A place in a log: the file (by inode, for a restart renames it) and the bytes before it."""

    inode: int = 0
    at: int = 0


def log_mark(log: Path) -> LogMark:
    """Return the present end of a log; of one that is not there yet, its beginning."""
    try:
        state = log.stat()
    except OSError:
        return LogMark()
    return LogMark(state.st_ino, state.st_size)


def log_since(log: Path, mark: LogMark) -> str:
    """Return what was written since a mark; after a restart, the older file's end first."""
    parts = []
    if log.exists() and log.stat().st_ino != mark.inode:
        older = log.parent.glob(f"{log.stem}-*{log.suffix}")
        parts += [_from(each, mark.at) for each in older if each.stat().st_ino == mark.inode]
        parts.append(_from(log, 0))
    elif log.exists():
        parts.append(_from(log, mark.at))
    return "".join(parts)


def _from(file: Path, at: int) -> str:
    with file.open("rb") as opened:
        opened.seek(at)
        data = opened.read()
    if len(data) > _MOST:
        data = data[: _MOST // 2] + b"\n[...]\n" + data[-_MOST // 2 :]
    return data.decode("utf-8", "replace")
