"""The GRBL twin as any host sees it: by a plain serial port, against the interface document."""

from __future__ import annotations

import cmath
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from running_gantry import LAYOUT, RunningGantry

from harness.errors import BenchFault
from harness.events import KeyPressed, Note
from harness.keypad.calibration import fit
from harness.keypad.grbl import GrblKeypad
from harness.timeline import Timeline
from harness.virtual.grbl_gcode import Modes, Refused, parse

Start = Callable[..., RunningGantry]


class Terminal:
    def __init__(self, port: str) -> None:
        self._serial = serial.Serial(port, timeout=0.05)
        # The greeting of its start was flushed when the port was opened.
        self._serial.write(b"\x18")

    def say(self, text: str | bytes) -> None:
        self._serial.write(text if isinstance(text, bytes) else text.encode())

    def until(self, last: str, within: float = 3.0) -> list[str]:
        """Read lines up to one that begins with ``last``."""
        lines: list[str] = []
        rest = b""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            rest += self._serial.read(1)
            if rest.endswith(b"\n"):
                lines.append(rest.decode().strip())
                rest = b""
                if lines[-1].startswith(last):
                    return [line for line in lines if line]
        raise AssertionError(f"no {last!r} in {lines}")

    def ask(self, line: str, last: str = "ok") -> list[str]:
        self.say(line + "\n")
        return self.until(last)

    def close(self) -> None:
        self._serial.close()


@pytest.fixture
def terminal(gantry: Start) -> Iterator[Terminal]:
    opened = Terminal(gantry().port)
    yield opened
    opened.close()


def homed(terminal: Terminal) -> Terminal:
    terminal.until("[MSG:'$H'|'$X' to unlock]")
    terminal.ask("$H")
    return terminal


def test_greets_locked_and_unlocks(terminal: Terminal) -> None:
    assert terminal.until("[MSG") == ["Grbl 1.1h ['$' for help]", "[MSG:'$H'|'$X' to unlock]"]
    terminal.say("?")
    assert terminal.until("<")[-1].startswith("<Alarm|MPos:0.000,0.000,0.000|FS:0,0>")
    assert terminal.ask("G0 X-1", "error") == ["error:9"]
    assert terminal.ask("$J=G91X-1F100", "error") == ["error:8"]
    assert terminal.ask("$X") == ["[MSG:Caution: Unlocked]", "ok"]
    terminal.ask("G0 X-1")


def test_homing_ends_at_the_pull_off(terminal: Terminal) -> None:
    homed(terminal).say("?")
    assert terminal.until("<")[-1] == "<Idle|MPos:-1.000,-1.000,-1.000|FS:0,0>"


def test_settings_are_printed_and_taken(terminal: Terminal) -> None:
    lines = homed(terminal).ask("$$")
    assert "$130=300.000" in lines
    assert "$22=1" in lines
    terminal.ask("$130=123.5")
    assert "$130=123.500" in terminal.ask("$$")
    for line, code in (("$999=1", 3), ("$130=x", 2), ("$130=-1", 4), ("$foo", 3)):
        assert terminal.ask(line, "error") == [f"error:{code}"]
    terminal.ask("$22=0")
    assert "$20=0" in terminal.ask("$$"), "no soft limits without homing"
    assert terminal.ask("$20=1", "error") == ["error:10"]
    assert terminal.ask("$H", "error") == ["error:5"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("G1 X-10", 22),
        ("G4", 28),
        ("G4 P1 X1", 31),
        ("X", 2),
        ("1X", 1),
        ("G0 G1 X-1", 21),
        ("G2 X-1 I1", 20),
        ("G0 X-1 X-2", 25),
        ("G53 P1", 26),
        ("G0 X-1 P5", 36),
        ("S-1", 4),
        ("M6", 20),
        ("G0 X" + "1" * 90, 11),
        ("$J=X-1", 22),
        ("$J=G0 X-1 F100", 16),
        ("$J=G91X-500F100", 15),
        ("$J", 3),
    ],
)
def test_lines_it_refuses(terminal: Terminal, line: str, code: int) -> None:
    assert homed(terminal).ask(line, "error") == [f"error:{code}"]


def test_ok_to_a_move_is_no_arrival_and_a_dwell_is(gantry: Start) -> None:
    terminal = homed(Terminal(gantry(speed=2.0).port))
    terminal.ask("G53 G0 X-200")
    terminal.say("?")
    assert "<Run" in terminal.until("<")[-1]
    began = time.monotonic()
    terminal.ask("G4 P0")
    assert time.monotonic() - began > 0.3
    terminal.say("?")
    assert terminal.until("<")[-1].startswith("<Idle|MPos:-200.000")
    terminal.close()


