"""Typed, frozen events: all that was ever seen or done on the bench.

Every observer writes these to the timeline and every wait reads them from it. A payload class
says what happened; the envelope (:class:`Record`) says when, where seen, to which device and in
which test. Payloads hold plain values only, so a line of JSON holds one whole.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

__all__ = [
    "EVENT_KINDS",
    "AmiEvent",
    "CallStateChanged",
    "ClockJumped",
    "ConnectionRefused",
    "DhcpMessage",
    "DtmfHeard",
    "Event",
    "FaultFired",
    "FileRefused",
    "FileRequested",
    "FileServed",
    "KeyPressed",
    "KeyReleased",
    "LampChanged",
    "LampColour",
    "LinkChanged",
    "LogLine",
    "Note",
    "OutletRead",
    "OutletSwitched",
    "PartBack",
    "PartLost",
    "PbxStarted",
    "PbxStopped",
    "PhoneStateChanged",
    "Record",
    "Registered",
    "RegistrationFailed",
    "RtpStreamSeen",
    "SipMessage",
    "StationQuarantined",
    "StatusLogRead",
    "StepEnded",
    "StepStarted",
    "TestEnded",
    "TestStarted",
    "ToneHeard",
    "Unregistered",
]

EVENT_KINDS: dict[str, type[Event]] = {}


class LampColour(StrEnum):
    """What a lamp can show. The line keys of a 79x2 have amber, red and green."""

    DARK = "dark"
    AMBER = "amber"
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all payloads."""

    kind: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        if cls.kind:
            EVENT_KINDS[cls.kind] = cls

    def as_dict(self) -> dict[str, Any]:
        """Return the payload as plain values, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        return " ".join(f"{name}={value}" for name, value in values if value not in ("", None))


@dataclass(frozen=True, slots=True)
class OutletSwitched(Event):
    """An outlet was switched and the new state confirmed."""

    kind = "outlet switched"
    outlet: str
    on: bool
    confirmed_by: str

    def __str__(self) -> str:
        return f"outlet {self.outlet} {'on' if self.on else 'off'}, by {self.confirmed_by}"


@dataclass(frozen=True, slots=True)
class OutletRead(Event):
    """An outlet's state was read back from the PDU: ``on``, ``off`` or ``unknown``."""

    kind = "outlet read"
    outlet: str
    state: str


@dataclass(frozen=True, slots=True)
class KeyPressed(Event):
    """The controller acknowledged that a key is down. ``device_ms`` is its own clock."""

    kind = "key pressed"
    key: str
    device_ms: int


@dataclass(frozen=True, slots=True)
class KeyReleased(Event):
    """The controller acknowledged that a key is up."""

    kind = "key released"
    key: str
    device_ms: int


@dataclass(frozen=True, slots=True)
class LampChanged(Event):
    """A lamp changed as seen by the keypad's light sensors (``line1``..``line6``, ``mwi``)."""

    kind = "lamp"
    lamp: str
    colour: LampColour
    device_ms: int

    def __str__(self) -> str:
        return f"{self.lamp} {self.colour}"


@dataclass(frozen=True, slots=True)
class DhcpMessage(Event):
    """One DHCP message: DISCOVER, OFFER, REQUEST, ACK, NAK, RELEASE ...

    ``mac`` is the phone's, twelve upper-case digits; ``options`` by number as the server's log
    words them, ``siaddr`` for the header's next server.
    """

    kind = "dhcp"
    message: str
    mac: str
    address: str
    options: dict[str, str]
    remark: str = ""

    def __str__(self) -> str:
        named = {"60": "class", "12": "name", "150": "option 150", "66": "option 66"}
        told = [f"{name} {self.options[key]}" for key, name in named.items() if key in self.options]
        return " ".join(filter(None, [f"DHCP{self.message}", self.address, *told, self.remark]))


@dataclass(frozen=True, slots=True)
class LinkChanged(Event):
    """A port of the switch got or lost the link to the phone on it."""

    kind = "link"
    port: str
    up: bool

    def __str__(self) -> str:
        return f"link {'up' if self.up else 'down'} on {self.port}"


@dataclass(frozen=True, slots=True)
class FileRequested(Event):
    """A phone asked the TFTP server for a file."""

    kind = "file requested"
    name: str
    address: str
    port: int
    protocol: str = "tftp"

    def __str__(self) -> str:
        return f"{self.protocol} asks {self.name} from port {self.port}"


