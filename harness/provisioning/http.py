"""The embedded HTTP server: the same files on port 6970, and the authentication responder.

Newer phones try HTTP before TFTP. Before a phone obeys /CGI/Execute it asks its
``authenticationURL`` with UserID, Password and devicename and wants the body to be exactly
``AUTHORIZED``, without a newline (usecallmanager.nz, "Phone services").
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from harness.errors import BenchFault
from harness.events import FileRefused, FileRequested, FileServed
from harness.provisioning.served_folder import OutsideRoot, ServedFolder
from harness.timeline import Observer

__all__ = ["HttpServer"]

_AUTHENTICATE = "/authenticate"
#: Seconds a client may say nothing, or take nothing, before its connection is closed.
_PATIENCE = 30.0


class _Connections(ThreadingHTTPServer):
    """A thread for each connection, so that a slow or silent client stalls nobody else."""

    daemon_threads = True
    # All phones of a bench connect in the same moment after a power cut.
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away in the middle; all else is ours and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class HttpServer:
    """Serve one folder read-only, and say who may press the phones' keys from afar.

    Args:
        root: the folder.
        address: IP address to listen on.
        port: TCP port, 6970 on a phone network; 0 takes a free one, see :attr:`port`.
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
        self._folder = ServedFolder(root)
        self.user = "harness"
        self.password = secrets.token_hex(4)
        self._address = address
        self.port = port
        self._observe = observe
        self._device_of = dict(device_of or {})
        self._server: _Connections | None = None
        self._thread: threading.Thread | None = None

    @property
    def authentication_url(self) -> str:
        """What to put into ``authenticationURL``."""
        return f"http://{self._address}:{self.port}{_AUTHENTICATE}"

    def start(self) -> None:
        """Open the port and serve in threads.

        Raises:
            BenchFault: the port is taken or not allowed.
        """
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _PATIENCE

            def do_GET(self) -> None:
                outer._get(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: requests are on the timeline."""

        try:
            self._server = _Connections((self._address, self.port), Handler)
        except OSError as error:
            raise BenchFault(
                f"cannot listen on TCP {self._address}:{self.port}: {error.strerror}",
                device="http",
                hint="stop what holds it (ss -ltnp) or set network.http_port in lab.yaml",
            ) from error
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
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
        try:
            parts = urlsplit(request.path)
        except ValueError:
            self._answer(request, 400, b"")
            return
        if parts.path == _AUTHENTICATE:
            self._answer(request, 200, self._authenticate(parts.query))
            return
        name = unquote(parts.path).lstrip("/")
        device = self._device_of.get(str(address), "")

        def refused(code: int, reason: str) -> None:
            event = FileRefused(name, str(address), port, code, reason, "http")
            self._observe(event, device=device)

        self._observe(FileRequested(name, str(address), port, "http"), device=device)
        try:
            content = self._folder.read(name)
        except OutsideRoot:
            refused(403, "outside the root")
            self._answer(request, 403, b"")
            return
        except OSError:
            refused(404, "not found")
            self._answer(request, 404, b"")
            return
        try:
            self._answer(request, 200, content)
        except OSError as error:
            refused(0, f"the phone is gone: {error.strerror or 'it took nothing any more'}")
            return
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
