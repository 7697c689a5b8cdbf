"""The host's side of the phones' network: interfaces, addresses, ports, rights, a real capture."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from harness.evidence import Capture
from harness.health.finding import Finding, State
from harness.health.registry import HOST, Situation, host_check
from harness.lab import Lab
from harness.namespaces import ip

__all__ = ["addresses", "capture", "dhcp_interface", "interface", "ports"]

_LOOPBACK = "lo"
#: Discard (RFC 863): whoever hears it does nothing.
_DISCARD = 9
_BIND_FIXES = {
    errno.EACCES: "run as root, or: sysctl net.ipv4.ip_unprivileged_port_start={port}",
    errno.EADDRINUSE: "see what holds it with 'ss -lunptH sport = :{port}' and stop that; "
    "or change the port in lab.yaml",
}


@host_check("interface")
def interface(situation: Situation) -> Iterator[Finding]:
    """The phones' interface is there, up, and has a cable in it."""
    wanted = situation.lab.network.interface
    check = f"interface {wanted}"
    links: dict[str, Any] = {one["ifname"]: one for one in json.loads(ip("-j", "link"))}
    if wanted not in links:
        fix = "name one of these as network.interface in lab.yaml"
        yield Finding(HOST, check, State.FAULT, f"there is only {', '.join(sorted(links))}", fix)
        return
    flags = links[wanted].get("flags", [])
    if "UP" not in flags:
        yield Finding(HOST, check, State.FAULT, "it is down", f"ip link set {wanted} up")
    elif "NO-CARRIER" in flags and not situation.lab.network.namespace:
        fix = f"plug the cable to the phones' switch into {wanted}, and switch the switch on"
        yield Finding(HOST, check, State.FAULT, "no link: nothing is plugged in", fix)
    else:
        yield Finding(HOST, check, State.OK, "up")


@host_check("addresses")
def addresses(situation: Situation) -> Iterator[Finding]:
    """The address the phones are told to fetch from is one of the interface."""
    network = situation.lab.network
    check = f"address {network.host}"
    found = json.loads(ip("-j", "-4", "address"))
    own = {
        entry["local"]
        for one in found
        if one.get("ifname") == network.interface
        for entry in one.get("addr_info", ())
    }
    # All of 127.0.0.0/8 is this machine, whatever the interface lists.
    if str(network.host) in own or (network.interface == _LOOPBACK and network.host.is_loopback):
        yield Finding(HOST, check, State.OK, f"on {network.interface}")
        return
    yield Finding(
        HOST, check, State.FAULT, f"{network.interface} has {', '.join(sorted(own)) or 'none'}",
        f"ip address add {network.host}/{network.prefix} dev {network.interface}, "
        "or correct network.host in lab.yaml",
    )  # fmt: skip


