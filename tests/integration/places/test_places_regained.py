"""Places that were lost and are had again in the same run, behind other doors than before."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from remote_bench import (
    BOTH_DESKS,
    BOTH_UNDER_THE_FRAME,
    RemoteBench,
    end_ser2net,
    http_relay,
    until,
    worker_of,
)

from harness.bench import Bench, open_bench, open_stations
from harness.errors import BenchFault, InUse
from harness.events import KeyPressed, PartBack, PartLost, StepStarted
from harness.lab import Lab
from harness.leasing import LeasedDevice
from harness.mending import Mender
from harness.provisioning import load_manifest, make_up
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

LabOf = Callable[..., Lab]
#: What is mended here; a lab may have more.
MENDED = ("pdu", "keypad")


@pytest.fixture
def desk(lab_of: LabOf, tmp_path: Path) -> Lab:
    return whole(lab_of(), tmp_path)


def whole(lab: Lab, folder: Path) -> Lab:
    make_up(load_manifest(lab.provisioning.load), folder / "release")
    return lab


def lost(timeline: Timeline, phone: str = "desk") -> None:
    """Wait until the loss of a phone's place has reached its tests."""
    timeline.wait_for(PartLost, within=20.0, where=lambda one: one.part == f"place of {phone}")


def mend(bench: Bench, patience: float = 60.0) -> None:
    """Do what is done before each test of a whole bench."""
    drivers = [*bench.pdus.values(), *bench.keypads.values()]
    parts = [LeasedDevice(each, bench.places) for each in drivers if each.name in MENDED]
    Mender(bench.timeline).mend((part, patience) for part in parts)


def works(bench: Bench, remote: RemoteBench) -> None:
    """Have outlet and key of the desk moved over there, seen by wires of its own."""
    for on in (False, True):
        bench.pdus["pdu"].set("power", on=on)
        assert remote.is_on(1) is on
    since = bench.timeline.mark()
    bench.keypads["keypad"].type("1#")
    pressed = bench.timeline.events(KeyPressed, since=since)
    assert [event.key for event in pressed] == ["1", "#"]


def ports(bench: Bench) -> tuple[str, str]:
    """Where the keypad is served, and where the outlet is switched."""
    lab = bench.lease.lab
    power = lab.power["pdu"].ports["power"]  # type: ignore[union-attr]
    return lab.keypads["keypad"].port, power.host


def test_an_exporter_that_comes_back_with_other_ports(
    remote: RemoteBench, desk: Lab, tmp_path: Path
) -> None:
    timeline = Timeline()
    with open_stations(desk, tmp_path / "work", timeline) as bench:
        works(bench, remote)
        before = ports(bench)
        remote.exporter.end()
        lost(timeline)
        with pytest.raises(BenchFault, match="its exporter is not there"):
            mend(bench, 0.0)
        file = remote.folder / "exporter.yaml"
        with http_relay(remote.strip) as relay:
            file.write_text(file.read_text().replace(before[1], relay))
            remote.exporter = remote.start_exporter()
            mend(bench)
            works(bench, remote)
            after = ports(bench)
            assert after[1] == relay
            assert not timeline.lost()
            assert remote.holder("desk-1") != ""
    back = [event.part for event in timeline.events(PartBack)]
    assert back[0] == "place of desk"
    assert {"pdu", "keypad"} <= set(back)
    assert remote.holder("desk-1") == ""


def test_an_exporter_that_was_killed_and_its_ser2net(
    remote: RemoteBench, desk: Lab, tmp_path: Path
) -> None:
    timeline = Timeline()
    with open_stations(desk, tmp_path / "work", timeline) as bench:
        remote.exporter.end(signal.SIGKILL)
        lost(timeline)
        end_ser2net(remote.exporter.process.pid)
        remote.exporter = remote.start_exporter()
        mend(bench)
        works(bench, remote)
    assert remote.holder("desk-1") == ""


def test_a_place_is_not_stolen_and_is_had_again_once_it_is_free(
    remote: RemoteBench, desk: Lab, tmp_path: Path
) -> None:
    timeline = Timeline()
    with open_stations(desk, tmp_path / "work", timeline) as bench:
        bench.pdus["pdu"].set("power", on=False)
        remote.client("-p", "desk-1", "release", "--kick")
        remote.client("-p", "desk-1", "acquire")
        lost(timeline)
        began = time.monotonic()
        with pytest.raises(InUse, match="place desk-1 is held by alice on elsewhere"):
            mend(bench)
        assert time.monotonic() - began < 15.0, "nobody waits for who has it now"
        for part in (bench.pdus["pdu"], bench.keypads["keypad"]):
            with pytest.raises(BenchFault, match="place desk-1 is lost: somebody released it"):
                part.mend()
        assert remote.holder("desk-1") == "elsewhere/alice"
        assert "place of desk" in timeline.lost()
        remote.client("-p", "desk-1", "release")
        bench.phones["desk"]._dirty = False
        mend(bench)
        assert bench.phones["desk"]._dirty, "nobody knows what was done to it"
        works(bench, remote)
        # And lost once more: who watched the first time watches still.
        since = timeline.mark()
        remote.client("-p", "desk-1", "release", "--kick")
        timeline.wait_for(PartLost, within=20.0, since=since)
        with pytest.raises(BenchFault, match="place desk-1 is lost"):
            bench.keypads["keypad"].tap("1")
        mend(bench)
        works(bench, remote)
        assert not timeline.lost()
    assert remote.holder("desk-1") == ""


