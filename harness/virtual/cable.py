"""A phone's patch cable: its own network namespace, tied to the bench's bridge.

One end is the phone's port and has its MAC; the other is a port of the switch. Nothing but this
cable connects the phone to anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from harness.namespaces import ip, join, namespace

__all__ = ["PHONE_PORT", "Cable", "plugged"]

#: The phone's end, by the name it has inside.
PHONE_PORT = "eth0"


class Cable:
    """One phone's cable; without power at the phone the link is down."""

    def __init__(self, network: str) -> None:
        self.network = network

    def set_link(self, *, up: bool) -> None:
        """Bring the phone's end up or down; the switch sees its port lose the link.

        Raises:
            BenchFault: the cable is gone.
        """
        ip("-n", self.network, "link", "set", PHONE_PORT, "up" if up else "down")

    def enter(self) -> None:
        """Move the calling process to the phone's end."""
        join(self.network)


@contextmanager
def plugged(phone: str, mac: str, bridge: str, port: str) -> Iterator[Cable]:
    """Lay a cable from a phone to a port of a bridge; it is taken away afterwards.

    Args:
        phone: its name, for the name of its namespace.
        mac: twelve hexadecimal digits.
        bridge: the switch, in the namespace of the caller.
        port: name of the switch's end; at most 15 letters.

    Raises:
        BenchFault: the machine does not let us, or the MAC is no station's.
    """
    word = re.sub(r"[^a-z0-9-]", "-", phone.lower())
    with namespace(word) as network:
        colons = ":".join(re.findall("..", mac))
        phone_end = ("peer", "name", PHONE_PORT, "address", colons, "netns", network)
        ip("link", "add", port, "type", "veth", *phone_end)
        ip("link", "set", port, "master", bridge, "up")
        yield Cable(network)
