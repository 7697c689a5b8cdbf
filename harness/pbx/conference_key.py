"""What stock Asterisk lacks for the second press of Confrn: a small SIP element in front of it.

Phones register at its address. It passes everything on to Asterisk and the answers back, without
state (RFC 3261, 16.11), and keeps one kind of request for itself: the out-of-dialog REFER in which
a phone asks its server for a conference of two of its calls. That it accepts, has the calls joined,
and tells the phone how it ended by a NOTIFY. UDP only.

The shapes of answer and NOTIFY are those of the usecallmanager patch, whose source was read; no
real phone has been seen to take them from here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from harness.errors import BenchFault, HarnessError
from harness.events import Note
from harness.timeline import Observer

__all__ = ["ConferenceKey", "SipText", "joined_calls"]

REQUEST = "application/x-cisco-remotecc-request+xml"
RESPONSE = "application/x-cisco-remotecc-response+xml"

_VIA = re.compile(r"SIP/2\.0/UDP (?P<host>[^:;\s]+)(?::(?P<port>\d+))?", re.IGNORECASE)
_BRANCH = re.compile(r";branch=([^;\s,]+)", re.IGNORECASE)
_URI = re.compile(r"sips?:(?:[^@>]+@)?(?P<host>[^:;>\s]+)(?::(?P<port>\d+))?")
_CALL = re.compile(r"<(dialogid|consultdialogid)>\s*<callid>([^<]*)</callid>")
_EVENT = re.compile(r"<softkeyevent>([^<]*)</softkeyevent>")
_REMEMBERED = 64


@dataclass
class SipText:
    """A SIP message as text: its start line, its headers in order, its body."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> SipText | None:
        """Read one datagram; None when it is no SIP message (a keep-alive, for one)."""
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        if "SIP/2.0" not in start:
            return None
        headers = [
            (name.strip(), value.strip())
            for name, colon, value in (line.partition(":") for line in lines)
            if colon
        ]
        return cls(start, headers, body)

    @property
    def is_response(self) -> bool:
        """Whether it answers something."""
        return self.start.startswith("SIP/2.0 ")

    def get(self, name: str) -> str:
        """Return the first header of a name, or nothing."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def encode(self) -> bytes:
        """Return it as it goes on the wire."""
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def joined_calls(request: SipText) -> tuple[str, str] | None:
    """Return the Call-IDs (held, consulted) a phone wants joined; None for any other request."""
    if not request.start.startswith("REFER ") or ";tag=" in request.get("To"):
        return None
    event = _EVENT.search(request.body)
    if REQUEST not in request.get("Content-Type") or event is None or event[1] != "Conference":
        return None
    calls = dict(_CALL.findall(request.body))
    held, consulted = calls.get("dialogid", ""), calls.get("consultdialogid", "")
    return (held, consulted) if held and consulted else None


class ConferenceKey:
    """The element, in a thread of its own.

    Args:
        address: where phones find it.
        pbx: where Asterisk listens; the same port is used here.
        join: joins the calls of a user, named by two Call-IDs.
        observe: writes its events.
    """

    def __init__(
        self,
        address: str,
        pbx: tuple[str, int],
        join: Callable[[str, str, str], None],
        observe: Observer,
    ) -> None:
        self._here = (address, pbx[1])
        self._pbx = pbx
        self._join = join
        self._observe = observe
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        #: Answers by the branch they belong to: UDP repeats a request that was answered too late.
        self._answered: OrderedDict[str, bytes] = OrderedDict()

    def start(self) -> None:
        """Take the address and begin.

        Raises:
            BenchFault: it is taken.
        """
        here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            here.bind(self._here)
        except OSError as error:
            here.close()
            raise BenchFault(
                f"the conference key cannot have {self._here[0]}:{self._here[1]}: {error.strerror}",
                device="pbx",
                hint="choose another address as pbx.conference_key in lab.yaml",
            ) from error
        self._socket = here
        self._thread = threading.Thread(target=self._run, args=(here,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the address back; safe to call more than once."""
        here, self._socket = self._socket, None
        if here is not None:
            # A datagram to itself wakes the thread, which sees that it is over.
            with suppress(OSError):
                here.sendto(b"", self._here)
            if self._thread is not None:
                self._thread.join(2.0)
            here.close()

    def _run(self, here: socket.socket) -> None:
        while self._socket is not None:
            try:
                data, source = here.recvfrom(65535)
            except OSError:
                # Linux tells an ICMP refusal of an earlier datagram here.
                continue
            message = SipText.parse(data)
            if message is None:
                continue
            if message.is_response:
                self._pass_back(here, message)
            elif (calls := joined_calls(message)) is not None:
                self._conference(here, message, calls)
            else:
                self._pass_on(here, message, source)

    def _pass_on(self, here: socket.socket, request: SipText, source: tuple[str, int]) -> None:
        branch = _BRANCH.search(request.get("Via"))
        # The same for a repeated request, for its CANCEL and for the ACK of its refusal.
        key = f"{branch[1] if branch else ''}{source[0]}{request.get('Call-ID')}"
        own = "z9hG4bK" + hashlib.sha256(key.encode()).hexdigest()[:20]
        via = f"SIP/2.0/UDP {self._here[0]}:{self._here[1]};branch={own}"
        at = next((i for i, (name, _) in enumerate(request.headers) if name.lower() == "via"), 0)
        request.headers.insert(at, ("Via", via))
        here.sendto(request.encode(), self._pbx)

    @staticmethod
    def _pass_back(here: socket.socket, response: SipText) -> None:
        at = next((i for i, (name, _) in enumerate(response.headers) if name.lower() == "via"), -1)
        if at < 0:
            return
        response.headers.pop(at)
        # Without another Via it answers our own NOTIFY. A 79x2 listens on the port of its Via.
        via = _VIA.search(response.get("Via"))
        if via is not None:
            here.sendto(response.encode(), (via["host"], int(via["port"] or 5060)))

    def _conference(self, here: socket.socket, refer: SipText, calls: tuple[str, str]) -> None:
        via = _VIA.search(refer.get("Via"))
        contact = _URI.search(refer.get("Contact"))
        branch = _BRANCH.search(refer.get("Via"))
        if via is None or contact is None or branch is None:
            return
        phone = (via["host"], int(via["port"] or 5060))
        if branch[1] in self._answered:
            here.sendto(self._answered[branch[1]], phone)
            return
        tag = secrets.token_hex(6)
        accepted = self._accept(refer, tag).encode()
        self._answered[branch[1]] = accepted
        while len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)
        here.sendto(accepted, phone)
        user = re.search(r"sips?:([^@>]+)@", refer.get("From"))
        code, what = 200, "joined"
        try:
            self._join(user[1] if user else "", *calls)
        except HarnessError as error:
            code, what = 500, f"not joined: {error}"
        self._observe(Note(f"conference of {calls[0]} and {calls[1]} {what}"))
        there = (contact["host"], int(contact["port"] or 5060))
        here.sendto(self._notify(refer, tag, code).encode(), there)

    def _accept(self, refer: SipText, tag: str) -> SipText:
        kept = ("via", "from", "call-id", "cseq")
        answer = SipText("SIP/2.0 202 Accepted")
        answer.headers = [pair for pair in refer.headers if pair[0].lower() in kept]
        answer.headers += [
            ("To", f"{refer.get('To')};tag={tag}"),
            ("Contact", f"<sip:{self._here[0]}:{self._here[1]}>"),
            ("Content-Length", "0"),
        ]
        return answer

    def _notify(self, refer: SipText, tag: str, code: int) -> SipText:
        body = (
            "<x-cisco-remotecc-response><response>"
            f"<code>{code}</code></response></x-cisco-remotecc-response>"
        )
        contact = re.search(r"<([^>]+)>", refer.get("Contact"))
        target = contact[1] if contact else refer.get("Contact")
        notify = SipText(f"NOTIFY {target} SIP/2.0", body=body)
        here = f"{self._here[0]}:{self._here[1]}"
        notify.headers = [
            ("Via", f"SIP/2.0/UDP {here};branch=z9hG4bK{secrets.token_hex(8)}"),
            ("From", f"{refer.get('To')};tag={tag}"),
            ("To", refer.get("From")),
            ("Call-ID", refer.get("Call-ID")),
            ("CSeq", "1 NOTIFY"),
            ("Contact", f"<sip:{here}>"),
            ("Max-Forwards", "70"),
            ("Event", "refer"),
            ("Subscription-State", "terminated;reason=noresource"),
            ("Content-Type", RESPONSE),
            ("Content-Length", str(len(body))),
        ]
        return notify
