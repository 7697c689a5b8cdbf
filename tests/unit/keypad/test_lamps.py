from __future__ import annotations

import itertools
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ProductFault
from harness.events import LampChanged, LampColour, Note
from harness.keypad import (
    Blinking,
    Dark,
    LampEdge,
    Steady,
    Unsteady,
    find_walk,
    lamp_pattern,
    wait_for_pattern,
    wait_for_walk,
)
from harness.timeline import Timeline

AMBER, RED, GREEN, DARK = LampColour.AMBER, LampColour.RED, LampColour.GREEN, LampColour.DARK


def walking(
    order: list[int],
    colour: LampColour = AMBER,
    step: float = 0.5,
    overlap: float = 0.0,
) -> list[LampEdge]:
    """Light the lamps of ``order`` in turn, each ``step`` seconds and ``overlap`` beyond."""
    edges: list[LampEdge] = []
    for index, line in enumerate(order):
        edges.append(LampEdge(index * step, f"line{line}", colour))
        edges.append(LampEdge((index + 1) * step + overlap, f"line{line}", DARK))
    return sorted(edges, key=lambda edge: edge.at)


@pytest.mark.parametrize("lines", [2, 6])
@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("overlap", [-0.1, 0.0, 0.1])
def test_walk_from_any_lamp(lines: int, start: int, overlap: float) -> None:
    order = [(start - 1 + n) % lines + 1 for n in range(lines + 1)]
    walk = find_walk(walking(order, overlap=overlap), colour="amber", lines=lines)
    assert walk is not None
    assert walk.lamps == tuple(f"line{line}" for line in order)
    assert walk.step_s == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("order", "lines"),
    [
        ([1, 2, 3, 4, 5, 6], 6),  # never came back to line1
        ([6, 5, 4, 3, 2, 1, 6, 5, 4, 3], 6),  # bottom to top
        ([1, 2, 3, 5, 4, 6, 1], 6),  # two sensors swapped
        ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], 6),  # line6 missing
        ([1, 1, 1, 1], 2),  # one lamp blinks
        ([1, 2], 2),
        ([], 6),
    ],
)
def test_no_walk(order: list[int], lines: int) -> None:
    assert find_walk(walking(order), colour=AMBER, lines=lines) is None


def test_wrong_colour_is_no_walk() -> None:
    edges = walking([1, 2, 1, 2], RED)
    assert find_walk(edges, colour=AMBER, lines=2) is None
    assert find_walk(edges, colour=RED, lines=2) is not None


def test_another_colour_between_breaks_the_round() -> None:
    edges = walking([1, 2, 3, 4, 5, 6, 1])
    edges.insert(7, LampEdge(edges[6].at + 0.01, "line6", GREEN))
    assert find_walk(edges, colour=AMBER, lines=6) is None


def test_lamps_in_unison_are_no_walk() -> None:
    edges = [
        LampEdge(at + delay, f"line{line}", colour)
        for at, colour in [(0.0, AMBER), (0.5, DARK), (1.0, AMBER), (1.5, DARK), (2.0, AMBER)]
        for line, delay in [(1, 0.0), (2, 0.002)]
    ]
    assert find_walk(edges, colour=AMBER, lines=2) is None


def test_lamps_that_stay_lit_are_no_walk() -> None:
    edges = [LampEdge(n * 0.5, f"line{n % 6 + 1}", AMBER) for n in range(7)]
    assert find_walk(edges, colour=AMBER, lines=6) is None


def test_other_lamps_do_not_matter() -> None:
    edges = walking([1, 2, 1])
    edges.insert(2, LampEdge(0.2, "mwi", RED))
    edges.insert(2, LampEdge(0.2, "line3", RED))
    assert find_walk(edges, colour=AMBER, lines=2) is not None


def test_one_long_stop_is_no_walk() -> None:
    edges = walking([1, 2, 3, 4, 5, 6, 1])
    late = [LampEdge(e.at + (60 if e.at > 1.2 else 0), e.lamp, e.colour) for e in edges]
    assert find_walk(late, colour=AMBER, lines=6) is None


def test_steps_below_the_clocks_resolution() -> None:
    edges = [LampEdge(0.001, e.lamp, e.colour) for e in walking([1, 2, 1])]
    assert find_walk(edges, colour=AMBER, lines=2) is not None


