"""The quality of a call as numbers: loss, jitter, gaps, and an estimate of what people would say.

The estimate is ITU-T G.107 (06/2015), the E-model, with its default values: no echo, default
delay sensitivity, random loss. Codec values are those of G.113 Appendix I.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.evidence.decoder import Decoder
from harness.evidence.frames import Packet
from harness.evidence.rtp import RtpBook, RtpStream, is_rtp, parse_rtp
from harness.evidence.sip import STATIC_PAYLOADS
from harness.evidence.speech import AUDIO_PAYLOADS, RATE, decode
from harness.tones import listen

__all__ = [
    "Heard",
    "StreamQuality",
    "mos",
    "quality_as_table",
    "quality_of",
    "rating",
    "transit_delay",
]

#: G.107 7.7: R with every other parameter at its default.
_BEST = 93.2
#: G.113 Table I.3: equipment impairment Ie and robustness against random loss Bpl. The phones'
#: decoders conceal loss; the robustness is that of G.711 with concealment.
_CODECS = {"PCMU": (0.0, 25.1), "PCMA": (0.0, 25.1), "G729": (10.0, 19.0), "iLBC": (11.0, 32.0)}
#: G.107 Table 1: the delay people begin to notice, in milliseconds.
_NOTICED = 100.0
#: RTP this far apart (seconds) or more is a gap: three packets of 20 ms.
_GAP = 0.06
#: A silence this long (seconds) is one by intent (hold), or is told as a gap: not as loss too.
_PAUSE = 0.5
#: A silence on the wire (seconds) that ends a stretch of audio: what follows is heard by itself.
_STRETCH = 0.2
#: Seconds of audio each judgement of what is heard is made from, as at an ear.
_WINDOW = 0.5
_SHORTEST = 0.3
_NO_TONES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Heard:
    """Whose tones a stream carried for a while; seconds since it began, to half a second."""

    parties: tuple[str, ...]
    start: float
    end: float

    def __str__(self) -> str:
        return f"{'+'.join(self.parties) or 'silence'} {self.start:.1f}-{self.end:.1f}"


@dataclass(frozen=True, slots=True)
class StreamQuality:
    """One stream: ends as ``ip:port``, jitter and longest gap in milliseconds, loss in percent.

    ``began`` and ``ended`` are seconds since the epoch. ``heard`` tells whose tones it carried;
    empty when none were looked for, or its codec cannot be decoded here. ``score`` is the
    estimated MOS (1 to 4.5), None for codecs the narrow-band model does not rate: G.722 is
    wide-band.
    """

    source: str
    destination: str
    codec: str
    packets: int
    loss: float
    jitter: float
    gap: float
    score: float | None
    began: float = 0.0
    ended: float = 0.0
    heard: tuple[Heard, ...] = ()


def rating(codec: str, *, loss: float, delay: float) -> float | None:
    """Return the transmission rating R of G.107, 0 to 93.2; None for a codec it has no values of.

    Args:
        codec: RFC 3551 name.
        loss: random packet loss in percent, 0 to 100.
        delay: one way from mouth to ear, in milliseconds.
    """
    if codec not in _CODECS:
        return None
    impairment, robustness = _CODECS[codec]
    effective = impairment + (95 - impairment) * loss / (loss + robustness)
    slow = 0.0
    if delay > _NOTICED:
        x = math.log2(delay / _NOTICED)
        slow = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    return max(0.0, _BEST - effective - slow)


def mos(score: float) -> float:
    """Return the mean opinion score for a rating R (G.107 Annex B)."""
    if score <= 0:
        return 1.0
    if score >= 100:
        return 4.5
    return 1 + 0.035 * score + score * (score - 60) * (100 - score) * 7e-6


def quality_of(
    packets: Iterable[Packet], *, delay: float = 0.0, tones: Mapping[str, int] = _NO_TONES
) -> list[StreamQuality]:
    """Return the quality of every audio stream among packets, in the order they began.

    Args:
        packets: what a capture holds.
        delay: one-way delay in milliseconds where it is known.
        tones: every party's tone in Hz, to tell whom each stream carries.
    """
    book = RtpBook()
    decoder = Decoder(lambda _packet, _message: None, book)
    arrivals: dict[tuple[str, str, int], _Arrivals] = {}
    for packet in packets:
        decoder.take(packet)
        rtp = parse_rtp(packet.payload) if packet.transport == "udp" else None
        if rtp is not None:
            key = packet.source, packet.destination, rtp.ssrc
            arrivals.setdefault(key, _Arrivals()).take(
                packet.time, rtp.sequence, rtp.payload_type, rtp.body
            )
    return [_quality(stream, arrivals[stream.key], delay, tones) for stream in book.streams()]


class _Arrivals:
    """What the arrival of one stream's packets tells."""

    def __init__(self) -> None:
        self.lost = 0
        self.gap = 0.0
        self._highest = -1
        self._last = 0.0
        #: Audio without a pause in it, one codec each: when it began, and its payloads.
        self._stretches: list[tuple[float, int, list[bytes]]] = []

    def take(self, time: float, sequence: int, payload_type: int, body: bytes) -> None:
        self._keep(time, payload_type, body)
        if self._highest >= 0:
            ahead = ((sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000
            waited = time - self._last
            self.gap = max(self.gap, waited)
            if ahead < 0:
                self.lost -= 1
                return
            # Asterisk goes on counting while a party on hold is sent nothing.
            if waited < _PAUSE:
                self.lost += max(0, ahead - 1)
        self._highest, self._last = sequence, time

    def _keep(self, time: float, payload_type: int, body: bytes) -> None:
        if payload_type not in AUDIO_PAYLOADS or not body:
            return
        newest = self._stretches[-1] if self._stretches else None
        if newest is None or newest[1] != payload_type or time - self._last > _STRETCH:
            newest = time, payload_type, []
            self._stretches.append(newest)
        newest[2].append(body)

    def heard(self, began: float, tones: Mapping[str, int]) -> tuple[Heard, ...]:
        """Whose tones there were, told anew where it changes or the audio paused."""
        spans: list[Heard] = []
        for start, payload_type, payloads in self._stretches if tones else ():
            audio = decode(payload_type, payloads)
            size = round(_WINDOW * RATE)
            for at in range(0, len(audio), size):
                window = audio[at : at + size]
                if at and len(window) < _SHORTEST * RATE:
                    continue
                parties = tuple(sorted(listen(window, RATE, tones).heard))
                since = round(start - began + at / RATE, 2)
                until = round(since + len(window) / RATE, 2)
                if spans and at and spans[-1].parties == parties:
                    spans[-1] = Heard(parties, spans[-1].start, until)
                else:
                    spans.append(Heard(parties, since, until))
        return tuple(spans)


def _quality(
    stream: RtpStream, arrivals: _Arrivals, delay: float, tones: Mapping[str, int]
) -> StreamQuality:
    kinds = [number for number in stream.payload_types if number in STATIC_PAYLOADS]
    most = max(kinds, key=lambda number: stream.payload_types[number], default=-1)
    codec = STATIC_PAYLOADS.get(most, "").partition("/")[0] or "unknown"
    lost = max(0, arrivals.lost)
    loss = 100 * lost / (stream.packets + lost)
    score = rating(codec, loss=loss, delay=delay)
    return StreamQuality(
        source=stream.key.source,
        destination=stream.key.destination,
        codec=codec,
        packets=stream.packets,
        loss=round(loss, 2),
        jitter=round(stream.jitter, 2),
        gap=round(arrivals.gap * 1000, 1) if arrivals.gap >= _GAP else 0.0,
        score=round(mos(score), 2) if score is not None else None,
        began=stream.first,
        ended=stream.last,
        heard=arrivals.heard(stream.first, tones),
    )


def quality_as_table(streams: Iterable[StreamQuality]) -> str:
    """Return the streams as text, a line each, under a head."""
    head = f"{'from':21} {'to':21} {'codec':7} {'packets':>7} {'loss %':>6} {'jitter ms':>9} "
    rows = [head + f"{'gap ms':>8} {'MOS':>5}  heard (seconds of the stream)"]
    rows += [
        f"{s.source:21} {s.destination:21} {s.codec:7} {s.packets:7} {s.loss:6.2f} {s.jitter:9.2f} "
        f"{s.gap:8.1f} {s.score if s.score is not None else '-':>5}  {', '.join(map(str, s.heard))}"
        for s in streams
    ]
    return "\n".join(rows) + "\n"


def transit_delay(packets: Iterable[Packet], through: str) -> float | None:
    """Return the median milliseconds audio spends in the PBX at an IP address, one way.

    A packet that comes in is found again going out by its payload, so only calls whose codec is
    the same on both sides tell; None when none does.
    """
    came: dict[bytes, float] = {}
    delays: list[float] = []
    for packet in packets:
        if packet.transport != "udp" or not is_rtp(packet.payload):
            continue
        body = packet.payload[12:]
        if packet.destination_ip == through:
            # A tone repeats itself, so only what came last can be meant.
            came[body] = packet.time
        elif packet.source_ip == through and body in came:
            delays.append(packet.time - came.pop(body))
    if not delays:
        return None
    delays.sort()
    return round(delays[len(delays) // 2] * 1000, 3)
