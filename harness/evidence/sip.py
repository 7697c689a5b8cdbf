"""SIP messages as typed, frozen objects: start line, headers (compact forms too), SDP body.

Reading is forgiving (RFC 3261 section 7.5 asks no less of an element that only looks on): what
cannot be understood is left empty, so that evidence of a broken message is still evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = [
    "COMPACT_HEADERS",
    "Sdp",
    "SipBytes",
    "SipText",
    "looks_like_sip",
    "parse_sdp",
    "parse_sip",
]

#: Compact header names: RFC 3261 section 7.3.3, RFC 3515 (r), RFC 3265 (o), RFC 3892 (b).
COMPACT_HEADERS = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
    "r": "refer-to",
    "b": "referred-by",
    "o": "event",
    "u": "allow-events",
    "x": "session-expires",
}
#: Payload types that need no rtpmap (RFC 3551 table 4), as ``name/clock``.
STATIC_PAYLOADS = MappingProxyType(
    {
        0: "PCMU/8000",
        3: "GSM/8000",
        4: "G723/8000",
        8: "PCMA/8000",
        9: "G722/8000",
        13: "CN/8000",
        15: "G728/8000",
        18: "G729/8000",
    }
)
_REQUEST = re.compile(r"^([A-Za-z0-9.!%*_+`'~-]{1,32}) (\S+) SIP/2\.0$")
_RESPONSE = re.compile(r"^SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?$")
_FIRST_BYTES = re.compile(
    rb"^(?:SIP/2\.0 [1-6]|[A-Za-z0-9.!%*_+`'~-]{1,32} [^\r\n ]{1,2000} SIP/2\.0\r?\n)"
)
_TAG = re.compile(r";\s*tag\s*=\s*([^;\s>,]+)", re.IGNORECASE)
_NUMBER = re.compile(r"^\s*([0-9]{1,9})", re.ASCII)
#: A phone refuses messages above 8 KB or so; whatever is longer than this is not SIP.
_LONGEST = 262_144


@dataclass(frozen=True, slots=True)
class Sdp:
    """The first audio stream of a session description (RFC 4566).

    ``address`` is where its sender wants audio (media-level ``c=`` before session-level: the
    79x2 writes ``c=`` below ``m=``), ``media_port`` 0 when the stream is refused, ``direction``
    one of ``sendrecv``, ``sendonly``, ``recvonly``, ``inactive``.
    """

    address: str
    media_port: int
    payload_types: tuple[int, ...]
    rtpmap: dict[int, str]
    direction: str

    def codec(self, payload_type: int) -> str:
        """Name of a payload type without its clock, like ``PCMA``, or its number."""
        name = self.rtpmap.get(payload_type) or STATIC_PAYLOADS.get(payload_type, "")
        return name.partition("/")[0] or str(payload_type)

    @property
    def codecs(self) -> tuple[str, ...]:
        """Names of the codecs in order; telephone-event and comfort noise are not codecs."""
        names = (self.codec(number) for number in self.payload_types)
        return tuple(name for name in names if name.lower() not in {"telephone-event", "cn"})

    @property
    def held(self) -> bool:
        """Whether the sender of this description does not want to hear the other side."""
        return self.direction in {"sendonly", "inactive"} or self.address == "0.0.0.0"


@dataclass(frozen=True, slots=True)
class SipText:
    """One SIP message. ``status`` is 0 for a request; ``method`` of an answer is its CSeq's."""

    start_line: str
    method: str
    status: int
    reason: str
    uri: str
    headers: dict[str, tuple[str, ...]]
    body: str
    text: str
    sdp: Sdp | None = field(default=None)

    def header(self, name: str) -> str:
        """Return the first value of a header (any case, long name), or an empty string."""
        values = self.headers.get(name.lower(), ())
        return values[0] if values else ""

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.header("call-id")

    @property
    def cseq(self) -> str:
        """The CSeq as written, like ``102 INVITE``."""
        return self.header("cseq")

    @property
    def cseq_number(self) -> int:
        """The number in CSeq, or -1."""
        found = _NUMBER.match(self.cseq)
        return int(found[1]) if found else -1

    @property
    def via(self) -> str:
        """The topmost Via."""
        return self.header("via")

    @property
    def contact(self) -> str:
        """The first Contact."""
        return self.header("contact")

    @property
    def to_tag(self) -> str:
        """The tag of To; empty in a request that begins a dialog."""
        found = _TAG.search(self.header("to"))
        return found[1] if found else ""

    @property
    def is_request(self) -> bool:
        """Whether this is a request."""
        return self.status == 0


