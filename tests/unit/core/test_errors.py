"""Errors name the object, its state, what was expected and what to try."""

from __future__ import annotations

from harness.deadlines import Deadlines
from harness.errors import BenchFault, BenchFaults, UsageFault


def test_an_error_reads_as_a_person_needs_it() -> None:
    error = BenchFault(
        "no answer",
        device="pdu-1",
        state="outlet unknown",
        expected="*IDN? within 2 s",
        hint="ping it",
    )
    assert str(error).splitlines() == [
        "pdu-1: no answer",
        "  state:    outlet unknown",
        "  expected: *IDN? within 2 s",
        "  try:      ping it",
    ]


def test_several_faults_are_one_tree() -> None:
    tree = str(BenchFaults([BenchFault("a", device="x", hint="h"), UsageFault("b", device="y")]))
    assert tree.splitlines() == [
        "2 faults on the bench",
        "├── x: a",
        "│     try:      h",
        "└── y: b",
    ]


def test_device_time_scales_and_wire_time_does_not() -> None:
    deadlines = Deadlines(device_speed=40, grace=2)
    assert deadlines.device(400) == 12.0
    assert deadlines.wire(5) == 5.0
    assert Deadlines().device(400) == 400.0
