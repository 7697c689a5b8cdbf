"""One call of a peer, as a test handles it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from harness.errors import ProductFault
from harness.events import DtmfHeard
from harness.sip.hearing import CallEar
from harness.softphone.messages import (
    Answer,
    Answered,
    CallReported,
    Command,
    HangUp,
    Hold,
    MediaReported,
    MediaStatistics,
    Resume,
    SendDtmf,
    Statistics,
    Transfer,
    TransferReported,
    TransferTo,
)
from harness.timeline import Observer

__all__ = ["Codec", "PeerCall"]

T = TypeVar("T")

_REINVITE_SECONDS = 5.0
#: What a state that was waited for may be called, and what comes only after it.
_MEANS = {
    "ringing": {"ringing", "early"},
    "early": {"early", "ringing"},
    "confirmed": {"confirmed"},
    "ended": {"ended"},
}
_LATER = {
    "ringing": {"connecting", "confirmed", "ended"},
    "early": {"connecting", "confirmed", "ended"},
    "confirmed": {"ended"},
    "ended": set[str](),
}


@dataclass(frozen=True, slots=True)
class Codec:
    """A negotiated codec: its name in SDP and its RTP payload type."""

    name: str
    payload_type: int


class Owner(Protocol):
    """What a call needs of its peer."""

    name: str
    observe: Observer

    @property
    def changed(self) -> threading.Condition:
        """Notified after each report of the peer's process, and at its end."""

    def ask(self, command: Command) -> Answered:
        """Send a command and return its answer."""

    def check(self) -> None:
        """Raise BenchFault when the peer's process is gone."""

    def numbered(self, number: int) -> PeerCall:
        """Return the call with this number."""

    def dialable(self, number: str) -> str:
        """Return what to dial; raise UsageFault when there is no PBX to find it at."""


