"""Calls put together from the SIP messages seen: who offered what, who answered what, how it ended.

One :class:`WireCall` is one Call-ID: with a PBX between two parties a conversation is two of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.events import Record, SipMessage
from harness.evidence.sip import Sdp, SipText, parse_sip

__all__ = ["CodecEvidence", "Negotiation", "WireCall", "calls_from"]


@dataclass(slots=True)
class Negotiation:
    """One INVITE or UPDATE transaction. ``by`` and ``to`` are ``ip:port``.

    ``offer`` and ``answer`` are in the order of RFC 3264: with an INVITE that brings no SDP the
    200 makes the offer and the ACK answers. ``code`` is the final answer's, 0 while none came.
    """

    by: str
    to: str
    method: str
    cseq: int
    within_dialog: bool
    time: float
    offer: Sdp | None = None
    answer: Sdp | None = None
    offered_by: str = ""
    provisional: list[int] = field(default_factory=list)
    code: int = 0
    reason: str = ""

    def describe(self, source: str, sdp: Sdp | None) -> None:
        """Take a description in the order it came: the first offers, the next answers."""
        if sdp is None:
            return
        if self.offer is None:
            self.offer, self.offered_by = sdp, source
        elif (
            self.answer is None and source.rpartition(":")[0] != self.offered_by.rpartition(":")[0]
        ):
            self.answer = sdp


@dataclass(slots=True)
class WireCall:
    """One Call-ID with everything that was agreed in it."""

    call_id: str
    negotiations: list[Negotiation] = field(default_factory=list)
    ended_by: str = ""
    ended_how: str = ""

    @property
    def initial(self) -> Negotiation | None:
        """The INVITE that began the call: the last try, after any challenge."""
        tries = [item for item in self.negotiations if not item.within_dialog]
        return tries[-1] if tries else None

    @property
    def re_invites(self) -> list[Negotiation]:
        """What was agreed anew later: hold, resume, another codec."""
        return [item for item in self.negotiations if item.within_dialog]

    @property
    def caller(self) -> str:
        """``ip:port`` the first INVITE came from."""
        return self.initial.by if self.initial else ""

    @property
    def callee(self) -> str:
        """``ip:port`` the first INVITE went to."""
        return self.initial.to if self.initial else ""

    @property
    def offer(self) -> Sdp | None:
        """The first offer."""
        return self.initial.offer if self.initial else None

    @property
    def answer(self) -> Sdp | None:
        """The answer to the first offer."""
        return self.initial.answer if self.initial else None

    @property
    def code(self) -> int:
        """Final answer to the first INVITE; 0 while there is none."""
        return self.initial.code if self.initial else 0

    def involves(self, address: str) -> bool:
        """Whether the device at this IP address is an end of the call."""
        return any(
            address in {item.by.rpartition(":")[0], item.to.rpartition(":")[0]}
            for item in self.negotiations
        )

    def media_of(self, address: str, *, own: bool) -> set[str]:
        """``ip:port`` pairs where the device wants audio, or (``own=False``) its partner does."""
        ends: set[str] = set()
        for item in self.negotiations:
            offered_here = item.offered_by.rpartition(":")[0] == address
            sdp = item.offer if offered_here == own else item.answer
            if sdp is not None and sdp.media_port:
                ends.add(f"{sdp.address}:{sdp.media_port}")
        return ends


@dataclass(frozen=True, slots=True)
class CodecEvidence:
    """What three witnesses say about the codec of one call of one phone.

    ``offered`` are the payload types of the offer in order (of codecs: without telephone-event
    and comfort noise), ``answered`` is the first one of the answer (-1: no answer), ``rtp_sent``
    and ``rtp_received`` are the codecs' payload types seen in RTP from and to the phone.
    """

    call_id: str
    offered_by: str
    offered: tuple[int, ...]
    answered: int
    rtp_sent: frozenset[int]
    rtp_received: frozenset[int]
    offer: Sdp
    answer: Sdp | None

    def __str__(self) -> str:
        def names(numbers: Iterable[int]) -> str:
            return ", ".join(f"{self.offer.codec(n)} ({n})" for n in numbers) or "nothing"

        answered = names([self.answered]) if self.answered >= 0 else "nothing"
        return (
            f"offered by {self.offered_by}: {names(self.offered)}; answered: {answered}; "
            f"RTP sent: {names(sorted(self.rtp_sent))}; "
            f"RTP received: {names(sorted(self.rtp_received))}"
        )


def calls_from(records: Iterable[Record]) -> list[WireCall]:
    """Group the SIP messages among ``records`` into calls, oldest first."""
    calls: dict[str, WireCall] = {}
    for record in records:
        event = record.event
        if not isinstance(event, SipMessage):
            continue
        message = parse_sip(event.text.encode())
        if message is not None and message.call_id:
            _take(calls, event, message, record.wall)
    return list(calls.values())


def codec_numbers(sdp: Sdp | None) -> tuple[int, ...]:
    """Payload types of the codecs in a description, in order."""
    if sdp is None or not sdp.media_port:
        return ()
    return tuple(
        number
        for number in sdp.payload_types
        if sdp.codec(number).lower() not in {"telephone-event", "cn"}
    )


def _take(calls: dict[str, WireCall], event: SipMessage, message: SipText, time: float) -> None:
    call = calls.get(message.call_id)
    if call is None:
        # A capture that began inside a call, or a REGISTER: no call to speak of.
        if not message.is_request or message.method != "INVITE":
            return
        call = calls[message.call_id] = WireCall(message.call_id)
    if message.is_request:
        _request(call, event, message, time)
    else:
        _answer(call, event, message)


def _request(call: WireCall, event: SipMessage, message: SipText, time: float) -> None:
    number = message.cseq_number
    if message.method in {"INVITE", "UPDATE"}:
        if _find(call, message.method, number, event.source) is not None:
            return  # sent again
        begun = Negotiation(
            by=event.source,
            to=event.destination,
            method=message.method,
            cseq=number,
            within_dialog=bool(message.to_tag),
            time=time,
        )
        begun.describe(event.source, message.sdp)
        call.negotiations.append(begun)
    elif message.method in {"ACK", "PRACK"}:
        for item in reversed(call.negotiations):
            if item.method == "INVITE" and (item.cseq == number or message.method == "PRACK"):
                item.describe(event.source, message.sdp)
                break
    elif message.method in {"BYE", "CANCEL"} and not call.ended_by:
        call.ended_by, call.ended_how = event.source, message.method


def _answer(call: WireCall, event: SipMessage, message: SipText) -> None:
    item = _find(call, message.method, message.cseq_number, event.destination)
    if item is None:
        return
    if message.status < 200:
        item.provisional.append(message.status)
    elif not item.code:
        item.code, item.reason = message.status, message.reason
    if message.status < 300:
        item.describe(event.source, message.sdp)


def _find(call: WireCall, method: str, number: int, asker: str) -> Negotiation | None:
    """Find a transaction; by IP only: phones send from another port than they listen on."""
    asker_ip = asker.rpartition(":")[0]
    for item in reversed(call.negotiations):
        same = item.method == method and item.cseq == number
        if same and item.by.rpartition(":")[0] == asker_ip:
            return item
    return None
