"""The phone's DHCP client: how it gets its address, its TFTP server, and keeps both.

What it sends: option 60 as logged from 79x1 phones, ``Cisco Systems, Inc. IP Phone CP-`` and the
model with one NUL byte at the end (Wazo's provd plug-in; for 79x2 inferred); option 12 ``SEP`` and
the MAC, and option 55 as remembered. Of the TFTP servers option 150 wins over 66, and the header's
siaddr is the last resort (udhcpd re-flashed 79x2 phones by it alone). Waiting times are RFC 2131's
and wire time: the server counts real seconds, whatever the phone's own clock does.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

from harness.virtual.phone.dhcp_message import DhcpError, Kind, Message, Option, addresses
from harness.virtual.phone.logs import Logs

__all__ = ["DhcpClient", "DhcpLease", "Identity", "Wire", "tftp_servers"]

#: Asked for by option 55: mask, router, name servers, domain, TFTP (66 and 150). From memory,
#: except that it must hold what the phone uses.
_PARAMETERS = bytes((1, 66, 6, 3, 15, 150, 35))
#: Seconds between tries (RFC 2131, 4.1); after the last the user sees "DHCP timeout".
_PATIENCE = (4.0, 8.0, 16.0, 32.0)
#: A renewal is asked again not sooner than this (RFC 2131, 4.4.5).
_SHORTEST_RENEWAL = 60.0
_ANYBODY = IPv4Address("255.255.255.255")
_NOWHERE = IPv4Address(0)


class Wire(Protocol):
    """What carries the messages."""

    def send(self, content: bytes, to: IPv4Address) -> None:
        """Send to port 67 of an address, or to everybody."""

    async def receive(self) -> bytes:
        """Return the next message to port 68."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    mac: bytes
    host_name: str
    product: str

    def options(self, kind: Kind) -> dict[int, bytes]:
        """What every message but a release carries."""
        return {
            Option.KIND: bytes((kind,)),
            Option.VENDOR_CLASS: f"Cisco Systems, Inc. IP Phone {self.product}".encode() + b"\0",
            Option.HOST_NAME: self.host_name.encode(),
            Option.PARAMETERS: _PARAMETERS,
        }


@dataclass(frozen=True, slots=True)
class DhcpLease:
    """What was granted; times in seconds from the grant. ``named_by`` says who named ``tftp``."""

    address: IPv4Address
    prefix: int
    router: IPv4Address | None
    server: IPv4Address
    tftp: tuple[IPv4Address, ...]
    named_by: str
    seconds: float
    t1: float
    t2: float


def tftp_servers(ack: Message) -> tuple[tuple[IPv4Address, ...], str]:
    """Return the TFTP servers a phone takes from a lease, and what named them.

    The bench has no name server: a name in option 66 leads nowhere, as on a phone whose name server
    does not know it.
    """
    listed = addresses(ack.options.get(Option.TFTP_ADDRESSES, b""))
    if listed:
        return listed, "option 150"
    name = ack.options.get(Option.TFTP_NAME, b"").rstrip(b"\0").decode("latin-1").strip()
    if name:
        try:
            return (ipaddress.IPv4Address(name),), "option 66"
        except ValueError:
            return (), f"option 66 {name!r}, which does not resolve"
    if int(ack.siaddr):
        return (ack.siaddr,), "siaddr"
    return (), "neither option 150 nor 66 nor siaddr"


