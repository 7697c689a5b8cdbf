"""Who is told that a place is lost, and why a device is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BenchFault
from harness.health import State
from harness.health.places import place_findings
from harness.lab import Lab, load_lab
from harness.places import Lease, Need, leased
from harness.timeline import Timeline


@pytest.fixture
def lease() -> Lease:
    lab = load_lab(Path(__file__).parents[3] / "lab.yaml")
    return Lease(lab, {"desk-1": Need("desk-1", {"pdu-1": ("1",)}), "desk-2": Need("desk-2")})


def test_only_who_is_in_the_place_is_told_and_once(lease: Lease) -> None:
    told: list[tuple[str, str]] = []
    for device in ("pdu-1", "pdu-2"):
        lease.watch(device, lambda why, device=device: told.append((device, why)))  # type: ignore[misc]
    lease.lose("desk-2", "gone")
    assert told == []
    lease.lose("desk-1", "somebody released it")
    lease.lose("desk-1", "somebody released it")
    assert told == [("pdu-1", "somebody released it")]


def test_who_watches_too_late_is_told_at_once(lease: Lease) -> None:
    told: list[str] = []
    lease.lose("desk-1", "gone")
    lease.watch("pdu-1", told.append)
    assert told == ["gone"]


def test_a_device_is_not_there_for_the_reason_of_its_place(lease: Lease) -> None:
    lease.faults["desk-1"] = BenchFault("place desk-1 is held by alice")
    with pytest.raises(BenchFault, match="held by alice"):
        lease.needed("pdu-1")
    lease.needed("keypad-1")


def test_without_places_nobody_is_asked() -> None:
    lab: Lab = load_lab(Path(__file__).parents[3] / "lab.yaml")
    timeline = Timeline()
    with leased(lab, timeline.observer("labgrid")) as lease:
        assert lease.lab is lab
    assert timeline.records() == []


def test_the_doctor_tells_of_each_place_and_of_a_coordinator_once(lease: Lease) -> None:
    lease.coordinator, lease.held["desk-2"] = "labgrid 25 at lab", "held as bench-a/me"
    lease.faults["desk-1"] = BenchFault("place desk-1 is held by alice")
    found = list(place_findings(lease))
    assert [(each.check, each.state) for each in found] == [
        ("coordinator", State.OK), ("place desk-2", State.OK), ("place desk-1", State.FAULT)
    ]  # fmt: skip
    away = Lease(lease.lab, lease.needs, dict.fromkeys(lease.needs, BenchFault("no answer")))
    (only,) = place_findings(away)
    assert (only.check, only.state, only.found) == ("coordinator", State.FAULT, "no answer")
