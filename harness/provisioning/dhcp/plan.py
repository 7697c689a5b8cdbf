"""Who gets which address and which TFTP server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from types import MappingProxyType

from harness.lab import Lab, PhoneSpec

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


def plan_for(
    lab: Lab, *, interface: str = "", tftp: Mapping[str, IPv4Address] = MappingProxyType({})
) -> DhcpPlan:
    """Return the plan of a lab: every phone at its address, this machine as TFTP server.

    Args:
        lab: the inventory.
        interface: the network interface a server of this plan listens on.
        tftp: the TFTP server of single phones, by name, where it is not ``network.host``.
    """
    server = lab.network.host
    hosts = tuple(
        _host(spec, tftp.get(name, server))
        for name, spec in sorted(lab.phones.items(), key=lambda item: item[1].mac)
    )
    return DhcpPlan(lab.network.network, server, hosts, interface)


def _host(spec: PhoneSpec, tftp: IPv4Address) -> Host:
    return Host(spec.mac, spec.host_name, spec.address, str(tftp), (tftp,))
