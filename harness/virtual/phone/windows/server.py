"""The phone's web server on port 80."""

from __future__ import annotations

import asyncio
import re
from email.utils import formatdate

from harness.virtual.phone.windows.execute import UNAUTHORIZED, Execute, authorized
from harness.virtual.phone.windows.handset import Viewed
from harness.virtual.phone.windows.pages import page, status_page

__all__ = ["WebServer"]

_PORT = 80
_PATIENCE = 20.0
_LARGEST_FORM = 1 << 16
_STATUS = "/CGI/Java/Serviceability?adapter=device.settings.status.messages"
_CONSOLE = re.compile(r"/FS/cache/log(\d?)$")
_REASONS = {200: "OK", 404: "Not Found"}
Reply = tuple[int, str, bytes]


class WebServer:
    """A small HTTP server at the phone's address; it closes after each answer."""

    def __init__(self, viewed: Viewed, port: int = _PORT) -> None:
        self._viewed = viewed
        self.port = port
        self._execute = Execute(viewed)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on its port; a phone without the right to is a phone without the window."""
        try:
            address = self._viewed.spec.address
            self._server = await asyncio.start_server(self._serve, address, self.port)
        except OSError as error:
            self._viewed.logs.to_console(f"httpd: {error}", level="ERR")
            return
        self.port = self._server.sockets[0].getsockname()[1]
        self._viewed.logs.to_console(f"httpd: listening on port {self.port}")

    async def stop(self) -> None:
        """Stop listening."""
        self._execute.stop()
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"(?i)^content-length: *(\d{1,9})", head, re.MULTILINE)
                size = min(int(length[1]), _LARGEST_FORM) if length else 0
                body = await reader.readexactly(size)
                status, kind, content = await self._answer(head, body.decode("latin-1"))
            writer.write(
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
                f"Date: {formatdate(usegmt=True)}\r\nCache-Control: no-cache\r\n"
                f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
                + content
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            return
        finally:
            writer.close()

    async def _answer(self, head: str, body: str) -> Reply:
        viewed = self._viewed
        path = head.split(" ")[1] if head.count(" ") > 1 else "/"
        if path in ("/CGI/Execute", "/CGI/Screenshot"):
            if not await authorized(viewed, head):
                return 200, "text/xml", UNAUTHORIZED
            if path == "/CGI/Execute":
                return 200, "text/xml", await self._execute.answer(body)
            return 200, *_screenshot(viewed)
        if path == _STATUS:
            return 200, "text/html", status_page(viewed)
        console = _CONSOLE.match(path)
        if console:
            content = viewed.logs.file(int(console[1] or 0))
            kind = "text/plain"
        else:
            content = page(viewed, path)
            kind = "text/xml" if "X" in path.rpartition("/")[2].partition("=")[0] else "text/html"
        return (404, "text/html", b"") if content is None else (200, kind, content)


def _screenshot(viewed: Viewed) -> tuple[str, bytes]:
    # Drawing needs a library that a phone which is never photographed should not wait for.
    from harness.virtual.phone.windows.screen import draw, encode

    return encode(draw(viewed.handset.picture()), viewed.spec.screenshot)
