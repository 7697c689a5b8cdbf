"""A scripted PDU: it expects exact lines, answers exact bytes, and must be used up exactly."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from types import TracebackType

#: Instead of an answer: what the peer does to the connection.
CLOSE = object()
RESET = object()


@dataclass(frozen=True)
class Say:
    """Expect ``line``; answer with ``chunks`` (none: silence), each sent by itself."""

    line: str
    chunks: tuple[bytes, ...] = ()
    then: object = None


def exchange(line: str, answer: str | None = None, *, then: object = None) -> Say:
    return Say(line, () if answer is None else (answer.encode() + b"\n",), then)


IDN = exchange("*IDN?", "Maker,PDU,1,1.0")


class ScriptedPdu:
    """Play one list of exchanges per connection; any departure fails the test at the end."""

    def __init__(self, *connections: Sequence[Say], ends: bytes = b"\n") -> None:
        self._ends = ends
        self._script = [list(steps) for steps in connections]
        self._server = socket.create_server(("127.43.1.1", 0))
        self._open: list[socket.socket] = []
        self._wrong: list[str] = []
        self._thread = threading.Thread(target=self._play, daemon=True)
        host, port = self._server.getsockname()
        self.address = f"TCPIP0::{host}::{port}::SOCKET"

    def __enter__(self) -> ScriptedPdu:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._thread.join(3.0)
        alive = self._thread.is_alive()
        self._server.close()
        for connection in self._open:
            connection.close()
        if kind is None:
            assert not self._wrong, self._wrong
            assert not alive, f"the script was not used up: {self._script}"
            assert not any(self._script), f"left over: {self._script}"

    def _play(self) -> None:
        try:
            for steps in self._script:
                connection, _ = self._server.accept()
                self._open.append(connection)
                self._serve(connection, steps)
        except OSError as error:
            self._wrong.append(f"{error}")

    def _line(self, lines: BufferedReader) -> bytes:
        got = b""
        while not got.endswith(self._ends) and (byte := lines.read(1)):
            got += byte
        return got

    def _serve(self, connection: socket.socket, steps: list[Say]) -> None:
        with connection.makefile("rb") as lines:
            while steps:
                got = self._line(lines)
                step = steps.pop(0)
                if got != step.line.encode() + self._ends:
                    self._wrong.append(f"expected {step.line!r}, got {got!r}")
                    connection.close()
                    return
                for chunk in step.chunks:
                    connection.sendall(chunk)
                if step.then is RESET:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                if step.then is not None:
                    break
        if step.then is not None:
            connection.close()
