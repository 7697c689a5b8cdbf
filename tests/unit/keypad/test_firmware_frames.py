"""The firmware's framing under MicroPython, against whatever a line can do to it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from controller_peer import crc, frame
from hypothesis import given, settings
from hypothesis import strategies as st
from running_firmware import FIRMWARE, micropython

PROGRAM = """
import binascii, json, sys
from frames import FrameReader, encode
for line in sys.stdin:
    order = json.loads(line)
    if "encode" in order:
        answer = binascii.hexlify(encode(order["encode"])).decode()
    else:
        reader = FrameReader()
        answer = []
        for chunk in order["feed"]:
            answer += reader.feed(binascii.unhexlify(chunk))
        answer = [answer, len(reader._line)]
    print(json.dumps(answer))
"""
BODY = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=64)


class Peer:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [micropython.found(), "-c", PROGRAM],
            env={**os.environ, "MICROPYPATH": str(FIRMWARE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def _ask(self, order: dict[str, object]) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        return json.loads(self._process.stdout.readline())

    def encode(self, body: str) -> bytes:
        return bytes.fromhex(str(self._ask({"encode": body})))

    def feed(self, *chunks: bytes) -> list[str]:
        return self.feed_and_kept(*chunks)[0]

    def feed_and_kept(self, *chunks: bytes) -> tuple[list[str], int]:
        bodies, kept = self._ask({"feed": [chunk.hex() for chunk in chunks]})  # type: ignore[misc]
        return bodies, kept

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@given(BODY)
@settings(deadline=None)
def test_encodes_as_the_page_says(peer: Peer, body: str) -> None:
    assert peer.encode(body) == frame(body)


@given(st.lists(BODY, max_size=8), st.data())
@settings(deadline=None)
def test_split_and_glued_anyhow(peer: Peer, bodies: list[str], data: st.DataObject) -> None:
    stream = b"".join(frame(body) for body in bodies)
    chunks: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        chunks.append(stream[:size])
        stream = stream[size:]
    assert peer.feed(*chunks) == bodies


@given(BODY)
@settings(deadline=None)
def test_one_byte_at_a_time(peer: Peer, body: str) -> None:
    assert peer.feed(*(bytes([byte]) for byte in frame(body))) == [body]


@given(st.binary(max_size=2000), BODY)
@settings(deadline=None)
def test_garbage_never_hides_the_next_frame(peer: Peer, garbage: bytes, body: str) -> None:
    assert peer.feed(garbage, b"\n", frame(body))[-1:] == [body]


@given(BODY, st.data())
@settings(deadline=None)
def test_one_flipped_bit_is_noticed(peer: Peer, body: str, data: st.DataObject) -> None:
    line = bytearray(frame(body)[:-1])
    bit = data.draw(st.integers(0, len(line) * 8 - 1))
    line[bit // 8] ^= 1 << bit % 8
    assert peer.feed(bytes(line), b"\n") == []


def test_good_checksum_around_bytes_that_are_no_text(peer: Peer) -> None:
    for body in (b"\x80", b">1 \x07alive", b"\xff\xfe"):
        total = crc(body.decode("latin-1")) if body.isascii() else _crc_of(body)
        assert peer.feed(body + b"*%02X\n" % total) == []
    assert peer.feed(b"\xff*%02X\r\n" % _crc_of(b"\xff"), frame("ok")) == ["ok"]


def _crc_of(data: bytes) -> int:
    bits = int.from_bytes(data, "big") << 8
    for shift in range(bits.bit_length() - 9, -1, -1):
        if bits >> (shift + 8) & 1:
            bits ^= 0x107 << shift
    return bits & 0xFF


def test_carriage_return_is_ignored(peer: Peer) -> None:
    assert peer.feed(frame("a b").replace(b"\n", b"\r\n")) == ["a b"]


def test_longest_frame_and_one_more(peer: Peer) -> None:
    assert peer.feed(frame("x" * 509)) == ["x" * 509]
    assert peer.feed(frame("x" * 510), frame("y")) == ["y"]


def test_endless_line_costs_no_memory(peer: Peer) -> None:
    bodies, kept = peer.feed_and_kept(*[b"x" * 1000] * 100)
    assert (bodies, kept) == ([], 513)
    assert peer.feed(*[b"x" * 1000] * 100, b"\n", frame("z")) == ["z"]
