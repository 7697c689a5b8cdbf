"""One transfer's packets, without a network."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from harness.provisioning.tftp_transfer import Transfer


@pytest.fixture
def own() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


def of(content: bytes, own: socket.socket) -> Transfer:
    return Transfer("a", ("127.0.0.1", 1), own, content, 0.0, None, lambda _: None)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 5000])
def test_the_packets_are_the_file(own: socket.socket, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    transfer = of(content, own)
    packets = [transfer.packet]
    while transfer.turn_over():
        packets.append(transfer.packet)
        number = len(packets)
        assert transfer.packet[:4] == struct.pack("!HH", 3, number)
        assert transfer.awaited == struct.pack("!HH", 4, number)
    assert b"".join(packet[4:] for packet in packets) == content
    assert len(packets) == transfer.blocks
    # Only a short block tells the phone that the file has ended.
    assert len(packets[-1]) < 516


def test_block_numbers_wrap_beyond_32_megabytes(own: socket.socket) -> None:
    transfer = of(bytes(512) * 65536 + b"end", own)
    heads = [transfer.packet[:4]]
    while transfer.turn_over():
        heads.append(transfer.packet[:4])
    assert heads[65534:] == [b"\0\3\xff\xff", b"\0\3\0\0", b"\0\3\0\1"]
    assert transfer.packet[4:] == b"end"