@given(st.lists(st.floats(0.02, 0.1), min_size=9, max_size=9), st.integers(2, 6))
def test_uneven_steps_are_tolerated(steps: list[float], lines: int) -> None:
    times = list(itertools.accumulate(steps, initial=0.0))
    edges: list[LampEdge] = []
    for n in range(9):
        lamp = f"line{n % lines + 1}"
        edges += [LampEdge(times[n], lamp, AMBER), LampEdge(times[n + 1], lamp, DARK)]
    assert find_walk(edges, colour=AMBER, lines=lines) is not None


def blinking(period: float, count: int = 4) -> list[LampEdge]:
    return [
        LampEdge(n * period + half * period / 2, "mwi", DARK if half else RED)
        for n in range(count)
        for half in (0, 1)
    ]


@pytest.mark.parametrize(
    ("edges", "now", "expected"),
    [
        ([], 0.0, Dark()),
        ([LampEdge(0.0, "mwi", RED)], 3.0, Steady(RED)),
        ([LampEdge(0.0, "mwi", RED)], 1.0, Unsteady(RED)),
        ([LampEdge(0.0, "mwi", RED), LampEdge(1.0, "mwi", DARK)], 4.0, Dark()),
        ([LampEdge(0.0, "line1", RED)], 4.0, Dark()),
        (blinking(1.0), 3.6, Blinking(RED, 1.0)),
        (blinking(1.0), 9.0, Dark()),
        (blinking(1.0, 2), 1.6, Unsteady(DARK)),
    ],
)
def test_pattern_of_one_lamp(edges: list[LampEdge], now: float, expected: object) -> None:
    assert lamp_pattern(edges, "mwi", now=now) == expected


def test_blink_tolerance() -> None:
    edges = blinking(1.0)
    edges[4] = LampEdge(2.2, "mwi", RED)
    assert isinstance(lamp_pattern(edges, "mwi", now=3.6), Blinking)
    assert lamp_pattern(edges, "mwi", now=3.6, tolerance=0.05) == Unsteady(DARK)


def write(timeline: Timeline, edges: list[LampEdge], device: str = "desk") -> None:
    for edge in edges:
        event = LampChanged(edge.lamp, edge.colour, round(edge.at * 1000))
        timeline.append(event, source="keypad-1", device=device)
        timeline.append(Note("something else in between"), source="tftp")


def test_wait_is_woken_by_the_last_edge() -> None:
    timeline = Timeline()
    write(timeline, walking([2, 2], RED))
    since = timeline.mark()
    thread = threading.Timer(0.05, write, (timeline, walking([1, 2, 3, 4, 5, 6, 1])))
    thread.start()
    walk = wait_for_walk(timeline, device="desk", colour="amber", lines=6, within=5.0, since=since)
    thread.join()
    assert walk.lamps[0] == walk.lamps[-1] == "line1"


def test_wait_notices_an_edge_that_is_not_the_last_record() -> None:
    timeline = Timeline()

    def write_at_once() -> None:
        with timeline._condition:  # so that the waiter wakes only after all of it
            write(timeline, walking([1, 2, 1]))
            timeline.append(Note("the last word"), source="tftp")

    thread = threading.Timer(0.05, write_at_once)
    thread.start()
    began = time.monotonic()
    wait_for_walk(timeline, device="desk", colour="amber", lines=2, within=5.0)
    assert time.monotonic() - began < 2.0
    thread.join()


@pytest.mark.parametrize(
    ("edges", "device", "state", "hint"),
    [
        ([], "desk", "no line lamp lit at all", "is the outlet on"),
        (walking([1, 2, 1]), "other", "no line lamp lit at all", "light sensors"),
        (walking([1, 2, 1], RED), "desk", "they walked red instead", "another stage"),
        (walking([1], GREEN), "desk", "showed green, never amber", "was # held"),
        (walking([1, 2]), "desk", "last lit in order: line1:amber line2:amber", "broke off"),
    ],
)
def test_wait_says_what_the_lamps_did_instead(
    edges: list[LampEdge], device: str, state: str, hint: str
) -> None:
    timeline = Timeline()
    write(timeline, edges, device)
    with pytest.raises(ProductFault, match="did not walk amber") as caught:
        wait_for_walk(timeline, device="desk", colour="amber", lines=2, within=0.02)
    assert caught.value.device == "desk"
    assert state in caught.value.state
    assert hint in caught.value.hint
    assert "within 0.0 s" in caught.value.expected