@host_check("dhcp interface")
def dhcp_interface(situation: Situation) -> Iterator[Finding]:
    """A DHCP server of ours answers nobody but the bench."""
    network = situation.lab.network
    if not network.dhcp:
        return
    out = {one.get("dev") for one in json.loads(ip("-j", "-4", "route", "show", "default"))}
    well = network.interface not in out
    yield Finding(
        HOST, "DHCP interface", State.OK if well else State.FAULT,
        f"{network.interface} is not this machine's way out" if well
        else f"{network.interface} is this machine's way to the rest of the world",
        "give the phones an interface of their own, or set network.dhcp: false and use "
        "'harness dhcp' for the server that is there",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    address: IPv4Address
    first: int
    last: int
    kind: socket.SocketKind

    @property
    def ports(self) -> range:
        return range(self.first, self.last + 1)


def _wanted(lab: Lab) -> Iterator[_Wanted]:
    udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
    network, pbx = lab.network, lab.pbx
    yield _Wanted("TFTP", network.host, network.tftp_port, network.tftp_port, udp)
    yield _Wanted("HTTP", network.host, network.http_port, network.http_port, tcp)
    if network.dhcp:
        yield _Wanted("DHCP", network.host, 67, 67, udp)
    yield _Wanted("SIP (UDP)", pbx.address, pbx.sip_port, pbx.sip_port, udp)
    yield _Wanted("SIP (TCP)", pbx.address, pbx.sip_port, pbx.sip_port, tcp)
    yield _Wanted("AMI", pbx.address, pbx.ami_port, pbx.ami_port, tcp)
    yield _Wanted("RTP", pbx.address, pbx.rtp_start, pbx.rtp_end, udp)
    for address in dict.fromkeys(peer.address for peer in lab.peers.values()):
        # Peers take any free port there; the address is what must be ours.
        yield _Wanted("peers", address, 0, 0, udp)


@host_check("ports", within=20.0)
def ports(situation: Situation) -> Iterator[Finding]:
    """Every port the harness and its PBX listen on can be had, with the rights we have."""
    strangers: dict[IPv4Address, list[str]] = {}
    for wanted in _wanted(situation.lab):
        span = f"{wanted.first}" if len(wanted.ports) == 1 else f"{wanted.first}-{wanted.last}"
        check = f"{wanted.name} {wanted.address}" + (f":{span}" if wanted.first else "")
        if not wanted.ports:
            fix = "let pbx.rtp_start be the smaller number in lab.yaml"
            yield Finding(HOST, check, State.FAULT, "the last port is below the first", fix)
            continue
        taken = [(port, error) for port in wanted.ports if (error := _bind(wanted, port))]
        if not taken:
            yield Finding(HOST, check, State.OK, "free")
            continue
        port, error = taken[0]
        if error.errno == errno.EADDRNOTAVAIL:
            strangers.setdefault(wanted.address, []).append(wanted.name)
            continue
        fix = _BIND_FIXES.get(error.errno or 0, "correct it in lab.yaml").format(port=port)
        where = f" on {len(taken)} of {len(wanted.ports)} ports" if len(wanted.ports) > 1 else ""
        reason = f"{(error.strerror or str(error)).lower()}{where}"
        yield Finding(HOST, check, State.FAULT, reason, fix)
    network = situation.lab.network
    for address, names in strangers.items():
        yield Finding(
            HOST, f"ports of {address}", State.FAULT,
            f"no interface here has this address, so no {', '.join(names)}",
            f"correct it in lab.yaml, or ip address add {address}/{network.prefix} "
            f"dev {network.interface}",
        )  # fmt: skip


def _bind(wanted: _Wanted, port: int) -> OSError | None:
    with socket.socket(socket.AF_INET, wanted.kind) as probe:
        if wanted.kind == socket.SOCK_STREAM:
            # A connection of the last run in TIME_WAIT does not hinder the next one.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((str(wanted.address), port))
        except OSError as error:
            return error
    return None


@host_check("capture", within=20.0)
def capture(situation: Situation) -> Iterator[Finding]:
    """Two packets sent through the interface are two packets captured there."""
    network = situation.lab.network
    check = f"packet capture on {network.interface}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            sender.bind((str(network.host), 0))
        except OSError as error:
            why = f"not tried: {network.host}: {(error.strerror or str(error)).lower()}"
            fix = "mend the address first, see above"
            yield Finding(HOST, check, State.FAULT, why, fix)
            return
        port = sender.getsockname()[1]
        own = f"udp and src port {port} and dst port {_DISCARD}"
        watch = Capture(network.interface, own, lambda *_, **__: None, {})
        watch.start()
        try:
            # To our own address it would go by the loopback, whatever the interface.
            loop = network.interface == _LOOPBACK
            target = network.host if loop else network.network.broadcast_address
            for _ in range(2):
                sender.sendto(b"harness doctor", (str(target), _DISCARD))
            # Ends when all that was sent so far has been read.
            watch.end()
            seen = watch.packets
        finally:
            watch.stop()
    well = seen >= 2
    yield Finding(
        HOST, check, State.OK if well else State.FAULT, f"{seen} of 2 packets seen",
        "run as root, and let no firewall drop what leaves this interface (nft list ruleset)",
    )  # fmt: skip
