"""Processes and containers that outlived a killed run, found by what they cannot have by chance.

A process has the journal's name, which holds its owner's number and start, in its environment, and
hands it on to its children: none can be missed, not even one that was started in the moment of the
kill, and none is mistaken for a stranger's.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from harness.errors import BenchFault
from harness.namespaces import orphans, sweep
from harness.pbx import ContainerRuntime
from harness.pbx.runtime import container_programs
from harness.recovery.journal import OWNER_VARIABLE, Written

__all__ = ["end_leftovers", "end_processes", "leftover_processes"]

_PROCESSES = Path("/proc")
#: The monitor of a podman container. Killed before its container is removed, podman was seen to
#: hang over it.
_MONITOR = "conmon"
#: Seconds to wait for the end of a process that was killed; only a hanging disk keeps one longer.
_END_S = 5.0


def leftover_processes(owner: str) -> dict[int, str]:
    """Return the processes that were started under a journal, by number, with their names.

    Those of other users cannot be seen without root.
    """
    mark = f"{OWNER_VARIABLE}={owner}".encode()
    found: dict[int, str] = {}
    for entry in _PROCESSES.iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid() and _has(entry, mark):
            with suppress(OSError):
                found[int(entry.name)] = (entry / "comm").read_text(encoding="utf-8").strip()
    return found


def _has(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        # It ended, or is somebody else's.
        return False


def end_processes(owner: str, *, but_monitors: bool = False) -> list[str]:
    """Kill what was started under a journal; return what that was.

    Args:
        owner: the journal's name.
        but_monitors: spare what watches over containers, for as long as there are some.
    """
    mark = f"{OWNER_VARIABLE}={owner}".encode()
    ended = []
    for pid, name in leftover_processes(owner).items():
        if but_monitors and name == _MONITOR:
            continue
        # A number can be given to another process at any time; a handle stays with this one.
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                if _has(_PROCESSES / str(pid), mark):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    # One may be a side of a parallel run, whose own journal is looked at next.
                    select.select([handle], [], [], _END_S)
                    ended.append(f"{name} (process {pid})")
            finally:
                os.close(handle)
    return ended


def end_leftovers(written: Written) -> list[str]:
    """Remove containers, processes and networks of a killed run, in the order that is safe.

    Returns:
        What was removed.

    Raises:
        BenchFault: the container program does not answer.
    """
    # Whoever still starts a container first, else it would come up behind our back.
    done = [f"ended {each}" for each in end_processes(written.name, but_monitors=True)]
    if any(kind == "container" for kind, _ in written.things):
        for program in container_programs():
            runtime = ContainerRuntime(program)
            if not runtime.answers():
                done += [f"removed the container {name}" for name in runtime.remove_orphans()]
    done += [f"ended {each}" for each in end_processes(written.name)]
    if orphans():
        with suppress(BenchFault):
            done += [f"removed the network {name}" for name in sweep()]
    return done
