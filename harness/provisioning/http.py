"""The embedded HTTP server: the same files on port 6970, and the authentication responder.

Newer phones try HTTP before TFTP. Before a phone obeys /CGI/Execute it asks its
``authenticationURL`` with UserID, Password and devicename and wants the body to be exactly
``AUTHORIZED``, without a newline (usecallmanager.nz, "Phone services").
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from harness.errors import BenchFault
from harness.events import FileRefused, FileRequested, FileServed
from harness.timeline import Observer

__all__ = ["HttpServer"]

_AUTHENTICATE = "/authenticate"


class HttpServer:
    """Serve one folder read-only, and say who may press the phones' keys from afar.

    Args:
        root: the folder.
        address: IP address to listen on.
        port: TCP port, 6970 on a phone network.
        observe: writes the same events as the TFTP server, with protocol ``http``.
        device_of: the phone's lab name for a client's IP address.
    """

    def __init__(
        self,
        root: Path,
        address: str,
        port: int,
        observe: Observer,
        device_of: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root.resolve()
        self.user = "harness"
        self.password = secrets.token_hex(4)
        self._address = address
        self._port = port
        self._observe = observe
        self._device_of = dict(device_of or {})
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def authentication_url(self) -> str:
        """What to put into ``authenticationURL``."""
        return f"http://{self._address}:{self._port}{_AUTHENTICATE}"

    def start(self) -> None:
        """Open the port and serve in threads.

        Raises:
            BenchFault: the port is taken or not allowed.
        """
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._get(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: requests are on the timeline."""

        try:
            self._server = ThreadingHTTPServer((self._address, self._port), Handler)
        except OSError as error:
            raise BenchFault(
                f"cannot listen on TCP {self._address}:{self._port}: {error.strerror}",
                device="http",
                hint="stop what holds it (ss -ltnp) or set network.http_port in lab.yaml",
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._thread is not None:
            self._thread.join(2.0)

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        started = time.monotonic()
        address, port = request.client_address[:2]
        parts = urlsplit(request.path)
        if parts.path == _AUTHENTICATE:
            self._answer(request, 200, self._authenticate(parts.query))
            return
        name = unquote(parts.path).lstrip("/")
        device = self._device_of.get(str(address), "")
        self._observe(FileRequested(name, str(address), port, "http"), device=device)
        path = (self.root / name).resolve() if "\0" not in name else self.root
        try:
            if not path.is_relative_to(self.root):
                raise FileNotFoundError(name)
            content = path.read_bytes()
        except OSError:
            self._answer(request, 404, b"")
            refused = FileRefused(name, str(address), port, 404, "not found", "http")
            self._observe(refused, device=device)
            return
        self._answer(request, 200, content)
        duration = round(time.monotonic() - started, 4)
        served = FileServed(name, str(address), port, len(content), 1, 0, duration, "http")
        self._observe(served, device=device)

    def _authenticate(self, query: str) -> bytes:
        given = parse_qs(query)
        ours = given.get("UserID") == [self.user] and given.get("Password") == [self.password]
        return b"AUTHORIZED" if ours else b"UN-AUTHORIZED"

    @staticmethod
    def _answer(request: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
