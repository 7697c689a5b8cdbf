"""The phone's TFTP client, as a 7962 with 9.4(2) was captured.

Plain ``octet`` requests without options, a new ephemeral source port for each file, 512-byte
blocks, the server's transfer ID honoured, the last short block acknowledged. ERROR means "go on
without"; silence is fatal: three tries, then the whole network is brought up again.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable
from typing import cast

__all__ = ["FileTooBig", "ServerError", "ServerSilent", "fetch"]

_RRQ, _DATA, _ACK, _ERROR = 1, 3, 4, 5
_DISK_FULL, _UNKNOWN_TID = 3, 5
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


class _Transfer(asyncio.DatagramProtocol):
    """One file: each datagram is answered as it comes, with no task in between.

    Firmware has thousands of blocks, and sixteen phones of a rack fetch theirs at once.
    """

    def __init__(self, server: tuple[str, int], name: str, limit: int | None) -> None:
        loop = asyncio.get_running_loop()
        self._now = loop.time
        #: The file; or one of the exceptions of :func:`fetch`.
        self.content: asyncio.Future[bytes] = loop.create_future()
        #: By when the next block must be here, by the loop's clock.
        self.due = loop.time() + _PATIENCE
        self._name = name
        self._limit = limit
        self._packet = struct.pack("!H", _RRQ) + name.encode("latin-1", "replace") + b"\0octet\0"
        self._target = server
        self._tid: tuple[str, int] | None = None
        self._received = bytearray()
        self._expected = 1
        self._silences = 0
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._send()

    def try_again(self) -> None:
        """Nothing came of it: say it once more, or give up."""
        self._silences += 1
        if self._silences < _TRIES:
            self._send()
        else:
            self.content.set_exception(ServerSilent(self._name))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        sender = addr[:2]
        if len(data) < 4 or self.content.done():
            return
        if sender != self._tid and (self._tid is not None or sender[0] != self._target[0]):
            self._transport.sendto(_error(_UNKNOWN_TID, b"Unknown transfer ID"), sender)
            return
        opcode, number = struct.unpack("!HH", data[:4])
        if opcode == _DATA and number == self._expected & 0xFFFF:
            self._silences = 0
            self._tid = self._target = sender
            self._take(data[4:])
        elif opcode == _ERROR:
            text = data[4:].rstrip(b"\0").decode("latin-1")
            self.content.set_exception(ServerError(number, text))

    def _take(self, block: bytes) -> None:
        self._received += block
        if self._limit is not None and len(self._received) > self._limit:
            self._transport.sendto(_error(_DISK_FULL, b"size limit"), self._target)
            self.content.set_exception(FileTooBig(self._name))
            return
        self._packet = struct.pack("!HH", _ACK, self._expected & 0xFFFF)
        self._expected += 1
        self._send()
        if len(block) < _BLOCK:
            self.content.set_result(bytes(self._received))

    def _send(self) -> None:
        self._transport.sendto(self._packet, self._target)
        self.due = self._now() + _PATIENCE


def _error(code: int, text: bytes) -> bytes:
    return struct.pack("!HH", _ERROR, code) + text + b"\0"


async def _begin(
    address: str, begin: Callable[[], _Transfer]
) -> tuple[asyncio.DatagramTransport, _Transfer]:
    loop = asyncio.get_running_loop()
    while True:
        port = random.randint(*_PORTS)
        try:
            return await loop.create_datagram_endpoint(begin, local_addr=(address, port))
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
    transport, transfer = await _begin(address, lambda: _Transfer(server, name, limit))
    now = asyncio.get_running_loop().time
    try:
        while not transfer.content.done():
            await asyncio.wait({transfer.content}, timeout=max(0.0, transfer.due - now()))
            if not transfer.content.done() and now() >= transfer.due:
                transfer.try_again()
        return transfer.content.result()
    finally:
        transport.close()
