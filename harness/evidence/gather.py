"""What one test asks of the wire: codec, digits, calls, and how long everything took."""

from __future__ import annotations

import time
from collections.abc import Mapping

from harness.errors import Inconclusive, ProductFault
from harness.events import DtmfHeard, Record, SipMessage
from harness.evidence.calls import CodecEvidence, WireCall, calls_from, codec_numbers
from harness.evidence.capture import Capture
from harness.evidence.durations import first_register, registration_time, setup_time
from harness.evidence.ear import WireEar, WireMouth
from harness.evidence.frames import Packet, read_pcap
from harness.evidence.gaps import gap_at
from harness.evidence.rtp import RtpStream
from harness.evidence.sip import STATIC_PAYLOADS
from harness.steady import RUN_CLOCK
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

    def gap(self, ear: str, party: str, tones: Mapping[str, int], *, asked: SipMessage) -> float:
        """Milliseconds an ear waited for a party's tone after a message asked for the change.

        See :func:`harness.evidence.gaps.gap_at`; 20 or less is no gap.

        Args:
            ear: IP address, or ``ip:port``, of the device that listens.
            party: name, in ``tones``, of whose tone begins.
            tones: every party's tone in Hz.
            asked: the message as the façade returned it: a re-INVITE, a REFER.

        Raises:
            Inconclusive: the tone was not captured there, or the message is not on the timeline.
        """
        records = self._timeline.records(self.since)
        moment = next((record.wall for record in records if record.event is asked), None)
        gap = None
        if moment is not None:
            gap = gap_at(self._packets(), str(ear), party, tones, asked=moment)
        return self._told(gap, f"the tone of {party} at {ear} after {asked.start_line}")

    def boot_time(self, address: str, *, since: Mark) -> float:
        """Seconds from a mark (of :meth:`Phone.power_cycle`) to the device's first REGISTER.

        On a virtual bench the twin's own time runs faster; compare benches of one speed.

        Raises:
            Inconclusive: it sent none.
        """
        records = self._timeline.records(since)
        first = first_register(records, str(address))
        took = round(first.mono - records[0].mono, 3) if first is not None else None
        return self._told(took, f"a REGISTER of {address}")

    def registration_time(self, address: str, *, since: Mark) -> float:
        """Milliseconds from a device's first REGISTER since a mark to the 200 with its contact.

        Raises:
            Inconclusive: it did not register since.
        """
        took = registration_time(self._timeline.records(since), str(address))
        return self._told(took, f"a registration of {address}")

    def setup_time(self, call_id: str, status: int) -> float:
        """Milliseconds from a call's INVITE to 180 (it rings) or 200 (it is taken).

        Raises:
            Inconclusive: the call, or that answer, was not seen.
        """
        took = setup_time(self._timeline.records(self.since), call_id, status)
        return self._told(took, f"an INVITE with Call-ID {call_id} and its {status}")

    def _packets(self) -> list[Packet]:
        path = self._capture.test_pcap
        return list(read_pcap(path)) if path is not None else []

    def _told(self, number: float | None, what: str) -> float:
        if number is None:
            raise Inconclusive(
                f"nothing to measure: {what} was not seen",
                state=f"the capture took {self._capture.test_packets} packets in this test",
                hint="measure after the assertion that proves it took place",
            )
        return number

    def _moment(self, mark: Mark) -> float:
        records = self._timeline.records(mark)
        return records[0].wall if records else RUN_CLOCK.now()

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
