"""SIP messages: parse and build, no more than a phone needs (RFC 3261)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Message", "new_branch", "parse_message", "tag_of", "uri_of"]

_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type",
    "l": "content-length", "s": "subject", "k": "supported", "e": "content-encoding",
    "r": "refer-to", "b": "referred-by", "o": "event", "u": "allow-events",
}  # fmt: skip


@dataclass
class Message:
    """A request or a response: start line, headers in order, body."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @property
    def is_request(self) -> bool:
        """Whether this is a request."""
        return not self.start.startswith("SIP/2.0")

    @property
    def method(self) -> str:
        """Method of a request, or of the request a response answers."""
        return self.start.split(" ")[0] if self.is_request else self.get("CSeq").split(" ")[-1]

    @property
    def status(self) -> int:
        """Status code of a response, 0 for a request."""
        return 0 if self.is_request else int(self.start.split(" ")[1])

    @property
    def branch(self) -> str:
        """The topmost Via's branch: names the transaction."""
        match = re.search(r"branch=([^;,\s]+)", self.get("Via"))
        return match[1] if match else ""

    @property
    def cseq(self) -> int:
        """The sequence number."""
        number = self.get("CSeq").split(" ")[0]
        return int(number) if number.isdecimal() else 0

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.get("Call-ID")

    def get(self, name: str) -> str:
        """Return the first header of that name, or an empty string."""
        lower = name.lower()
        return next((value for key, value in self.headers if key.lower() == lower), "")

    def all(self, name: str) -> list[str]:
        """Return every header of that name."""
        lower = name.lower()
        return [value for key, value in self.headers if key.lower() == lower]

    def encode(self) -> bytes:
        """Return the bytes for the wire, Content-Length included."""
        body = self.body.encode()
        headers = [(k, v) for k, v in self.headers if k.lower() != "content-length"]
        lines = [self.start, *(f"{key}: {value}" for key, value in headers)]
        lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def reply(
        self,
        status: int,
        reason: str,
        *,
        to_tag: str = "",
        headers: Sequence[tuple[str, str]] = (),
        body: str = "",
    ) -> Message:
        """Return a response to this request."""
        answer = Message(f"SIP/2.0 {status} {reason}")
        answer.headers += [("Via", via) for via in self.all("Via")]
        to = self.get("To")
        if to_tag and ";tag=" not in to:
            to += f";tag={to_tag}"
        answer.headers += [
            ("From", self.get("From")), ("To", to), ("Call-ID", self.call_id),
            ("CSeq", self.get("CSeq")),
        ]  # fmt: skip
        answer.headers += [("Record-Route", route) for route in self.all("Record-Route")]
        answer.headers += headers
        answer.body = body
        return answer


def parse_message(received: bytes) -> Message | None:
    """Read one datagram; None when it is no SIP message."""
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    start = lines[0]
    if not re.match(r"SIP/2\.0 \d{3}( |$)|[A-Z]+ \S+ SIP/2\.0$", start):
        return None
    message = Message(start, body=body.decode("utf-8", "replace"))
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and message.headers:
            key, value = message.headers[-1]
            message.headers[-1] = (key, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip()
            message.headers.append((_COMPACT.get(key.lower(), key), value.strip()))
    return message


def new_branch() -> str:
    """Return a fresh branch, short as the phone's own."""
    return f"z9hG4bK{secrets.token_hex(4)}"


def uri_of(header: str) -> str:
    """Return the URI of a From, To, Contact or Refer-To header."""
    match = re.search(r"<([^>]*)>", header)
    return match[1] if match else header.split(";", maxsplit=1)[0].strip()


def tag_of(header: str) -> str:
    """Return the tag parameter of a From or To header."""
    match = re.search(r";tag=([^;>\s]+)", header)
    return match[1] if match else ""