def test_who_reserved_a_place_before_taking_it_away_is_not_overtaken(
    remote: RemoteBench, desk: Lab, tmp_path: Path
) -> None:
    timeline = Timeline()
    with open_stations(desk, tmp_path / "work", timeline) as bench:
        remote.client("reserve", "name=desk-1")
        remote.client("-p", "desk-1", "release", "--kick")
        lost(timeline)
        with pytest.raises(InUse, match="place desk-1 is reserved for elsewhere/alice"):
            mend(bench)
        remote.client("-p", "desk-1", "acquire")
    assert remote.holder("desk-1") == "elsewhere/alice"


def test_a_port_that_is_gone_before_its_place_is_told_lost(
    remote: RemoteBench, desk: Lab, tmp_path: Path
) -> None:
    timeline, worker = Timeline(), 0

    def go_on() -> None:
        timeline.wait_for(StepStarted, within=30.0, where=lambda step: "keypad" in step.name)
        os.kill(worker, signal.SIGCONT)

    with open_stations(desk, tmp_path / "work", timeline) as bench:
        worker = worker_of(os.getpid())
        os.kill(worker, signal.SIGSTOP)
        other = threading.Thread(target=go_on)
        other.start()
        remote.client("-p", "desk-1", "release", "--kick")
        timeline.wait_for(PartLost, within=20.0, where=lambda lost: lost.part == "keypad")
        began = time.monotonic()
        mend(bench)
        assert time.monotonic() - began < 30.0
        other.join()
        works(bench, remote)
        assert remote.holder("desk-1") != ""


def test_a_coordinator_that_comes_back(remote: RemoteBench, desk: Lab, tmp_path: Path) -> None:
    timeline = Timeline()
    with open_stations(desk, tmp_path / "work", timeline) as bench:
        remote.coordinator.end(signal.SIGKILL)
        lost(timeline)
        with pytest.raises(BenchFault, match=r"coordinator at .* cannot be reached"):
            mend(bench, 0.0)
        remote.exporter.end()
        remote.coordinator = remote.start_coordinator()
        remote.exporter = remote.start_exporter()
        remote.add_places()
        mend(bench)
        works(bench, remote)
        assert remote.holder("desk-1") != ""
    assert remote.holder("desk-1") == ""


def test_the_process_that_held_them_is_replaced(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    lab, timeline = whole(lab_of(*BOTH_DESKS), tmp_path), Timeline()
    with open_stations(lab, tmp_path / "work", timeline) as bench:
        held = remote.holder("desk-1")
        os.kill(worker_of(os.getpid()), signal.SIGKILL)
        for phone in ("desk", "desk-2"):
            lost(timeline, phone)
        assert remote.holder("desk-1") == held, "the coordinator does not know"
        mend(bench)
        works(bench, remote)
        assert remote.holder("desk-1") == held
        with pytest.raises(BenchFault, match="place desk-2 is lost"):
            bench.keypads["keypad-2"].tap("1")
    assert [remote.holder(place) for place in ("desk-1", "desk-2")] == ["", ""]


def test_a_gantry_over_two_phones_comes_back_whole(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    lab, timeline = whole(lab_of(*BOTH_UNDER_THE_FRAME), tmp_path), Timeline()
    with open_bench(lab, tmp_path / "work", timeline) as bench:
        left, right = (bench.phones[phone].keypad for phone in ("desk-3", "desk-4"))
        remote.exporter.end()
        for phone in ("desk-3", "desk-4"):
            lost(timeline, phone)
        for keypad in (left, right):
            with pytest.raises(BenchFault, match="is gone"):
                keypad.tap("1")
        told = set(timeline.lost())
        remote.exporter = remote.start_exporter()
        bench.mend("desk")
        left_lost = told - {"place of desk", "pdu", "keypad"}
        assert set(timeline.lost()) == left_lost != set(), "no test of desk needs any of it"
        for phone in ("desk-4", "desk-3"):
            bench.mend(phone)
        left.tap("1")
        right.tap("2")
        assert set(right.lamps()), "its sensor sees again"
        bench.pdus["pdu-3"].set("right", on=True)
        assert remote.is_on(4)
        keys = {
            phone: [event.key for event in timeline.events(KeyPressed, device=phone)]
            for phone in ("desk-3", "desk-4")
        }
        assert keys == {"desk-3": ["1"], "desk-4": ["2"]}
        assert not timeline.lost()
    until(lambda: remote.holder("frame") == "")
