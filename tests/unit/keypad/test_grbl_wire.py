"""The GRBL driver against scripted wires: every byte it says, and what it makes of the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from grbl_peer import (
    BUILD,
    CLOSING,
    OPENING,
    WELCOME,
    ScriptedGrbl,
    Step,
    idle,
    settings,
    step,
)
from running_gantry import LAYOUT

from harness.errors import BenchFault, UsageFault
from harness.events import KeyPressed, KeyReleased, Note
from harness.keypad.calibration import shifted
from harness.keypad.gantry import Gantry
from harness.keypad.grbl import Face, GrblKeypad
from harness.lab import GrblSpec
from harness.timeline import Timeline

SPEC = GrblSpec(driver="grbl", homing_s=1.0)
#: Key 1 is at (117, 60) on the face, whose corner is at (-285, -225).
AT_1 = (-168.0, -165.0)
TO_1 = (
    step("?", idle(-1, -1, -2)),
    step("G53 G0 X-168.000 Y-165.000\n", "ok"),
    step("G4 P0\n", "ok"),
)
DOWN = (step("G53 G1 Z-9.000 F6000\n", "ok"), step("G4 P0\n", "ok"))
UP = CLOSING
PRESSED = step("?", idle(*AT_1, -9))


@contextmanager
def opened(port: str, timeline: Timeline, **options: Any) -> Iterator[GrblKeypad]:
    spec = options.pop("spec", SPEC)
    lies = options.pop("calibration", shifted(spec.corner))
    observe = timeline.observer("keypad-1")
    gantry = Gantry(port, "keypad-1", ["desk"], observe, spec, answer_s=0.2)
    keypad = GrblKeypad(gantry, [Face("desk", LAYOUT, lies, **options)])
    try:
        yield keypad
    finally:
        keypad.close()


def test_a_whole_session(timeline: Timeline) -> None:
    script = (
        *OPENING,
        *TO_1,
        *DOWN,
        PRESSED,
        *UP,
        step("?", idle(*AT_1, -2)),
        step("G53 G0 X-147.000 Y-165.000\n", "ok"),
        step("G4 P0\n", "ok"),
        *DOWN,
        step("G4 P0.080\n", "ok"),
        *UP,
        step("G4 P0.120\n", "ok"),
        step("?", idle(-147, -165, -2)),
        *CLOSING,
    )
    with ScriptedGrbl(*script) as controller, opened(controller.port, timeline) as keypad:
        assert keypad.identity == "Grbl 1.1h 1.1h.20190830"
        keypad.press("1")
        keypad.release("1")
        keypad.type("2", ms=80, gap_ms=120)
    assert [event.key for event in timeline.events(KeyPressed)] == ["1", "2"]
    assert [event.key for event in timeline.events(KeyReleased)] == ["1", "2"]


def test_a_servo_is_driven_by_the_spindle_output(timeline: Timeline) -> None:
    up = (step("M3 S100\n", "ok"), step("G4 P0.150\n", "ok"))
    script = (
        *OPENING[:4],
        *up,
        *TO_1,
        step("M3 S700\n", "ok"),
        step("G4 P0.150\n", "ok"),
        step("?", idle(*AT_1, 0)),
        *up,
        *up,
    )
    spec = GrblSpec.model_validate({"driver": "grbl", "stylus": {"kind": "servo"}})
    with (
        ScriptedGrbl(*script) as controller,
        opened(controller.port, timeline, spec=spec) as keypad,
    ):
        keypad.press("1")
        keypad.release("1")


def test_never_more_bytes_unanswered_than_the_controller_can_hold(timeline: Timeline) -> None:
    """With 64 bytes the burst of one press does not fit: the rest waits for an ``ok``."""
    small = step("$I\n", "[VER:1.1h.20190830:]", "[OPT:V,15,64]", "ok")
    script = (
        WELCOME,
        small,
        *OPENING[2:],
        *TO_1,
        # 21 + 6 + 10 + 15 bytes are out; six more would be 58, ten on top of that too many.
        Step(
            b"G53 G1 Z-9.000 F6000\nG4 P0\nG4 P0.080\nG53 G0 Z-2.000\nG4 P0\n",
            (b"ok\r\n",),
            quiet=0.1,
        ),
        step("G4 P0.080\n", "ok", "ok", "ok", "ok", "ok"),
        step("?", idle(*AT_1, -2)),
        *CLOSING,
    )
    with ScriptedGrbl(*script) as controller, opened(controller.port, timeline) as keypad:
        keypad.type("1")


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_split_glued_and_between_garbage(timeline: Timeline, size: int) -> None:
    stream = b"\x00\xff\xfe garbage\r\n\r\nok\r\n[GC:G0 G54]\r\n"
    pieces = tuple(stream[at : at + size] for at in range(0, len(stream), size))
    script = (
        *OPENING,
        TO_1[0],
        Step(TO_1[1].heard, pieces),
        *TO_1[2:],
        *DOWN,
        PRESSED,
        *CLOSING,
    )
    with ScriptedGrbl(*script) as controller, opened(controller.port, timeline) as keypad:
        keypad.press("1")
    assert [event.key for event in timeline.events(KeyPressed)] == ["1"]
    assert any("does not say" in note.text for note in timeline.events(Note))


def test_a_board_that_sleeps_in_its_boot_loader_is_reset_again(timeline: Timeline) -> None:
    with (
        ScriptedGrbl(step("\x18"), *OPENING, *CLOSING) as controller,
        opened(controller.port, timeline),
    ):
        pass


def test_no_answer_at_all(timeline: Timeline) -> None:
    with (
        ScriptedGrbl(*[step("\x18")] * 3) as controller,
        pytest.raises(BenchFault, match="does not answer") as caught,
        opened(controller.port, timeline),
    ):
        pass
    assert caught.value.expected == "a greeting after a reset, sent 3 times"


def test_no_answer_to_a_move_then_reset_and_homed_again(timeline: Timeline) -> None:
    script = (
        *OPENING,
        TO_1[0],
        step("G53 G0 X-168.000 Y-165.000\nG4 P0\n"),
        *OPENING,
        *TO_1,
        *DOWN,
        PRESSED,
        *CLOSING,
    )
    with ScriptedGrbl(*script) as controller, opened(controller.port, timeline) as keypad:
        began = time.monotonic()
        with pytest.raises(BenchFault, match="does not answer") as caught:
            keypad.press("1")
        assert time.monotonic() - began < 5.0
        assert "ok to G53 G0 X-168.000 Y-165.000, G4 P0" in caught.value.expected
        keypad.press("1")
    assert any("homed again after" in note.text for note in timeline.events(Note))


def test_locked_is_told_in_grbls_words(timeline: Timeline) -> None:
    script = (
        *OPENING,
        TO_1[0],
        step("G53 G0 X-168.000 Y-165.000\n", "error:9"),
        step("G4 P0\n", "error:9"),
    )
    with (
        ScriptedGrbl(*script) as controller,
        opened(controller.port, timeline) as keypad,
        pytest.raises(BenchFault, match=r"refuses 'G53 G0 X.*error:9 \(G-code lock"),
    ):
        keypad.press("1")
    assert timeline.events(KeyPressed) == []


@pytest.mark.parametrize(
    ("code", "words"), [(1, "hard limit"), (2, "soft limit"), (9, "homing fail: limit switch")]
)
def test_alarm_in_motion(timeline: Timeline, code: int, words: str) -> None:
    script = (
        *OPENING,
        TO_1[0],
        step("G53 G0 X-168.000 Y-165.000\nG4 P0\n", f"ALARM:{code}", "[MSG:Reset to continue]"),
    )
    with (
        ScriptedGrbl(*script) as controller,
        opened(controller.port, timeline) as keypad,
        pytest.raises(BenchFault, match=rf"stopped with ALARM:{code} \({words}") as caught,
    ):
        keypad.press("1")
    assert "unanswered: G53 G0 X-168.000" in caught.value.state


def test_homing_that_fails(timeline: Timeline) -> None:
    script = (*OPENING[:3], step("$H\n", "ALARM:9"))
    with (
        ScriptedGrbl(*script) as controller,
        pytest.raises(BenchFault, match=r"ALARM:9 \(homing fail"),
        opened(controller.port, timeline),
    ):
        pass


def test_restart_in_the_middle_of_a_press(timeline: Timeline) -> None:
    """The greeting of a controller nobody reset: brown-out, or somebody's finger."""
    script = (
        *OPENING,
        *TO_1,
        DOWN[0],
        Step(b"G4 P0\n", (b"\r\nGrbl 1.1h ['$' for help]\r\n",)),
    )
    with (
        ScriptedGrbl(*script) as controller,
        opened(controller.port, timeline) as keypad,
        pytest.raises(BenchFault, match="restarted by itself"),
    ):
        keypad.press("1")