def test_wait_looks_only_after_the_mark() -> None:
    timeline = Timeline()
    write(timeline, walking([1, 2, 1]))
    with pytest.raises(ProductFault):
        wait_for_walk(
            timeline, device="desk", colour=AMBER, lines=2, within=0.02, since=timeline.mark()
        )


@pytest.mark.parametrize(
    ("edges", "now", "expected"),
    [
        # A flash of 10 ms in the dark, a dark moment of 10 ms in the light, a change of colour.
        ([LampEdge(5.0, "mwi", RED), LampEdge(5.01, "mwi", DARK)], 5.5, Dark()),
        (
            [LampEdge(0.0, "mwi", RED), LampEdge(5.0, "mwi", DARK), LampEdge(5.01, "mwi", RED)],
            5.5,
            Steady(RED),
        ),
        (
            [LampEdge(0.0, "mwi", RED), LampEdge(5.0, "mwi", AMBER), LampEdge(5.01, "mwi", RED)],
            5.5,
            Steady(RED),
        ),
        # As short, but nobody knows yet whether it stays; then it does.
        ([LampEdge(0.0, "mwi", RED), LampEdge(5.0, "mwi", DARK)], 5.01, Steady(RED)),
        ([LampEdge(0.0, "mwi", RED), LampEdge(5.0, "mwi", DARK)], 5.03, Unsteady(DARK)),
    ],
)
def test_a_change_counts_only_when_it_stays(
    edges: list[LampEdge], now: float, expected: object
) -> None:
    assert lamp_pattern(edges, "mwi", now=now) == expected


def test_glitch_does_not_break_a_blink() -> None:
    edges = blinking(1.0)
    edges[4:4] = [LampEdge(1.7, "mwi", RED), LampEdge(1.705, "mwi", DARK)]
    assert lamp_pattern(edges, "mwi", now=3.6) == Blinking(RED, 1.0)
    assert lamp_pattern(edges, "mwi", now=3.6, glitch_s=0.0) != Blinking(RED, 1.0)


def test_clock_that_starts_anew_is_no_walk() -> None:
    # The controller starts anew while line2 is lit; gaps between the lamps, so none overlap.
    edges = walking([1, 2, 1, 2], step=1.0, overlap=-0.9)
    again = [LampEdge(e.at if e.at < 1.05 else e.at - 1.05, e.lamp, e.colour) for e in edges]
    assert [edge.at for edge in again] == pytest.approx([0, 0.1, 1, 0.05, 0.95, 1.05, 1.95, 2.05])
    assert find_walk(again[:6], colour=AMBER, lines=2) is None
    assert find_walk(edges[:6], colour=AMBER, lines=2) is not None


def test_walk_after_minutes_of_other_light() -> None:
    timeline = Timeline()
    for _ in range(100):
        write(timeline, walking([1, 3, 5], GREEN))
    edges = walking([4, 5, 6, 1, 2, 3, 4])
    write(timeline, edges)
    walk = wait_for_walk(timeline, device="desk", colour="amber", lines=6, within=0.1)
    assert walk.lamps[0] == "line4"


def steady_red(pattern: object) -> bool:
    return pattern == Steady(RED)


def test_pattern_is_waited_for_until_it_has_settled() -> None:
    timeline = Timeline()
    timeline.append(LampChanged("line1", RED, 900), source="keypad-1", device="desk")
    thread = threading.Timer(0.05, write, (timeline, [LampEdge(1.0, "mwi", RED)]))
    thread.start()
    began = time.monotonic()
    shown = wait_for_pattern(
        timeline,
        device="desk",
        lamp="mwi",
        matches=steady_red,
        expected="steady red",
        within=5.0,
        settle_s=0.2,
    )
    thread.join()
    assert shown == Steady(RED)
    assert 0.2 <= time.monotonic() - began < 2.0


def test_pattern_that_does_not_come_is_the_phones_fault() -> None:
    timeline = Timeline()
    write(timeline, [LampEdge(1.0, "mwi", RED), LampEdge(2.0, "mwi", DARK)])
    write(timeline, [LampEdge(3.0, "mwi", RED)], "other")
    with pytest.raises(ProductFault, match="lamp mwi does not show") as caught:
        wait_for_pattern(
            timeline,
            device="desk",
            lamp="mwi",
            matches=steady_red,
            expected="steady red",
            within=0.1,
            settle_s=0.02,
        )
    assert caught.value.expected == "steady red within 0.1 s"
    assert caught.value.state == "mwi: Dark()"
