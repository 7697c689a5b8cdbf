from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageFault
from harness.evidence.frames import Dissector, Frame, Packet, PcapSplitter, TcpStream, read_pcap

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
ETHERNET = bytes(12) + b"\x08\x00"


def ip(body: bytes, *, protocol: int = 17, fragment: int = 0, ident: int = 7) -> bytes:
    return (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident, fragment, 64, protocol, 0)
        + bytes([192, 0, 2, 1, 192, 0, 2, 2])
        + body
    )


def udp(payload: bytes) -> bytes:
    return struct.pack("!HHHH", 5060, 5061, 8 + len(payload), 0) + payload


def record(frame: bytes, time: float = 10.5) -> bytes:
    part = round((time % 1) * 1e6)
    return struct.pack("<IIII", int(time), part, len(frame), len(frame)) + frame


def test_a_datagram_is_read() -> None:
    packet = Dissector(1).packet(Frame(1.0, ETHERNET + ip(udp(b"hello")) + bytes(13), b""))
    assert packet == Packet(1.0, "udp", "192.0.2.1", 5060, "192.0.2.2", 5061, b"hello")
    assert packet.source == "192.0.2.1:5060"


def test_a_tagged_voice_vlan_is_read() -> None:
    frame = bytes(12) + b"\x81\x00\x00\x64\x08\x00" + ip(udp(b"x"))
    packet = Dissector(1).packet(Frame(1.0, frame, b""))
    assert packet is not None
    assert packet.payload == b"x"


def test_fragments_are_joined_in_any_order() -> None:
    whole = udp(b"A" * 1600)
    first, second = ip(whole[:1480], fragment=0x2000), ip(whole[1480:], fragment=185)
    for order in ((first, second), (second, first)):
        dissector = Dissector(1)
        assert dissector.packet(Frame(1.0, ETHERNET + order[0], b"")) is None
        packet = dissector.packet(Frame(1.0, ETHERNET + order[1], b""))
        assert packet is not None
        assert packet.payload == b"A" * 1600


@given(st.lists(st.integers(1, 60), max_size=30))
def test_chunks_do_not_matter(sizes: list[int]) -> None:
    data = HEADER + b"".join(record(ETHERNET + ip(udp(bytes([n])))) for n in range(5))
    splitter, frames, at = PcapSplitter(), [], 0
    for size in [*sizes, len(data)]:
        frames += splitter.feed(data[at : at + size])
        at += size
    assert len(frames) == 5
    assert frames[0].time == pytest.approx(10.5)
    assert HEADER + b"".join(frame.record for frame in frames) == data


@given(st.binary(max_size=200))
def test_no_frame_crashes_it(noise: bytes) -> None:
    for link in (0, 1, 101, 113, 276):
        dissector = Dissector(link)
        dissector.packet(Frame(1.0, noise, b""))
        dissector.packet(Frame(1.0, ETHERNET + b"\x45" + noise, b""))


def segment(seq: int, payload: bytes, flags: int = 0x10) -> Packet:
    return Packet(1.0, "tcp", "192.0.2.1", 5, "192.0.2.2", 6, payload, seq % 2**32, flags)


def test_tcp_is_put_in_order_across_the_wrap_and_resent_bytes_count_once() -> None:
    stream, start = TcpStream(), 2**32 - 4
    assert stream.feed(segment(start - 1, b"", flags=0x02)) == b""
    assert stream.feed(segment(start + 6, b"ghi")) == b""
    assert stream.feed(segment(start, b"abc")) == b"abc"
    assert stream.feed(segment(start, b"abcdef")) == b"defghi"
    assert stream.feed(segment(start + 3, b"def")) == b""
    assert stream.feed(segment(start + 9, b"j")) == b"j"


def test_a_file_with_a_torn_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    whole = record(ETHERNET + ip(udp(b"x")))
    path.write_bytes(HEADER + whole + whole[:-3])
    assert len(list(read_pcap(path))) == 1


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"\x0a\x0d\x0d\x0a" + bytes(60))
    with pytest.raises(UsageFault, match="classic pcap"):
        list(read_pcap(path))
    with pytest.raises(UsageFault, match="cannot read"):
        list(read_pcap(tmp_path / "none.pcap"))
