"""The phone's DHCP client against a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address
from typing import Any

import pytest

from harness.virtual.phone.dhcp import DhcpClient, DhcpLease, Identity, tftp_servers
from harness.virtual.phone.dhcp_message import Kind, Message, Option
from harness.virtual.phone.logs import Logs

MAC = bytes.fromhex("0024C4ABCDEF")
SERVER = IPv4Address("10.42.0.1")
PHONE = IPv4Address("10.42.0.42")
ANYBODY = IPv4Address("255.255.255.255")
Answer = Callable[[Message], list[Message]]


class ScriptedServer:
    """Answer each message by the next line of a script; the script must be used up exactly."""

    def __init__(self, *script: tuple[Kind, Answer]) -> None:
        self.script = list(script)
        self.heard: list[tuple[Message, IPv4Address]] = []
        self._wire: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, content: bytes, to: IPv4Address) -> None:
        message = Message.decode(content)
        self.heard.append((message, to))
        assert self.script, f"not in the script: {message}"
        kind, answer = self.script.pop(0)
        assert message.kind == kind
        for reply in answer(message):
            self._wire.put_nowait(reply.encode())

    async def receive(self) -> bytes:
        return await self._wire.get()

    def throw(self, content: bytes) -> None:
        self._wire.put_nowait(content)


def reply(kind: Kind, *, siaddr: str = "0.0.0.0", **changes: Any) -> Answer:
    def answer(asked: Message) -> list[Message]:
        options = {
            Option.KIND: bytes((kind,)),
            Option.SERVER: SERVER.packed,
            Option.NETMASK: bytes((255, 255, 255, 0)),
            Option.LEASE_SECONDS: (3600).to_bytes(4, "big"),
            Option.TFTP_ADDRESSES: SERVER.packed,
        } | changes.get("options", {})
        return [
            Message(
                op=2,
                xid=changes.get("xid", asked.xid),
                mac=changes.get("mac", asked.mac),
                yiaddr=PHONE,
                siaddr=IPv4Address(siaddr),
                options=options,
            )
        ]

    return answer


def silence(_: Message) -> list[Message]:
    return []


def client(wire: ScriptedServer, patience: tuple[float, ...] = (0.05, 0.05)) -> DhcpClient:
    return DhcpClient(Identity(MAC, "SEP0024C4ABCDEF", "CP-7942G"), wire, Logs(), patience)


def run(work: Coroutine[Any, Any, DhcpLease]) -> DhcpLease:
    async def within() -> DhcpLease:
        async with asyncio.timeout(5.0):
            return await work

    return asyncio.run(within())


def test_four_messages_make_a_lease() -> None:
    wire = ScriptedServer((Kind.DISCOVER, reply(Kind.OFFER)), (Kind.REQUEST, reply(Kind.ACK)))
    lease = run(client(wire).acquire())
    assert not wire.script
    assert (lease.address, lease.prefix, lease.server) == (PHONE, 24, SERVER)
    assert (lease.seconds, lease.t1, lease.t2) == (3600, 1800, 3150)
    assert (lease.tftp, lease.named_by) == ((SERVER,), "option 150")
    (discover, to), (request, _) = wire.heard
    assert to == ANYBODY
    assert discover.broadcast
    assert discover.options[Option.VENDOR_CLASS] == b"Cisco Systems, Inc. IP Phone CP-7942G\0"
    assert discover.options[Option.HOST_NAME] == b"SEP0024C4ABCDEF"
    assert {1, 3, 6, 15, 35, 66, 150} <= set(discover.options[Option.PARAMETERS])
    assert request.xid == discover.xid
    assert request.options[Option.REQUESTED_ADDRESS] == PHONE.packed
    assert request.options[Option.SERVER] == SERVER.packed


@pytest.mark.parametrize(
    ("options", "siaddr", "expected", "named_by"),
    [
        ({150: b"\x0a\x2a\0\x01\x0a\x2a\0\x02", 66: b"10.42.0.9"}, "10.42.0.7", "10.42.0.1", "150"),
        ({66: b"10.42.0.9\0"}, "10.42.0.7", "10.42.0.9", "66"),
        ({66: b""}, "10.42.0.7", "10.42.0.7", "siaddr"),
        ({150: b"\x0a", 66: b"10.42.0.9"}, "0.0.0.0", "10.42.0.9", "66"),
        ({66: b"tftp.example"}, "10.42.0.7", None, "does not resolve"),
        ({}, "0.0.0.0", None, "neither"),
    ],
)
def test_150_before_66_before_siaddr(
    options: dict[int, bytes], siaddr: str, expected: str | None, named_by: str
) -> None:
    ack = Message(op=2, xid=1, mac=MAC, siaddr=IPv4Address(siaddr), options=options)
    servers, why = tftp_servers(ack)
    assert (str(servers[0]) if servers else None) == expected
    assert named_by in why


def test_a_silent_network_is_asked_again_and_told(capfd: pytest.CaptureFixture[str]) -> None:
    wire = ScriptedServer(
        (Kind.DISCOVER, silence),
        (Kind.DISCOVER, silence),
        (Kind.DISCOVER, reply(Kind.OFFER)),
        (Kind.REQUEST, reply(Kind.ACK)),
    )
    assert run(client(wire).acquire()).address == PHONE
    assert not wire.script
    assert capfd.readouterr().out.count("DHCP timeout") == 1


def test_nak_and_a_lost_answer_begin_anew() -> None:
    wire = ScriptedServer(
        (Kind.DISCOVER, reply(Kind.OFFER)),
        (Kind.REQUEST, reply(Kind.NAK)),
        (Kind.DISCOVER, reply(Kind.OFFER)),
        (Kind.REQUEST, silence),
        (Kind.REQUEST, silence),
        (Kind.DISCOVER, reply(Kind.OFFER)),
        (Kind.REQUEST, reply(Kind.ACK)),
    )
    assert run(client(wire).acquire()).address == PHONE
    assert not wire.script
    transactions = [message.xid for message, _ in wire.heard if message.kind == Kind.DISCOVER]
    assert len(set(transactions)) == 3


def test_answers_for_others_and_rubbish_are_not_taken() -> None:
    def strangers(asked: Message) -> list[Message]:
        return [
            *reply(Kind.OFFER, xid=asked.xid ^ 1)(asked),
            *reply(Kind.OFFER, mac=bytes(6))(asked),
            *reply(Kind.ACK)(asked),
            *reply(Kind.OFFER, options={Option.SERVER: b""})(asked),
        ]

    wire = ScriptedServer(
        (Kind.DISCOVER, strangers),
        (Kind.DISCOVER, reply(Kind.OFFER)),
        (Kind.REQUEST, reply(Kind.ACK)),
    )
    wire.throw(b"rubbish")
    assert run(client(wire).acquire()).address == PHONE
    assert not wire.script


def short(seconds: tuple[int, int, int]) -> dict[int, bytes]:
    keys = (Option.LEASE_SECONDS, Option.T1, Option.T2)
    return {key: value.to_bytes(4, "big") for key, value in zip(keys, seconds, strict=True)}


def hold(wire: ScriptedServer, lease: DhcpLease) -> None:
    async def within() -> None:
        async with asyncio.timeout(10.0):
            await client(wire).hold(lease)

    asyncio.run(within())


def lease(t1: float, t2: float, seconds: float) -> DhcpLease:
    return DhcpLease(PHONE, 24, None, SERVER, (SERVER,), "option 150", seconds, t1, t2)


def test_renewed_at_t1_by_its_server_then_lost_when_refused() -> None:
    wire = ScriptedServer(
        (Kind.REQUEST, reply(Kind.ACK, options=short((2, 0, 1)))),
        (Kind.REQUEST, reply(Kind.NAK)),
    )
    hold(wire, lease(0.05, 0.5, 1.0))
    assert not wire.script
    renewal, to = wire.heard[0]
    assert to == SERVER
    assert renewal.ciaddr == PHONE
    assert not renewal.broadcast
    assert Option.REQUESTED_ADDRESS not in renewal.options
    assert Option.SERVER not in renewal.options


def test_rebound_by_broadcast_after_t2_and_lost_at_the_end() -> None:
    wire = ScriptedServer((Kind.REQUEST, silence), (Kind.REQUEST, silence))
    hold(wire, lease(0.05, 0.1, 0.2))
    assert not wire.script
    assert [to for _, to in wire.heard] == [SERVER, ANYBODY]


def test_a_release_names_address_and_server() -> None:
    wire = ScriptedServer((Kind.RELEASE, silence))
    client(wire).release(lease(1, 2, 3))
    message, to = wire.heard[0]
    assert to == SERVER
    assert message.ciaddr == PHONE
    assert message.options[Option.SERVER] == SERVER.packed
