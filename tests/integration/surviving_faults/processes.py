"""Find the processes of a night, to do something to them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

__all__ = ["command_line", "kill_child", "of_night", "parent", "processes"]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def parent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def of_night(night: int, text: str) -> int:
    """The one process below a night whose command line holds ``text``."""
    (found,) = [pid for pid in processes() if parent(pid) == night and text in command_line(pid)]
    return found


def kill_child(text: str, number: signal.Signals = signal.SIGKILL) -> Callable[[int], None]:
    """A deed: send a signal to the process of the night whose command line holds ``text``."""

    def do(night: int) -> None:
        os.kill(of_night(night, text), number)

    return do
