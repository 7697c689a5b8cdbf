"""Names that tell which process made a thing, so that what a killed run left can be found.

Containers and network namespaces outlive a process that is killed; their names do not forget it.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

__all__ = ["OWNED_PREFIX", "owned_name", "owner_is_gone"]

#: What every owned name begins with.
OWNED_PREFIX = "phone-bench"
_NAME = re.compile(rf"^{OWNED_PREFIX}-(?P<pid>\d+)-(?P<started>\d+)-[A-Za-z0-9_-]+$")


def owned_name(what: str = "") -> str:
    """Return a new name that says which process owns it, and ``what`` it is for a reader."""
    pid = os.getpid()
    tail = f"{what}-{secrets.token_hex(3)}" if what else secrets.token_hex(3)
    return f"{OWNED_PREFIX}-{pid}-{_started(pid)}-{tail}"


def owner_is_gone(name: str) -> bool:
    """Whether ``name`` was made by :func:`owned_name` in a process that no longer runs."""
    match = _NAME.match(name)
    return match is not None and _started(int(match["pid"])) != match["started"]


def _started(pid: int) -> str:
    """When a process started, in clock ticks (proc(5), field 22); empty when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
