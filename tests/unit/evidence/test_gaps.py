"""How long an ear waits: packets with tones in them, sent at known moments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_quality import PBX, PEER, PHONE, pcap, rtp
from test_recall import udp

from harness.evidence import gap_at, quality_of
from harness.evidence.frames import Packet, read_pcap

TONES = {"alice": 440, "bob": 620, "desk": 1090}
SILENT = b"\xff" * 160


def mu_law(pcm: np.ndarray) -> bytes:
    """G.711 as Sun's g711.c encodes it."""
    magnitude = np.minimum(np.abs(pcm.astype(int)), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(int) - 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    return bytes((~((pcm < 0) << 7 | exponent << 4 | mantissa) & 0xFF).astype(np.uint8))


def tone(party: str, number: int) -> bytes:
    at = (np.arange(160) + 160 * number) / 8000
    return mu_law((9000 * np.sin(2 * np.pi * TONES[party] * at)).astype(np.int16))


class Sound:
    """A wire on which tones and silence follow each other, 20 ms a packet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[tuple[float, bytes]] = []
        self.number = 0

    def play(self, start: float, count: int, party: str = "", *, to: int = 16384) -> float:
        for index in range(count):
            body = tone(party, self.number) if party else SILENT
            packet = udp(PBX, 10000, PHONE, to, rtp(self.number, 0, body))
            self.sent.append((start + index * 0.02, packet))
            self.number += 1
        return start + (count - 1) * 0.02

    @property
    def packets(self) -> list[Packet]:
        return list(read_pcap(pcap(self.folder, sorted(self.sent))))

    def gap(self, party: str, asked: float, ear: str = PHONE) -> float | None:
        return gap_at(self.packets, ear, party, TONES, asked=asked)


@pytest.fixture
def sound(tmp_path: Path) -> Sound:
    return Sound(tmp_path)


def test_resumed_from_silence_counts_from_the_moment_it_was_asked(sound: Sound) -> None:
    sound.play(1000.0, 50, "alice")
    sound.play(1003.14, 50, "alice")
    assert sound.gap("alice", 1003.0) == pytest.approx(140, abs=0.1)


def test_silence_that_is_sent_is_no_audio(sound: Sound) -> None:
    sound.play(1000.0, 50, "alice")
    sound.play(1001.0, 107)
    sound.play(1003.14, 50, "alice")
    assert sound.gap("alice", 1003.0) == pytest.approx(140, abs=0.1)


def test_a_transfer_counts_from_the_last_of_the_old_audio(sound: Sound) -> None:
    last = sound.play(1000.0, 100, "desk")
    sound.play(1002.3, 50, "bob")
    assert sound.gap("bob", 1001.5) == pytest.approx((1002.3 - last) * 1000, abs=0.1)


def test_without_a_gap_it_is_one_packet(sound: Sound) -> None:
    sound.play(1000.0, 50, "desk")
    sound.play(1001.0, 50, "bob")
    assert sound.gap("bob", 1000.5) == pytest.approx(20, abs=0.1)


def test_what_was_heard_before_it_was_asked_does_not_count(sound: Sound) -> None:
    sound.play(1000.0, 50, "bob")
    assert sound.gap("bob", 1002.0) is None
    assert sound.gap("alice", 1000.0) is None


def test_each_end_at_an_address_has_its_own_old_audio(sound: Sound) -> None:
    sound.play(1000.0, 100, "alice", to=20000)
    sound.play(1001.5, 20, "bob", to=16384)
    assert sound.gap("bob", 1001.0) == pytest.approx(500, abs=0.1)
    assert sound.gap("bob", 1001.0, ear=f"{PHONE}:20000") is None
    assert sound.gap("bob", 1001.0, ear=PEER) is None


def test_a_stream_tells_whom_it_carried(sound: Sound) -> None:
    sound.play(1000.0, 100, "desk")
    sound.play(1002.0, 50)
    sound.play(1003.0, 100, "bob")
    (stream,) = quality_of(sound.packets, tones=TONES)
    assert ", ".join(map(str, stream.heard)) == "desk 0.0-2.0, silence 2.0-3.0, bob 3.0-5.0"


def test_a_pause_begins_a_new_stretch(sound: Sound) -> None:
    sound.play(1000.0, 55, "desk")
    sound.play(1004.0, 50, "desk")
    (stream,) = quality_of(sound.packets, tones=TONES)
    assert [str(span) for span in stream.heard] == ["desk 0.0-1.0", "desk 4.0-5.0"]
    assert quality_of(sound.packets)[0].heard == ()
