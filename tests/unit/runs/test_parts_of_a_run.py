"""A run of which several processes write down results."""

from __future__ import annotations

from pathlib import Path

from harness.events import TestEnded, TestStarted
from harness.runs import RunResult, TestResult, Verdict, load_run
from harness.runs.interrupted import CUT_SHORT, add_ends
from harness.timeline import Timeline, read_timelines


def run_in(folder: Path, side: str = "") -> RunResult:
    return RunResult("run-1", "lab", 1.0, {"left": "virtual"}, folder, side=side)


def result(name: str, started: float) -> TestResult:
    return TestResult(name, {}, Verdict.PASSED, "", "", started, 1.0, 0, 1)


def test_sides_add_results_and_leave_the_head(tmp_path: Path) -> None:
    whole = run_in(tmp_path)
    whole.save_head()
    head = (tmp_path / "run.json").read_text()
    left, right = run_in(tmp_path, "1-0"), run_in(tmp_path, "1-1")
    left.run_id = right.run_id = "nobody's"
    left.add(result("a", 3.0))
    right.add(result("b", 2.0))
    left.add(result("c", 4.0))
    assert (tmp_path / "run.json").read_text() == head
    assert [each.test for each in load_run(tmp_path).results] == ["b", "a", "c"]
    # What one of them did not write whole costs the others nothing.
    with (tmp_path / "results-1-0.jsonl").open("a") as file:
        file.write('{"test": "torn')
    assert [each.test for each in load_run(tmp_path).results] == ["b", "a", "c"]


def test_a_test_that_took_its_process_with_it_is_told(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    run.save_head()
    for number, name in enumerate(("t[left]", "t[right]")):
        side = Timeline(tmp_path / f"timeline-1-{number}.jsonl", first=100 * number)
        side.test = name
        side.append(TestStarted(name), source="pytest")
        if number:
            side.append(TestEnded(name, "passed", ""), source="pytest")
        side.close()
    records = read_timelines(tmp_path)
    cut = add_ends(run, records, Verdict.HARNESS_BUG, "it died")
    assert [each.test for each in cut] == ["t[left]"]
    assert {each.test: each.verdict for each in run.results} == {
        "t[left]": Verdict.HARNESS_BUG,
        "t[right]": Verdict.PASSED,
    }
    assert not any(each.interrupted for each in run.results)
    # Once more tells nothing new; a run that was cut short has to carry it out again.
    assert add_ends(run, records) == []
    again = run_in(tmp_path)
    (only,) = add_ends(again, records)
    assert (only.interrupted, only.reason) == (True, CUT_SHORT)
