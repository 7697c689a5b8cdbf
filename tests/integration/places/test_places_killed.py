"""Places of a harness that is killed, and of a night in which one of them is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from remote_bench import BOTH_DESKS, COORDINATOR, RemoteBench, labgrid_bin, until, worker_of

from harness.bench import open_stations
from harness.events import Note
from harness.health import ill_stations
from harness.lab import Lab
from harness.provisioning import load_manifest, make_up
from harness.recovery import recover
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

LabOf = Callable[..., Lab]
NIGHT = Path(__file__).parent / "night"
_HOLDER = """
import sys
from pathlib import Path
from harness.bench import open_stations
from harness.lab import load_lab
from harness.timeline import Timeline

with open_stations(load_lab(Path(sys.argv[1])), Path(sys.argv[2]), Timeline()) as bench:
    bench.pdus["pdu"].set("power", on=False)
    print("open", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_harness(lab: Lab, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A harness that has the bench open and its outlet off."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(lab.source), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


@pytest.fixture
def lab(lab_of: LabOf, tmp_path: Path) -> Lab:
    made = lab_of()
    make_up(load_manifest(made.provisioning.load), tmp_path / "release")
    return made


def test_a_killed_harness_gives_its_place_back(
    remote: RemoteBench, lab: Lab, tmp_path: Path
) -> None:
    remote.strip.set("1", on=True)
    with another_harness(lab, tmp_path / "work") as harness:
        assert remote.holder("desk-1")
        assert not remote.is_on(1)
        harness.kill()
        until(lambda: remote.holder("desk-1") == "")
    (recovered,) = recover(lab.source)
    assert "pdu: outlet power was off, is on" in recovered.done
    assert "keypad: every key is up" in recovered.done
    assert recovered.left == []
    assert remote.is_on(1)
    assert remote.holder("desk-1") == ""


def test_a_place_that_is_somebody_elses_by_now_is_not_recovered(
    remote: RemoteBench, lab: Lab, tmp_path: Path
) -> None:
    remote.strip.set("1", on=True)
    with another_harness(lab, tmp_path / "work") as harness:
        harness.kill()
        until(lambda: remote.holder("desk-1") == "")
    remote.client("-p", "desk-1", "acquire")
    (recovered,) = recover(lab.source)
    assert recovered.done == []
    assert all("place desk-1 is held by alice" in left for left in recovered.left)
    assert not remote.is_on(1)


def test_a_place_that_nobody_gave_back_is_taken_over(
    remote: RemoteBench, lab: Lab, tmp_path: Path
) -> None:
    with another_harness(lab, tmp_path / "work") as harness:
        # As when the machine loses its power: the coordinator is told nothing.
        os.kill(worker_of(harness.pid), signal.SIGKILL)
        harness.kill()
        harness.wait()
    owner = remote.holder("desk-1").partition("/")[2]
    assert owner.startswith(f"phone-bench-{harness.pid}-")
    timeline = Timeline()
    with open_stations(lab, tmp_path / "next", timeline):
        assert remote.holder("desk-1").partition("/")[2] not in {"", owner}
    told = [note.text for note in timeline.events(Note)]
    assert f"place desk-1 was still held by {owner}, a run that was killed: freed" in told


def test_a_station_whose_place_is_taken_is_ill_and_the_other_is_well(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    ill = ill_stations(lab_of(*BOTH_DESKS), tmp_path / "work", Timeline())
    assert ill.keys() == {"desk-2"}
    assert ill["desk-2"].startswith("pdu-2: leased: place desk-2 is held by alice on elsewhere")
    assert remote.holder("desk-1") == ""


def night_in_which_desk_1_is_taken(
    lab: Lab, folder: Path, **environment: str
) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Run one; returns its exit code, the results by test, and what it printed."""
    make_up(load_manifest(lab.provisioning.load), folder / "release")
    client = labgrid_bin() / "labgrid-client"
    words = ["--lab", str(lab.source), "--runs-dir", str(folder / "runs"), "--suite", str(NIGHT)]
    night = subprocess.run(
        [sys.executable, "-m", "harness.cli", "nightly", "--plain", *words],
        env={
            **os.environ,
            "TAKE_PLACE": f"{client} -x {COORDINATOR} -p desk-1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    (results,) = folder.glob("runs/2*/results.jsonl")
    found = map(json.loads, results.read_text().splitlines())
    by_test = {each["test"].rpartition("::")[2]: each for each in found}
    return night.returncode, by_test, night.stdout + night.stderr


def test_a_place_lost_in_the_night_costs_its_own_station_only(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    code, results, told = night_in_which_desk_1_is_taken(lab_of(*BOTH_DESKS), tmp_path)
    assert {name: each["verdict"] for name, each in results.items()} == {
        "test_before[desk]": "passed",
        "test_during[desk]": "bench fault",
        "test_after[desk]": "bench fault",
        "test_before[desk-2]": "passed",
        "test_during[desk-2]": "passed",
        "test_after[desk-2]": "passed",
    }, told
    during, after = results["test_during[desk]"], results["test_after[desk]"]
    # Its exporter ends the serial connection before the coordinator tells why.
    assert "desk-1" in during["reason"]
    assert during["duration"] < 30.0, "the wait ended at once"
    assert after["reason"].startswith("labgrid: place desk-1 is held by ")
    assert after["duration"] < 30.0, "nobody waits for who has it now"
    assert code == 3, told
    assert remote.is_on(2)
    assert not remote.is_on(1), "what is theirs is not switched, not even to rest"
    assert remote.holder("desk-1")
    assert remote.holder("desk-2") == ""


def test_a_place_given_back_in_the_night_costs_one_test(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    lab = lab_of(*BOTH_DESKS)
    code, results, told = night_in_which_desk_1_is_taken(lab, tmp_path, GIVE_BACK="yes")
    failed = {name for name, each in results.items() if each["verdict"] != "passed"}
    assert failed == {"test_during[desk]"}, told
    assert results["test_during[desk]"]["verdict"] == "bench fault"
    for part in ("place of desk", "pdu", "keypad"):
        assert f"{part} works again" in told
    assert code == 3, told
    assert remote.is_on(1), "by the test after"
    assert [remote.holder(place) for place in ("desk-1", "desk-2")] == ["", ""]