@dataclass(frozen=True, slots=True)
class FileServed(Event):
    """A transfer completed, last block acknowledged. Sizes in bytes, time in seconds."""

    kind = "file served"
    name: str
    address: str
    port: int
    size: int
    blocks: int
    resent: int
    duration: float
    protocol: str = "tftp"

    def __str__(self) -> str:
        return f"{self.name}: {self.size} bytes, {self.blocks} blocks, {self.duration:.2f} s"


@dataclass(frozen=True, slots=True)
class FileRefused(Event):
    """A request was answered with an error, or a transfer was given up."""

    kind = "file refused"
    name: str
    address: str
    port: int
    code: int
    reason: str
    protocol: str = "tftp"

    def __str__(self) -> str:
        return f"{self.name} is not sent: {self.protocol} error {self.code}, {self.reason}"


@dataclass(frozen=True, slots=True)
class FaultFired(Event):
    """A fault the harness was told to make came about."""

    kind = "fault fired"
    fault: str
    file: str


@dataclass(frozen=True, slots=True)
class StatusLogRead(Event):
    """The phone's own status messages, a line each, or why they could not be read."""

    kind = "status log read"
    text: str


@dataclass(frozen=True, slots=True)
class LogLine(Event):
    """A line of somebody's log: ``log`` is ``asterisk``, ``tftp``, ``phone`` or ``other``."""

    kind = "log line"
    log: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ConnectionRefused(Event):
    """A TCP connection was asked for and reset at once: nobody listens there."""

    kind = "connection refused"
    source: str
    destination: str

    def __str__(self) -> str:
        return f"{self.destination} refuses TCP from {self.source}"


@dataclass(frozen=True, slots=True)
class PbxStarted(Event):
    """Asterisk said FullyBooted."""

    kind = "pbx started"
    version: str
    runtime: str


@dataclass(frozen=True, slots=True)
class PbxStopped(Event):
    """Asterisk ended: ``asked`` tells whether the harness wanted it."""

    kind = "pbx stopped"
    asked: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PartLost(Event):
    """A part of the bench (a peer, the capture, a keypad, the disk) failed by itself.

    ``phone`` names the only ones whose tests need it, with a space between; empty: nothing can be
    shown without it.
    """

    kind = "part lost"
    part: str
    reason: str
    phone: str = ""
    hint: str = ""

    def needed_by(self, *phones: str) -> bool:
        """Whether a test of one of these phones, or of none in particular, needs it."""
        return not self.phone or not {*self.phone.split()}.isdisjoint(phones)

    def __str__(self) -> str:
        return f"{self.part}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PartBack(Event):
    """A part of the bench that was lost works again."""

    kind = "part back"
    part: str

    def __str__(self) -> str:
        return f"{self.part} works again"


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """Something that is needed is somebody else's, and it is waited for."""

    kind = "waiting"
    what: str

    def __str__(self) -> str:
        return f"waiting for {self.what}"


@dataclass(frozen=True, slots=True)
class ClockJumped(Event):
    """The host's clock was set, by so many seconds; times on the timeline do not follow it."""

    kind = "clock jumped"
    seconds: float

    def __str__(self) -> str:
        way = "forward" if self.seconds > 0 else "back"
        return f"the host's clock was set {way} by {abs(self.seconds):.1f} s"


@dataclass(frozen=True, slots=True)
class AmiEvent(Event):
    """Any other manager event, kept as received."""

    kind = "ami"
    name: str
    fields: dict[str, str]

    def __str__(self) -> str:
        return self.name + " " + " ".join(f"{k}={v}" for k, v in self.fields.items())


@dataclass(frozen=True, slots=True)
class Registered(Event):
    """The PBX holds a contact for the address of record (from AMI ContactStatus)."""

    kind = "registered"
    aor: str
    contact: str
    expires: int = 0


@dataclass(frozen=True, slots=True)
class Unregistered(Event):
    """The PBX dropped a contact."""

    kind = "unregistered"
    aor: str
    contact: str


@dataclass(frozen=True, slots=True)
class RegistrationFailed(Event):
    """The PBX refused a registration or its credentials (from AMI security events)."""

    kind = "registration failed"
    aor: str
    reason: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class CallStateChanged(Event):
    """A peer's call changed state: calling, ringing, early, connecting, confirmed, ended."""

    kind = "call"
    call: str
    state: str
    code: int = 0
    reason: str = ""
    remote: str = ""

    def __str__(self) -> str:
        code = f" ({self.code} {self.reason})" if self.code else ""
        return f"call {self.call} {self.state}{code} {self.remote}".rstrip()


