"""The phone's network port: what "Configuring IP" comes to, and giving it up again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from harness.namespaces import ip
from harness.virtual.phone.clock import Clock
from harness.virtual.phone.dhcp import DhcpClient, DhcpLease, Identity
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.spec import TwinSpec

__all__ = ["DhcpUplink", "StaticUplink", "Uplink", "uplink_for"]

_CLIENT, _SERVER = 68, 67
_LONGEST = 4096
#: Device time before a phone without a TFTP server tries all over again; not measured.
_NO_SERVER_SECONDS = 20.0


class Uplink(Protocol):
    """The phone's side of its cable."""

    async def configured(self) -> TwinSpec:
        """Return the phone with an address and a TFTP server, once it has both."""

    async def released(self) -> None:
        """Give the address up: the TFTP server is silent, all begins anew."""


class StaticUplink:
    """An address given by hand, as on a loopback bench."""

    def __init__(self, spec: TwinSpec, logs: Logs) -> None:
        self._spec = spec
        self._logs = logs

    async def configured(self) -> TwinSpec:
        """Return the phone as it was told to be."""
        return self._spec

    async def released(self) -> None:
        """Say so; nothing else knows of the address."""
        self._logs.to_console("IP address released")


class DhcpUplink:
    """A cable of its own and an address by DHCP.

    Args:
        spec: the phone; its address and its servers are not read.
        clock: the phone's.
        logs: the phone's.
        on_lost: told when the lease runs out while the phone is in use.
    """

    def __init__(
        self, spec: TwinSpec, clock: Clock, logs: Logs, on_lost: Callable[[], None]
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._logs = logs
        self._on_lost = on_lost
        _accept_any_source(spec.interface)
        self._wire = _UdpWire(spec.interface)
        identity = Identity(bytes.fromhex(spec.mac), spec.host_name, spec.facts.product)
        self._client = DhcpClient(identity, self._wire, logs)
        self._lease: DhcpLease | None = None
        self._holding: asyncio.Task[None] | None = None

    async def configured(self) -> TwinSpec:
        """Ask until a lease comes that names a TFTP server."""
        while True:
            await self._forget()
            lease = await self._client.acquire()
            self._lease = lease
            await self._set_address(lease)
            self._logs.to_console(
                f"DHCP: {lease.address}/{lease.prefix} from {lease.server} "
                f"for {lease.seconds:.0f} s"
            )
            if lease.tftp:
                break
            self._logs.to_console(f"DHCP: no TFTP server: {lease.named_by}")
            await self.released()
            await self._clock.spend(_NO_SERVER_SECONDS)
        self._holding = asyncio.create_task(self._hold(lease))
        servers = tuple(str(server) for server in lease.tftp)
        self._logs.to_console(f"DHCP: TFTP server {', '.join(servers)} by {lease.named_by}")
        granted = self._spec.lease.model_copy(update={"tftp": servers})
        return self._spec.model_copy(update={"address": str(lease.address), "lease": granted})

    async def released(self) -> None:
        """Tell the server that the address is free, and drop it."""
        if self._lease is not None:
            self._client.release(self._lease)
        await self._forget()
        self._logs.to_console("IP address released")

    async def _hold(self, lease: DhcpLease) -> None:
        await self._client.hold(lease)
        self._on_lost()

    async def _forget(self) -> None:
        holding, self._holding = self._holding, None
        if holding is not None:
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding
        self._lease = None
        await asyncio.to_thread(ip, "address", "flush", "dev", self._spec.interface)

    async def _set_address(self, lease: DhcpLease) -> None:
        own = f"{lease.address}/{lease.prefix}"
        port = self._spec.interface
        await asyncio.to_thread(ip, "address", "add", own, "brd", "+", "dev", port)
        if lease.router is not None:
            route = ("default", "via", str(lease.router), "dev", port)
            await asyncio.to_thread(ip, "route", "replace", *route)


def uplink_for(spec: TwinSpec, clock: Clock, logs: Logs, on_lost: Callable[[], None]) -> Uplink:
    """Return the port as the phone is told to use it."""
    if spec.interface:
        return DhcpUplink(spec, clock, logs, on_lost)
    return StaticUplink(spec, logs)


def _accept_any_source(interface: str) -> None:
    """Let an answer in before there is an address: Linux drops it where rp_filter is on."""
    for scope in ("all", interface):
        Path(f"/proc/sys/net/ipv4/conf/{scope}/rp_filter").write_text("0", encoding="ascii")


class _UdpWire:
    """Port 68 of one interface."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        self._socket.setblocking(False)
        self._socket.bind(("", _CLIENT))

    def send(self, content: bytes, to: IPv4Address) -> None:
        # A cable pulled this moment loses the message, as on a real wire; it is sent again.
        with suppress(OSError):
            self._socket.sendto(content, (str(to), _SERVER))

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, _LONGEST)