def test_restart_while_a_key_is_held_is_told_at_its_release(timeline: Timeline) -> None:
    script = (*OPENING, *TO_1, *DOWN, PRESSED, *OPENING, *CLOSING)
    with ScriptedGrbl(*script) as controller, opened(controller.port, timeline) as keypad:
        keypad.press("1")
        controller.write(b"\r\nGrbl 1.1h ['$' for help]\r\n[MSG:'$H'|'$X' to unlock]\r\n")
        timeline.wait_for(Note, within=2.0, where=lambda note: "restarted" in note.text)
        with pytest.raises(BenchFault, match="restarted by itself"):
            keypad.release("1")
    assert [event.key for event in timeline.events(KeyReleased)] == ["1"], "lifted by homing"


def test_unplugged_in_the_middle_of_a_line(timeline: Timeline) -> None:
    script = (*OPENING, TO_1[0], Step(b"G53 G0 X", (b"o",), unplug=True))
    with (
        ScriptedGrbl(*script) as controller,
        opened(controller.port, timeline) as keypad,
        pytest.raises(BenchFault, match="is gone"),
    ):
        keypad.press("1")


def test_stylus_that_is_held_by_its_panel(timeline: Timeline) -> None:
    held = step("?", "<Hold:0|MPos:-168.000,-165.000,-5.000|FS:0,0>")
    script = (*OPENING, *TO_1, *DOWN, held, *CLOSING)
    with ScriptedGrbl(*script) as controller, opened(controller.port, timeline) as keypad:
        with pytest.raises(BenchFault, match="not where it was sent") as caught:
            keypad.press("1")
        assert caught.value.state == "Hold at -168.000, -165.000, -5.000"


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("s22", "0", r"\$22=0 does not suit"),
        ("s20", "0", r"\$20=0 does not suit"),
        ("s10", "2", r"\$10=2 does not suit"),
        ("s13", "1", r"\$13=1 does not suit"),
        ("s32", "1", r"\$32=1 does not suit"),
    ],
)
def test_settings_that_do_not_suit(timeline: Timeline, setting: str, value: str, says: str) -> None:
    with (
        ScriptedGrbl(WELCOME, BUILD, settings(**{setting: value})) as controller,
        pytest.raises(BenchFault, match=says) as caught,
        opened(controller.port, timeline),
    ):
        pass
    assert caught.value.hint


