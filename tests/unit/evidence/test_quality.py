"""The E-model against values of the Recommendations, and streams against what was sent."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from test_recall import HEADER, udp

from harness.evidence import mos, quality_as_table, quality_of, rating, transit_delay
from harness.evidence.frames import read_pcap

PHONE, PBX, PEER = "10.0.0.42", "10.0.0.1", "10.0.0.3"


def rtp(sequence: int, payload_type: int = 8, body: bytes | None = None) -> bytes:
    head = struct.pack("!BBHII", 0x80, payload_type, sequence, sequence * 160, 7)
    return head + (bytes([sequence & 0xFF]) * 160 if body is None else body)


def pcap(folder: Path, packets: list[tuple[float, bytes]]) -> Path:
    data = HEADER
    for time, packet in packets:
        whole, part = int(time), round(time % 1 * 1_000_000)
        data += struct.pack("<IIII", whole, part, len(packet), len(packet)) + packet
    path = folder / "q.pcap"
    path.write_bytes(data)
    return path


def test_the_default_rating_and_its_score() -> None:
    # G.107 7.7: all defaults give R = 93.2, and Annex B makes 4.41 of it.
    assert rating("PCMA", loss=0, delay=0) == pytest.approx(93.2)
    assert mos(93.2) == pytest.approx(4.41, abs=0.005)
    assert mos(0) == 1.0
    assert mos(60) == pytest.approx(3.1, abs=0.05)


def test_loss_and_delay_cost_what_the_model_says() -> None:
    # Ie,eff = 95 * 5 / (5 + 25.1) = 15.78 for G.711 with concealment.
    assert rating("PCMU", loss=5, delay=0) == pytest.approx(93.2 - 15.78, abs=0.01)
    at_100, at_300 = (rating("PCMU", loss=0, delay=ms) for ms in (100, 300))
    assert at_100 == pytest.approx(93.2)
    assert at_300 is not None
    assert at_300 == pytest.approx(93.2 - 12.6, abs=2.5)
    assert rating("G722", loss=0, delay=0) is None


def test_streams_with_loss_and_a_gap(tmp_path: Path) -> None:
    numbers = [n for n in range(100) if n not in (10, 20, 30, 40)]
    packets = [
        (1000 + n * 0.02 + (0.5 if n >= 50 else 0.0), udp(PBX, 10000, PHONE, 16384, rtp(n)))
        for n in numbers
    ]
    (stream,) = quality_of(read_pcap(pcap(tmp_path, packets)))
    assert (stream.codec, stream.packets, stream.loss) == ("PCMA", 96, 4.0)
    assert stream.gap == pytest.approx(520, abs=1)
    assert stream.score is not None
    assert 3.5 < stream.score < 4.3
    assert "PCMA" in quality_as_table([stream])


def test_a_steady_stream_has_no_gap(tmp_path: Path) -> None:
    packets = [(1000 + n * 0.02, udp(PBX, 10000, PHONE, 16384, rtp(n))) for n in range(50)]
    (stream,) = quality_of(read_pcap(pcap(tmp_path, packets)))
    assert (stream.gap, stream.loss, stream.score) == (0.0, 0.0, 4.41)


def test_numbers_that_jump_over_a_hold_are_no_loss(tmp_path: Path) -> None:
    numbers = [*range(50), *range(120, 170)]
    packets = [(1000 + n * 0.02, udp(PBX, 10000, PHONE, 16384, rtp(n))) for n in numbers]
    (stream,) = quality_of(read_pcap(pcap(tmp_path, packets)))
    assert (stream.loss, stream.gap) == (0.0, pytest.approx(1420, abs=1))


def test_the_time_in_the_pbx_is_found_by_payload(tmp_path: Path) -> None:
    packets = []
    for n in range(50):
        packets.append((1000 + n * 0.02, udp(PEER, 14000, PBX, 10002, rtp(n))))
        packets.append(
            (1000.003 + n * 0.02, udp(PBX, 10000, PHONE, 16384, rtp(n + 7, 8, rtp(n)[12:])))
        )
    path = pcap(tmp_path, packets)
    assert transit_delay(read_pcap(path), PBX) == pytest.approx(3.0, abs=0.01)
    assert transit_delay(read_pcap(path), "10.9.9.9") is None
