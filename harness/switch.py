"""The switch of a bench in a network of its own: which port is whose, and whether it has link."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import BenchFault
from harness.events import LinkChanged
from harness.lab import Lab
from harness.timeline import Observer

__all__ = ["LinkLog", "link_watched", "switch_ports"]

_PORT = re.compile(r"\d+: (?P<port>[^:@\s]+)(?:@[^:]*)?: <(?P<flags>[^>]*)>")


def switch_ports(lab: Lab) -> dict[str, str]:
    """Return the port of the switch that each phone hangs on, by the phone's name."""
    return {name: f"port{number}" for number, name in enumerate(lab.phones, 1)}


class LinkLog:
    """Turn what ``ip -o monitor link`` says into changes; it repeats itself a lot."""

    def __init__(self, ports: frozenset[str]) -> None:
        self._ports = ports
        self._up: dict[str, bool] = {}

    def feed(self, line: str) -> LinkChanged | None:
        """Take one line; the change it tells of, if it is one."""
        match = _PORT.match(line)
        if match is None or match["port"] not in self._ports:
            return None
        port, up = match["port"], "LOWER_UP" in match["flags"].split(",")
        if self._up.get(port, False) == up:
            return None
        self._up[port] = up
        return LinkChanged(port, up)


@contextmanager
def link_watched(lab: Lab, observe: Observer) -> Iterator[None]:
    """Write down each link that comes or goes, in the network of the calling thread.

    Raises:
        BenchFault: ``ip`` is not installed.
    """
    phone_of = {port: phone for phone, port in switch_ports(lab).items()}
    log = LinkLog(frozenset(phone_of))
    try:
        process = subprocess.Popen(
            ["ip", "-o", "monitor", "link"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise BenchFault(
            f"the links cannot be watched: {error}",
            device="network",
            hint="apt-get install iproute2",
        ) from error

    def read() -> None:
        for line in process.stdout or ():
            change = log.feed(line)
            if change is not None:
                observe(change, device=phone_of[change.port])

    reader = threading.Thread(target=read, name="links", daemon=True)
    reader.start()
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        reader.join(2.0)
        if process.stdout is not None:
            process.stdout.close()
