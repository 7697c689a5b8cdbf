"""What a peer and its process say to each other: one line of JSON per message, typed at both ends.

The pipe is ours alone, so a line that is not one of these messages is our own mistake.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from harness.errors import HarnessBug

__all__ = [
    "Alive",
    "Answer",
    "Answered",
    "AutoAnswer",
    "CallReported",
    "Command",
    "Dial",
    "DigitReported",
    "HangUp",
    "HangUpAll",
    "Hold",
    "Leave",
    "MediaReported",
    "MediaStatistics",
    "Message",
    "PeerSpec",
    "Ready",
    "RecordingStarted",
    "Register",
    "RegistrationReported",
    "Resume",
    "SdpReported",
    "SendDtmf",
    "SetCodecs",
    "Statistics",
    "Successor",
    "Transfer",
    "TransferReported",
    "TransferTo",
    "Unusable",
    "decode",
    "encode",
]

_KINDS: dict[str, type[Message]] = {}


@dataclass(frozen=True, slots=True)
class Message:
    """Base of all messages; the kind on the wire is the class name."""

    kind: ClassVar[str] = ""


def _message(cls: type[Any]) -> type[Any]:
    _KINDS[cls.__name__] = cls
    return cls


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """What one leg's RTP session has counted: packets, mean jitter in milliseconds.

    ``codec`` and the payload types are what was negotiated; what really crossed the wire is told
    by the capture.
    """

    codec: str
    sent_type: int
    received_type: int
    sent: int
    received: int
    lost: int
    jitter_ms: float


# The first line to the process.


@_message
@dataclass(frozen=True, slots=True)
class PeerSpec(Message):
    """Who the process is to be. ``registrar`` is ``host:port`` or empty."""

    name: str
    extension: str
    tone: int
    address: str
    password: str = dataclasses.field(repr=False)
    registrar: str
    rtp_port: int
    directory: str


# Commands, each answered by one Answered with the same id.


@dataclass(frozen=True, slots=True)
class Command(Message):
    """Base of what a peer asks of its process. ``id`` is set when it is sent."""

    id: int = dataclasses.field(default=0, kw_only=True)


@_message
@dataclass(frozen=True, slots=True)
class Register(Command):
    """Register at the registrar."""


@_message
@dataclass(frozen=True, slots=True)
class SetCodecs(Command):
    """Allow these codecs only, preferred first."""

    names: tuple[str, ...]


@_message
@dataclass(frozen=True, slots=True)
class AutoAnswer(Command):
    """Take incoming calls at once, or let them ring."""

    on: bool


@_message
@dataclass(frozen=True, slots=True)
class Dial(Command):
    """Call an extension or a SIP URI."""

    number: str


@_message
@dataclass(frozen=True, slots=True)
class Answer(Command):
    """Answer an incoming call with a status."""

    call: int
    code: int


@_message
@dataclass(frozen=True, slots=True)
class HangUp(Command):
    """End or refuse a call; code 0 chooses what fits its state."""

    call: int
    code: int


@_message
@dataclass(frozen=True, slots=True)
class HangUpAll(Command):
    """End every call."""


@_message
@dataclass(frozen=True, slots=True)
class Hold(Command):
    """Hold a call."""

    call: int


@_message
@dataclass(frozen=True, slots=True)
class Resume(Command):
    """Take a call off hold."""

    call: int


@_message
@dataclass(frozen=True, slots=True)
class Transfer(Command):
    """Refer the other side to a number."""

    call: int
    number: str


@_message
@dataclass(frozen=True, slots=True)
class TransferTo(Command):
    """Refer the other side to the far end of another call."""

    call: int
    other: int


@_message
@dataclass(frozen=True, slots=True)
class SendDtmf(Command):
    """Send digits as RFC 4733 events, each ``duration_ms`` long and ``gap_ms`` apart."""

    call: int
    digits: str
    duration_ms: int
    gap_ms: int


@_message
@dataclass(frozen=True, slots=True)
class Statistics(Command):
    """Ask what the RTP session of a call has counted."""

    call: int


@_message
@dataclass(frozen=True, slots=True)
class Leave(Command):
    """End calls and registration, then the process."""


# Reports.


@_message
@dataclass(frozen=True, slots=True)
class Alive(Message):
    """The process still turns its loop; said twice a second."""


@_message
@dataclass(frozen=True, slots=True)
class Ready(Message):
    """The SIP port is open at ``local``."""

    local: str
    version: str


@_message
@dataclass(frozen=True, slots=True)
class Unusable(Message):
    """The process cannot work here; it ends after this."""

    summary: str
    expected: str
    hint: str
    usage: bool


@_message
@dataclass(frozen=True, slots=True)
class Answered(Message):
    """The answer to a command: ``fault`` is pjsua2's reason, empty when it was done."""

    id: int
    fault: str = ""
    call: int = 0
    statistics: MediaStatistics | None = None


@_message
@dataclass(frozen=True, slots=True)
class RegistrationReported(Message):
    """The registrar answered; ``expires`` in seconds, 0 after unregistering."""

    code: int
    reason: str
    expires: int


@_message
@dataclass(frozen=True, slots=True)
class CallReported(Message):
    """A call changed state."""

    call: int
    state: str
    code: int
    reason: str
    remote: str
    call_id: str
    statistics: MediaStatistics | None = None


@_message
@dataclass(frozen=True, slots=True)
class MediaReported(Message):
    """A call's audio was (re)negotiated: status is active, held, on hold, none or error."""

    call: int
    status: str
    codec: str
    payload_type: int


@_message
@dataclass(frozen=True, slots=True)
class SdpReported(Message):
    """A session description was sent (``side`` local) or received (remote)."""

    call: int
    side: str
    text: str


@_message
@dataclass(frozen=True, slots=True)
class RecordingStarted(Message):
    """What the call hears is being written to ``path``."""

    call: int
    path: str


@_message
@dataclass(frozen=True, slots=True)
class DigitReported(Message):
    """One RFC 4733 event ended."""

    call: int
    digit: str
    duration_ms: int


@_message
@dataclass(frozen=True, slots=True)
class TransferReported(Message):
    """How the transfer this call asked for is going."""

    call: int
    code: int
    reason: str


@_message
@dataclass(frozen=True, slots=True)
class Successor(Message):
    """A transfer replaced ``call`` by ``successor``."""

    call: int
    successor: int


def encode(message: Message) -> bytes:
    """Return the message as one line."""
    body = {"kind": type(message).__name__, **dataclasses.asdict(message)}
    return json.dumps(body).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message in a line.

    Raises:
        HarnessBug: it is none of ours.
    """
    try:
        values = json.loads(line)
        message_class = _KINDS[values.pop("kind")]
        if values.get("statistics") is not None:
            values["statistics"] = MediaStatistics(**values["statistics"])
        if "names" in values:
            values["names"] = tuple(values["names"])
        missing = {field.name for field in fields(message_class)} - values.keys()
        if missing:
            raise KeyError(*missing)
        return message_class(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessBug(
            f"not a message of a peer's pipe: {line[:200]!r}",
            expected="one JSON object per line, of a kind in harness/sip/messages.py",
        ) from error
