"""A VXI-11 instrument: the ONC RPC portmapper on port 111 and the core channel (VXI-11.1)."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

_PORTMAPPER, _CORE = 100000, 0x0607AF
_GETPORT = 3
_CREATE_LINK, _WRITE, _READ, _CLEAR, _DESTROY_LINK = 10, 11, 12, 15, 23
_TIMED_OUT, _END = 15, 4


def _opaque(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data + b"\0" * (-len(data) % 4)


class Vxi11Server:
    """Answer lines over VXI-11. Needs root, because of port 111.

    Args:
        host: the address to listen on.
        answer: what the instrument says to a line; None for nothing.
    """

    def __init__(self, host: str, answer: Callable[[str], str | None]) -> None:
        self._answer = answer
        self._said = b""
        self.address = f"TCPIP0::{host}::inst0::INSTR"
        self._core = socket.create_server((host, 0))
        self._servers = [self._core, socket.create_server((host, 111))]
        self._open: list[socket.socket] = []
        for server in self._servers:
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def close(self) -> None:
        for each in (*self._servers, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection.makefile("rb") as stream:
            while mark := stream.read(4):
                (length,) = struct.unpack("!I", mark)
                assert length >> 31, "calls are small enough for one fragment"
                call = stream.read(length & 0x7FFFFFFF)
                xid, _, _, program, _, procedure = struct.unpack("!6I", call[:24])
                # Both sides are anonymous: two empty credentials of 8 bytes.
                result = self._call(program, procedure, call[40:])
                reply = struct.pack("!6I", xid, 1, 0, 0, 0, 0) + result
                connection.sendall(struct.pack("!I", 1 << 31 | len(reply)) + reply)

    def _call(self, program: int, procedure: int, arguments: bytes) -> bytes:
        if program == _PORTMAPPER:
            wanted = struct.unpack("!I", arguments[:4])[0]
            known = procedure == _GETPORT and wanted == _CORE
            return struct.pack("!I", self._core.getsockname()[1] if known else 0)
        if procedure == _CREATE_LINK:
            return struct.pack("!4I", 0, 1, 0, 4096)
        if procedure == _WRITE:
            (length,) = struct.unpack("!I", arguments[16:20])
            for line in arguments[20 : 20 + length].decode().splitlines():
                answer = self._answer(line)
                self._said += b"" if answer is None else f"{answer}\n".encode()
            return struct.pack("!2I", 0, length)
        if procedure == _READ:
            said, self._said = self._said, b""
            return struct.pack("!2I", 0 if said else _TIMED_OUT, _END if said else 0) + _opaque(
                said
            )
        return struct.pack("!I", 0)