@pytest.mark.parametrize(("seconds", "lasts"), [(0.03, 0.05), (0.08, 0.1), (0.1, 0.1)])
def test_a_dwell_is_rounded_up_to_50_ms(terminal: Terminal, seconds: float, lasts: float) -> None:
    homed(terminal)
    began = time.monotonic()
    terminal.ask(f"G4 P{seconds}")
    assert lasts - 0.005 <= time.monotonic() - began < lasts + 0.045


def test_feed_hold_and_resume(gantry: Start) -> None:
    terminal = homed(Terminal(gantry(speed=1.0).port))
    terminal.ask("G53 G1 X-50 F6000")
    terminal.say("!?")
    held = terminal.until("<")[-1]
    assert held.startswith("<Hold:0|MPos:")
    terminal.say("?")
    assert terminal.until("<")[-1].split("|")[1] == held.split("|")[1], "it stands"
    terminal.say("~")
    terminal.ask("G4 P0")
    terminal.say("?")
    assert terminal.until("<")[-1].startswith("<Idle|MPos:-50.000")
    terminal.close()


def test_reset_in_motion_loses_the_position_and_after_a_hold_does_not(gantry: Start) -> None:
    terminal = homed(Terminal(gantry(speed=1.0).port))
    terminal.ask("G53 G1 X-50 F3000")
    terminal.say("!\x18")
    assert terminal.until("Grbl") == ["Grbl 1.1h ['$' for help]"]
    terminal.ask("G53 G1 X-90 F3000")
    terminal.say("\x18")
    assert terminal.until("[MSG") == [
        "ALARM:3",
        "Grbl 1.1h ['$' for help]",
        "[MSG:'$H'|'$X' to unlock]",
    ]
    terminal.close()


def test_soft_limit_is_a_critical_alarm(terminal: Terminal) -> None:
    homed(terminal).say("G53 G0 X-301\n")
    assert terminal.until("[MSG") == ["ALARM:2", "[MSG:Reset to continue]"]
    terminal.say("?\n$X\nG0 X-1\n")
    with pytest.raises(AssertionError):
        terminal.until("", within=0.2)
    terminal.say("\x18")
    assert terminal.until("[MSG")[-2:] == [
        "Grbl 1.1h ['$' for help]",
        "[MSG:'$H'|'$X' to unlock]",
    ]


def test_jog_locks_g_code_and_is_cancelled(gantry: Start) -> None:
    terminal = homed(Terminal(gantry(speed=1.0).port))
    terminal.ask("$J=G91 G21 X-100 F3000")
    assert terminal.ask("G0 X-1", "error") == ["error:9"]
    terminal.say(b"?\x85?")
    first, second = terminal.until("<")[-1], terminal.until("<")[-1]
    assert first.startswith("<Jog|")
    assert second.startswith("<Idle|")
    assert -100 < float(second.split(":")[1].split(",")[0]) < 0
    terminal.close()


def test_planner_and_receive_buffer_fill_and_the_rest_is_lost(gantry: Start) -> None:
    running = gantry(speed=1.0)
    terminal = homed(Terminal(running.port))
    terminal.ask("$10=3")
    for number in range(15):
        terminal.ask(f"G53 G1 X-{20 + number % 2 * 20} F200")
    terminal.say("?")
    assert "|Bf:0," in terminal.until("<")[-1]
    terminal.say("G53 G1 X-10 F200\n" * 12)
    terminal.say("?")
    blocks, room = terminal.until("<")[-1].split("|Bf:")[1].split("|")[0].split(",")
    # Full, or one line was taken out to wait for a free block.
    assert int(blocks) == 0
    assert int(room) <= 17
    assert any("receive buffer overflow" in line for line in running.log)
    terminal.close()


def test_comments_and_blank_lines_are_nothing(terminal: Terminal) -> None:
    homed(terminal)
    for line in ("", "(a note)", "; a note", " g53 g0 x-5 (there) ; end"):
        assert terminal.ask(line) == ["ok"]


@given(st.text(st.characters(min_codepoint=33, max_codepoint=90), max_size=30), st.booleans())
def test_any_line_is_understood_or_refused_whole(line: str, jog: bool) -> None:
    modes = Modes()
    try:
        parse(line, modes, (0.0, 0.0, 0.0), jog=jog)
    except Refused:
        assert modes == Modes()


# --- its faults -----------------------------------------------------------------------------------


def test_wrong_calibration_presses_the_wrong_key_or_none(gantry: Start, timeline: Timeline) -> None:
    running = gantry(offset=[21, 0])
    with running.driver(timeline) as keypad:
        keypad.type("2", ms=1)
        keypad.type("1", ms=1)
    assert running.felt == ["1+", "1-"]
    assert [event.key for event in timeline.events(KeyPressed)] == ["2", "1"]
    assert sum("fault fired: keypad-1 offset" in line for line in running.log) == 2
    assert any("beside every key" in line for line in running.log)


