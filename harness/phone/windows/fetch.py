"""One HTTP exchange with a phone's small web server, within a deadline and a size.

The server of this family (RomPager on 79x0, Cisco's own on 79x1 and later) is slow and closes
after each answer, so each exchange has a connection of its own.
"""

from __future__ import annotations

import base64
import http.client
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.errors import Inconclusive, ProductFault

__all__ = ["Answer", "Fetcher", "WindowClosed"]

#: A console log is some hundred kilobytes, a screenshot 320 x 222; more is not a phone's.
_LARGEST = 4 << 20
_REDIRECTS = 2


class WindowClosed(Inconclusive):
    """A window of the phone is shut, so it says nothing, neither for nor against the phone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the phone answered."""

    status: int
    content_type: str
    body: bytes


class Fetcher:
    """Ask one phone's web server.

    Args:
        name: the phone's name in lab.yaml.
        address: its IP address.
        user: user name the authentication responder accepts; none is sent when empty.
        password: its password.
        within: seconds for one exchange, connecting included.
        port: TCP port of the web server.
    """

    def __init__(
        self,
        name: str,
        address: str,
        user: str = "",
        password: str = "",
        within: float = 5.0,
        port: int = 80,
    ) -> None:
        self.name = name
        self.address = address
        self._port = port
        self._within = within
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._credentials = {"Authorization": f"Basic {token}"} if user else {}

    def get(self, path: str) -> Answer:
        """Fetch a page, following a redirect that stays on the phone (the old screenshot does).

        Raises:
            WindowClosed: nobody listens on its port.
            ProductFault: what it answers is no HTTP, too long, or stops half-way.
        """
        for _ in range(_REDIRECTS):
            answer, location = self._exchange("GET", path, None)
            target = urlsplit(location)
            if not location or target.hostname not in (None, self.address):
                return answer
            path = f"{target.path}?{target.query}" if target.query else target.path
        return answer

    def post(self, path: str, form: bytes) -> Answer:
        """Send a form.

        Raises:
            WindowClosed: nobody listens on its port.
            ProductFault: what it answers is no HTTP, too long, or stops half-way.
        """
        return self._exchange("POST", path, form)[0]

    def _exchange(self, method: str, path: str, form: bytes | None) -> tuple[Answer, str]:
        # A lab phone is never behind the proxy of the machine's environment: none is asked.
        connection = http.client.HTTPConnection(self.address, self._port, timeout=self._within)
        late = threading.Event()
        try:
            self._connect(connection)
            # The deadline is for all of it: a byte a second must not keep us for ever.
            watchdog = threading.Timer(self._within, _cut, (connection.sock, late))
            watchdog.start()
            try:
                self._ask(connection, method, path, form)
                answer = self._read(connection, path)
                if late.is_set():
                    # A head that was cut looks whole, with an empty page.
                    raise TimeoutError(f"{len(answer[0].body)} bytes came")
                return answer
            except (http.client.HTTPException, OSError, ValueError, EOFError) as error:
                what = "in time" if late.is_set() else f"as HTTP asks: {type(error).__name__}"
                raise ProductFault(
                    f"its web server does not answer {path} {what}",
                    device=self.name,
                    state=str(error),
                    expected=f"a whole answer within {self._within:.1f} s",
                    hint="look at the page with a browser; a phone busy booting answers late",
                ) from error
            finally:
                watchdog.cancel()
        finally:
            connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, form: bytes | None
    ) -> None:
        headers = dict(self._credentials)
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Content-Length"] = str(len(form))
        connection.putrequest(method, path, skip_accept_encoding=True)
        for header, value in (headers | {"Connection": "close"}).items():
            connection.putheader(header, value)
        connection.endheaders(form)

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        try:
            connection.connect()
        except OSError as error:
            raise WindowClosed(
                f"its web window is closed: port {self._port} of {self.address} says {error}",
                device=self.name,
                expected=f"port {self._port} open (webAccess 0 means on)",
                hint="set webAccess to 0 in the SEP file as served and let the phone boot; "
                "while it boots, and without power, the window is closed too",
            ) from error

    def _read(self, connection: http.client.HTTPConnection, path: str) -> tuple[Answer, str]:
        response = connection.getresponse()
        parts: list[bytes] = []
        size = 0
        while part := response.read1(65536):
            parts.append(part)
            size += len(part)
            if size > _LARGEST:
                raise ProductFault(
                    f"its page {path} is longer than {_LARGEST} bytes", device=self.name
                )
        if response.length:
            raise EOFError(f"{size} bytes came, {response.length} more were announced")
        content_type = response.headers.get_content_type()
        answer = Answer(response.status, content_type, b"".join(parts))
        moved = response.status in (301, 302, 303, 307)
        return answer, response.headers.get("Location", "") if moved else ""


def _cut(connected: socket.socket, late: threading.Event) -> None:
    """End an exchange that takes too long; whoever reads sees the end."""
    late.set()
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
