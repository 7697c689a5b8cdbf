"""Audio and digits as a phone sends them, read from the captures of a recording."""

from __future__ import annotations

import re
import statistics
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from harness.drift.aspects import NONE, Sight
from harness.drift.recording import Recording
from harness.evidence import Packet, numbered_packets, parse_rtp, parse_sip

__all__ = ["media"]

#: RFC 4733 section 3.2: codes 0-15 in this order.
_DIGITS = "0123456789*#ABCD"
#: Payload types below are of RFC 3551's table: audio, whatever their length.
_DYNAMIC = 96
_RATE = 8000
#: Fewer packets tell no interval.
_FEWEST = 10
#: RFC 1350 and 2347: a read request with its mode and options.
_READ_REQUEST = re.compile(rb"\0\x01[^\0]+\0(octet|netascii)\0(.*)", re.IGNORECASE | re.DOTALL)


@dataclass
class _Digit:
    code: int
    packets: list[float] = field(default_factory=list)
    ends: int = 0
    longest: int = 0
    payload_type: int = 0
    frame: int = 0


@dataclass
class _Sent:
    """What one phone sent within one capture."""

    types: Counter[int] = field(default_factory=Counter)
    arrivals: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    digits: dict[tuple[int, int], _Digit] = field(default_factory=dict)
    frame: int = 0


def media(recording: Recording) -> Iterator[Sight]:
    """Yield what the phones of a recording were seen to send besides SIP.

    Raises:
        UsageFault: a capture of the recording cannot be read.
    """
    wanted = set(recording.tests) or set(recording.captures)
    for test, capture in recording.captures.items():
        if test in wanted:
            yield from _of_capture(recording, test, capture)


def _of_capture(recording: Recording, test: str, capture: Path) -> Iterator[Sight]:
    sent: dict[str, _Sent] = defaultdict(_Sent)
    events: set[int] = set()
    folder = "/".join(capture.parts[-3:]) if test else capture.name
    for frame, packet in numbered_packets(capture):
        station = recording.at(packet.source)
        if packet.transport != "udp":
            continue
        message = parse_sip(packet.payload)
        if message is not None and message.sdp is not None:
            named = message.sdp.rtpmap.items()
            events |= {number for number, name in named if name.startswith("telephone-event")}
        if station is None:
            continue
        if (how := _request(packet)) is not None:
            yield Sight(station.name, "", "tftp.request", "", how, f"{folder} frame {frame}")
        elif (rtp := parse_rtp(packet.payload)) is not None:
            own = sent[station.name]
            own.frame = own.frame or frame
            if rtp.payload_type in events and len(rtp.body) >= 4:
                code, flags, duration = struct.unpack_from("!BBH", rtp.body)
                key = (rtp.ssrc, rtp.timestamp)
                digit = own.digits.setdefault(key, _Digit(code, frame=frame))
                digit.packets.append(packet.time)
                digit.ends += flags >> 7
                digit.longest = max(digit.longest, duration)
                digit.payload_type = rtp.payload_type
            elif rtp.payload_type < _DYNAMIC:
                own.types[rtp.payload_type] += 1
                own.arrivals[rtp.ssrc].append(packet.time)
    for phone, own in sent.items():
        for aspect, value, frame in _told(own):
            yield Sight(phone, test, aspect, "", value, f"{folder} frame {frame}")


def _request(packet: Packet) -> str | None:
    found = _READ_REQUEST.match(packet.payload)
    if found is None:
        return None
    words = [word.decode("latin-1").lower() for word in found[2].split(b"\0")]
    named = ", ".join(words[:-1:2]) or NONE
    return f"mode {found[1].decode().lower()}, options {named}"


def _told(sent: _Sent) -> Iterator[tuple[str, str | float, int]]:
    for payload_type in sent.types:
        yield "rtp.codec", str(payload_type), sent.frame
    spaces = [
        later - sooner for times in sent.arrivals.values() for sooner, later in pairwise(times)
    ]
    if len(spaces) >= _FEWEST:
        yield "rtp.interval", f"{round(statistics.median(spaces) * 100) * 10} ms", sent.frame
    digits = [digit for digit in sent.digits.values() if digit.code < len(_DIGITS)]
    if not digits:
        return
    frame = digits[0].frame
    yield "dtmf.digits", "".join(_DIGITS[digit.code] for digit in digits), frame
    yield "dtmf.payload", str(digits[0].payload_type), frame
    # A capture on a busy host loses a packet now and then; most of the digits tell.
    ends = Counter(digit.ends for digit in digits).most_common(1)[0][0]
    yield "dtmf.ends", str(ends), frame
    # The repeated end packets come at once, or at any time.
    steps = [
        later - sooner
        for digit in digits
        for sooner, later in pairwise(digit.packets[: len(digit.packets) - digit.ends])
    ]
    if len(steps) >= _FEWEST:
        yield "dtmf.interval", f"{round(statistics.median(steps) * 100) * 10} ms", frame
    yield "dtmf.duration", statistics.median(digit.longest for digit in digits) / _RATE, frame
