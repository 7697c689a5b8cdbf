"""What every keypad promises, asked of every implementation there is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from robots import ROBOTS, Robot, Starter

from harness.errors import BenchFault, UsageFault
from harness.events import KeyPressed, KeyReleased, LampColour, PartBack
from harness.keypad import KEYS, LAMPS
from harness.mending import Mender
from harness.timeline import Timeline


@pytest.fixture(params=ROBOTS, ids=lambda robot: robot.__name__)
def robot(
    request: pytest.FixtureRequest, tmp_path: Path, timeline: Timeline, keypad_twin: Any
) -> Iterator[Robot]:
    start: Starter = request.param
    with start(tmp_path, timeline, keypad_twin) as running:
        yield running


def told(timeline: Timeline) -> list[str]:
    return [
        record.event.key + ("+" if isinstance(record.event, KeyPressed) else "-")
        for record in timeline.records()
        if isinstance(record.event, (KeyPressed, KeyReleased))
    ]


def test_says_who_it_is(robot: Robot) -> None:
    assert robot.keypad.name == "keypad-1"
    assert robot.keypad.identity.split()[0] in {"matrix", "Grbl"}


def test_types_in_order_and_tells_what_it_did(robot: Robot, timeline: Timeline) -> None:
    robot.keypad.type("19*0#", ms=20, gap_ms=5)
    edges = ["1+", "1-", "9+", "9-", "*+", "*-", "0+", "0-", "#+", "#-"]
    assert robot.felt() == edges
    assert told(timeline) == edges
    assert {record.device for record in timeline.records() if record.device} == {"desk"}


def test_types_named_keys(robot: Robot) -> None:
    robot.keypad.type(["settings", "soft1", "line2"], ms=1, gap_ms=1)
    assert robot.felt() == ["settings+", "settings-", "soft1+", "soft1-", "line2+", "line2-"]


def test_a_held_key_stays_down_until_released(robot: Robot, timeline: Timeline) -> None:
    robot.keypad.press("#")
    robot.keypad.press("#")
    assert robot.felt() == ["#+"]
    assert timeline.wait_until(lambda _: len(told(timeline)) > 1, within=0.2) is False
    robot.keypad.release("#")
    robot.keypad.release("#")
    assert robot.felt() == ["#+", "#-"]
    assert told(timeline) == ["#+", "#-"]


def test_a_press_lasts_as_long_as_told(robot: Robot, timeline: Timeline) -> None:
    robot.keypad.tap("5", ms=100)
    down, up = timeline.events(KeyPressed)[0], timeline.events(KeyReleased)[0]
    assert 95 <= up.device_ms - down.device_ms <= 200


def test_a_second_key_is_pressed_or_refused_with_a_sentence(robot: Robot) -> None:
    robot.keypad.press("#")
    if robot.chords:
        robot.keypad.tap("1", ms=1)
        assert robot.felt() == ["#+", "1+", "1-"]
        return
    for call in (lambda: robot.keypad.press("1"), lambda: robot.keypad.tap("1")):
        with pytest.raises(UsageFault, match="1 cannot be pressed while # is down"):
            call()
    with pytest.raises(UsageFault, match="while # is down"):
        robot.keypad.type("#")
    assert robot.felt() == ["#+"]


def test_release_all_and_close_let_go(robot: Robot) -> None:
    robot.keypad.press("#")
    robot.keypad.release_all()
    assert robot.felt() == ["#+", "#-"]
    robot.keypad.press("1")
    robot.keypad.close()
    assert robot.felt() == ["#+", "#-", "1+", "1-"]
    robot.keypad.close()


def test_typing_is_ended_from_another_thread(robot: Robot) -> None:
    other = threading.Timer(0.1, robot.keypad.release_all)
    other.start()
    began = time.monotonic()
    with pytest.raises(BenchFault, match="aborted"):
        robot.keypad.type("1" * 20, ms=100, gap_ms=50)
    assert time.monotonic() - began < 1.5
    # It still waits until all keys are up, and the next one must not go down meanwhile.
    other.join(5.0)
    robot.keypad.release_all()
    assert robot.felt()[-1] == "1-"
    before = len(robot.felt())
    robot.keypad.tap("2", ms=1)
    assert robot.felt()[before:] == ["2+", "2-"]


@pytest.mark.parametrize("key", ["", "A", "10", "line7", " 1", "1\nM112", "1\x18"])
def test_no_such_key(robot: Robot, key: str) -> None:
    for call in (
        robot.keypad.press,
        robot.keypad.release,
        robot.keypad.tap,
        lambda wrong: robot.keypad.type(["1", wrong]),
    ):
        with pytest.raises(UsageFault):
            call(key)
    assert robot.felt() == []


@pytest.mark.parametrize("ms", [-1, 60_001])
def test_no_such_time(robot: Robot, ms: int) -> None:
    with pytest.raises(UsageFault, match="cannot be timed"):
        robot.keypad.tap("1", ms=ms)
    with pytest.raises(UsageFault, match="cannot be timed"):
        robot.keypad.type("1", gap_ms=ms)


def test_lamps_are_seen_or_refused_with_a_hint(robot: Robot) -> None:
    if robot.keypad.senses.lamps:
        assert robot.keypad.lamps() == dict.fromkeys(LAMPS, LampColour.DARK)
        return
    with pytest.raises(UsageFault, match="sees no lamps") as caught:
        robot.keypad.lamps()
    assert "sensor" in caught.value.hint


def test_unplugged(robot: Robot) -> None:
    robot.keypad.press("1")
    robot.unplug()
    with pytest.raises(BenchFault, match="is gone") as caught:
        robot.keypad.release("1")
    assert caught.value.device == "keypad-1"


def test_a_cable_that_is_put_back_is_found_and_nothing_is_held(
    robot: Robot, timeline: Timeline
) -> None:
    robot.keypad.press("1")
    # Longer than any of them takes to see that it is gone and to try once.
    robot.pull_for(1.5)
    assert timeline.wait_until(lambda _: bool(robot.keypad.gone), within=2.0)
    with pytest.raises(BenchFault, match="is gone"):
        robot.keypad.tap("2")
    with pytest.raises(BenchFault, match="cannot be opened"):
        robot.keypad.mend()
    assert robot.keypad.gone
    Mender(timeline).mend([(robot.keypad, 5.0)])
    assert not robot.keypad.gone
    assert not timeline.lost()
    robot.keypad.tap("2", ms=1)
    robot.keypad.release_all()
    assert robot.felt() == ["1+", "1-", "2+", "2-"]


def test_what_is_no_longer_ours_is_not_touched(robot: Robot, timeline: Timeline) -> None:
    robot.keypad.tap("1", ms=1)
    robot.keypad.lose("place desk-1 is lost: somebody released it")
    for touch in (lambda: robot.keypad.tap("2"), robot.keypad.release_all, robot.keypad.mend):
        with pytest.raises(BenchFault, match="place desk-1 is lost: somebody") as caught:
            touch()
        assert "labgrid-client who" in caught.value.hint
    assert robot.keypad.gone
    robot.keypad.close()
    assert robot.felt() == ["1+", "1-"]
    # Whoever took it away says so once, for all that was in the place.
    assert not timeline.lost()


def test_what_is_ours_again_is_used_only_when_it_was_opened(
    robot: Robot, timeline: Timeline
) -> None:
    robot.keypad.lose("place desk-1 is lost: somebody released it")
    robot.keypad.regain({"port": "/dev/not-there"})
    assert robot.keypad.gone
    with pytest.raises(BenchFault, match="place desk-1 is lost"):
        robot.keypad.tap("1")
    with pytest.raises(BenchFault, match="/dev/not-there cannot be opened"):
        robot.keypad.mend()
    assert robot.felt() == []
    robot.keypad.regain({"port": robot.port})
    robot.keypad.mend()
    assert not robot.keypad.gone
    robot.keypad.tap("1", ms=1)
    assert robot.felt() == ["1+", "1-"]
    assert [event.part for event in timeline.events(PartBack)] == ["keypad-1"]


def test_what_is_lost_once_more_before_it_was_opened_is_not_touched(robot: Robot) -> None:
    robot.keypad.lose("place desk-1 is lost: somebody released it")
    robot.keypad.regain({"port": robot.port})
    robot.keypad.lose("place desk-1 is lost: exporter rack-b left")
    with pytest.raises(BenchFault, match="exporter rack-b left"):
        robot.keypad.mend()
    assert robot.keypad.gone
    assert robot.felt() == []


def test_every_key_of_a_phone_is_known(robot: Robot) -> None:
    robot.keypad.type([key for key in sorted(KEYS) if key in {"mute", "volup", "navdown"}], ms=1)
    assert len(robot.felt()) == 6
