"""Places that somebody else has, waited for: all or none, and nothing held meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from remote_bench import BOTH_DESKS, RemoteBench, until

from harness.bench import open_stations
from harness.errors import BenchFault
from harness.events import Waiting
from harness.lab import Lab
from harness.provisioning import load_manifest, make_up
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

LabOf = Callable[..., Lab]
NIGHT = Path(__file__).parent / "night"
DESKS = ("desk-1", "desk-2")


@pytest.fixture
def both(lab_of: LabOf, tmp_path: Path) -> Lab:
    """A lab with a phone in each of two places."""
    lab = lab_of(*BOTH_DESKS)
    make_up(load_manifest(lab.provisioning.load), tmp_path / "release")
    return lab


@contextmanager
def meanwhile(timeline: Timeline, do: Callable[[], object]) -> Iterator[None]:
    """Have something done by somebody else once this harness has said that it waits."""

    def wait_and_do() -> None:
        timeline.wait_for(Waiting, within=30.0)
        do()

    # A thread of ours is in the network of the test, as we are.
    other = threading.Thread(target=wait_and_do)
    other.start()
    try:
        yield
    finally:
        other.join()


def test_all_are_waited_for_and_none_is_kept_meanwhile(
    remote: RemoteBench, both: Lab, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    timeline, held, began = Timeline(), [], time.monotonic()

    def give_back() -> None:
        held.append(remote.holder("desk-1"))
        remote.client("-p", "desk-2", "release")

    with (
        meanwhile(timeline, give_back),
        open_stations(both, tmp_path / "work", timeline, wait=90.0) as bench,
    ):
        assert time.monotonic() - began < 60.0, "it is told of, not found when time is over"
        assert held == [""], "what is free stays free while the other is waited for"
        assert remote.holder("desk-1") == remote.holder("desk-2") != ""
        bench.keypads["keypad-2"].tap("1")
    (waiting,) = timeline.events(Waiting)
    assert str(waiting).startswith("waiting for place desk-2, held by alice on elsewhere since 20")
    assert [remote.holder(desk) for desk in DESKS] == ["", ""]


def test_who_comes_next_is_told_and_waited_for_too(
    remote: RemoteBench, both: Lab, tmp_path: Path
) -> None:
    remote.client("-p", "desk-1", "acquire")
    remote.client("-p", "desk-2", "acquire", user="bob")
    timeline = Timeline()
    with (
        meanwhile(timeline, lambda: remote.client("-p", "desk-1", "release")),
        pytest.raises(BenchFault, match="place desk-2 is held by bob"),
        open_stations(both, tmp_path / "work", timeline, wait=6.0),
    ):
        pass
    first, second = (each.what for each in timeline.events(Waiting))
    assert "held by alice" in first
    assert "held by bob" in first
    assert second.startswith("place desk-2, held by bob")
    assert remote.holder("desk-1") == "", "all or nothing"


def test_when_time_is_over_the_fault_says_how_long_it_was(
    remote: RemoteBench, both: Lab, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    began = time.monotonic()
    with (
        pytest.raises(BenchFault, match="place desk-2 is held by alice on elsewhere") as caught,
        open_stations(both, tmp_path / "work", Timeline(), wait=3.0),
    ):
        pass
    assert 3.0 <= time.monotonic() - began < 20.0
    assert caught.value.state.startswith("waited ")
    waited = float(caught.value.state.split()[1])
    assert 1.0 < waited <= 3.5, "what the locks took is of the same time"
    assert [remote.holder(desk) for desk in DESKS] == ["", "elsewhere/alice"]


def test_a_reserved_place_is_waited_for(remote: RemoteBench, both: Lab, tmp_path: Path) -> None:
    told = remote.client("reserve", "--wait", "--shell", "name=desk-1")
    token = told.strip().partition("=")[2]
    timeline = Timeline()
    with (
        meanwhile(timeline, lambda: remote.client("cancel-reservation", token)),
        open_stations(both, tmp_path / "work", timeline, wait=60.0),
    ):
        assert remote.holder("desk-1") != ""
    (waiting,) = timeline.events(Waiting)
    assert waiting.what == "place desk-1, reserved for elsewhere/alice"


def test_a_coordinator_that_goes_ends_the_wait(
    remote: RemoteBench, both: Lab, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    timeline, began = Timeline(), time.monotonic()
    with (
        meanwhile(timeline, lambda: remote.coordinator.end(9)),
        pytest.raises(BenchFault, match="cannot be reached: the coordinator went away"),
        open_stations(both, tmp_path / "work", timeline, wait=60.0),
    ):
        pass
    assert time.monotonic() - began < 30.0


PHONE = ("phone", "desk-2", "status")
A_NIGHT = ("nightly", "--plain", "--suite", str(NIGHT), "--runs-dir")


@pytest.mark.parametrize(
    ("command", "number"),
    [
        (PHONE, signal.SIGINT),
        (PHONE, signal.SIGTERM),
        (PHONE, signal.SIGKILL),
        (A_NIGHT, signal.SIGINT),
        (A_NIGHT, signal.SIGTERM),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value.name,
)
def test_who_is_ended_while_waiting_leaves_nothing_held(
    remote: RemoteBench,
    both: Lab,
    tmp_path: Path,
    command: tuple[str, ...],
    number: signal.Signals,
) -> None:
    remote.client("-p", "desk-2", "acquire")
    words = [*command, str(tmp_path / "runs")] if command is A_NIGHT else [*command]
    with subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *words, "--lab", str(both.source), "--wait", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as harness:
        assert harness.stdout is not None
        for line in harness.stdout:
            if "waiting for place desk-2" in line:
                break
        else:
            pytest.fail("it did not say that it waits")
        began = time.monotonic()
        harness.send_signal(number)
        told = harness.stdout.read()
    assert time.monotonic() - began < 30.0
    assert "Traceback" not in told
    remote.client("-p", "desk-2", "release")
    until(lambda: [remote.holder(desk) for desk in DESKS] == ["", ""])
    assert harness.returncode != 0


def test_a_night_waits_before_it_calls_a_station_ill(
    remote: RemoteBench, both: Lab, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    words = ["--lab", str(both.source), "--runs-dir", str(tmp_path / "runs"), "--wait", "90"]
    words += ["--suite", str(NIGHT), "-k", "test_before"]
    with subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "nightly", "--plain", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as night:
        assert night.stdout is not None
        told = ""
        for line in night.stdout:
            told += line
            if "waiting for place desk-2" in line:
                remote.client("-p", "desk-2", "release")
    (results,) = tmp_path.glob("runs/2*/results.jsonl")
    verdicts = [json.loads(line)["verdict"] for line in results.read_text().splitlines()]
    assert "waiting for place desk-2, held by alice" in told
    assert (night.returncode, verdicts) == (0, ["passed", "passed"]), told
