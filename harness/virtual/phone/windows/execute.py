"""/CGI/Execute: URIs from afar, for those the authentication URL lets in.

Cisco Unified IP Phone Services Application Development Notes 9.1(1): at most three items, one
ResponseItem each; the credentials are checked by asking the authentication URL, whose body must be
exactly AUTHORIZED.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from harness.virtual.phone.windows.handset import Viewed

__all__ = ["Execute", "authorized"]

UNAUTHORIZED = b'<CiscoIPPhoneError Number="4" />'
_BAD_XML = b'<CiscoIPPhoneError Number="1" />'
_MOST_ITEMS = 3
_DIGITS = re.compile(r"SendDigits:([0-9#*ABCD,]+)(?::|$)")
_DIAL = re.compile(r"Dial:([0-9#*+]+)(?::|$)")
_IDLE_POLL = 0.1
Result = tuple[int, str]
_DONE: Result = (0, "Success")


async def authorized(viewed: Viewed, head: str) -> bool:
    """Ask the authentication URL about the Basic credentials of a request.

    Without a URL nobody is let in, as users of 79x1 and 79x2 report [remembered].
    """
    given = re.search(r"(?i)^authorization: basic (\S+)", head, re.MULTILINE)
    url = urlsplit(viewed.config.authentication_url)
    if given is None or not url.hostname:
        return False
    try:
        user, _, password = base64.b64decode(given[1]).decode("latin-1").partition(":")
    except binascii.Error:
        return False
    query = f"UserID={quote(user)}&Password={quote(password)}&devicename={viewed.spec.host_name}"
    try:
        async with asyncio.timeout(5.0):
            reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
            path = f"{url.path or '/'}?{query}"
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {url.hostname}\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError) as error:
        viewed.logs.to_console(f"authentication URL: {error}", level="ERR")
        return False
    return answer.partition(b"\r\n\r\n")[2] == b"AUTHORIZED"


class Execute:
    """Carry out the items of requests, those that wait for an idle phone later."""

    def __init__(self, viewed: Viewed) -> None:
        self._viewed = viewed
        self._waiting: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Forget the items that still wait."""
        for task in self._waiting:
            task.cancel()

    async def answer(self, body: str) -> bytes:
        """Carry out one request that was let in."""
        try:
            root = ET.fromstring(parse_qs(body).get("XML", [""])[0])
        except ET.ParseError:
            return _BAD_XML
        items = list(root.iter("ExecuteItem"))
        if not 1 <= len(items) <= _MOST_ITEMS:
            return _BAD_XML
        responses = []
        for item in items:
            uri = item.get("URL", "")
            status, said = await self._prioritised(uri, item.get("Priority", "0"))
            responses.append(
                f'<ResponseItem URL="{html.escape(uri)}" Data="{said}" Status="{status}" />'
            )
        return f"<CiscoIPPhoneResponse>{''.join(responses)}</CiscoIPPhoneResponse>".encode()

    async def _prioritised(self, uri: str, priority: str) -> Result:
        idle = self._viewed.handset.idle
        if priority == "2" and not idle:
            # The notes say that it is not executed; how the phone words that is inferred.
            return 6, "Phone not idle"
        if priority == "1" and not idle:
            self._later(self._when_idle(uri))
            return _DONE
        return await self._carry_out(uri)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _when_idle(self, uri: str) -> None:
        while not self._viewed.handset.idle:
            await asyncio.sleep(_IDLE_POLL)
        await self._carry_out(uri)

    async def _carry_out(self, uri: str) -> Result:
        handset = self._viewed.handset
        digits, number = _DIGITS.match(uri), _DIAL.match(uri)
        if digits:
            done = await handset.send_digits(digits[1].replace(",", ""))
            return _DONE if done else (6, "No Active Call")
        if number:
            handset.dial(number[1])
            return _DONE
        if uri.startswith("Key:"):
            name = _key_name(uri[4:])
            handset.key(name, down=True)
            handset.key(name, down=False)
            return _DONE
        return 6, "URI not found"


def _key_name(uri: str) -> str:
    """Turn ``KeyPad5``, ``Soft1``, ``Line2``, ``NavDwn`` into the name of the key."""
    name = uri.lower()
    odd = {"keypadstar": "*", "keypadpound": "#", "navdwn": "navdown", "voldwn": "voldown"}
    return odd.get(name, name.removeprefix("keypad"))
