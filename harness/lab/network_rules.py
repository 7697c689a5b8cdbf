"""What the bench network may be: a DHCP server must never answer where it was not asked to."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from harness.lab.inventory import Lab

__all__ = ["network_faults"]

_Loc = tuple[str | int, ...]
_LOOPBACK = "lo"


def network_faults(lab: Lab) -> Iterator[tuple[_Loc, str]]:
    """Yield each fault of ``network`` with the keys that lead to it."""
    network = lab.network
    if not (network.namespace or network.dhcp):
        return
    if network.interface == _LOOPBACK:
        yield (
            ("network", "dhcp"),
            "no phone can ask for a lease on the loopback interface: name network.interface",
        )
    if network.namespace and not network.dhcp:
        yield ("network", "namespace"), "its phones have no address without network.dhcp: true"
    for name, phone in lab.phones.items():
        if network.namespace and not phone.virtual:
            yield (
                ("phones", name, "kind"),
                "a phone of hardware has no way into network.namespace",
            )
        elif not network.namespace and phone.virtual:
            yield (
                ("phones", name),
                "a virtual phone asks for a lease in network.namespace only, never on the "
                "machine's own network",
            )
    for loc, address in _addresses(lab):
        if address not in network.network:
            yield loc, f"{address} is not in {network.network}, the network of network.host"


def _addresses(lab: Lab) -> Iterator[tuple[_Loc, IPv4Address]]:
    for name, phone in lab.phones.items():
        yield ("phones", name, "address"), phone.address
    if lab.network.namespace:
        yield ("pbx", "address"), lab.pbx.address
        for name, peer in lab.peers.items():
            yield ("peers", name, "address"), peer.address
