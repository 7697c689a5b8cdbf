"""The phone's web window: /CGI/Execute and the status messages, when webAccess is open.

Cisco Unified IP Phone Services Application Development Notes 9.1(1): Execute takes at most three
items and answers with one ResponseItem each; the credentials are checked by asking the
authentication URL, whose body must be exactly AUTHORIZED.
"""

from __future__ import annotations

import asyncio
import base64
import html
import re
import xml.etree.ElementTree as ET
from typing import Protocol
from urllib.parse import parse_qs, quote, urlsplit

from harness.virtual.phone.config import PhoneConfig
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.spec import TwinSpec

__all__ = ["WebWindow"]

_PORT = 80
_DIGITS = re.compile(r"SendDigits:([0-9#*ABCD,]+)(?::|$)")
_UNAUTHORIZED = b'<CiscoIPPhoneError Number="4" />'


class _Phone(Protocol):
    def key(self, name: str, *, down: bool) -> None: ...

    async def send_digits(self, digits: str) -> bool: ...


class WebWindow:
    """A small HTTP server at the phone's address."""

    def __init__(self, phone: _Phone, spec: TwinSpec, config: PhoneConfig, logs: Logs) -> None:
        self._phone = phone
        self._spec = spec
        self._config = config
        self._logs = logs
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on port 80; a phone without the right to is a phone without the window."""
        try:
            self._server = await asyncio.start_server(self._serve, self._spec.address, _PORT)
        except OSError as error:
            self._logs.to_console(f"web server: {error}")

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(20.0):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"(?i)^content-length: *(\d+)", head, re.MULTILINE)
                body = await reader.readexactly(int(length[1])) if length else b""
                content = await self._answer(head, body.decode("latin-1"))
            writer.write(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/xml\r\n"
                + f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            return
        finally:
            writer.close()

    async def _answer(self, head: str, body: str) -> bytes:
        path = head.split(" ")[1] if head.count(" ") > 1 else "/"
        if path == "/CGI/Execute":
            return await self._execute(head, body)
        if path == "/DeviceInformationX":
            return (
                "<DeviceInformation>"
                f"<MACAddress>{self._spec.mac}</MACAddress>"
                f"<HostName>{self._spec.host_name}</HostName>"
                f"<modelNumber>{self._spec.facts.product}</modelNumber>"
                "</DeviceInformation>"
            ).encode()
        rows = "".join(f"<li>{html.escape(line)}</li>" for line in self._logs.status)
        return f"<html><body><ul>{rows}</ul></body></html>".encode()

    async def _execute(self, head: str, body: str) -> bytes:
        if not await self._authorized(head):
            return _UNAUTHORIZED
        try:
            root = ET.fromstring(parse_qs(body).get("XML", [""])[0])
        except ET.ParseError:
            return b'<CiscoIPPhoneError Number="1" />'
        items = []
        for item in list(root.iter("ExecuteItem"))[:3]:
            uri = item.get("URL", "")
            status, data = await self._carry_out(uri)
            items.append(
                f'<ResponseItem URL="{html.escape(uri)}" Data="{data}" Status="{status}" />'
            )
        return f"<CiscoIPPhoneResponse>{''.join(items)}</CiscoIPPhoneResponse>".encode()

    async def _carry_out(self, uri: str) -> tuple[int, str]:
        digits = _DIGITS.match(uri)
        if digits:
            done = await self._phone.send_digits(digits[1].replace(",", ""))
            return (0, "Success") if done else (6, "No Active Call")
        if uri.startswith("Key:"):
            name = _key_name(uri[4:])
            self._phone.key(name, down=True)
            self._phone.key(name, down=False)
            return 0, "Success"
        return 6, "URI not found"

    async def _authorized(self, head: str) -> bool:
        """Ask the authentication URL about the Basic credentials of a request."""
        given = re.search(r"(?i)^authorization: basic (\S+)", head, re.MULTILINE)
        url = urlsplit(self._config.authentication_url)
        if given is None or not url.hostname:
            return False
        user, _, password = base64.b64decode(given[1]).decode("latin-1").partition(":")
        query = f"UserID={quote(user)}&Password={quote(password)}&devicename={self._spec.host_name}"
        try:
            reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
            path = f"{url.path or '/'}?{query}"
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {url.hostname}\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
        except OSError as error:
            self._logs.to_console(f"authentication URL: {error}")
            return False
        return answer.partition(b"\r\n\r\n")[2] == b"AUTHORIZED"


def _key_name(uri: str) -> str:
    """Turn ``KeyPad5``, ``Soft1``, ``Line2``, ``Settings`` into the name of the key."""
    name = uri.lower()
    pads = {"keypadstar": "*", "keypadpound": "#"}
    return pads.get(name, name.removeprefix("keypad"))
