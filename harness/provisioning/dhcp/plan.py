"""Who gets which address and which TFTP server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from harness.lab import Lab

__all__ = ["DhcpPlan", "Host", "plan_for"]


@dataclass(frozen=True, slots=True)
class Host:
    """One phone: MAC as twelve upper-case digits, its host name and address, its TFTP servers.

    An empty option is not sent.
    """

    mac: str
    name: str
    address: IPv4Address
    option_66: str
    option_150: tuple[IPv4Address, ...]

    @property
    def colons(self) -> str:
        """The MAC as DHCP servers write it."""
        return ":".join(re.findall("..", self.mac.lower()))


@dataclass(frozen=True, slots=True)
class DhcpPlan:
    """A network and its phones; ``interface`` is the one to answer on, empty: not decided here."""

    network: IPv4Network
    server: IPv4Address
    hosts: tuple[Host, ...]
    interface: str = ""


def plan_for(lab: Lab, *, interface: str = "") -> DhcpPlan:
    """Return the plan of a lab: every phone at its address, this machine as TFTP server.

    Args:
        lab: the inventory.
        interface: the network interface a server of this plan listens on.
    """
    server = lab.network.host
    hosts = tuple(
        Host(spec.mac, spec.host_name, spec.address, str(server), (server,))
        for spec in sorted(lab.phones.values(), key=lambda spec: spec.mac)
    )
    return DhcpPlan(lab.network.network, server, hosts, interface)
