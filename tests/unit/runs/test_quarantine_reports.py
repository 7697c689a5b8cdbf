"""A station that was out is in every report, and no run with one is green."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.runs import (
    RunResult,
    TestResult,
    Verdict,
    exit_code,
    load_run,
    write_html,
    write_junit,
)

REASON = "keypad-2: answers (virtual): it says <nothing>"


@pytest.fixture
def run(tmp_path: Path) -> RunResult:
    run = RunResult(
        run_id="r1", lab="rack", started=1.0, directory=tmp_path,
        devices={"well": "virtual", "ill": "virtual"},
        quarantined={"ill": REASON},
        not_run={"tests/test_a.py::test_x[ill]": "ill"},
    )  # fmt: skip
    result = TestResult(
        test="tests/test_a.py::test_x[well]", devices={"well": "virtual"}, verdict=Verdict.PASSED,
        reason="", detail="", started=1.0, duration=1.0, first_record=0, last_record=0,
    )  # fmt: skip
    run.add(result)
    return run


def test_no_run_with_a_station_out_is_green(run: RunResult) -> None:
    assert exit_code(run.verdicts) == 3
    run.quarantined = {}
    assert exit_code(run.verdicts) == 0


def test_a_product_fault_elsewhere_comes_first(run: RunResult) -> None:
    assert exit_code([*run.verdicts, Verdict.PRODUCT_FAULT]) == 1


def test_it_is_read_back(run: RunResult) -> None:
    again = load_run(run.directory)
    assert (again.quarantined, again.not_run) == (run.quarantined, run.not_run)
    run.results.clear()
    (run.directory / "results.jsonl").unlink()
    run.save_head()
    assert load_run(run.directory).results == [], "no station was left: no result, but a run"


def test_junit_skips_its_tests_with_the_reason(run: RunResult) -> None:
    path = run.directory / "junit.xml"
    write_junit(run, path, secrets=set())
    suite = ET.parse(path).getroot()
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "2", "failures": "0", "errors": "0", "skipped": "1"}
    (skipped,) = suite.iter("skipped")
    assert skipped.get("message") == f"ill is quarantined: {REASON}"
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties["quarantined ill"] == REASON


def test_a_test_that_needs_any_station_names_all_of_them(run: RunResult) -> None:
    run.quarantined["well"] = "pdu-1: silent"
    run.not_run["tests/test_a.py::test_y"] = ""
    assert run.reason_not_run("tests/test_a.py::test_y") == (
        f"ill is quarantined: {REASON}; well is quarantined: pdu-1: silent"
    )


def test_the_page_says_who_is_out_and_why(run: RunResult) -> None:
    path = run.directory / "report.html"
    write_html(run, [], path, secrets={"nothing-secret"})
    page = path.read_text(encoding="utf-8")
    assert "<b>ill</b>: keypad-2: answers (virtual): it says &lt;nothing&gt;" in page
    assert "1 test(s) were not run" in page
