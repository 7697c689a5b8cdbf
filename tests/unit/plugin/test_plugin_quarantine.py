"""What the plug-in does with ill stations, in somebody else's tree, without a bench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[3]
CONFTEST = """
import pytest
from fixtures import quarantine
from harness.errors import BenchFault
def ill(lab, workdir, timeline, wait):
    {body}
quarantine.ill_stations = ill
@pytest.fixture
def bench(): return "a bench of our own"
"""
TESTS = """
def test_one(station, recorder, bench): assert station == "desk-7942"
def test_all(recorder, bench, lab): assert list(lab.phones) == ["desk-7942"]
def test_file(recorder, station): pass
"""


def pytest_in(
    pytester: pytest.Pytester, body: str, *options: str
) -> tuple[pytest.RunResult, dict[str, dict[str, str]]]:
    pytester.makefile(".yaml", lab=(ROOT / "lab.yaml").read_text(encoding="utf-8"))
    pytester.makeconftest(CONFTEST.format(body=body))
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
    (head,) = (pytester.path / "runs").glob("2*/run.json")
    return result, json.loads(head.read_text(encoding="utf-8"))


def test_tests_of_an_ill_station_are_left_out_and_pytest_is_not_green(
    pytester: pytest.Pytester,
) -> None:
    result, head = pytest_in(pytester, "return {'desk-7962': 'keypad-2: silent'}")
    result.assert_outcomes(passed=3, deselected=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert head["quarantined"] == {"desk-7962": "keypad-2: silent"}
    # Also the one that asks for no bench: it is that station's all the same.
    assert list(head["not_run"].values()) == ["desk-7962", "desk-7962"]
    result.stdout.fnmatch_lines(
        ["*desk-7962: quarantined: keypad-2: silent*", "*2 test(s) not run*"]
    )


def test_without_any_station_nothing_that_needs_one_runs(pytester: pytest.Pytester) -> None:
    body = "return dict.fromkeys(lab.phones, 'pdu-1: silent')"
    result, head = pytest_in(pytester, body, "-k", "one or all")
    result.assert_outcomes(deselected=5)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert set(head["not_run"].values()) == {"", "desk-7942", "desk-7962"}
    assert list((pytester.path / "runs").glob("2*/report.html"))


def test_healthy_stations_change_nothing(pytester: pytest.Pytester) -> None:
    result, head = pytest_in(pytester, "return {}", "-k", "file or one and 7942")
    result.assert_outcomes(passed=3, deselected=2)
    assert result.ret == pytest.ExitCode.OK
    assert head["quarantined"] == {}


def test_a_check_that_cannot_be_made_leaves_the_verdict_to_the_bench(
    pytester: pytest.Pytester,
) -> None:
    result, head = pytest_in(pytester, "raise BenchFault('no twins')", "-k", "file or one and 7942")
    result.assert_outcomes(passed=3, deselected=2)
    assert head["quarantined"] == {}
    (timeline,) = (pytester.path / "runs").glob("2*/timeline.jsonl")
    assert "no health check: no twins" in timeline.read_text(encoding="utf-8")
