"""A HiSLIP server for one instrument, after IVI-6.1 (synchronized mode, no locks, no TLS)."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

_HEADER = struct.Struct("!2sBBIQ")
_INITIALIZE, _INITIALIZE_RESPONSE = 0, 1
_DATA, _DATA_END = 6, 7
_MAX_SIZE, _MAX_SIZE_RESPONSE = 15, 16
_ASYNC_INITIALIZE, _ASYNC_INITIALIZE_RESPONSE = 17, 18
_STATUS_QUERY, _STATUS_RESPONSE = 21, 22
_VERSION = 0x0100


class HislipServer:
    """Answer lines over HiSLIP on a port the system chooses.

    Args:
        answer: what the instrument says to a line; None for nothing.
    """

    def __init__(self, answer: Callable[[str], str | None]) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.54.1.6", 0))
        self._open: list[socket.socket] = []
        host, port = self._server.getsockname()
        self.address = f"TCPIP0::{host}::hislip0,{port}::INSTR"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(2.0)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection.makefile("rb") as stream:
            said = b""
            while header := stream.read(_HEADER.size):
                prologue, kind, _, parameter, length = _HEADER.unpack(header)
                assert prologue == b"HS"
                payload = stream.read(length)
                if kind in (_DATA, _DATA_END):
                    said += payload
                    if kind == _DATA_END:
                        self._obey(connection, said.decode(), parameter)
                        said = b""
                elif kind == _INITIALIZE:
                    self._send(connection, _INITIALIZE_RESPONSE, (_VERSION << 16) | 1)
                elif kind == _ASYNC_INITIALIZE:
                    self._send(connection, _ASYNC_INITIALIZE_RESPONSE, 0)
                elif kind == _MAX_SIZE:
                    self._send(connection, _MAX_SIZE_RESPONSE, 0, struct.pack("!Q", 1 << 20))
                elif kind == _STATUS_QUERY:
                    self._send(connection, _STATUS_RESPONSE, 0)

    def _obey(self, connection: socket.socket, text: str, message: int) -> None:
        for line in text.splitlines():
            answer = self._answer(line)
            if answer is not None:
                self._send(connection, _DATA_END, message, f"{answer}\n".encode())

    @staticmethod
    def _send(connection: socket.socket, kind: int, parameter: int, payload: bytes = b"") -> None:
        connection.sendall(_HEADER.pack(b"HS", kind, 0, parameter, len(payload)) + payload)
