from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.keypad.grbl_codes import alarm_words, error_words
from harness.keypad.grbl_messages import (
    Alarm,
    Feedback,
    GrblError,
    LineReader,
    NotGrbl,
    Ok,
    Setting,
    Status,
    Welcome,
    parse_line,
)

# From the "Grbl v1.1 Interface" page.
KNOWN = {
    "ok": Ok(),
    "error:9": GrblError(9),
    "ALARM:2": Alarm(2),
    "Grbl 1.1h ['$' for help]": Welcome("1.1h"),
    "$130=300.000": Setting(130, 300.0),
    "$10=1": Setting(10, 1.0),
    "[MSG:Caution: Unlocked]": Feedback("MSG", "Caution: Unlocked"),
    "[OPT:V,15,128]": Feedback("OPT", "V,15,128"),
    ">G54G20:ok": Feedback("STARTUP", "G54G20:ok"),
}


@pytest.mark.parametrize("line", KNOWN)
def test_lines_of_the_interface(line: str) -> None:
    assert parse_line(line.encode()) == KNOWN[line]


def test_status_reports() -> None:
    status = parse_line(b"<Run|MPos:-5.000,2.125,-0.500|FS:500,8000|Ov:100,100,100>")
    assert isinstance(status, Status)
    assert (status.state, status.substate, status.position) == ("Run", None, (-5.0, 2.125, -0.5))
    assert not status.stands
    held = parse_line(b"<Hold:0|WPos:0.000,0.000,0.000|Bf:15,128|FS:0,0|WCO:1.000,2.000,3.000>")
    assert isinstance(held, Status)
    assert (held.stands, held.machine, held.substate) == (True, False, 0)
    assert held.fields["WCO"] == "1.000,2.000,3.000"


@pytest.mark.parametrize(
    "line",
    [
        "okay",
        "error:",
        "error:x",
        "ALARM:-1",
        "Grbl 1.1h",
        "<Idle>",
        "<Idle|MPos:1,2>",
        "<Idle|MPos:nan,0,0>",
        "<Idle|MPos:inf,0,0>",
        "<Flying|MPos:0,0,0>",
        "<Hold:x|MPos:0,0,0>",
        "<Idle|MPos:0,0,0",
        "$x=1",
        "[MSG:",
        "k",
    ],
)
def test_damaged_lines_are_nobodys_word(line: str) -> None:
    assert parse_line(line.encode()) == NotGrbl(line.encode())


@given(st.lists(st.sampled_from(list(KNOWN)), max_size=12), st.data())
def test_however_split_the_same_messages_come(lines: list[str], data: st.DataObject) -> None:
    stream = b"".join(line.encode() + b"\r\n" for line in lines)
    reader, got = LineReader(), []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        got += reader.feed(stream[at : at + size])
        at += size
    assert got == [KNOWN[line] for line in lines]


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_garbage_harms_nothing(chunks: list[bytes]) -> None:
    reader = LineReader()
    for chunk in chunks:
        reader.feed(chunk)
    assert len(reader._rest) <= 256
    # One line end may be needed to close what the garbage began, a second one the overlong rest.
    assert reader.feed(b"\r\n\r\nok\r\n")[-1] == Ok()


def test_a_stream_without_line_ends_is_not_kept() -> None:
    reader = LineReader()
    for _ in range(100):
        assert reader.feed(b"<" * 200) == []
    assert len(reader._rest) <= 256
    assert [type(message) for message in reader.feed(b"\nok\n")] == [NotGrbl, Ok]


def test_codes_have_words() -> None:
    assert error_words(15) == "error:15 (travel exceeded: jog target outside of the machine)"
    assert "position likely lost" in alarm_words(3)
    assert "not in the table" in error_words(99)
    assert "not in the table" in alarm_words(0)
