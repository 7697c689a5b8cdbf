"""Checks side by side: a hanging one is cut off, a broken one is said, the others are kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest

from harness.errors import BenchFault, BenchFaults
from harness.health import Finding, State, as_json, as_tree
from harness.health.check import Check, run_checks
from harness.health.finding import without_secrets


def well(subject: str) -> Iterator[Finding]:
    yield Finding(subject, "answers", State.OK, "it does")


def test_a_hanging_check_is_cut_off_and_the_others_are_kept() -> None:
    release = threading.Event()

    def hang() -> Iterator[Finding]:
        yield Finding("pdu-1", "answers", State.OK, "at first")
        release.wait(30)
        yield Finding("pdu-1", "late", State.OK, "too late")

    started = time.monotonic()
    found = run_checks(
        [Check("pdu-1", "outlets", hang, within=0.2), Check("pdu-2", "x", lambda: well("pdu-2"))]
    )
    took = time.monotonic() - started
    release.set()
    assert took < 5
    assert [(f.subject, f.check, f.state) for f in found] == [
        ("pdu-1", "answers", State.OK),
        ("pdu-1", "outlets", State.FAULT),
        ("pdu-2", "answers", State.OK),
    ]
    assert "nothing more came within 0.2 s" in found[1].found
    assert found[1].fix


def test_checks_run_side_by_side() -> None:
    both = threading.Barrier(2)

    def meet() -> Iterator[Finding]:
        both.wait(5)
        yield from well("a")

    found = run_checks([Check("a", "1", meet), Check("a", "2", meet)])
    assert [f.state for f in found] == [State.OK, State.OK]


def fails(error: Exception) -> Iterator[Finding]:
    raise error
    yield


@pytest.mark.parametrize(
    ("error", "found", "fix"),
    [
        (BenchFault("silent", state="on", expected="a word", hint="knock"),
         ["silent (on); expected a word"], ["knock"]),
        (BenchFaults([BenchFault("one", hint="1"), BenchFault("two", hint="2")]),
         ["one", "two"], ["1", "2"]),
        (KeyError("ours"), ["the check itself failed: KeyError: 'ours'"],
         ["a bug of the harness: report it"]),
    ],
)  # fmt: skip
def test_what_a_check_raises_is_a_finding(
    error: Exception, found: list[str], fix: list[str]
) -> None:
    told = run_checks([Check("pdu-1", "answers", lambda: fails(error))])
    assert [f.found for f in told] == found
    assert [f.fix for f in told] == fix
    assert {f.state for f in told} == {State.FAULT}


FINDINGS = [
    Finding("host", "clock", State.OK, "steady", "never shown"),
    Finding("host", "disk", State.FAULT, "full", "make room"),
    Finding("pdu-1", "outlet 1", State.UNKNOWN, "cannot\nsay", "give draw_a", "pdu-1/1"),
]


def test_the_tree_has_each_fault_with_its_fix() -> None:
    assert as_tree(FINDINGS).splitlines() == [
        "host",
        "├── ok    clock: steady",
        "└── FAULT disk: full",
        "          fix: make room",
        "pdu-1",
        "└── ?     outlet 1: cannot say",
        "          fix: give draw_a",
        "1 fault(s), 1 could not be told",
    ]
    assert as_tree(FINDINGS[:1]).endswith("all well")


def test_json_has_the_same() -> None:
    told = json.loads(as_json("rack-1", FINDINGS))
    assert (told["lab"], told["faults"]) == ("rack-1", 1)
    assert told["findings"][2] == {
        "subject": "pdu-1",
        "check": "outlet 1",
        "state": "unknown",
        "found": "cannot\nsay",
        "fix": "give draw_a",
        "part": "pdu-1/1",
    }


def test_no_secret_is_told() -> None:
    finding = Finding("pdu-1", "answers", State.FAULT, "refused s3cret-1", "not s3cret-1")
    (hidden,) = without_secrets([finding], {"s3cret-1", ""})
    assert "s3cret-1" not in hidden.found + hidden.fix
    assert hidden.found == "refused •••"