class DhcpClient:
    """One phone's client.

    Args:
        identity: what the phone says of itself.
        wire: carries the messages.
        logs: the phone's own.
        patience: seconds per try.
        now: the clock leases are counted by, in seconds.
    """

    def __init__(
        self,
        identity: Identity,
        wire: Wire,
        logs: Logs,
        patience: Sequence[float] = _PATIENCE,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._wire = wire
        self._logs = logs
        self._patience = tuple(patience)
        self._now = now

    async def acquire(self) -> DhcpLease:
        """Discover and request until a server grants a lease, however long it takes."""
        while True:
            xid = random.getrandbits(32)
            offer = await self._discover(xid)
            server = _server(offer)
            chosen: dict[int, bytes] = {
                Option.REQUESTED_ADDRESS: offer.yiaddr.packed,
                Option.SERVER: server.packed,
            }
            request = self._message(Kind.REQUEST, xid, chosen)
            answer = await self._persist(request, (Kind.ACK, Kind.NAK))
            if answer is not None and answer.kind == Kind.ACK:
                return self._granted(answer, server)
            why = "no answer to the request" if answer is None else "DHCPNAK"
            self._logs.to_console(f"DHCP: {why}, discovering again")

    async def hold(self, lease: DhcpLease) -> None:
        """Renew at T1, rebind at T2; returns when the lease is lost."""
        while True:
            granted = self._now()
            await asyncio.sleep(lease.t1)
            answer = await self._extend(lease, granted + lease.t2, lease.server)
            if answer is None:
                answer = await self._extend(lease, granted + lease.seconds, _ANYBODY)
            if answer is None or answer.kind == Kind.NAK:
                self._logs.to_console(f"DHCP: the lease of {lease.address} is lost")
                return
            lease = self._granted(answer, lease.server)
            self._logs.to_console(f"DHCP: {lease.address} renewed for {lease.seconds:.0f} s")

    def release(self, lease: DhcpLease) -> None:
        """Give the address back; nothing answers to that."""
        message = Message(
            op=1,
            xid=random.getrandbits(32),
            mac=self._identity.mac,
            ciaddr=lease.address,
            options={Option.KIND: bytes((Kind.RELEASE,)), Option.SERVER: lease.server.packed},
        )
        self._wire.send(message.encode(), lease.server)

    async def _discover(self, xid: int) -> Message:
        while True:
            offer = await self._persist(self._message(Kind.DISCOVER, xid, {}), (Kind.OFFER,))
            if offer is not None:
                return offer
            self._logs.to_status("DHCP timeout")

    async def _extend(self, lease: DhcpLease, until: float, to: IPv4Address) -> Message | None:
        """Ask for more time; the answer, or None when nobody gave one."""
        xid = random.getrandbits(32)
        request = self._message(Kind.REQUEST, xid, {}, ciaddr=lease.address)
        while (left := until - self._now()) > 0:
            patience = min(left, max(left / 2, _SHORTEST_RENEWAL))
            answer = await self._ask(request, to, (Kind.ACK, Kind.NAK), patience)
            if answer is not None:
                return answer
        return None

    async def _persist(self, message: Message, kinds: tuple[Kind, ...]) -> Message | None:
        for patience in self._patience:
            # Spread as RFC 2131 wants it: many phones come up at once after a power cut.
            spread = random.uniform(-1.0, 1.0) * min(1.0, patience / 4)
            answer = await self._ask(message, _ANYBODY, kinds, patience + spread)
            if answer is not None:
                return answer
        return None

    async def _ask(
        self, message: Message, to: IPv4Address, kinds: tuple[Kind, ...], patience: float
    ) -> Message | None:
        self._wire.send(message.encode(), to)
        try:
            async with asyncio.timeout(patience):
                while True:
                    answer = _read(await self._wire.receive())
                    if answer is not None and self._is_for(answer, message, kinds):
                        return answer
        except TimeoutError:
            return None

    def _is_for(self, answer: Message, asked: Message, kinds: tuple[Kind, ...]) -> bool:
        ours = answer.op == 2 and answer.xid == asked.xid and answer.mac == self._identity.mac
        # An offer that does not say whose it is cannot be requested.
        return ours and answer.kind in kinds and len(answer.options.get(Option.SERVER, b"")) == 4

    def _message(
        self,
        kind: Kind,
        xid: int,
        more: dict[int, bytes],
        ciaddr: IPv4Address = _NOWHERE,
    ) -> Message:
        # Without an address yet the phone asks for the answer by broadcast (inferred: a client
        # may ask for either, and servers differ in what they do unasked).
        return Message(
            op=1,
            xid=xid,
            mac=self._identity.mac,
            options=self._identity.options(kind) | more,
            broadcast=not int(ciaddr),
            ciaddr=ciaddr,
        )

    def _granted(self, ack: Message, server: IPv4Address) -> DhcpLease:
        seconds = _number(ack, Option.LEASE_SECONDS, 86400)
        mask = ack.options.get(Option.NETMASK, b"")
        routers = addresses(ack.options.get(Option.ROUTER, b""))
        tftp, named_by = tftp_servers(ack)
        return DhcpLease(
            address=ack.yiaddr if int(ack.yiaddr) else ack.ciaddr,
            prefix=int.from_bytes(mask, "big").bit_count() if len(mask) == 4 else 24,
            router=routers[0] if routers else None,
            server=_server(ack) if Option.SERVER in ack.options else server,
            tftp=tftp,
            named_by=named_by,
            seconds=seconds,
            t1=_number(ack, Option.T1, seconds / 2),
            t2=_number(ack, Option.T2, seconds * 7 / 8),
        )


def _read(content: bytes) -> Message | None:
    try:
        return Message.decode(content)
    except DhcpError:
        return None


def _server(message: Message) -> IPv4Address:
    return IPv4Address(message.options[Option.SERVER])


def _number(message: Message, option: Option, otherwise: float) -> float:
    value = message.options.get(option, b"")
    return float(int.from_bytes(value, "big")) if len(value) == 4 else otherwise
