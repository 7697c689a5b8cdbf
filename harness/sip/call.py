"""One call of a peer, as a test handles it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import ProductFault
from harness.events import CallStateChanged, DtmfHeard
from harness.sip.hearing import CallEar
from harness.timeline import Mark

if TYPE_CHECKING:
    from harness.sip.peer import Peer

__all__ = ["MediaStatistics", "PeerCall"]

_ORDER = ("calling", "incoming", "ringing", "connecting", "confirmed", "ended")


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """What the peer's RTP session counted: packets, mean jitter in ms, payload types."""

    codec: str
    sent_type: int
    received_type: int
    sent: int
    received: int
    lost: int
    jitter_ms: float


class PeerCall:
    """One call leg of a peer; made by :meth:`Peer.dial` and :meth:`Peer.wait_incoming`."""

    def __init__(self, peer: Peer, number: int, since: Mark) -> None:
        self._peer = peer
        self.number = number
        self.since = since
        self.ear = CallEar(peer.name, peer.observe)
        self.state = "calling"
        self.last_code = 0

    @property
    def name(self) -> str:
        """Name of the call in events, e.g. ``alice#1``."""
        return f"{self._peer.name}#{self.number}"

    def wait_state(self, state: str, *, within: float) -> None:
        """Wait for ``ringing``, ``confirmed`` or ``ended``.

        Raises:
            ProductFault: the call did not get there in time, or ended before.
        """

        def reached(event: CallStateChanged) -> bool:
            return event.call == self.name and event.state in (state, "ended")

        event = self._peer.timeline.wait_for(
            CallStateChanged,
            device=self._peer.name,
            since=self.since,
            within=within,
            where=reached,
            expected=f"call {self.name} {state}",
            hint="read the SIP ladder of this test",
        )
        if event.state != state:
            raise ProductFault(
                f"call {self.name} ended with {event.code} {event.reason}",
                device=self._peer.name,
                expected=f"it to be {state}",
            )

    def answer(self, code: int = 200) -> None:
        """Answer an incoming call, 200 to take it."""
        self._peer.ask("answer", call=self.number, code=code)

    def hangup(self, code: int = 0) -> None:
        """End the call, or refuse it with ``code``."""
        self._peer.ask("hangup", call=self.number, code=code)

    def hold(self) -> None:
        """Put the other side on hold."""
        self._peer.ask("hold", call=self.number)

    def resume(self) -> None:
        """Take the other side off hold."""
        self._peer.ask("resume", call=self.number)

    def blind_transfer(self, number: str) -> None:
        """REFER the other side to ``number``."""
        self._peer.ask("transfer", call=self.number, number=number)

    def attended_transfer(self, other: PeerCall) -> None:
        """REFER the other side to the far end of ``other`` (Replaces)."""
        self._peer.ask("transfer_to", call=self.number, other=other.number)

    def send_dtmf(self, digits: str, duration_ms: int = 160) -> None:
        """Queue digits as RFC 4733 events of ``duration_ms`` each."""
        self._peer.ask("dtmf", call=self.number, digits=digits, duration=duration_ms)

    def dtmf_heard(self) -> list[DtmfHeard]:
        """Return every digit that reached this leg, oldest first."""
        return self._peer.timeline.events(
            DtmfHeard,
            device=self._peer.name,
            since=self.since,
            where=lambda event: event.heard_by == self.name,
        )

    def wait_dtmf(self, count: int, *, within: float, settle: float = 0.5) -> list[DtmfHeard]:
        """Wait until ``count`` digits were heard and return all that came.

        After the last one it listens for ``settle`` seconds more, so that a doubled digit is
        among what is returned.
        """
        timeline = self._peer.timeline
        timeline.wait_until(lambda _: len(self.dtmf_heard()) >= count, within=within)
        timeline.wait_until(lambda _: len(self.dtmf_heard()) > count, within=settle)
        return self.dtmf_heard()

    def statistics(self) -> MediaStatistics:
        """Return what the peer's RTP session has counted so far."""
        answer = self._peer.ask("statistics", call=self.number)
        return MediaStatistics(**{name: answer[name] for name in MediaStatistics.__slots__})
