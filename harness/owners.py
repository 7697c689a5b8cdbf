"""What belongs to which process, so that a killed run leaves nothing behind that does harm.

Containers and network namespaces outlive a process that is killed; their names do not forget it.
Child processes can be made to end with it.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import signal
from collections.abc import Callable
from pathlib import Path

__all__ = ["OWNED_PREFIX", "boot_id", "die_with_parent", "on_owned_name", "owned_name"]
__all__ += ["owner_is_gone", "process_started"]

#: What every owned name begins with.
OWNED_PREFIX = "phone-bench"
#: From linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_NAME = re.compile(rf"^{OWNED_PREFIX}-(?P<pid>\d+)-(?P<started>\d+)-[A-Za-z0-9_-]+$")
_LISTENERS: list[Callable[[str, str], None]] = []


def owned_name(what: str = "", *, kind: str = "") -> str:
    """Return a new name that says which process owns it, and ``what`` it is for a reader.

    Whoever listens (:func:`on_owned_name`) hears of it, with its ``kind``, before it can be used.
    """
    pid = os.getpid()
    tail = f"{what}-{secrets.token_hex(3)}" if what else secrets.token_hex(3)
    name = f"{OWNED_PREFIX}-{pid}-{process_started(pid)}-{tail}"
    for listener in tuple(_LISTENERS):
        listener(kind, name)
    return name


def on_owned_name(listener: Callable[[str, str], None]) -> Callable[[], None]:
    """Call ``listener`` with kind and name of all that is named from now on; returns the undo."""
    _LISTENERS.append(listener)

    def undo() -> None:
        if listener in _LISTENERS:
            _LISTENERS.remove(listener)

    return undo


def boot_id() -> str:
    """Return what this machine calls the time since it was started; another after each start."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()


def owner_is_gone(name: str) -> bool:
    """Whether ``name`` was made by :func:`owned_name` in a process that no longer runs."""
    match = _NAME.match(name)
    return match is not None and process_started(int(match["pid"])) != match["started"]


def die_with_parent() -> None:
    """Run in a new child process: it is killed when its parent ends, however that ends.

    Lost when the child changes its user or group (prctl(2), PR_SET_PDEATHSIG).
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def process_started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty when none of it runs.

    With the number it names a process for good: numbers are given again.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    # proc(5): the state is field 3, the start field 22, after a name that may hold anything.
    fields = text.rpartition(")")[2].split()
    # Killed, and its parent has not asked for it yet: it holds nothing any more.
    return "" if fields[0] in "ZX" else fields[19]