@pytest.mark.parametrize(("offset", "turn"), [([12.0, -7.5], 0.0), ([-6.0, 4.0], 2.5)])
def test_a_calibration_by_three_keys_finds_them_all(
    gantry: Start, timeline: Timeline, offset: list[float], turn: float
) -> None:
    running = gantry(offset=offset, turn=turn)
    layout = running.twin._spec.faces["keypad-1"].keys
    true = Pose(running, offset, turn)
    points = {key: true.of(layout[key]) for key in LAYOUT.references}
    keys = ["soft4", "settings", "volup", "5", "#", "line1"]
    with running.driver(timeline, fit(LAYOUT, points)) as keypad:
        keypad.type(keys, ms=1)
    assert running.felt == [edge for key in keys for edge in (f"{key}+", f"{key}-")]


class Pose:
    """Where a phone really lies: not the twin's own arithmetic."""

    def __init__(self, running: RunningGantry, offset: list[float], turn: float) -> None:
        self._corner = complex(*running.spec.corner) + complex(*offset)
        self._turn = cmath.exp(1j * cmath.pi * turn / 180)

    def of(self, face: tuple[float, float]) -> tuple[float, float]:
        place = self._corner + complex(*face) * self._turn
        return place.real, place.imag


@pytest.mark.parametrize(
    ("fault", "edges"),
    [
        ("lose_keys", ["4+", "4-", "6+", "6-"]),
        ("double_keys", ["4+", "4-", "5+", "5-", "5+", "5-", "6+", "6-"]),
        ("stuck_keys", ["4+", "4-", "5+", "6+", "6-"]),
    ],
)
def test_seeded_keys(gantry: Start, timeline: Timeline, fault: str, edges: list[str]) -> None:
    """The driver cannot know: what is felt differs from what it is told to believe."""
    running = gantry(**{fault: [5]})
    with running.driver(timeline) as keypad:
        keypad.type("456", ms=100, gap_ms=20)
    assert running.felt == edges
    assert any(f"fault fired: keypad-1 {fault}" in line for line in running.log)


def test_limit_switch_trips_on_the_way_down(gantry: Start, timeline: Timeline) -> None:
    running = gantry(alarm_on=[5])
    with running.driver(timeline) as keypad:
        with pytest.raises(BenchFault, match=r"ALARM:1 \(hard limit"):
            keypad.type("45", ms=1)
        keypad.type("6", ms=1)
    assert running.felt == ["4+", "4-", "6+", "6-"]
    assert any("fault fired: keypad-1 alarm_on" in line for line in running.log)
    assert any("homed again" in note.text for note in timeline.events(Note))


def test_supply_dips_at_a_press(gantry: Start, timeline: Timeline) -> None:
    running = gantry(restart_on=["#"])
    with running.driver(timeline) as keypad:
        with pytest.raises(BenchFault, match="restarted by itself"):
            keypad.press("#")
        keypad.type("1", ms=1)
    assert running.felt == ["#+", "#-", "1+", "1-"]
    assert any("fault fired: keypad-1 restart_on" in line for line in running.log)


def test_silence(gantry: Start, timeline: Timeline) -> None:
    running = gantry(silent=True)
    with pytest.raises(BenchFault, match="does not answer"), running.driver(timeline, answer_s=0.1):
        pass
    assert any("fault fired: keypad-1 silent" in line for line in running.log)


def test_ended_in_motion_without_losing_the_position(gantry: Start, timeline: Timeline) -> None:
    running = gantry(speed=0.5)
    faults: list[BenchFault] = []

    def type_far_apart(keypad: GrblKeypad) -> None:
        try:
            keypad.type(["line1", "1"], ms=1)
        except BenchFault as fault:
            faults.append(fault)

    with running.driver(timeline) as keypad:
        typing = threading.Thread(target=type_far_apart, args=(keypad,))
        typing.start()
        assert (
            keypad._gantry.link.wait_status(lambda status: status.state == "Run", 2.0).state
            == "Run"
        )
        keypad.release_all()
        typing.join()
        keypad.tap("3", ms=1)
    assert ["aborted" in fault.summary for fault in faults] == [True]
    assert running.felt[-2:] == ["3+", "3-"]
    assert not any("homed again" in note.text for note in timeline.events(Note))


def test_pause_and_resume_by_hand(gantry: Start, timeline: Timeline) -> None:
    running = gantry()
    with running.driver(timeline) as keypad:
        keypad.press("1")
        keypad.pause()
        assert keypad._gantry.link.wait_status(lambda s: s.state == "Hold", 1.0).stands
        keypad.resume()
        keypad.release("1")
    assert running.felt == ["1+", "1-"]


def test_jogging_stays_inside(gantry: Start, timeline: Timeline) -> None:
    with gantry().driver(timeline) as keypad:
        assert keypad.jog(-50, -40) == (-51.0, -41.0)
        assert keypad.where() == (-51.0, -41.0, -2.0)
        keypad.cancel_jog()
        keypad.touch(ms=1)
        assert keypad.where() == (-51.0, -41.0, -2.0)
