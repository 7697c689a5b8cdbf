"""The run's clock: nobody can set it, and it knows by how much the host's was set."""

from __future__ import annotations

import pytest

from harness import timeline as module
from harness.events import ClockJumped, Note
from harness.steady import SteadyClock
from harness.timeline import Timeline


class Host:
    """A host's two clocks."""

    def __init__(self) -> None:
        self.passed = 100.0
        self.ahead = 1_700_000_000.0

    def wall(self) -> float:
        return self.passed + self.ahead

    def mono(self) -> float:
        return self.passed


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def clock(host: Host) -> SteadyClock:
    return SteadyClock(host.wall, host.mono)


@pytest.mark.parametrize("step", [3600.0, -3600.0, 0.3])
def test_a_set_clock_is_not_followed(host: Host, clock: SteadyClock, step: float) -> None:
    before = clock.now()
    host.passed += 5.0
    host.ahead += step
    assert clock.now() == pytest.approx(before + 5.0)
    assert clock.shift() == pytest.approx(step)
    assert clock.was_set


def test_what_is_no_step_is_none(host: Host, clock: SteadyClock) -> None:
    host.ahead += 0.1
    assert clock.shift() == 0.0
    assert not clock.was_set


def test_a_pause_of_ours_between_two_looks_is_no_step(host: Host) -> None:
    def slow() -> float:
        host.passed += 1.0
        return host.wall()

    quick = SteadyClock(host.wall, host.mono)
    quick._wall = slow
    assert quick.shift() == 0.0


def test_stamps_of_others_are_taken_as_from_before_or_after_a_step(
    host: Host, clock: SteadyClock
) -> None:
    stamped_before = host.wall()
    host.passed += 0.01
    host.ahead += 3600.0
    stamped_after = host.wall()
    assert clock.steady(stamped_before) == pytest.approx(clock.now() - 0.01)
    assert clock.steady(stamped_after) == pytest.approx(clock.now())
    # Set back again: the kernel may never have taken part in the first step.
    host.ahead -= 7200.0
    assert clock.steady(host.wall()) == pytest.approx(clock.now())
    assert clock.steady(clock.now()) == pytest.approx(clock.now())


def test_a_step_is_told_once_and_times_go_on(
    host: Host, clock: SteadyClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RUN_CLOCK", clock)
    timeline = Timeline()
    timeline.append(Note("before"), source="x")
    host.ahead -= 3600.0
    host.passed += 1.0
    for text in ("after", "later"):
        timeline.append(Note(text), source="x")
    kinds = [record.event.kind for record in timeline.records()]
    assert kinds == ["note", "clock jumped", "note", "note"]
    (jump,) = timeline.events(ClockJumped)
    assert jump.seconds == pytest.approx(-3600.0)
    assert str(jump) == "the host's clock was set back by 3600.0 s"
    walls = [record.wall for record in timeline.records()]
    assert walls == sorted(walls)
    assert walls[-1] - walls[0] == pytest.approx(1.0)
