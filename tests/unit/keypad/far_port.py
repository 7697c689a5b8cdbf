"""A serial port of another machine: a device served on a TCP port, as ser2net serves one raw."""

from __future__ import annotations

import os
import select
import socket
import threading
import tty
from contextlib import suppress


class FarPort:
    """Serve a device to one client at a time, until it is unplugged."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._connection: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self._address = ("127.0.0.1", 0)
        self._plug()

    @property
    def url(self) -> str:
        return f"socket://127.0.0.1:{self._address[1]}#desk-1/keypad@bench-b"

    def unplug(self) -> None:
        for end in (self._listener, self._connection):
            with suppress(OSError, AttributeError):
                end.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        self._thread.join(2.0)
        self._listener.close()

    def pull_for(self, seconds: float) -> None:
        self.unplug()
        self._timer = threading.Timer(seconds, self._plug)
        self._timer.start()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join(2.0)
        self.unplug()

    def _plug(self) -> None:
        self._listener = socket.create_server(self._address)
        self._address = self._listener.getsockname()
        self._thread = threading.Thread(target=self._serve, args=(self._listener,), daemon=True)
        self._thread.start()

    def _serve(self, listener: socket.socket) -> None:
        # A listener that is shut down accepts nobody any more.
        with suppress(OSError):
            while True:
                self._connection, _ = listener.accept()
                self._pump(self._connection)

    def _pump(self, client: socket.socket) -> None:
        line = os.open(self._device, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(line)
            with client, suppress(OSError):
                while True:
                    ready, _, _ = select.select([client, line], [], [])
                    if client in ready:
                        data = client.recv(4096)
                        if not data:
                            return
                        os.write(line, data)
                    if line in ready:
                        client.sendall(os.read(line, 4096))
        finally:
            os.close(line)
