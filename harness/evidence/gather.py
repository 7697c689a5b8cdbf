"""What one test asks of the wire: the codec of a call, the digits heard, the calls made."""

from __future__ import annotations

import time

from harness.errors import Inconclusive, ProductFault
from harness.events import DtmfHeard, Record
from harness.evidence.calls import CodecEvidence, WireCall, calls_from, codec_numbers
from harness.evidence.capture import Capture
from harness.evidence.ear import WireEar, WireMouth
from harness.evidence.rtp import RtpStream
from harness.evidence.sip import STATIC_PAYLOADS
from harness.timeline import Mark, Timeline

__all__ = ["Evidence"]

_COMFORT_NOISE = 13


class Evidence:
    """Ask what crossed the wire since a mark (the test's beginning).

    Args:
        timeline: where the capture writes.
        capture: the running capture.
        since: the mark from which things count.
    """

    def __init__(self, timeline: Timeline, capture: Capture, since: Mark = 0) -> None:
        self._timeline = timeline
        self._capture = capture
        self.since = since

    def calls(self, address: str = "", since: Mark | None = None) -> list[WireCall]:
        """The calls seen, oldest first; only those of the device at ``address`` when given."""
        records = self._timeline.records(self.since if since is None else since)
        return [c for c in calls_from(records) if not address or c.involves(str(address))]

    def codec(
        self, phone_address: str, since: Mark | None = None, *, within: float = 2.0
    ) -> CodecEvidence:
        """The codec of the newest call of the device at an IP address, by three witnesses.

        Waits up to ``within`` seconds for RTP in both directions; what has not been seen by then
        is left empty for the test to judge. Only RTP since the call's last agreement counts.

        Raises:
            Inconclusive: no call with an offer was seen at that address.
            BenchFault: the capture is not running.
        """
        address = str(phone_address)
        deadline = time.monotonic() + within
        changed = self._capture.rtp.changed
        while True:
            self._capture.check()
            seen = self._codec_now(address, since)
            left = deadline - time.monotonic()
            if left <= 0 or (seen.answered >= 0 and seen.rtp_sent and seen.rtp_received):
                return seen
            with changed:
                changed.wait(min(left, 0.1))

    def wait_dtmf(
        self, heard_by: str, count: int, *, within: float, since: Mark | None = None
    ) -> list[DtmfHeard]:
        """Wait until ``count`` digits reached a device (name or address); return all that did.

        Returns a little after the last one, so that a digit too many is returned as well.

        Raises:
            ProductFault: fewer digits came within the deadline (seconds).
            BenchFault: the capture died.
        """
        mark = self.since if since is None else since

        def digits() -> list[DtmfHeard]:
            return self._timeline.events(
                DtmfHeard, since=mark, where=lambda event: event.heard_by == str(heard_by)
            )

        enough = self._timeline.wait_until(
            lambda records: _count(records, str(heard_by)) >= count, within=within, since=mark
        )
        self._capture.check()
        if not enough:
            got = "".join(event.digit for event in digits()) or "none"
            raise ProductFault(
                f"{len(digits())} of {count} DTMF digits arrived",
                device=str(heard_by),
                state=f"digits heard: {got}",
                expected=f"{count} digits within {within:.1f} s",
                hint="see in the ladder whether telephone-event was offered and answered",
            )
        # A doubled last digit follows its twin by a digit and a pause, 0.2 s at the usual pace.
        self._timeline.wait_until(
            lambda records: _count(records, str(heard_by)) > count, within=0.3, since=mark
        )
        return digits()

    def streams(self, *, source: str = "", destination: str = "") -> list[RtpStream]:
        """RTP streams since the mark; ends are ``ip`` or ``ip:port``, empty means any."""
        return self._capture.rtp.streams(
            source=str(source), destination=str(destination), since=self._moment(self.since)
        )

    def ear(self, address: str) -> WireEar:
        """Listen to what the device at an address receives."""
        return WireEar(self._capture, str(address))

    def mouth(self, address: str) -> WireMouth:
        """Listen to what the device at an address sends."""
        return WireMouth(self._capture, str(address))

    def _moment(self, mark: Mark) -> float:
        records = self._timeline.records(mark)
        return records[0].wall if records else time.time()

    def _codec_now(self, address: str, since: Mark | None) -> CodecEvidence:
        calls = [call for call in self.calls(address, since) if call.offer is not None]
        agreed = [
            item
            for item in (calls[-1].negotiations if calls else [])
            if item.offer is not None and (item.answer is not None or not item.within_dialog)
        ]
        if not agreed:
            raise Inconclusive(
                "no call with an SDP offer was seen",
                device=self._capture.device(address) or address,
                state=f"the capture took {self._capture.test_packets} packets in this test",
                expected="an INVITE to or from it before its codec is asked for",
            )
        call, last = calls[-1], agreed[-1]
        assert last.offer is not None  # noqa: S101 - by the choice above
        answered = codec_numbers(last.answer)
        sent, received = set[int](), set[int]()
        for stream in self._capture.rtp.streams(source=address, since=last.time):
            if stream.key.destination in call.media_of(address, own=False):
                sent |= self._codecs(stream, last.time)
        for stream in self._capture.rtp.streams(destination=address, since=last.time):
            if stream.key.destination in call.media_of(address, own=True):
                received |= self._codecs(stream, last.time)
        return CodecEvidence(
            call_id=call.call_id,
            offered_by=last.offered_by,
            offered=codec_numbers(last.offer),
            answered=answered[0] if answered else -1,
            rtp_sent=frozenset(sent),
            rtp_received=frozenset(received),
            offer=last.offer,
            answer=last.answer,
        )

    def _codecs(self, stream: RtpStream, since: float) -> set[int]:
        return {
            number
            for number, seen in stream.last_seen.items()
            if seen >= since
            and number != _COMFORT_NOISE
            and (number in STATIC_PAYLOADS or not self._capture.rtp.is_event(stream.key, number))
        }


def _count(records: list[Record], heard_by: str) -> int:
    return sum(
        isinstance(record.event, DtmfHeard) and record.event.heard_by == heard_by
        for record in records
    )
