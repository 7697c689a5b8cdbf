"""A capture told as events; packets are built here byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path
from socket import inet_aton

import pytest

from harness.errors import UsageFault
from harness.events import ConnectionRefused, FileRefused, FileRequested, FileServed, SipMessage
from harness.evidence import recall

PHONE, SERVER = "10.0.0.42", "10.0.0.1"
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)


def _ip(protocol: int, source: str, destination: str, body: bytes) -> bytes:
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0,
        inet_aton(source), inet_aton(destination),
    )  # fmt: skip
    return head + body


def udp(source: str, sport: int, destination: str, dport: int, payload: bytes) -> bytes:
    return _ip(
        17, source, destination, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    )


def tcp(source: str, sport: int, destination: str, dport: int, flags: int) -> bytes:
    return _ip(
        6, source, destination, struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, flags, 0, 0, 0)
    )


def pcap(folder: Path, *packets: bytes) -> Path:
    data = HEADER
    for number, packet in enumerate(packets):
        data += struct.pack("<IIII", 1000 + number, 0, len(packet), len(packet)) + packet
    path = folder / "x.pcap"
    path.write_bytes(data)
    return path


def rrq(name: str, port: int) -> bytes:
    return udp(PHONE, port, SERVER, 69, b"\0\1" + name.encode() + b"\0octet\0")


def data(number: int, size: int, port: int) -> bytes:
    return udp(SERVER, 40000, PHONE, port, struct.pack("!HH", 3, number) + bytes(size))


def ack(number: int, port: int) -> bytes:
    return udp(PHONE, port, SERVER, 40000, struct.pack("!HH", 4, number))


def test_a_transfer_whole_with_a_block_sent_again(tmp_path: Path) -> None:
    path = pcap(
        tmp_path, rrq("dialplan.xml", 49200), data(1, 512, 49200), data(1, 512, 49200),
        ack(1, 49200), data(2, 100, 49200), ack(2, 49200),
    )  # fmt: skip
    seen = list(recall(path))
    assert [type(each.event) for each in seen] == [FileRequested, FileServed]
    assert seen[1].frame == 6
    served = seen[1].event
    assert isinstance(served, FileServed)
    assert (served.name, served.size, served.blocks, served.resent, served.duration) == (
        "dialplan.xml", 612, 2, 1, 5.0,
    )  # fmt: skip


def test_blocks_a_busy_capture_left_out_were_sent_all_the_same(tmp_path: Path) -> None:
    path = pcap(
        tmp_path, rrq("mk-sip.jar", 49200), data(1, 512, 49200), ack(1, 49200),
        data(4, 512, 49200), ack(4, 49200), data(5, 100, 49200), ack(5, 49200),
    )  # fmt: skip
    served = list(recall(path))[-1].event
    assert isinstance(served, FileServed)
    assert (served.size, served.blocks, served.resent) == (2148, 5, 0)


def test_a_transfer_cut_off_is_not_served(tmp_path: Path) -> None:
    path = pcap(tmp_path, rrq("dialplan.xml", 49200), data(1, 512, 49200), ack(1, 49200))
    assert [type(each.event) for each in recall(path)] == [FileRequested]


def test_a_refusal(tmp_path: Path) -> None:
    error = udp(SERVER, 40000, PHONE, 49200, b"\0\5\0\1File not found\0")
    seen = list(recall(pcap(tmp_path, rrq("ITLFile.tlv", 49200), error)))
    assert seen[1].event == FileRefused("ITLFile.tlv", PHONE, 49200, 1, "File not found")


def test_a_connection_refused_and_one_accepted(tmp_path: Path) -> None:
    path = pcap(
        tmp_path,
        tcp(PHONE, 49300, SERVER, 5060, 0x02), tcp(SERVER, 5060, PHONE, 49300, 0x14),
        tcp(PHONE, 49301, SERVER, 5060, 0x02), tcp(SERVER, 5060, PHONE, 49301, 0x12),
        tcp(SERVER, 5060, PHONE, 49301, 0x14),
    )  # fmt: skip
    assert [each.event for each in recall(path)] == [
        ConnectionRefused(f"{PHONE}:49300", f"{SERVER}:5060")
    ]


def test_sip_with_its_frame(tmp_path: Path) -> None:
    text = b"OPTIONS sip:x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\n\r\n"
    seen = list(recall(pcap(tmp_path, rrq("a", 1), udp(PHONE, 49194, SERVER, 5060, text))))
    assert seen[1].frame == 2
    assert isinstance(seen[1].event, SipMessage)
    assert seen[1].event.start_line == "OPTIONS sip:x SIP/2.0"


def test_what_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(b"not a capture at all, but long enough for one")
    with pytest.raises(UsageFault, match=r"x\.pcap: not a classic pcap"):
        list(recall(tmp_path / "x.pcap"))
