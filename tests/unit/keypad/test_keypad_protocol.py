"""Every controller against the protocol page, without the driver."""

from __future__ import annotations

import itertools
import os
import select
from collections.abc import Callable, Iterator

import pytest
from controller_peer import frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_firmware import RunningFirmware
from running_twin import RunningTwin

from harness.events import LampColour

Running = RunningTwin | RunningFirmware
Starter = Callable[..., Running]


class Line:
    """A bare host on the twin's port; clock readings in what it hears become ``T``."""

    def __init__(self, port: str) -> None:
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._rest = b""
        self._lines: list[bytes] = []

    def close(self) -> None:
        os.close(self._fd)

    def raw(self, data: bytes) -> None:
        os.write(self._fd, data)

    def say(self, *bodies: str) -> None:
        self.raw(b"".join(frame(body) for body in bodies))

    def hear(self, within: float = 2.0) -> str:
        while not self._lines:
            if not select.select([self._fd], [], [], within)[0]:
                return "silence"
            *self._lines, self._rest = (self._rest + os.read(self._fd, 4096)).split(b"\n")
        text = self._lines.pop(0).decode()
        assert frame(text[:-3]).decode() == text + "\n"
        words = text[:-3].split(" ")
        if words[0].startswith("!"):
            words[0] = "!T"
        else:
            words[2] = "T"
        return " ".join(words)

    def hear_all(self, count: int) -> list[str]:
        return [self.hear() for _ in range(count)]


@pytest.fixture
def running(controller: Starter) -> Running:
    return controller()


@pytest.fixture
def line(running: Running) -> Iterator[Line]:
    line = Line(running.port)
    line.say(">1 hello")
    assert line.hear() == "<1 ok T matrix 1 35"
    yield line
    line.close()


def test_request_that_comes_twice_is_carried_out_once(line: Line) -> None:
    line.say(">2 tap 5 1")
    first = line.hear_all(3)
    assert first == ["!T key 5 down", "!T key 5 up", "<2 ok T"]
    line.say(">2 tap 5 1", ">3 alive")
    assert line.hear_all(2) == ["<2 ok T", "<3 ok T"]


def test_request_that_comes_again_while_it_runs_is_not_answered_twice(line: Line) -> None:
    line.say(">2 tap 5 50", ">2 tap 5 50")
    assert line.hear_all(3) == ["!T key 5 down", "!T key 5 up", "<2 ok T"]
    assert line.hear(0.1) == "silence"


def test_what_is_answered_while_typing(line: Line) -> None:
    line.say(">2 type 1000 0 1 2")
    assert line.hear() == "!T key 1 down"
    line.say(">3 alive", ">4 down 5", ">5 release-all")
    assert line.hear_all(5) == [
        "<3 ok T",
        "<4 err T busy still typing, no time for 5",
        "!T key 1 up",
        "<5 ok T",
        "<2 err T aborted released meanwhile",
    ]


def test_request_that_is_ended_before_it_began(line: Line) -> None:
    line.say(">2 type 1000 0 1 2", ">3 release-all", ">4 alive")
    heard = line.hear_all(3)
    while len(heard) < 5 and not {"<2 err T aborted released meanwhile", "<4 ok T"} <= set(heard):
        heard.append(line.hear())
    # Whether the first key had begun to move is the controller's affair; it must be up again.
    edges = [text for text in heard if text.startswith("!")]
    assert edges in ([], ["!T key 1 down", "!T key 1 up"])
    assert set(heard) - set(edges) == {"<3 ok T", "<2 err T aborted released meanwhile", "<4 ok T"}


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        ("jump", "bad-verb"),
        ("hello 0", "bad-arguments"),
        ("hello two", "bad-arguments"),
        ("hello 1 2", "bad-arguments"),
        ("down", "bad-arguments"),
        ("down 1 2", "bad-arguments"),
        ("tap 1", "bad-arguments"),
        ("tap 1 soon", "bad-arguments"),
        ("tap 1 60001", "bad-arguments"),
        ("tap 1 -1", "bad-arguments"),
        ("type 1 1", "bad-arguments"),
        ("type 1 1 " + "1 " * 32 + "1", "bad-arguments"),
        ("down line7", "bad-key"),
        ("type 1 1 1 x", "bad-key"),
    ],
)
def test_refusals(line: Line, request_body: str, code: str) -> None:
    line.say(f">2 {request_body}")
    assert line.hear().startswith(f"<2 err T {code} ")
    assert line.hear(0.02) == "silence", "nothing moved"


