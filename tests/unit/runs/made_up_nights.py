"""Nights that never were, for the tests of what is asked of the history."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.runs import RunResult, TestResult, Verdict
from harness.runs.history import Entry, Key, Night

TEST = "tests/test_a.py::test_it[desk]"
OLD, NEW = "SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S"
FACTS = {"desk": {"model": "7942G", "load": OLD, "templates": "aaaa"}}


def a_run(
    runs: Path,
    name: str,
    verdicts: list[Verdict],
    *,
    started: float = 1000.0,
    load: str = OLD,
    measurements: Mapping[str, float] | None = None,
) -> RunResult:
    """A run on disk with one result a verdict, of tests 0, 1, 2 ..."""
    folder = runs / name
    folder.mkdir(parents=True)
    facts = {"desk": FACTS["desk"] | {"load": load}}
    run = RunResult(
        name, "lab", started, {"desk": "virtual"}, folder,
        ended=started + 60, pbx="asterisk22", facts=facts,
    )  # fmt: skip
    for number, verdict in enumerate(verdicts):
        reason = "" if verdict is Verdict.PASSED else "it sulks"
        run.add(
            TestResult(
                f"tests/test_a.py::test_{number}[desk]", {"desk": "virtual"}, verdict, reason, "",
                started + number, 2.5, 0, 0, pbx="asterisk22",
                measurements=dict(measurements or {}),
            )
        )  # fmt: skip
    return run


def a_night(
    number: int,
    *verdicts: Verdict,
    load: str = OLD,
    templates: str = "aaaa",
    pbx: str = "asterisk22",
    harness: str = "1",
    duration: float = 10.0,
    test: str = TEST,
    **measurements: float,
) -> Night:
    """Night ``number``, in which a test was carried out once for each verdict."""
    key = Key(test, "7942G", load, templates, pbx, "lab (virtual)")
    entries = tuple(
        Entry(f"run-{number}", key, "desk", verdict, "", number * 1000.0 + attempt, duration,
              f"run-{number}/tests", measurements)
        for attempt, verdict in enumerate(verdicts)
    )  # fmt: skip
    versions = {"harness": harness, "asterisk": "Asterisk 22"}
    return Night(f"run-{number}", "lab", number * 1000.0, 1.0, pbx, versions, {}, entries)
