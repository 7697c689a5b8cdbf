from __future__ import annotations

import struct

import numpy as np
import pytest
from G722 import G722
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.frames import Packet
from harness.evidence.rtp import Digit, RtpBook, StreamKey
from harness.evidence.speech import decode

KEY = StreamKey("192.0.2.1:4000", "192.0.2.2:4002", 7)


def rtp(
    sequence: int,
    payload: bytes = bytes(160),
    *,
    timestamp: int | None = None,
    payload_type: int = 0,
    time: float | None = None,
    marker: bool = False,
) -> Packet:
    when = 100.0 + sequence * 0.02 if time is None else time
    stamp = sequence * 160 if timestamp is None else timestamp
    second = payload_type | (0x80 if marker else 0)
    head = struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, stamp & 0xFFFFFFFF, 7)
    return Packet(when, "udp", "192.0.2.1", 4000, "192.0.2.2", 4002, head + payload)


def event(sequence: int, timestamp: int, code: int, duration: int, *, end: bool = False) -> Packet:
    body = struct.pack("!BBH", code, 0x80 if end else 0, duration)
    return rtp(sequence, body, timestamp=timestamp, payload_type=101)


def press(sequence: int, timestamp: int, code: int) -> list[Packet]:
    """A digit of 100 ms with its end sent three times, as RFC 4733 section 2.5.1.4 asks."""
    packets = [event(sequence + n, timestamp, code, 160 * (n + 1)) for n in range(5)]
    return packets + [event(sequence + 5 + n, timestamp, code, 800, end=True) for n in range(3)]


class Heard:
    def __init__(self) -> None:
        self.digits: list[Digit] = []
        self.new: list[tuple[StreamKey, int]] = []
        self.book = RtpBook(lambda key, number: self.new.append((key, number)), self.digits.append)

    def take(self, *packets: Packet) -> str:
        for packet in packets:
            assert self.book.take(packet)
        return "".join(digit.digit for digit in self.digits)


def test_counts_loss_and_repeats() -> None:
    heard = Heard()
    heard.take(*(rtp(n) for n in (10, 11, 13, 12, 12, 16)))
    (stream,) = heard.book.streams()
    assert (stream.key, stream.packets, stream.lost, stream.repeated) == (KEY, 6, 2, 1)
    assert stream.payload_types == {0: 6}
    assert heard.new == [(KEY, 0)]


def test_the_sequence_number_wraps_without_loss() -> None:
    heard = Heard()
    heard.take(*(rtp(n, time=100.0) for n in range(65530, 65545)))
    assert heard.book.streams()[0].lost == 0


def test_a_restarted_sender_has_lost_nothing() -> None:
    heard = Heard()
    heard.take(rtp(1), rtp(2), rtp(30000, time=100.1), rtp(30001, time=100.12))
    assert heard.book.streams()[0].lost == 0


def test_jitter_is_that_of_rfc_3550() -> None:
    steady, shaky = Heard(), Heard()
    steady.take(*(rtp(n) for n in range(50)))
    shaky.take(*(rtp(n, time=100 + n * 0.02 + (0.01 if n % 2 else 0)) for n in range(200)))
    assert steady.book.streams()[0].jitter == pytest.approx(0, abs=0.01)
    assert shaky.book.streams()[0].jitter == pytest.approx(10, abs=0.5)


def test_a_digit_is_heard_once_with_its_duration() -> None:
    heard = Heard()
    assert heard.take(*press(1, 1000, 5)) == "5"
    assert heard.digits == [Digit(KEY, "5", 100)]


def test_a_doubled_digit_is_heard_twice() -> None:
    heard = Heard()
    assert heard.take(*press(1, 1000, 5), *press(9, 2600, 5)) == "55"


def test_all_sixteen_digits() -> None:
    heard = Heard()
    presses = (press(1 + 8 * code, 1000 + 1600 * code, code) for code in range(16))
    assert heard.take(*(packet for one in presses for packet in one)) == "0123456789*#ABCD"


def test_a_digit_whose_end_was_lost_is_heard_all_the_same() -> None:
    heard = Heard()
    assert heard.take(*press(1, 1000, 1)[:5]) == ""
    heard.book.tick(100.2)
    assert not heard.digits
    heard.book.tick(101.0)
    assert heard.digits == [Digit(KEY, "1", 100)]
    assert heard.take(*press(1, 1000, 1)[5:]) == "1"
    other = Heard()
    assert other.take(*press(1, 1000, 1)[:5], *press(9, 2600, 2)) == "12"


def test_sdp_says_which_payload_type_is_an_event() -> None:
    heard = Heard()
    heard.book.expect("192.0.2.2", 4002, {101: "speex/8000", 96: "telephone-event/8000"})
    heard.take(*press(1, 1000, 5))
    assert not heard.digits


def test_rtcp_and_noise_are_not_rtp() -> None:
    book = RtpBook()
    for payload in (b"", b"\x80\xc8" + bytes(26), b"\x00\x01SEP.cnf.xml\x00octet\x00"):
        assert not book.take(rtp(1)._replace(payload=payload))


@given(st.binary(max_size=80))
def test_no_bytes_crash_it(noise: bytes) -> None:
    book = RtpBook()
    book.take(rtp(1)._replace(payload=noise))
    book.take(rtp(1)._replace(payload=b"\xb5\x65" + noise))
    for stream in book.streams():
        book.audio(stream.key, 99.0, 101.0)


def test_g711_tables_agree_with_the_recommendation() -> None:
    # ITU-T G.711 tables 1 and 2: the largest, the smallest and a middle value of each sign.
    mu = decode(0, [bytes([0x80, 0x00, 0xFF, 0x7F, 0xF0])]) * 32768
    assert mu.tolist() == [32124, -32124, 0, 0, 120]
    a = decode(8, [bytes([0xAA, 0x2A, 0xD5, 0x55])]) * 32768
    assert a.tolist() == [32256, -32256, 8, -8]


def test_g722_gives_the_tone_back() -> None:
    pcm = (8000 * np.sin(2 * np.pi * 1090 * np.arange(16000) / 16000)).astype(np.int16)
    samples = decode(9, [G722(16000, 64000).encode(pcm)])
    assert len(samples) == 8000
    spectrum = np.abs(np.fft.rfft(samples[4000:] * np.hanning(4000)))
    assert spectrum.argmax() * 2 == 1090


def test_audio_is_placed_in_time_and_gaps_are_silent() -> None:
    loud = bytes([0x80]) * 160
    heard = Heard()
    heard.take(*(rtp(n, loud) for n in range(10) if n != 5))
    samples = heard.book.audio(KEY, 99.99, 100.19)
    assert len(samples) == 1600
    full = [float(np.mean(samples[at : at + 80] > 0.9)) for at in range(0, 1600, 80)]
    assert full.count(1.0) == 17
    assert full.count(0.0) == 3


def test_a_stream_that_stopped_is_silence() -> None:
    heard = Heard()
    heard.take(*(rtp(n, bytes([0x80]) * 160) for n in range(10)))
    assert not heard.book.audio(KEY, 101.0, 101.5).any()
    assert heard.book.streams(since=101.0) == []
    assert heard.book.streams(destination="192.0.2.2") != []
    assert heard.book.streams(destination="192.0.2.2:1") == []