class PeerCall:
    """One call leg of a peer; made by :meth:`Peer.dial` and :meth:`Peer.wait_incoming`.

    Attributes:
        number: the call's number at this peer, from 1.
        state: calling, incoming, ringing, early, connecting, confirmed or ended.
        last_code: the SIP status of the last answer sent or received.
        last_reason: its reason phrase.
        call_id: the SIP Call-ID; empty until the INVITE is out.
        remote: the other side's name and URI.
        local_sdp: the session description last sent, whole.
        remote_sdp: the one last received.
        ear: what the peer hears in this call.
    """

    def __init__(self, peer: Owner, number: int) -> None:
        self._peer = peer
        self.number = number
        self.state = "calling"
        self.last_code = 0
        self.last_reason = ""
        self.call_id = ""
        self.remote = ""
        self.local_sdp = ""
        self.remote_sdp = ""
        self._states: list[CallReported] = []
        self._media: list[MediaReported] = []
        self._digits: list[DtmfHeard] = []
        self._transfer: TransferReported | None = None
        self._successor: int | None = None
        self._final: MediaStatistics | None = None
        self.ear = CallEar(peer.name, peer.observe, peer.changed, lambda: self.state, peer.check)

    def __repr__(self) -> str:
        return f"<PeerCall {self.id} {self.state}>"

    @property
    def name(self) -> str:
        """The call's short name, e.g. ``alice#1``."""
        return f"{self._peer.name}#{self.number}"

    @property
    def id(self) -> str:
        """The call's name in events: the short name and the SIP Call-ID."""
        return f"{self.name}/{self.call_id}"

    @property
    def codec(self) -> Codec | None:
        """The codec negotiated last; None before there was any."""
        with self._peer.changed:
            return next(
                (Codec(m.codec, m.payload_type) for m in reversed(self._media) if m.codec), None
            )

    def wait_state(self, state: str, *, within: float) -> None:
        """Wait for ``ringing``, ``early``, ``confirmed`` or ``ended``, now or in the past.

        ``ringing`` is met by 180 and by 183.

        Raises:
            ProductFault: the call did not get there in time, or went past it.
            BenchFault: the peer's process is gone.
        """
        decisive = _MEANS[state] | _LATER[state]
        found = self._wait(
            lambda: next((r for r in self._states if r.state in decisive), None), within
        )
        if found is None:
            raise self._fault(f"the call is not {state}", f"{state} within {within:.1f} s")
        if found.state not in _MEANS[state]:
            answer = f": {found.code} {found.reason}" if found.state == "ended" else ""
            raise self._fault(f"the call was {found.state} without being {state}{answer}", state)

    def answer(self, code: int = 200) -> None:
        """Answer an incoming call: 200 takes it, 180 lets it ring, 486 and others refuse it."""
        self._peer.ask(Answer(self.number, code))

    def hangup(self, code: int = 0) -> None:
        """End the call; an unanswered incoming one is refused with ``code`` (0: 603)."""
        self._peer.ask(HangUp(self.number, code))

    def hold(self, *, within: float = _REINVITE_SECONDS) -> None:
        """Put the other side on hold and wait until it has agreed.

        Raises:
            ProductFault: the re-INVITE was not accepted in time.
        """
        with self._peer.changed:
            since = len(self._media)
        self._peer.ask(Hold(self.number))
        self._wait_media(since, lambda status: status == "on hold", "on hold", within)

    def resume(self, *, within: float = _REINVITE_SECONDS) -> None:
        """Take the other side off hold and wait until it has agreed.

        Raises:
            ProductFault: the re-INVITE was not accepted in time.
        """
        with self._peer.changed:
            since = len(self._media)
        self._peer.ask(Resume(self.number))
        self._wait_media(since, lambda status: status != "on hold", "active again", within)

    def blind_transfer(self, number: str) -> None:
        """REFER the other side to an extension or SIP URI; see :meth:`wait_transferred`."""
        self._peer.ask(Transfer(self.number, self._peer.dialable(number)))

    def attended_transfer(self, other: PeerCall) -> None:
        """REFER the other side to the far end of ``other`` (Replaces, RFC 3891)."""
        self._peer.ask(TransferTo(self.number, other.number))

    def wait_transferred(self, *, within: float) -> None:
        """Wait until the transfer this call asked for has succeeded; the call then ends.

        Raises:
            ProductFault: it was refused, or not heard of in time.
        """
        found = self._wait(
            lambda: self._transfer if self._transfer and self._transfer.code >= 200 else None,
            within,
        )
        if found is None:
            last = self._transfer
            heard = f"{last.code} {last.reason}" if last else "no NOTIFY"
            raise self._fault(
                f"the transfer is not done: {heard}",
                f"a NOTIFY with 200 within {within:.1f} s",
            )
        if found.code >= 300:
            raise self._fault(
                f"the transfer was refused: {found.code} {found.reason}", "a NOTIFY with 200"
            )

    def wait_successor(self, *, within: float) -> PeerCall:
        """Wait for the call that a transfer by the other side puts in this one's place.

        Raises:
            ProductFault: no REFER, and no INVITE with Replaces, came in time.
        """
        found = self._wait(lambda: self._successor, within)
        if found is None:
            raise self._fault(
                "nobody transferred this call", f"REFER or Replaces within {within:.1f} s"
            )
        return self._peer.numbered(found)

    def send_dtmf(self, digits: str, duration_ms: int = 160, gap_ms: int = 90) -> None:
        """Queue digits (0-9 * # A-D) as RFC 4733 events; returns at once.

        Args:
            digits: in the order to send them.
            duration_ms: of each event, 40 to 2000.
            gap_ms: between two events, 0 or more; an event's end packets take 60 of them.
        """
        self._peer.ask(SendDtmf(self.number, digits, duration_ms, gap_ms))

    def dtmf_heard(self) -> list[DtmfHeard]:
        """Return every digit that reached this leg, oldest first."""
        with self._peer.changed:
            return list(self._digits)

    def wait_dtmf(self, count: int, *, within: float, settle: float = 0.5) -> list[DtmfHeard]:
        """Wait until ``count`` digits were heard and return all that came.

        After the last one it listens for ``settle`` seconds more, so that a doubled digit is
        among what is returned. Fewer than ``count`` are returned when the deadline passes.
        """
        self._wait(lambda: len(self._digits) >= count or None, within)
        self._wait(lambda: len(self._digits) > count or None, settle)
        return self.dtmf_heard()

    def statistics(self) -> MediaStatistics:
        """Return what the RTP session has counted: so far, or in all once the call has ended.

        Raises:
            ProductFault: the call has, or had, no RTP session.
        """
        if self.state != "ended":
            found = self._peer.ask(Statistics(self.number)).statistics
            if found is not None:
                return found
        if self._final is None:
            raise self._fault("the call has no RTP session", "negotiated audio")
        return self._final

    # What the peer's process reports, in its reader's thread.

    def take_state(self, report: CallReported) -> None:
        """The call changed state."""
        with self._peer.changed:
            self.state, self.last_code, self.last_reason = (
                report.state,
                report.code,
                report.reason,
            )
            self.call_id = report.call_id or self.call_id
            self.remote = report.remote
            self._final = report.statistics or self._final
            self._states.append(report)

    def take_media(self, report: MediaReported) -> None:
        """The call's audio was negotiated."""
        with self._peer.changed:
            self._media.append(report)

    def take_digit(self, digit: DtmfHeard) -> None:
        """A digit reached this leg."""
        with self._peer.changed:
            self._digits.append(digit)

    def take_transfer(self, report: TransferReported) -> None:
        """The transfer this call asked for made progress."""
        with self._peer.changed:
            self._transfer = report

    def take_successor(self, number: int) -> None:
        """A transfer puts another call in this one's place."""
        with self._peer.changed:
            self._successor = number

    def take_sdp(self, side: str, text: str) -> None:
        """A session description was sent (local) or received (remote)."""
        with self._peer.changed:
            if side == "local":
                self.local_sdp = text
            else:
                self.remote_sdp = text

    def _wait(self, condition: Callable[[], T | None], within: float) -> T | None:
        """Wait until ``condition`` gives something; None at the deadline."""
        deadline = time.monotonic() + within
        with self._peer.changed:
            while True:
                found = condition()
                if found is not None:
                    return found
                self._peer.check()
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._peer.changed.wait(left)

    def _wait_media(
        self, since: int, agreed: Callable[[str], bool], what: str, within: float
    ) -> None:
        found = self._wait(
            lambda: next((m for m in self._media[since:] if agreed(m.status)), None), within
        )
        if found is None:
            raise self._fault(f"the call is not {what}", f"a 200 within {within:.1f} s")

    def _fault(self, summary: str, expected: str) -> ProductFault:
        answer = f", last answer {self.last_code} {self.last_reason}" if self.last_code else ""
        return ProductFault(
            summary,
            device=self._peer.name,
            state=f"call {self.id} with {self.remote or 'nobody yet'} is {self.state}{answer}",
            expected=expected,
            hint="read the SIP ladder of this test",
        )