def looks_like_sip(payload: bytes) -> bool:
    """Whether a datagram begins like a SIP message (RFC 3261 section 7)."""
    return _FIRST_BYTES.match(payload) is not None


def parse_sip(payload: bytes) -> SipText | None:
    """Read one SIP message; None when the bytes are not SIP."""
    if len(payload) > _LONGEST or not looks_like_sip(payload):
        return None
    text = payload.decode("utf-8", errors="replace")
    head, body = _split(text)
    start_line, *lines = re.split(r"\r\n|\n", head)
    headers = _headers(lines)
    cseq = (headers.get("cseq") or ("",))[0]
    method, uri, status, reason = "", "", 0, ""
    if request := _REQUEST.match(start_line):
        method, uri = request[1], request[2]
    elif response := _RESPONSE.match(start_line):
        status, reason = int(response[1]), response[2] or ""
        method = (cseq.split() or [""])[-1] if len(cseq.split()) > 1 else ""
    else:
        return None
    content_type = (headers.get("content-type") or ("",))[0].lower()
    description = None
    if content_type.startswith("application/sdp"):
        description = parse_sdp(body)
    elif content_type.startswith("multipart/"):
        description = parse_sdp(_sdp_part(body))
    return SipText(start_line, method, status, reason, uri, headers, body, text, description)


def parse_sdp(body: str) -> Sdp | None:
    """Read a session description; None when it has no audio stream."""
    session_address = address = ""
    session_direction, direction = "sendrecv", ""
    port, payloads, rtpmap = -1, [], {}
    inside = False
    for line in body.splitlines():
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            if port >= 0:
                break
            words = value.split()
            inside = len(words) >= 3 and words[0] == "audio"
            if inside:
                port = _int(words[1].partition("/")[0], 0, 65535, default=0)
                payloads = [n for w in words[3:] if (n := _int(w, 0, 127, default=-1)) >= 0]
        elif kind == "c":
            where = (value.split() or [""])[-1].partition("/")[0]
            if inside:
                address = where
            elif port < 0:
                session_address = session_address or where
        elif kind == "a":
            name, _, rest = value.partition(":")
            if name in {"sendrecv", "sendonly", "recvonly", "inactive"}:
                if inside:
                    direction = name
                else:
                    session_direction = name
            elif name == "rtpmap" and inside:
                words = rest.split()
                number = _int(words[0], 0, 127, default=-1) if len(words) >= 2 else -1
                if number >= 0:
                    rtpmap[number] = words[1]
    if port < 0:
        return None
    return Sdp(
        address or session_address, port, tuple(payloads), rtpmap, direction or session_direction
    )


class SipBytes:
    """Cut a TCP byte stream into SIP messages by Content-Length (RFC 3261 section 18.3)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes in order, return the messages they complete."""
        self._rest += data
        messages = []
        while True:
            # Keep-alives (RFC 5626) are bare line ends between messages.
            self._rest = self._rest.lstrip(b"\r\n")
            end = self._rest.find(b"\r\n\r\n")
            if end < 0:
                break
            head = self._rest[:end].decode("utf-8", errors="replace")
            lengths = _headers(head.split("\r\n")[1:]).get("content-length") or ("0",)
            stop = end + 4 + _int(lengths[0], 0, _LONGEST, default=0)
            if len(self._rest) < stop:
                break
            messages.append(self._rest[:stop])
            self._rest = self._rest[stop:]
        if len(self._rest) > _LONGEST:
            self._rest = b""
        return messages


def _split(text: str) -> tuple[str, str]:
    for gap in ("\r\n\r\n", "\n\n"):
        head, found, body = text.partition(gap)
        if found:
            return head, body
    return text.rstrip("\r\n"), ""


def _headers(lines: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    last = ""
    for line in lines:
        if line[:1] in {" ", "\t"} and last:
            found[last][-1] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon:
            continue
        name = name.strip().lower()
        last = COMPACT_HEADERS.get(name, name)
        found.setdefault(last, []).append(value.strip())
    return {name: tuple(values) for name, values in found.items()}


def _sdp_part(body: str) -> str:
    for part in re.split(r"^--[^\r\n]*\r?\n?", body, flags=re.MULTILINE):
        head, content = _split(part)
        if "application/sdp" in head.lower():
            return content
    return ""


def _int(word: str, least: int, most: int, *, default: int) -> int:
    # int() takes any Unicode digit and any length; the wire has neither.
    if word.isascii() and word.isdigit() and len(word) <= 9 and least <= int(word) <= most:
        return int(word)
    return default
