"""SIP as a phone speaks it: which messages, their headers in order, values, bodies and times."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from harness.drift.aspects import ASPECTS, NONE, Sight
from harness.drift.masks import Masks
from harness.drift.recording import Recording, Station
from harness.events import SipMessage
from harness.evidence import COMPACT_HEADERS, Sdp, SipText, parse_sip
from harness.runs.history import codec_order, header_order, message_kind

__all__ = ["signalling"]

#: Sent because of timers, lamps or the PBX's own curiosity: no test makes them come or not.
_OUTSIDE = {"REGISTER", "OPTIONS", "SUBSCRIBE", "PUBLISH"}
#: What an answer repeats of its request is the PBX's word.
_ECHOED = {"via", "from", "call-id", "cseq", "record-route"}
_REMOTECC = "application/x-cisco-remotecc"
_REMOVES = re.compile(r";\s*expires=0\b", re.IGNORECASE)
#: A registration sooner than this after another is its repetition with credentials.
_REFRESH_S = 5.0

_See = Callable[[str, str, str | float], Sight]


@dataclass
class _Talk:
    """What one phone said and heard so far, as far as later messages are told by it."""

    masks: Masks
    calls: set[str] = field(default_factory=set)
    began: set[str] = field(default_factory=set)
    asked: dict[tuple[str, str], float] = field(default_factory=dict)
    refused: set[tuple[str, int]] = field(default_factory=set)
    heard: set[tuple[str, str]] = field(default_factory=set)
    sent: dict[tuple[str, str, int], tuple[float, int]] = field(default_factory=dict)
    registered: float = 0.0

    def hear(self, message: SipText, time: float) -> None:
        """Take what the phone received."""
        if message.is_request:
            self.asked.setdefault((message.call_id, message.cseq), time)
            if message.method == "INVITE":
                self.calls.add(message.call_id)
            return
        self.heard.add((message.call_id, message.cseq))
        if message.method == "INVITE" and message.status >= 300:
            self.refused.add((message.call_id, message.cseq_number))


def signalling(recording: Recording) -> Iterator[Sight]:
    """Yield what the phones of a recording were seen to say by SIP."""
    hosts = recording.hosts
    talks = {
        name: _Talk(Masks.of(station.mac, station.addresses, hosts, station.users))
        for name, station in recording.stations.items()
    }
    for index, record in enumerate(recording.records):
        event = record.event
        message = parse_sip(event.text.encode()) if isinstance(event, SipMessage) else None
        if message is None or not isinstance(event, SipMessage):
            continue
        heard = recording.at(event.destination)
        if heard is not None:
            talks[heard.name].hear(message, record.mono)
        said = recording.at(event.source)
        if said is not None:
            port = event.source.rpartition(":")[2]
            yield from _said(recording, index, said, talks[said.name], message, port)


def _said(
    recording: Recording, index: int, station: Station, talk: _Talk, message: SipText, port: str
) -> Iterator[Sight]:
    record = recording.records[index]
    if message.method in {"INVITE", "REFER"}:
        talk.calls.add(message.call_id)
    outside = message.method in _OUTSIDE or (
        message.method == "NOTIFY" and message.call_id not in talk.calls
    )
    place = recording.place(index)

    def sight(aspect: str, subject: str, value: str | float) -> Sight:
        test = record.test if ASPECTS[aspect].per_test else ""
        return Sight(station.name, test, aspect, subject, value, place)

    if (yield from _times(record.mono, talk, message, sight, outside=outside)):
        # The same bytes again tell nothing new.
        return
    kind = _kind(talk, message)
    transport = message.via.partition(" ")[0]
    yield sight("sip.port", transport, "5060" if port == "5060" else "one of its own")
    if message.method == "REGISTER" and message.is_request:
        area = "register"
        if _removes(message):
            yield sight("register.removed", "", "yes")
        yield from _refresh(record.mono, talk, message, sight)
    elif outside:
        area = "asked"
    else:
        area = "call"
        yield sight("call.messages", "", kind)
    yield from _headers(area, kind, talk.masks, message, sight)
    if not outside and message.is_request and message.call_id not in talk.began:
        talk.began.add(message.call_id)
        if message.method != "ACK":
            yield sight("call.values", f"first CSeq of {kind}", str(message.cseq_number))
    if message.method == "REFER" and message.is_request:
        yield from _refer(talk.masks, message, sight)
    elif message.sdp is not None:
        yield from _session(message.sdp, message.body, kind, talk.masks, sight)
    elif message.body.strip() and not outside:
        yield sight("call.body", kind, talk.masks.body(message.body))


def _times(
    time: float, talk: _Talk, message: SipText, sight: _See, *, outside: bool
) -> Generator[Sight, None, bool]:
    """Tell how long an answer or a repetition took; return whether it is a repetition."""
    key = (message.call_id, message.cseq, message.status)
    before = talk.sent.get(key)
    talk.sent[key] = (time, before[1] + 1 if before else 0)
    if before is not None:
        if message.is_request and (message.call_id, message.cseq) not in talk.heard:
            subject = f"{message.method}, repetition {before[1] + 1}"
            yield sight("sip.resend", subject, time - before[0])
        return True
    asked = talk.asked.pop((message.call_id, message.cseq), None)
    # When a call is taken is a person's doing.
    taken = message.method == "INVITE" and 200 <= message.status < 300
    if not message.is_request and asked is not None and not taken and not outside:
        yield sight("call.answer", message_kind(message), time - asked)
    return False


def _refresh(time: float, talk: _Talk, message: SipText, sight: _See) -> Iterator[Sight]:
    if _removes(message) or message.header("reason"):
        talk.registered = 0.0
    elif talk.registered and time - talk.registered > _REFRESH_S:
        yield sight("register.refresh", "", time - talk.registered)
    if not _removes(message):
        talk.registered = time


def _kind(talk: _Talk, message: SipText) -> str:
    """Name a message with what its shape depends on."""
    known = "with" if message.header("authorization") else "without"
    if not message.is_request:
        return message_kind(message)
    if message.method == "REGISTER":
        if _removes(message):
            return f"REGISTER that takes the contact away, {known} credentials"
        return f"REGISTER{' of a boot' if message.header('reason') else ''}, {known} credentials"
    if message.method == "INVITE" and message.to_tag:
        held = message.sdp is not None and message.sdp.held
        return "INVITE to hold" if held else "INVITE in a call"
    if message.method == "INVITE":
        return "INVITE" if known == "without" else "INVITE with credentials"
    if message.method == "ACK":
        refused = (message.call_id, message.cseq_number) in talk.refused
        return "ACK of a refusal" if refused else "ACK"
    if message.method == "REFER":
        return f"REFER ({'conference' if _is_remotecc(message) else 'transfer'})"
    return message_kind(message)


def _removes(message: SipText) -> bool:
    return message.header("expires") == "0" or bool(_REMOVES.search(message.contact))


def _is_remotecc(message: SipText) -> bool:
    return message.header("content-type").startswith(_REMOTECC)


def _headers(area: str, kind: str, masks: Masks, message: SipText, sight: _See) -> Iterator[Sight]:
    told = header_order(message)
    yield sight(f"{area}.headers", kind, ", ".join(told))
    if message.is_request:
        uri = masks.text(f"<{message.uri}>")
        yield sight(f"{area}.values", f"request URI of {kind}", uri)
    for name in dict.fromkeys(each.lower() for each in told):
        if not message.is_request and name in _ECHOED:
            continue
        # A compact name is told by the order of the headers.
        values = message.headers.get(COMPACT_HEADERS.get(name, name), ())
        value = ", ".join(masks.header(COMPACT_HEADERS.get(name, name), each) for each in values)
        digest = name.endswith("authorization") and area == "register"
        aspect = "register.digest" if digest else f"{area}.values"
        yield sight(aspect, f"{COMPACT_HEADERS.get(name, name).title()} of {kind}", value)


def _refer(masks: Masks, message: SipText, sight: _See) -> Iterator[Sight]:
    if _is_remotecc(message):
        event = re.search(r"<softkeyevent>(\w+)<", message.body)
        yield sight("refer.remotecc", event[1] if event else "", masks.body(message.body))
    else:
        by = "with" if "replaces=" in message.header("refer-to").lower() else "without"
        yield sight("refer.transfer", "", f"{by} Replaces")


def _session(sdp: Sdp, body: str, kind: str, masks: Masks, sight: _See) -> Iterator[Sight]:
    yield sight("sdp.codecs", kind, ", ".join(codec_order(sdp)) or NONE)
    yield sight("sdp.direction", kind, sdp.direction)
    form: list[str] = []
    parameters: list[str] = []
    for line in filter(None, (each.strip() for each in body.splitlines())):
        if line.startswith(("a=rtpmap:", "a=fmtp:")):
            if line.startswith("a=fmtp:"):
                parameters.append(line)
            if form[-1:] != ["a=rtpmap, a=fmtp"]:
                form.append("a=rtpmap, a=fmtp")
        elif line.startswith("m="):
            form.append(re.sub(r"^(m=\w+) \d+ (\S+).*", r"\1 <port> \2", line))
        elif line.startswith("o="):
            form.append(masks.text(re.sub(r"^(o=\S+) \d+ \d+", r"\1 <number>", line)))
        elif not line.startswith(("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive")):
            form.append(masks.text(line))
    yield sight("sdp.form", kind, " | ".join(form))
    yield sight("sdp.parameters", kind, ", ".join(sorted(parameters)) or NONE)
