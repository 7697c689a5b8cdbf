"""Network namespaces: made, entered, swept.

A namespace is a network of its own with its own interfaces, addresses and ports. Its name tells
its owner (see :mod:`harness.owners`), so what a killed run left is found by the next one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import BenchFault
from harness.owners import owned_name, owner_is_gone

__all__ = ["entered", "ip", "join", "namespace", "orphans", "sweep"]

#: From linux/sched.h.
_CLONE_NEWNET = 0x40000000
_NAMED = Path("/run/netns")
_LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*arguments: str) -> str:
    """Run iproute2's ``ip`` and return what it said.

    Raises:
        BenchFault: it is not installed or refuses; in its words.
    """
    command = ["ip", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchFault(
            f"{' '.join(command)} cannot be run: {error}",
            device="network",
            hint="apt-get install iproute2",
        ) from error
    if done.returncode:
        raise BenchFault(
            f"'{' '.join(command)}' failed: {done.stderr.strip() or 'no reason given'}",
            device="network",
            hint="network namespaces need root (CAP_NET_ADMIN and CAP_SYS_ADMIN)",
        )
    return done.stdout


@contextmanager
def namespace(what: str) -> Iterator[str]:
    """Make a namespace, loopback up, and yield its name; it is gone afterwards.

    Raises:
        BenchFault: this process may not make one.
    """
    name = owned_name(what, kind="namespace")
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        _remove(name)


def join(name: str) -> None:
    """Put the calling thread, and all it starts from now on, into a namespace.

    Raises:
        OSError: there is no such namespace, or no right to enter it.
    """
    handle = os.open(_NAMED / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set(handle)
    finally:
        os.close(handle)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Be in a namespace for a while: the calling thread, and what it starts meanwhile.

    Raises:
        BenchFault: it cannot be entered.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            join(name)
        except OSError as error:
            raise BenchFault(
                f"the network namespace {name} cannot be entered: {error.strerror}",
                device="network",
                hint="run as root",
            ) from error
        try:
            yield
        finally:
            _set(before)
    finally:
        os.close(before)


def orphans() -> list[str]:
    """Return the namespaces of processes that were killed."""
    names = [entry.name for entry in _NAMED.iterdir()] if _NAMED.is_dir() else []
    return sorted(filter(owner_is_gone, names))


def sweep() -> list[str]:
    """Remove the namespaces of processes that were killed; return their names.

    What still runs in one (a capture that waits for a packet) was started by that run and can be
    of use to nobody.
    """
    found = orphans()
    for name in found:
        _remove(name)
    return found


def _remove(name: str) -> None:
    with suppress(BenchFault):
        for pid in ip("netns", "pids", name).split():
            if int(pid) != os.getpid():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
    with suppress(BenchFault):
        ip("netns", "delete", name)


def _set(handle: int) -> None:
    # os.setns comes with Python 3.12.
    if _LIBC.setns(handle, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