@dataclass(frozen=True, slots=True)
class DtmfHeard(Event):
    """One RFC 4733 digit as it reached an ear. Duration in milliseconds, 0 when not known."""

    kind = "dtmf"
    digit: str
    duration_ms: int
    heard_by: str


@dataclass(frozen=True, slots=True)
class ToneHeard(Event):
    """A measurement of one ear: ``levels`` gives each known tone's level in dBFS."""

    kind = "tones"
    heard_by: str
    heard: tuple[str, ...]
    levels: dict[str, float]

    def __str__(self) -> str:
        return f"{self.heard_by} hears {', '.join(self.heard) or 'silence'}"


@dataclass(frozen=True, slots=True)
class RtpStreamSeen(Event):
    """The first packet of an RTP stream crossed the capture."""

    kind = "rtp"
    source: str
    destination: str
    ssrc: int
    payload_type: int

    def __str__(self) -> str:
        return f"RTP {self.source} > {self.destination} payload type {self.payload_type}"


@dataclass(frozen=True, slots=True)
class SipMessage(Event):
    """One SIP message as it crossed the wire; addresses are ``ip:port``."""

    kind = "sip"
    source: str
    destination: str
    start_line: str
    call_id: str
    cseq: str
    text: str

    def __str__(self) -> str:
        return f"{self.source} > {self.destination}  {self.start_line}"


@dataclass(frozen=True, slots=True)
class PhoneStateChanged(Event):
    """The harness's view of a phone: OFF, BOOTING, UPGRADING, ... READY."""

    kind = "phone state"
    state: str
    why: str

    def __str__(self) -> str:
        return f"{self.state}: {self.why}"


@dataclass(frozen=True, slots=True)
class StationQuarantined(Event):
    """A station failed the health check before the night, so none of its tests is run."""

    kind = "station quarantined"
    reason: str

    def __str__(self) -> str:
        return f"quarantined: {self.reason}"


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """The harness began to do something a person would name."""

    kind = "step started"
    step: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class StepEnded(Event):
    """The step ended; ``outcome`` is ``done`` or the error's class name."""

    kind = "step ended"
    step: int
    name: str
    duration: float
    outcome: str

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome} after {self.duration:.2f} s"


@dataclass(frozen=True, slots=True)
class TestStarted(Event):
    """A test began."""

    kind = "test started"
    __test__ = False  # pytest would take the name for a test class
    name: str


@dataclass(frozen=True, slots=True)
class TestEnded(Event):
    """A test ended with a verdict and the reason for it."""

    kind = "test ended"
    __test__ = False  # pytest would take the name for a test class
    name: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Note(Event):
    """Anything else worth a line: what a device's log or a process said."""

    kind = "note"
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Record:
    """The envelope of one event.

    ``mono`` is seconds of ``CLOCK_MONOTONIC`` (for intervals), ``wall`` seconds since the epoch by
    the run's own clock, which nobody sets (for people), ``source`` the observer (``pdu-1``,
    ``tftp``, ``pbx``, ``capture`` ...) and ``device`` the name in lab.yaml of the thing it is
    about, or empty.
    """

    seq: int
    mono: float
    wall: float
    source: str
    device: str
    test: str
    event: Event

    def as_dict(self) -> dict[str, Any]:
        """Return envelope and payload as plain values, ready for one line of JSON."""
        return {
            "seq": self.seq,
            "mono": round(self.mono, 6),
            "wall": round(self.wall, 6),
            "source": self.source,
            "device": self.device,
            "test": self.test,
            "kind": self.event.kind,
            "event": self.event.as_dict(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Record:
        """Rebuild a record from :meth:`as_dict`.

        Raises:
            KeyError: the kind or a member is not known to this version.
        """
        values = dict(plain["event"])
        payload_class = EVENT_KINDS[plain["kind"]]
        if "heard" in values:
            values["heard"] = tuple(values["heard"])
        if "colour" in values:
            values["colour"] = LampColour(values["colour"])
        return cls(
            seq=plain["seq"],
            mono=plain["mono"],
            wall=plain["wall"],
            source=plain["source"],
            device=plain["device"],
            test=plain["test"],
            event=payload_class(**values),
        )
