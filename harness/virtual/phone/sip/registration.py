"""One line's registration: REGISTER as the phone writes it, refreshed before it ends."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from email.utils import formatdate

from harness.virtual.phone.config import LineConfig, PhoneConfig
from harness.virtual.phone.defects import Defects
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.sip.digest import authorization
from harness.virtual.phone.sip.identity import Identity
from harness.virtual.phone.sip.message import Message
from harness.virtual.phone.sip.transport import NoAnswer, SipTransport
from harness.virtual.phone.windows.handset import LineView

__all__ = ["Registration"]

#: MAX_RETRIES_401 in SIPCC.
_CREDENTIAL_TRIES = 3
_REJECTED = (404, 413, 480, 486)
_RETRY_SECONDS = 30.0
_SHORTEST = 20


class Registration:
    """Keep one line registered at the first server that answers.

    Args:
        reason: for the Reason header of the first REGISTER after boot; only the prime line
            carries it.
    """

    def __init__(
        self,
        transport: SipTransport,
        identity: Identity,
        config: PhoneConfig,
        line: LineConfig,
        reason: str,
        host_name: str,
        logs: Logs,
        defects: Defects,
        on_registered: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._identity = identity
        self._config = config
        self.line = line
        self._reason = reason
        self._host_name = host_name
        self._logs = logs
        self._defects = defects
        self._on_registered = on_registered
        self.call_id = identity.call_id()
        self._tag = identity.tag()
        self._cseq = 101
        self._server = 0
        self._registered = False
        self._authenticated = False
        self._expires = 0

    @property
    def server(self) -> tuple[str, int]:
        """Where this line registers and sends its calls."""
        return self._config.servers[self._server % len(self._config.servers)]

    def view(self) -> LineView:
        """What the console shows of this registration."""
        return LineView(
            self.line.button, self.line.name, self._registered, self._authenticated,
            self._expires, self.server,
        )  # fmt: skip

    async def run(self) -> None:
        """Register and refresh for ever."""
        while True:
            try:
                granted = await self._register(self._config.register_expires)
            except NoAnswer:
                self._logs.to_console("%REG auth failed: ack timer")
                self._server += 1
                continue
            if granted is None:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if not self._registered:
                self._registered = True
                self._on_registered()
            await asyncio.sleep(max(_SHORTEST, granted - self._config.register_delta))

    async def unregister(self) -> None:
        """Take the contact away, as before a restart [inferred from SIPCC]."""
        if self._registered:
            try:
                async with asyncio.timeout(2.0):
                    await self._register(0)
            except (NoAnswer, TimeoutError):
                self._logs.to_console("unregister: no answer")

    async def _register(self, expires: int) -> int | None:
        """One REGISTER with its answers to challenges; the seconds granted, None when refused."""
        challenge = ""
        for _ in range(_CREDENTIAL_TRIES + 1):
            response = await self._transport.request(self._message(expires, challenge), self.server)
            if response.status in (401, 407):
                header = "WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate"
                challenge = response.get(header)
                continue
            if response.status == 200:
                self._reason = ""
                self._authenticated = bool(challenge)
                self._expires = self._granted(response, expires)
                return self._expires
            self._logs.to_console(f"%REG failed: {response.status}")
            if response.status in _REJECTED:
                self._logs.to_status("Registration Rejected")
            return None
        # Only the console says so: the user sees "Registering" and nothing else.
        self._logs.to_console("%REG auth failed: no more credentials")
        return None

    def _granted(self, response: Message, asked: int) -> int:
        own = f"{self._identity.address}:"
        for contact in response.all("Contact"):
            match = re.search(r";expires=(\d+)", contact)
            if own in contact and match:
                return min(asked, int(match[1])) if asked else 0
        text = response.get("Expires")
        return min(asked, int(text)) if text.isdecimal() and asked else asked

    def _message(self, expires: int, challenge: str) -> Message:
        host = self.server[0]
        uri, aor = f"sip:{host}", f"<sip:{self.line.name}@{host}>"
        contact_port = None
        if self._defects.fires("wrong-contact"):
            contact_port = self._identity.port + 1
        message = Message(f"REGISTER {uri} SIP/2.0")
        message.headers += [
            ("From", f"{aor};tag={self._tag}"),
            ("To", aor),
            ("Call-ID", self.call_id),
            ("Max-Forwards", "70"),
            ("Date", formatdate(time.time(), usegmt=True)),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("User-Agent", self._identity.user_agent),
            ("Contact", self._identity.contact(self.line.contact, contact_port)),
        ]
        if self._defects.fires("no-date-in-register"):
            message.headers = [each for each in message.headers if each[0] != "Date"]
        if challenge:
            message.headers.append(("Authorization", self._credentials(challenge, uri)))
        message.headers.append(("Supported", "(null),X-cisco-xsi-7.0.1"))
        if self._reason and self.line.button == 1:
            alarm = {"phone-keypad": 20, "reset-restart": 23}.get(self._reason, 25)
            text = (
                f"cisco-alarm:{alarm} Name={self._host_name} Load={self._identity.load} "
                f"Last={self._reason}"
            )
            message.headers.append(("Reason", f'SIP;cause=200;text="{text}"'))
        message.headers.append(("Expires", str(expires)))
        self._cseq += 1
        return message

    def _credentials(self, challenge: str, uri: str) -> str:
        password = self.line.auth_password
        if self._defects.fires("wrong-password"):
            password = password[:-1]
        return authorization(challenge, "REGISTER", uri, self.line.auth_name, password)
