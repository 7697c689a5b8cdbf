"""The servers that are compared, each started as a process of its own on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BenchFault

__all__ = ["NAMES", "Running", "running"]

#: Where Debian puts servers, on no ordinary user's PATH.
SYSTEM = "/usr/sbin"
#: Seconds a server may take to answer its first request.
_READY = 15.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    name: str
    version: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a server is to serve, to whom, and where it may keep its own files."""

    root: Path
    address: str
    port: int
    phones: list[str]
    scratch: Path


def _program(name: str) -> str:
    """Where a server is: unpacked by ``make bench``, or installed."""
    places = os.environ.get("BENCH_SERVERS", ""), os.environ.get("PATH", ""), SYSTEM
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise BenchFault(
            f"the program {name} is missing",
            device="bench",
            hint="run this by 'make bench', which unpacks it",
        )
    return found


def _python(which: str, plan: _Plan, *more: str) -> list[str]:
    where = [str(plan.root), plan.address, str(plan.port)]
    return [sys.executable, "-m", "bench.serve", which, *where, *more]


def _harness(plan: _Plan) -> list[str]:
    timeline = str(plan.scratch / "timeline.jsonl")
    return _python("harness", plan, "--timeline", timeline, "--phones", *plan.phones)


def _stock_tftpy(plan: _Plan) -> list[str]:
    return _python("tftpy", plan)


def _tftpd_hpa(plan: _Plan) -> list[str]:
    where = f"{plan.address}:{plan.port}"
    return [_program("in.tftpd"), "-L", "-4", "-a", where, "-u", "nobody", "-s", str(plan.root)]


def _atftpd(plan: _Plan) -> list[str]:
    # --maxthread is 100 by default; a log to syslog for each transfer is the default of both.
    where = ["--bind-address", plan.address, "--port", str(plan.port)]
    return [_program("atftpd"), "--daemon", "--no-fork", *where, str(plan.root)]


_COMMANDS: dict[str, Callable[[_Plan], list[str]]] = {
    "harness": _harness,
    "tftpd-hpa": _tftpd_hpa,
    "atftpd": _atftpd,
    "tftpy": _stock_tftpy,
}
NAMES = tuple(_COMMANDS)


def _version(name: str) -> str:
    if name == "harness":
        return "of this tree"
    if name == "tftpy":
        from importlib.metadata import version

        return version("tftpy")
    program = "in.tftpd" if name == "tftpd-hpa" else "atftpd"
    told = subprocess.run([_program(program), "-V"], capture_output=True, text=True, check=False)
    return (told.stdout + told.stderr).strip().splitlines()[0]


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _await_answer(process: subprocess.Popen[bytes], name: str, address: str, port: int) -> None:
    """Ask for a file that is not there, as often as a phone would, until an ERROR comes."""
    deadline = time.monotonic() + _READY
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((address, 0))
        client.settimeout(0.2)
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            client.sendto(b"\0\1not-there\0octet\0", (address, port))
            try:
                if client.recv(600)[:2] == b"\0\5":
                    return
            except TimeoutError:
                continue
    raise BenchFault(
        f"{name} did not answer within {_READY:.0f} s",
        device="bench",
        state="running" if process.poll() is None else f"ended with {process.returncode}",
        hint="tftpd-hpa and atftpd need root to change their user and root folder",
    )


@contextmanager
def running(
    name: str, root: Path, address: str, phones: list[str], scratch: Path
) -> Iterator[Running]:
    """Have one of the servers serve a folder.

    Args:
        name: one of :data:`NAMES`.
        root: the folder, readable by everybody.
        address: IP address to listen on; the port is a free one.
        phones: the clients' addresses.
        scratch: an existing folder for the server's own files.

    Raises:
        BenchFault: the program is missing, or does not answer.
    """
    plan = _Plan(root, address, _free_port(address), phones, scratch)
    process = subprocess.Popen(_COMMANDS[name](plan), stdin=subprocess.PIPE)
    try:
        _await_answer(process, name, address, plan.port)
        yield Running(name, _version(name), address, plan.port)
    finally:
        process.terminate()
        process.communicate(timeout=10.0)