def test_settings_that_do_not_come(timeline: Timeline) -> None:
    with (
        ScriptedGrbl(WELCOME, BUILD, step("$$\n", "$10=1", "ok")) as controller,
        pytest.raises(BenchFault, match=r"\$13, \$20.* did not come"),
        opened(controller.port, timeline),
    ):
        pass


def test_a_stylus_that_would_go_through_the_table(timeline: Timeline) -> None:
    with (
        ScriptedGrbl(WELCOME, BUILD, settings(s132="8.000")) as controller,
        pytest.raises(UsageFault, match="cannot go to Z -9"),
        opened(controller.port, timeline),
    ):
        pass


def test_an_older_grbl(timeline: Timeline) -> None:
    with (
        ScriptedGrbl(step("\x18", "", "Grbl 0.9j ['$' for help]")) as controller,
        pytest.raises(BenchFault, match=r"it is Grbl 0\.9j"),
        opened(controller.port, timeline),
    ):
        pass


def test_a_key_out_of_reach_is_refused_before_anything_moves(timeline: Timeline) -> None:
    with (
        ScriptedGrbl(*OPENING, *CLOSING) as controller,
        opened(controller.port, timeline, calibration=shifted((-100.0, -225.0))) as keypad,
        pytest.raises(UsageFault, match="key 1 is out of reach") as caught,
    ):
        keypad.type("1")
    assert "X -300 to 0, Y -240 to 0" in caught.value.expected


def test_a_machine_whose_home_corner_is_zero(timeline: Timeline) -> None:
    """Letter Z in [OPT:...] with $23: travel is positive on that axis."""
    script = (
        WELCOME,
        step("$I\n", "[VER:1.1h.20190830:]", "[OPT:VZ,15,128]", "ok"),
        settings(s23="3"),
        *OPENING[3:],
        step("?", idle(1, 1, -2)),
        step("G53 G0 X127.000 Y70.000\n", "ok"),
        step("G4 P0\n", "ok"),
        *DOWN,
        step("?", idle(127, 70, -9)),
        *CLOSING,
    )
    with (
        ScriptedGrbl(*script) as controller,
        opened(controller.port, timeline, calibration=shifted((10.0, 10.0))) as keypad,
    ):
        keypad.press("1")
