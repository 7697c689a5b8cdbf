"""A phone's web server that only knows a script: exact requests, and the bytes it answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """What must come, byte for byte, and what goes back, in these pieces ``pause`` s apart.

    ``PORT`` in a request stands for the port the peer listens on.
    """

    request: bytes
    answer: Sequence[bytes]
    pause: float = 0.0


class HttpPeer:
    """Play a script, one connection for each exchange; ``close`` says what did not happen."""

    def __init__(self, script: Sequence[Exchange]) -> None:
        self._script = list(script)
        self._wrong: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        while self._script:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            exchange = self._script.pop(0)
            with connection:
                self._exchange(connection, exchange)

    def _exchange(self, connection: socket.socket, exchange: Exchange) -> None:
        connection.settimeout(5.0)
        got, expected = b"", exchange.request.replace(b"PORT", str(self.port).encode())
        while len(got) < len(expected):
            part = connection.recv(65536)
            if not part:
                break
            got += part
        if got != expected:
            self._wrong.append(f"got {got!r}, expected {expected!r}")
        try:
            for piece in exchange.answer:
                connection.sendall(piece)
                if exchange.pause:
                    time.sleep(exchange.pause)
        except OSError:
            # A client that has seen enough hangs up.
            return

    def close(self) -> None:
        self._socket.close()
        self._thread.join(5.0)
        assert not self._wrong, self._wrong
        assert not self._script, f"never asked: {self._script}"


def ok(body: bytes, kind: str = "text/xml") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + body
