"""What the firmware makes of its light sensors: colours, hysteresis, calibration, edges."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from running_firmware import (
    BRIGHT,
    DARK,
    FAINT,
    FIRMWARE,
    UNIX_BOARD,
    RunningFirmware,
    board,
    execute,
    micropython,
    opened,
)

from harness.errors import BenchFault
from harness.events import LampChanged, LampColour
from harness.keypad import LAMPS, find_walk, lamp_edges
from harness.timeline import Timeline

Starter = Callable[..., RunningFirmware]


def colours(levels: list[list[int]], step_ms: int = 5, **calibration: object) -> list[object]:
    """Show one line lamp's sensors these levels, one every ``step_ms``."""
    values = {**board.CALIBRATION, **calibration}
    code = (
        "import board, json\n"
        "from lights import Lamp\n"
        f"lamp = Lamp(board, '', json.loads('{json.dumps(values)}'))\n"
        "found = []\n"
        f"for index, pair in enumerate({levels}):\n"
        f"    since = lamp.see(pair, index * {step_ms})\n"
        "    if since is not None:\n"
        "        found.append([since, lamp.colour])\n"
        "print(json.dumps(found))"
    )
    found: list[object] = json.loads(execute(code, FIRMWARE))
    return found


OFF, RED, GREEN, AMBER = [DARK, DARK], [BRIGHT, FAINT], [FAINT, BRIGHT], [BRIGHT, BRIGHT]


def test_an_edge_has_the_time_at_which_it_began() -> None:
    shown = [OFF] * 4 + [AMBER] * 4 + [OFF] * 4 + [RED] * 4 + [GREEN] * 4
    assert colours(shown) == [
        [20, "amber"],
        [40, "dark"],
        [60, "red"],
        [80, "green"],
    ]


def test_sensor_that_is_late_makes_no_colour_of_its_own() -> None:
    assert colours([OFF] * 4 + [RED] * 2 + [AMBER] * 4) == [[30, "amber"]]


def test_flicker_shorter_than_the_settling_is_not_seen() -> None:
    assert colours([OFF] * 4 + [RED] * 2 + [OFF] * 4) == []


def test_light_between_the_thresholds_changes_nothing() -> None:
    between = [DARK + 4500, DARK + 4500]
    between[0] += 1000  # dark is 2000: 8000 in all, above "off" 6000 and below "on" 9000
    assert colours([between] * 8) == []
    assert colours([AMBER] * 4 + [between] * 8) == [[0, "amber"]]
    assert colours([AMBER] * 4 + [between] * 4 + [[3000, 3000]] * 4) == [[0, "amber"], [40, "dark"]]


def test_share_of_green_has_hysteresis() -> None:
    def lit(percent: int) -> list[int]:
        return [2000 + 400 * (100 - percent), 2000 + 400 * percent]

    assert colours([lit(24)] * 4 + [lit(28)] * 8) == [[0, "red"]]
    assert colours([lit(24)] * 4 + [lit(32)] * 8) == [[0, "red"], [20, "amber"]]
    assert colours([lit(50)] * 4 + [lit(22)] * 8) == [[0, "amber"]]
    assert colours([lit(50)] * 4 + [lit(78)] * 8) == [[0, "amber"]]
    assert colours([lit(50)] * 4 + [lit(82)] * 8) == [[0, "amber"], [20, "green"]]


def test_calibration_moves_the_bounds() -> None:
    assert colours([[20000, 12000]] * 4) == [[0, "amber"]]
    assert colours([[20000, 12000]] * 4, red_below=40) == [[0, "red"]]
    assert colours([[20000, 12000]] * 4, dark=[20000, 12000]) == []


