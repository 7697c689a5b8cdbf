from __future__ import annotations

import pytest
from controller_peer import crc, frame
from hypothesis import given
from hypothesis import strategies as st

from harness.events import LampColour
from harness.keypad import KEYS, LAMPS
from harness.keypad.frames import (
    Answer,
    Damaged,
    FrameReader,
    KeyEdge,
    LampReport,
    LimitReached,
    Message,
    Watchdog,
    crc8,
    encode,
)

TEXT = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1)
NUMBER = st.integers(0, 2**31)
CODES = st.sampled_from(["bad-key", "busy", "aborted"])

MESSAGES = st.one_of(
    st.builds(Answer, NUMBER, NUMBER, st.just(""), st.one_of(st.just(""), TEXT)),
    st.builds(Answer, NUMBER, NUMBER, CODES, TEXT),
    st.builds(KeyEdge, NUMBER, st.sampled_from(sorted(KEYS)), st.booleans()),
    st.builds(LampReport, NUMBER, st.sampled_from(LAMPS), st.sampled_from(LampColour)),
    st.builds(Watchdog, NUMBER),
    st.builds(LimitReached, NUMBER, st.sampled_from(sorted(KEYS))),
)


def body_of(message: Message) -> str:
    match message:
        case Answer(seq=seq, device_ms=ms, code="", text=text):
            return f"<{seq} ok {ms} {text}".rstrip()
        case Answer(seq=seq, device_ms=ms, code=code, text=text):
            return f"<{seq} err {ms} {code} {text}"
        case KeyEdge(device_ms=ms, key=key, down=down):
            return f"!{ms} key {key} {'down' if down else 'up'}"
        case LampReport(device_ms=ms, lamp=lamp, colour=colour):
            return f"!{ms} lamp {lamp} {colour}"
        case Watchdog(device_ms=ms):
            return f"!{ms} watchdog"
        case LimitReached(device_ms=ms, key=key):
            return f"!{ms} limit {key}"
    raise AssertionError(message)


def test_check_value() -> None:
    assert crc8(b"123456789") == 0xF4
    assert encode(">2 down *") == b">2 down **32\n" == frame(">2 down *")


@given(st.text(st.characters(codec="ascii"), max_size=64))
def test_crc_is_polynomial_division(text: str) -> None:
    assert crc8(text.encode()) == crc(text)


@given(st.lists(MESSAGES, max_size=8), st.data())
def test_split_and_glued_anyhow(messages: list[Message], data: st.DataObject) -> None:
    stream = b"".join(frame(body_of(message)) for message in messages)
    reader = FrameReader()
    got: list[Message] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += reader.feed(stream[:size])
        stream = stream[size:]
    assert got == messages


@given(st.binary(max_size=2000), MESSAGES)
def test_garbage_never_hides_the_next_frame(garbage: bytes, message: Message) -> None:
    reader = FrameReader()
    reader.feed(garbage + b"\n")
    assert reader.feed(frame(body_of(message))) == [message]


@given(MESSAGES, st.data())
def test_one_flipped_bit_is_noticed(message: Message, data: st.DataObject) -> None:
    line = bytearray(frame(body_of(message))[:-1])
    bit = data.draw(st.integers(0, len(line) * 8 - 1))
    line[bit // 8] ^= 1 << bit % 8
    got = FrameReader().feed(bytes(line) + b"\n")
    assert message not in got
    assert all(isinstance(item, Damaged) for item in got)


def test_carriage_return_is_ignored() -> None:
    line = frame("!3 watchdog").replace(b"\n", b"\r\n")
    assert FrameReader().feed(line + b"\r\n\n") == [Watchdog(3)]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<",
        "<x ok 1",
        "<1 ok",
        "<1 ok x",
        "<1 err 3",
        "<1 maybe 3",
        "!1 key 5",
        "!1 key 5 sideways",
        "!1 lamp line1 blue",
        "!1 lamp line1",
        "!x watchdog",
        "!1 limit",
        "!1 limit 5 6",
        ">1 hello",
        "1 ok 1",
    ],
)
def test_good_checksum_but_no_message(body: str) -> None:
    (got,) = FrameReader().feed(frame(body))
    assert isinstance(got, Damaged)


def test_endless_line_costs_no_memory_and_is_reported_once() -> None:
    reader = FrameReader()
    for _ in range(1000):
        assert reader.feed(b"x" * 1000) == []
    assert len(reader._rest) <= 1512
    (got,) = reader.feed(b"\n")
    assert isinstance(got, Damaged)
    assert reader.feed(frame("!9 watchdog")) == [Watchdog(9)]
