"""RTP as it crossed the wire: streams, loss, jitter, digits and the audio itself.

Payloads are kept undecoded for a few seconds and decoded only when somebody listens: a bench
carries about a thousand packets a second and nobody listens most of the time.
"""

from __future__ import annotations

import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.evidence.frames import Packet
from harness.evidence.speech import AUDIO_PAYLOADS, RATE, decode

__all__ = ["Digit", "Rtp", "RtpBook", "RtpStream", "StreamKey", "is_rtp", "parse_rtp"]

#: Seconds of audio kept per stream.
KEPT_SECONDS = 3.0
#: 20 ms packets for KEPT_SECONDS, doubled for 10 ms senders.
_KEPT_PACKETS = 300
#: RFC 3550 appendix A.1: a jump of this many sequence numbers is a restarted sender, not loss.
_MAX_DROPOUT = 3000
#: RFC 4733 section 3.2: event codes 0-15 are the DTMF digits in this order.
_DIGITS = "0123456789*#ABCD"
#: Seconds after which a digit whose end packets were all lost counts as ended.
_LOST_END = 0.2

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")


class StreamKey(NamedTuple):
    """What makes a stream one stream; the ends are ``ip:port``."""

    source: str
    destination: str
    ssrc: int


class Rtp(NamedTuple):
    """The fields of one RTP packet (RFC 3550 section 5.1); ``body`` without padding."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    body: bytes


class Digit(NamedTuple):
    """One RFC 4733 event, heard once, however many packets told of it."""

    stream: StreamKey
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class RtpStream:
    """A snapshot of one stream. Times are seconds since the epoch, jitter in milliseconds.

    ``payload_types`` counts packets by payload type; ``last_seen`` gives each type's newest
    packet. ``lost`` counts gaps in the sequence numbers, ``repeated`` the same number again.
    """

    key: StreamKey
    payload_types: dict[int, int]
    last_seen: dict[int, float]
    packets: int
    lost: int
    repeated: int
    jitter: float
    first: float
    last: float


class _Heard(NamedTuple):
    time: float
    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes


class _Stream:
    """The state of one stream; guarded by its book's lock."""

    def __init__(self, key: StreamKey, time: float) -> None:
        self.key = key
        self.first = self.last = time
        self.types: Counter[int] = Counter()
        self.last_seen: dict[int, float] = {}
        self.audio: deque[_Heard] = deque(maxlen=_KEPT_PACKETS)
        self.event_types: set[int] = set()
        self.repeated = 0
        self.jitter = 0.0
        self._received = 0
        self._lost_before = 0
        self._base = self._highest = -1
        self._window = 0
        self._transit: float | None = None
        self._event: tuple[int, int, int, float] | None = None
        self._told: deque[int] = deque(maxlen=8)

    @property
    def lost(self) -> int:
        if self._base < 0:
            return 0
        return self._lost_before + max(0, self._highest - self._base + 1 - self._received)

    def count(self, sequence: int) -> int:
        """Take a sequence number; return it extended beyond 16 bits, or -1 when repeated."""
        if self._base < 0:
            self._restart(sequence)
            return sequence
        delta = ((sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000
        if abs(delta) > _MAX_DROPOUT:
            self._lost_before = self.lost
            self._restart((self._highest & ~0xFFFF) + 0x10000 + sequence)
            return self._highest
        if delta > 0:
            self._window = ((self._window << delta) | 1) & 0xFFFF_FFFF_FFFF_FFFF
            self._highest += delta
        else:
            bit = 1 << -delta
            if -delta >= 64 or self._window & bit:
                self.repeated += 1
                return -1
            self._window |= bit
            self._base = min(self._base, self._highest + delta)
        self._received += 1
        return self._highest + min(delta, 0)

    def _restart(self, sequence: int) -> None:
        self._base = self._highest = sequence
        self._received = self._window = 1
        self._transit = None

    def measure_jitter(self, time: float, timestamp: int) -> None:
        """RFC 3550 section 6.4.1, in units of the 8000 Hz timestamp clock."""
        transit = time * RATE - timestamp
        if self._transit is not None:
            off = abs(transit - self._transit)
            # A new talk spurt or a wrapped clock is not jitter.
            if off < RATE:
                self.jitter += (off - self.jitter) / 16
        self._transit = transit

    def event(self, time: float, timestamp: int, payload: bytes) -> list[tuple[str, int]]:
        """Take a telephone-event packet; return the digits now complete, with milliseconds."""
        code, flags, duration = _EVENT.unpack_from(payload)
        done: list[tuple[str, int]] = []
        if timestamp in self._told or code >= len(_DIGITS):
            return done
        if self._event is not None and self._event[0] != timestamp:
            done += self.end_event()
        longest = max(duration, self._event[2] if self._event else 0)
        self._event = (timestamp, code, longest, time)
        if flags & 0x80:
            done += self.end_event()
        return done

    def end_event(self) -> list[tuple[str, int]]:
        if self._event is None:
            return []
        timestamp, code, duration, _ = self._event
        self._event = None
        self._told.append(timestamp)
        return [(_DIGITS[code], duration * 1000 // RATE)]

    @property
    def has_event(self) -> bool:
        return self._event is not None

    def lost_end(self, now: float) -> bool:
        return self._event is not None and now - self._event[3] > _LOST_END

    def snapshot(self) -> RtpStream:
        return RtpStream(
            key=self.key,
            payload_types=dict(self.types),
            last_seen=dict(self.last_seen),
            packets=sum(self.types.values()),
            lost=self.lost,
            repeated=self.repeated,
            jitter=self.jitter * 1000 / RATE,
            first=self.first,
            last=self.last,
        )


def is_rtp(payload: bytes) -> bool:
    """Whether a datagram is RTP: version 2, and not RTCP (RFC 5761 section 4)."""
    return len(payload) >= 12 and payload[0] & 0xC0 == 0x80 and not 192 <= payload[1] <= 223


def parse_rtp(payload: bytes) -> Rtp | None:
    """Take a datagram apart; None when it is not RTP."""
    if not is_rtp(payload):
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(payload)
    start, end = 12 + 4 * (first & 15), len(payload)
    if first & 0x10 and end >= start + 4:
        start += 4 + 4 * ((payload[start + 2] << 8) | payload[start + 3])
    if first & 0x20:
        end -= payload[-1]
    if start > end:
        return None
    return Rtp(second & 0x7F, sequence, timestamp, ssrc, payload[start:end])


class RtpBook:
    """All RTP streams seen. Thread-safe; waits on :attr:`changed` wake with each packet."""

    #: Streams whose audio stays in memory after they fell silent, in seconds.
    SILENT_KEPT = 10.0

    def __init__(
        self,
        on_new: Callable[[StreamKey, int], None] = lambda _key, _type: None,
        on_digit: Callable[[Digit], None] = lambda _digit: None,
    ) -> None:
        self.changed = threading.Condition()
        self._streams: dict[StreamKey, _Stream] = {}
        self._types: dict[str, Mapping[int, str]] = {}
        self._on_new = on_new
        self._on_digit = on_digit
        #: Time of the newest packet, seconds since the epoch.
        self.newest = 0.0

    def expect(self, address: str, port: int, rtpmap: Mapping[int, str]) -> None:
        """Learn from SDP what the dynamic payload types sent to this address mean."""
        if rtpmap:
            self._types[f"{address}:{port}"] = dict(rtpmap)

    def take(self, packet: Packet) -> bool:
        """Count one datagram; False when it is not RTP."""
        rtp = parse_rtp(packet.payload)
        if rtp is None:
            return False
        payload_type, sequence, timestamp, ssrc, body = rtp
        key = StreamKey(packet.source, packet.destination, ssrc)
        digits: list[tuple[str, int]] = []
        with self.changed:
            stream = self._streams.get(key)
            if stream is None:
                self._forget_silent(packet.time)
                stream = self._streams[key] = _Stream(key, packet.time)
            new_type = payload_type not in stream.types
            stream.types[payload_type] += 1
            stream.last_seen[payload_type] = stream.last = packet.time
            self.newest = max(self.newest, packet.time)
            extended = stream.count(sequence)
            if payload_type >= 96 and self._is_event(key.destination, payload_type, body):
                # A late or repeated packet is told apart by its timestamp, not its number.
                stream.event_types.add(payload_type)
                digits = stream.event(packet.time, timestamp, body)
            elif extended >= 0:
                if stream.lost_end(packet.time):
                    digits = stream.end_event()
                if payload_type in AUDIO_PAYLOADS:
                    stream.measure_jitter(packet.time, timestamp)
                    heard = _Heard(packet.time, extended, timestamp, payload_type, body)
                    stream.audio.append(heard)
            self.changed.notify_all()
        if new_type:
            self._on_new(key, payload_type)
        for digit, duration in digits:
            self._on_digit(Digit(key, digit, duration))
        return True

    def tick(self, now: float) -> bool:
        """End the digits whose sender fell silent without saying so; whether others go on."""
        with self.changed:
            late = [s for s in self._streams.values() if s.lost_end(now)]
            digits = [Digit(s.key, *item) for s in late for item in s.end_event()]
            others = any(s.has_event for s in self._streams.values())
        for digit in digits:
            self._on_digit(digit)
        return others

    def streams(
        self, *, source: str = "", destination: str = "", since: float = 0.0
    ) -> list[RtpStream]:
        """Snapshots of the streams with packets from ``since`` on, oldest first.

        ``source`` and ``destination`` are ``ip`` or ``ip:port``; empty means any.
        """
        with self.changed:
            found = [
                stream.snapshot()
                for stream in self._streams.values()
                if stream.last >= since
                and _matches(stream.key.source, source)
                and _matches(stream.key.destination, destination)
            ]
        return sorted(found, key=lambda stream: stream.first)

    def audio(self, key: StreamKey, start: float, end: float) -> npt.NDArray[np.float64]:
        """Decode what the stream carried from ``start`` to ``end`` (seconds since the epoch).

        Returns samples of ±1.0 at 8000 Hz, exactly as many as the span has; lost packets and
        silence are zeros, a stream that began late is padded in front.
        """
        with self.changed:
            stream = self._streams.get(key)
            heard = [h for h in stream.audio if start <= h.time < end] if stream else []
            before = [h for h in stream.audio if start - 0.1 <= h.time < start] if stream else []
        wanted = round((end - start) * RATE)
        samples = np.zeros(wanted)
        if not heard:
            return samples
        heard.sort(key=lambda item: item.sequence)
        before.sort(key=lambda item: item.sequence)
        anchor = max(heard, key=lambda item: item.time)
        last_stop = wanted - round((end - anchor.time) * RATE)
        for run in _runs(before + heard):
            pcm = decode(run[0].payload_type, [item.payload for item in run])
            at = 0
            for item in run:
                length = len(item.payload)
                # A packet's audio ends when it is sent; the clock of the timestamps places the
                # others, unless it jumped (hold, a new talk spurt).
                ago = _signed(anchor.timestamp - item.timestamp)
                if abs(ago / RATE - (anchor.time - item.time)) > 0.2:
                    ago = round((anchor.time - item.time) * RATE)
                stop = last_stop - ago
                begin = stop - length
                if begin < wanted and stop > 0:
                    low, high = max(begin, 0), min(stop, wanted)
                    samples[low:high] = pcm[at + low - begin : at + high - begin]
                at += length
        return samples

    def is_event(self, key: StreamKey, payload_type: int) -> bool:
        """Whether this payload type on this stream is telephone-event (RFC 4733)."""
        known = self._types.get(key.destination, {}).get(payload_type)
        if known is not None:
            return known.lower().startswith("telephone-event")
        with self.changed:
            stream = self._streams.get(key)
            return stream is not None and payload_type in stream.event_types

    def _is_event(self, destination: str, payload_type: int, body: bytes) -> bool:
        if len(body) < 4:
            return False
        known = self._types.get(destination, {}).get(payload_type)
        if known is not None:
            return known.lower().startswith("telephone-event")
        # No SDP seen for this end (the call began before the capture): go by the shape.
        return len(body) == 4 and body[0] < len(_DIGITS)

    def _forget_silent(self, now: float) -> None:
        for stream in self._streams.values():
            if stream.audio and now - stream.last > self.SILENT_KEPT:
                stream.audio.clear()


def _matches(end: str, wanted: str) -> bool:
    return not wanted or end == wanted or end.rpartition(":")[0] == wanted


def _signed(difference: int) -> int:
    return ((difference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def _runs(heard: list[_Heard]) -> list[list[_Heard]]:
    """Cut where the codec changes: a decoder has memory (G.722), so each run gets its own."""
    runs: list[list[_Heard]] = []
    for item in heard:
        if runs and runs[-1][-1].payload_type == item.payload_type:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs
