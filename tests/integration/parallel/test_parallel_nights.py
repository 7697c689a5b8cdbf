"""Phones tested at the same time: each on a side of its own, and the run put together from them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from parallel_night import SUITE, Night, ended_with, on

from harness.errors import HarnessBug
from harness.lab import load_lab
from harness.lab.reservation import TOKENS_VARIABLE, reserve
from harness.lab.resources import bench_resources
from harness.runs import Verdict
from harness.runs.history import History
from harness.state import STATE_VARIABLE
from harness.timeline import read_timelines

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LAB = """
name: parallel
network: {network}
virtual: {{speed: 40, installed: {{left: SIP42.9-3-1SR4-1S, right: SIP42.9-3-1SR4-1S}}{seeded}}}
power:
  pdu-1: {{address: virtual, outlets: 2}}
keypads:
  keypad-1: {{port: virtual}}
  keypad-2: {{port: virtual}}
pbx: {{address: {net}.2}}
peers:
  alice: {{extension: "211", tone: 440, address: {net}.3}}
phones:
  left:
    model: 7942G
    mac: 00:24:C4:AB:CD:01
    address: {net}.41
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
  right:
    model: 7942G
    mac: 00:24:C4:AB:CD:02
    address: {net}.42
    outlet: pdu-1/2
    keypad: keypad-2
    tone: 1370
    lines: [{{user: "202"}}]
"""
LOOPBACK = {"net": "127.65.0", "network": "{host: 127.65.0.1}"}
NAMESPACE = {
    "net": "10.65.0",
    "network": "{namespace: parallel, interface: phones, host: 10.65.0.1, dhcp: true}",
}


def lab(seeded: str = "", **network: str) -> str:
    return LAB.format(seeded=seeded, **(network or LOOPBACK))


@pytest.mark.parametrize("network", [LOOPBACK, NAMESPACE], ids=["loopback", "namespace"])
def test_two_phones_at_the_same_time_and_then_both(tmp_path: Path, network: dict[str, str]) -> None:
    night = Night(tmp_path, lab(**network))
    assert night.run("--parallel", "auto") == 0, night.output
    run = night.result()
    assert ended_with(run) == on("left", "right") + Counter(["test_both"])
    assert run.interrupted == ""
    # They were tested at the same time, by the clock, and not with a long gap between them.
    left, right = (
        [(r.started, r.started + r.duration) for r in run.results if r.name.endswith(f"[{name}]")]
        for name in ("left", "right")
    )
    assert any(a < d and c < b for a, b in left for c, d in right)
    # What happened on both sides, and alone, is one run: its numbers are different, its records
    # are those of the tests, and each test has its evidence.
    records = read_timelines(night.directory)
    assert len({record.seq for record in records}) == len(records)
    for result in run.results:
        own = [r for r in records if result.first_record <= r.seq < result.last_record]
        assert {r.test for r in own} == {result.test}
        assert result.pcap is not None
        assert result.pcap.stat().st_size
        phone = result.name.partition("[")[2].rstrip("]")
        assert {r.device for r in own} & {"left", "right"} <= (
            {phone} if phone else {"left", "right"}
        )
    assert {"asterisk", "harness"} <= set(run.versions)
    page = (night.directory / "report.html").read_text()
    assert all(result.name.partition("::")[2] in page for result in run.results)
    with History(tmp_path / "runs" / "history.sqlite") as history:
        assert len(history.night(run.run_id).entries) == len(run.results)
    # Who watched it saw all of it: in each line of an end the test is named.
    for result in run.results[:-1]:
        assert f"passed {result.name}" in night.output
    assert night.left() == []


def test_a_side_that_dies_takes_one_test_with_it(tmp_path: Path) -> None:
    night = Night(tmp_path, lab())
    assert night.run("--parallel", "auto", end="left") == HarnessBug.exit_code, night.output
    assert night.ended() == "left"
    run = night.result()
    died = Counter(["test_may_end[left]"])
    assert ended_with(run) == on("left", "right") - died + Counter(["test_both"])
    assert ended_with(run, Verdict.HARNESS_BUG) == died
    (result,) = (r for r in run.results if r.verdict is Verdict.HARNESS_BUG)
    assert result.reason == "the process that carried it out died"
    assert night.left() == []


def test_a_host_that_is_killed_is_recovered_and_gone_on_with(tmp_path: Path) -> None:
    night = Night(tmp_path, lab())
    assert night.run("--parallel", "auto", end="host") == -signal.SIGKILL
    phone = night.ended()
    assert night.harness("recover") == 0, night.output
    assert night.left() == []
    run = night.result()
    assert f"killed in test_night.py::test_may_end[{phone}]" in run.interrupted
    done = run.done
    assert night.run("--resume", "--parallel", "auto") == 0, night.output
    run = night.result()
    assert ended_with(run) == on("left", "right") + Counter(["test_both"])
    assert len([r for r in run.results if r.test in done]) == len(done)
    assert night.left() == []


@pytest.mark.parametrize("by", ["SIGTERM", "SIGINT"])
def test_a_wish_to_end_ends_all_sides_in_order(tmp_path: Path, by: str) -> None:
    night = Night(tmp_path, lab())
    assert night.run("--parallel", "auto", end="host", by=by) == 130, night.output
    night.done.read_text()
    assert night.left() == []
    run = night.result()
    assert run.interrupted == "stopped by whoever ran it"
    assert all(result.interrupted for result in run.results if result.verdict is not Verdict.PASSED)
    assert "to go on with it: harness nightly --resume" in night.output


def test_an_ill_station_is_left_out_and_what_that_costs_is_told(tmp_path: Path) -> None:
    night = Night(tmp_path, lab(seeded=", seeded: {keypads: {keypad-2: {silent: true}}}"))
    assert night.run("--parallel", "auto") == 3, night.output
    run = night.result()
    assert list(run.quarantined) == ["right"]
    assert ended_with(run) == on("left") + Counter(["test_both"])
    assert Counter(test.partition("::")[2] for test in run.not_run) == on("right")


def test_a_bench_in_use_is_told_and_no_phone_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(tmp_path, lab())
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    with reserve(bench_resources(load_lab(night.lab)), reason="a test"):
        words = ["-p", "no:cacheprovider", "--parallel=auto", f"--lab={night.lab}", str(SUITE)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words, f"--runs-dir={tmp_path / 'runs'}"],
            env={**os.environ, TOKENS_VARIABLE: "", "DONE": str(night.done)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "left: quarantined: " in done.stdout
    assert "in use by" in done.stdout
    run = night.result()
    assert run.results == []
    assert Counter(test.partition("::")[2] for test in run.not_run) == on("left", "right")
