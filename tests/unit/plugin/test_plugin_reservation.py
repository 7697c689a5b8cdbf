"""The plug-in on a bench that another harness has, in somebody else's test tree."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.lab import load_lab
from harness.lab.reservation import TOKENS_VARIABLE, reserve
from harness.lab.resources import bench_resources

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[3]


def test_every_test_is_a_bench_fault_and_no_station_is_ill(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", lab=(ROOT / "lab.yaml").read_text(encoding="utf-8"))
    pytester.makepyfile("def test_it(station, bench): pass")
    with reserve(bench_resources(load_lab(ROOT / "lab.yaml")), reason="somebody's night"):
        # As if by another process: what this one has reserved its children may use.
        os.environ.pop(TOKENS_VARIABLE)
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--bench-wait=0.1")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([f"*in use by *process {os.getpid()}*", "*somebody's night*"])
    (run,) = (pytester.path / "runs").glob("2*/run.json")
    assert json.loads(run.read_text(encoding="utf-8"))["quarantined"] == {}
    lines = run.with_name("results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["bench fault"] * 2
    told = run.with_name("timeline.jsonl").read_text(encoding="utf-8")
    assert "waiting for " in told