def test_calibration_is_read_from_the_flash(
    firmware: Starter, timeline: Timeline, tmp_path: Path
) -> None:
    calibration = {"line1": {"dark": [1000, 1000], "green_above": 45}, "mwi": {"dark": [60000]}}
    (tmp_path / "calibration.json").write_text(json.dumps(calibration))
    running = firmware(flash=tmp_path)
    with opened(running.port, timeline) as keypad:
        running.light("mwi", LampColour.RED)
        running.light("line2", LampColour.AMBER)
        running.light("line1", LampColour.AMBER)
        timeline.wait_for(LampChanged, within=2.0, where=lambda event: event.lamp == "line1")
        timeline.wait_for(LampChanged, within=2.0, where=lambda event: event.lamp == "line2")
        seen = keypad.lamps()
    assert (seen["line1"], seen["line2"], seen["mwi"]) == ("green", "amber", "dark")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nonsense", "calibration.json is no JSON"),
        ("[]", "holds no lamps"),
        ('{"line7": {}}', "no lamp line7"),
        ('{"line1": {"dim": 1}}', "line1 takes dark green_above off on red_below"),
        ('{"line1": {"dark": [1]}}', "dark of line1 is a list of 2"),
        ('{"mwi": {"dark": 1}}', "dark of mwi is a list of 1"),
        ('{"line1": {"dark": ["1", "2"]}}', "no whole number"),
        ('{"line1": {"on": 5000}}', "off < on"),
        ('{"line1": {"red_below": 80}}', "red_below < green_above"),
    ],
)
def test_unusable_calibration_is_a_bench_fault_that_says_so(
    firmware: Starter, timeline: Timeline, tmp_path: Path, text: str, fault: str
) -> None:
    (tmp_path / "calibration.json").write_text(text)
    running = firmware(flash=tmp_path)
    with pytest.raises(BenchFault, match=fault) as caught, opened(running.port, timeline):
        pass
    assert "broken" in caught.value.summary
    assert "build-the-keypad" in caught.value.hint


def test_levels_are_printed_for_calibration() -> None:
    orders, tell = os.pipe()
    process = subprocess.Popen(
        [micropython.found(), "-c", "import calibrate"],
        cwd="/",
        env={
            **os.environ,
            "MICROPYPATH": f"{UNIX_BOARD}:{FIRMWARE}",
            "KEYPAD_ORDERS": str(orders),
            "KEYPAD_RECORD": "1",
        },
        pass_fds=(orders,),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    printed = [process.stdout.readline().rstrip() for _ in board.LAMPS]
    process.kill()
    process.communicate()
    os.close(orders)
    os.close(tell)
    assert printed == [f"{name}{' 1000' * len(channels)}" for name, channels, _ in board.LAMPS]


def test_walk_is_seen_through_the_sensors(firmware: Starter, timeline: Timeline) -> None:
    running = firmware()
    with opened(running.port, timeline):
        for turn in range(13):
            lamp = f"line{turn % 6 + 1}"
            mark = timeline.mark()
            for colour in (LampColour.AMBER, LampColour.DARK):
                running.light(lamp, colour)
                timeline.wait_for(
                    LampChanged, within=2.0, since=mark, where=lambda e, c=colour: e.colour is c
                )
    walk = find_walk(lamp_edges(timeline.records(), "desk"), colour="amber", lines=6)
    assert walk is not None
    assert {edge.colour for edge in timeline.events(LampChanged)} == {"amber", "dark"}


@pytest.mark.parametrize("name", LAMPS)
def test_each_lamp_has_its_sensor(firmware: Starter, timeline: Timeline, name: str) -> None:
    running = firmware()
    only = next(colour for lamp, _, colour in board.LAMPS if lamp == name)
    shown = [LampColour(only)] if only else [LampColour.RED, LampColour.GREEN, LampColour.AMBER]
    with opened(running.port, timeline) as keypad:
        for colour in shown:
            running.light(name, colour)
            timeline.wait_for(LampChanged, within=2.0, where=lambda e, c=colour: e.colour is c)
            assert {k: v for k, v in keypad.lamps().items() if v != "dark"} == {name: colour}