@pytest.mark.parametrize(
    ("greeting", "answer"),
    [
        ("hello", "matrix 1 35"),
        ("hello 1", "matrix 1 35"),
        ("hello 2", "matrix 2 35 "),
        ("hello 99", "matrix 2 35 "),
    ],
)
def test_version_is_the_lower_of_both(line: Line, greeting: str, answer: str) -> None:
    line.say(f">1 {greeting}")
    heard = line.hear()
    assert heard.startswith(f"<1 ok T {answer}")
    assert len(heard.split()) == (6 if answer.endswith("1 35") else 7)


@pytest.mark.parametrize(
    "noise", [b"\n", b">2 alive\n", b">2 alive*00\n", b"x" * 600 + b"\n", b"\xff\xfe*12\n", b"*\n"]
)
def test_what_is_no_frame_is_passed_over(line: Line, noise: bytes) -> None:
    line.raw(noise)
    line.say(">3 alive")
    assert line.hear() == "<3 ok T"


SEQ = itertools.count(100)


@given(
    st.lists(st.none() | st.binary(max_size=30), max_size=6),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_requests_between_garbage_however_cut(
    line: Line, pieces: list[bytes | None], sizes: list[int]
) -> None:
    # Between two examples more time may pass than the controller's watchdog grants.
    greeting = next(SEQ)
    line.say(f">{greeting} hello")
    heard = line.hear()
    assert (line.hear() if heard == "!T watchdog" else heard) == f"<{greeting} ok T matrix 1 35"
    stream, expected = b"", []
    for piece in pieces:
        if piece is None:
            seq = next(SEQ)
            stream += frame(f">{seq} alive")
            expected.append(f"<{seq} ok T")
        else:
            stream += piece + b"\n"
    for size in itertools.cycle(sizes):
        if not stream:
            break
        line.raw(stream[:size])
        stream = stream[size:]
    assert line.hear_all(len(expected)) == expected


def test_frame_in_pieces(line: Line) -> None:
    for byte in frame(">2 alive"):
        line.raw(bytes([byte]))
    assert line.hear() == "<2 ok T"


def test_new_host_finds_all_keys_up_and_its_numbers_free(line: Line) -> None:
    line.say(">2 down 1", ">3 type 500 500 2")
    assert line.hear_all(3) == ["!T key 1 down", "<2 ok T", "!T key 2 down"]
    line.say(">1 hello")
    assert line.hear_all(3) == ["!T key 1 up", "!T key 2 up", "<1 ok T matrix 1 35"]
    line.say(">2 tap 3 1")
    assert line.hear_all(3) == ["!T key 3 down", "!T key 3 up", "<2 ok T"]


def test_no_reports_before_the_first_hello(running: Running) -> None:
    early = Line(running.port)
    running.light("line1", LampColour.RED)
    assert early.hear(0.1) == "silence"
    early.say(">1 hello", ">2 lamps")
    assert early.hear() == "<1 ok T matrix 1 35"
    assert early.hear().startswith("<2 ok T line1=red line2=dark ")
    running.light("line1", LampColour.DARK)
    assert early.hear() == "!T lamp line1 dark"
    early.close()


def test_silent_host_loses_its_keys_once(controller: Starter) -> None:
    line = Line(controller(watchdog_ms=100).port)
    line.say(">1 hello", ">2 down 1")
    assert line.hear_all(3)[1:] == ["!T key 1 down", "<2 ok T"]
    assert line.hear_all(2) == ["!T key 1 up", "!T watchdog"]
    assert line.hear(0.3) == "silence"
    line.close()
