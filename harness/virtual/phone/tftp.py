"""The phone's TFTP client, as a 7962 with 9.4(2) was captured.

Plain ``octet`` requests without options, a new ephemeral source port for each file, 512-byte
blocks, the server's transfer ID honoured, the last short block acknowledged. ERROR means "go on
without"; silence is fatal: three tries, then the whole network is brought up again.
"""

from __future__ import annotations

import asyncio
import random
import struct
from dataclasses import dataclass

__all__ = ["FileTooBig", "ServerError", "ServerSilent", "fetch"]

_BLOCK = 512
_TRIES = 3
#: Seconds per try. Wire time: the server's answer takes what it takes, whatever the phone's clock.
_PATIENCE = 2.0
#: Ports 79x2 were seen to send from.
_PORTS = (49152, 65535)


class ServerError(Exception):
    """The server answered with an error packet."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"error {code}: {text}")
        self.code = code


class ServerSilent(Exception):
    """Nothing came back, three times."""


class FileTooBig(Exception):
    """The file is larger than the phone takes."""


@dataclass(frozen=True, slots=True)
class _Datagram:
    content: bytes
    sender: tuple[str, int]


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Queue[_Datagram] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.put_nowait(_Datagram(data, addr[:2]))


async def _open(address: str) -> tuple[asyncio.DatagramTransport, _Endpoint]:
    loop = asyncio.get_running_loop()
    while True:
        port = random.randint(*_PORTS)
        try:
            return await loop.create_datagram_endpoint(_Endpoint, local_addr=(address, port))
        except OSError:
            # Another socket of this machine has that port; a phone would not meet this.
            continue


async def fetch(
    address: str, server: tuple[str, int], name: str, limit: int | None = None
) -> bytes:
    """Fetch one file.

    Args:
        address: the phone's own address.
        server: the TFTP server.
        name: the file, exactly as written.
        limit: most bytes the phone takes; None for firmware.

    Raises:
        ServerError: the server refused.
        ServerSilent: three tries without an answer.
        FileTooBig: ``limit`` was passed.
    """
    transport, endpoint = await _open(address)
    try:
        return await _transfer(transport, endpoint, server, name, limit)
    finally:
        transport.close()


async def _transfer(
    transport: asyncio.DatagramTransport,
    endpoint: _Endpoint,
    server: tuple[str, int],
    name: str,
    limit: int | None,
) -> bytes:
    packet = struct.pack("!H", 1) + name.encode("latin-1", "replace") + b"\0octet\0"
    target = server
    tid: tuple[str, int] | None = None
    received = bytearray()
    expected = 1
    tries = 0
    while True:
        transport.sendto(packet, target)
        try:
            async with asyncio.timeout(_PATIENCE):
                datagram = await _next(transport, endpoint, server[0], tid, expected)
        except TimeoutError:
            tries += 1
            if tries >= _TRIES:
                raise ServerSilent(name) from None
            continue
        tries = 0
        opcode = struct.unpack("!H", datagram.content[:2])[0]
        if opcode == 5:
            code = struct.unpack("!H", datagram.content[2:4].ljust(2, b"\0"))[0]
            raise ServerError(code, datagram.content[4:].rstrip(b"\0").decode("latin-1"))
        tid = target = datagram.sender
        block = datagram.content[4:]
        received += block
        if limit is not None and len(received) > limit:
            transport.sendto(struct.pack("!HH", 5, 3) + b"size limit\0", target)
            raise FileTooBig(name)
        packet = struct.pack("!HH", 4, expected & 0xFFFF)
        expected += 1
        if len(block) < _BLOCK:
            transport.sendto(packet, target)
            return bytes(received)


async def _next(
    transport: asyncio.DatagramTransport,
    endpoint: _Endpoint,
    host: str,
    tid: tuple[str, int] | None,
    expected: int,
) -> _Datagram:
    """Return the next packet that belongs to this transfer; answer strangers with error 5."""
    while True:
        datagram = await endpoint.received.get()
        if len(datagram.content) < 4:
            continue
        if datagram.sender[0] != host or (tid is not None and datagram.sender != tid):
            transport.sendto(struct.pack("!HH", 5, 5) + b"Unknown transfer ID\0", datagram.sender)
            continue
        opcode, number = struct.unpack("!HH", datagram.content[:4])
        if opcode == 5 or (opcode == 3 and number == expected & 0xFFFF):
            return datagram
