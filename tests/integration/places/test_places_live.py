"""Places leased from a real coordinator and used through a real exporter and its ser2net."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from remote_bench import BOTH_UNDER_THE_FRAME, RemoteBench, ser2net_of, worker_of

from harness.bench import Bench, open_keypad, open_outlets, open_stations
from harness.errors import BenchFault, BenchFaults, UsageFault
from harness.events import KeyPressed, LampChanged, LampColour, Note, OutletSwitched
from harness.lab import Lab
from harness.power import OutletState
from harness.provisioning import load_manifest, make_up
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

LabOf = Callable[..., Lab]


@contextmanager
def opened(lab: Lab, folder: Path, timeline: Timeline | None = None) -> Iterator[Bench]:
    make_up(load_manifest(lab.provisioning.load), folder / "release")
    with open_stations(lab, folder / "work", timeline or Timeline()) as bench:
        yield bench


def lost(timeline: Timeline) -> Note:
    """Wait until labgrid has told that a place is lost."""
    return timeline.wait_for(Note, within=20.0, where=lambda note: "is lost" in note.text)


def test_power_and_keys_go_through_the_place_and_it_is_free_afterwards(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    timeline = Timeline()
    with opened(lab_of(), tmp_path, timeline) as bench:
        host, _, user = remote.holder("desk-1").partition("/")
        assert host
        assert user.startswith("phone-bench-")
        assert remote.holder("desk-2") == "", "what is not needed stays free"
        assert len(ser2net_of(remote.exporter.process.pid)) == 1
        pdu, keypad = bench.pdus["pdu"], bench.keypads["keypad"]
        assert "simplerest of bench-b in place desk-1" in pdu.identity
        for on in (True, False, True):
            pdu.set("power", on=on)
            assert remote.is_on(1) is on, "the strip over there, by a wire of its own"
        assert not remote.is_on(2)
        keypad.type("1*#")
        assert [event.key for event in timeline.events(KeyPressed)] == ["1", "*", "#"]
    assert [e.confirmed_by for e in timeline.events(OutletSwitched)] == ["read-back"] * 3
    assert remote.holder("desk-1") == ""
    assert ser2net_of(remote.exporter.process.pid) == []


def test_a_place_of_somebody_else_leaves_all_others_alone(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    both = lab_of(("labgrid:desk-1/keypad", "labgrid:desk-2"))
    with pytest.raises(BenchFault) as caught, opened(both, tmp_path):
        pass
    assert "place desk-2 is held by alice on elsewhere since 20" in caught.value.summary
    assert caught.value.expected == "it free for keypad"
    assert remote.holder("desk-1") == "", "all or nothing"
    assert remote.holder("desk-2") == "elsewhere/alice"
    remote.client("-p", "desk-2", "release")
    with opened(both, tmp_path) as bench:
        assert bench.keypads["keypad"].identity.startswith("matrix")
        assert remote.holder("desk-2") == remote.holder("desk-1") != ""


def test_what_is_not_there_is_told_all_at_once(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    wrong = lab_of(("outlets: [power]", "outlets: [power, lamp]"), ("desk-1/keypad", "desk-9"))
    with pytest.raises(BenchFaults) as caught, opened(wrong, tmp_path):
        pass
    lamp, place = caught.value.faults
    assert isinstance(lamp, UsageFault)
    assert lamp.device == "pdu"
    assert lamp.summary == "place desk-1 has no power port lamp"
    assert "keypad (NetworkSerialPort)" in lamp.state
    assert isinstance(place, UsageFault)
    assert place.summary == "there is no place desk-9"
    assert place.state == "there are: desk-1, desk-2, frame"
    assert remote.holder("desk-1") == ""


def test_an_exporter_that_is_not_there(remote: RemoteBench, lab_of: LabOf, tmp_path: Path) -> None:
    remote.exporter.end()
    with pytest.raises(BenchFaults) as caught, opened(lab_of(), tmp_path):
        pass
    assert {fault.device for fault in caught.value.faults} == {"pdu", "keypad"}
    for fault in caught.value.faults:
        assert "its exporter is not there" in fault.summary
        assert "nobody exports bench-b/desk-1/*" in fault.state


def test_a_reserved_place(remote: RemoteBench, lab_of: LabOf, tmp_path: Path) -> None:
    remote.client("reserve", "--wait", "name=desk-1")
    with (
        pytest.raises(BenchFault, match="place desk-1 is reserved for elsewhere/alice"),
        opened(lab_of(), tmp_path),
    ):
        pass


def test_a_coordinator_that_is_not_there(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    nobody = lab_of((":20408", ":20409"))
    with (
        pytest.raises(BenchFault, match=r"coordinator at 10\.58\.0\.1:20409 cannot be reached"),
        opened(nobody, tmp_path),
    ):
        pass


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_exporter_that_goes_is_blamed_by_every_device(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path, how: str
) -> None:
    timeline = Timeline()
    with opened(lab_of(), tmp_path, timeline) as bench:
        bench.pdus["pdu"].set("power", on=True)
        # A killed exporter leaves its ser2net behind, and the port would still work.
        remote.exporter.end(9 if how == "killed" else 15)
        lost(timeline)
        with pytest.raises(BenchFault, match="exporter bench-b left the coordinator"):
            bench.pdus["pdu"].set("power", on=False)
        with pytest.raises(BenchFault, match="exporter bench-b left the coordinator"):
            bench.keypads["keypad"].tap("1")
    assert timeline.events(KeyPressed) == []
    assert remote.is_on(1), "nobody touched it any more"
    remote.exporter = remote.start_exporter()
    with opened(lab_of(), tmp_path) as bench:
        bench.keypads["keypad"].tap("1")


def test_a_coordinator_that_goes_takes_the_place_with_it(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    timeline = Timeline()
    with opened(lab_of(), tmp_path, timeline) as bench:
        remote.coordinator.end(9)
        lost(timeline)
        with pytest.raises(BenchFault, match="the coordinator went away"):
            bench.pdus["pdu"].state("power")
        with pytest.raises(BenchFault, match="the coordinator went away"):
            bench.keypads["keypad"].tap("1")
    kept = [note.text for note in timeline.events(Note) if "could not be released" in note.text]
    assert len(kept) == 1


def test_a_place_that_nobody_here_holds_any_more_is_lost(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    timeline = Timeline()
    with opened(lab_of(), tmp_path, timeline) as bench:
        os.kill(worker_of(os.getpid()), signal.SIGKILL)
        lost(timeline)
        with pytest.raises(BenchFault, match="the process that held it here ended"):
            bench.keypads["keypad"].tap("1")
    assert timeline.events(KeyPressed) == []


def test_a_place_that_is_taken_away_is_not_touched_any_more(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    timeline = Timeline()
    with opened(lab_of(), tmp_path, timeline) as bench:
        remote.client("-p", "desk-1", "release", "--kick")
        remote.client("-p", "desk-1", "acquire")
        lost(timeline)
        with pytest.raises(BenchFault, match="somebody released it"):
            bench.pdus["pdu"].set("power", on=True)
        with pytest.raises(BenchFault, match="somebody released it"):
            bench.keypads["keypad"].tap("1")
    assert not remote.is_on(1)
    assert remote.holder("desk-1") == "elsewhere/alice", "what is theirs is not released"


def test_a_gantry_over_two_phones_and_its_light_sensor_are_leased_whole(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    timeline = Timeline()
    with opened(lab_of(*BOTH_UNDER_THE_FRAME), tmp_path, timeline) as bench:
        left, right = (bench.keypads["gantry"].over(phone) for phone in ("desk-3", "desk-4"))
        assert left.identity.startswith("Grbl 1.1")
        assert (left.senses.lamps, right.senses.lamps) == (False, True)
        left.type("12")
        right.press("#")
        # The phone over there boots with # held, and its sensor sees what that phone makes of it.
        bench.pdus["pdu-3"].set("right", on=True)
        timeline.wait_for(
            LampChanged,
            within=30.0,
            device="desk-4",
            where=lambda lamp: lamp.lamp == "line1" and lamp.colour is LampColour.AMBER,
        )
        right.release("#")
        keys = {
            phone: [event.key for event in timeline.events(KeyPressed, device=phone)]
            for phone in ("desk-3", "desk-4")
        }
        assert keys == {"desk-3": ["1", "2"], "desk-4": ["#"]}
        remote.client("-p", "frame", "release", "--kick")
        lost(timeline)
        for keypad in (left, right):
            with pytest.raises(BenchFault, match="place frame is lost"):
                keypad.tap("1")
        with pytest.raises(BenchFault, match="place frame is lost"):
            right.lamps()


def test_one_keypad_needs_no_other_place(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    lab = lab_of(("address: desk-1", "address: desk-2"))
    with open_keypad(lab, "keypad", tmp_path / "work", Timeline()) as keypad:
        assert remote.holder("desk-1") != ""
        keypad.tap("5")
    assert remote.holder("desk-1") == ""


def test_only_power_may_be_leased_while_the_robot_is_away(
    remote: RemoteBench, lab_of: LabOf, tmp_path: Path
) -> None:
    remote.client("-p", "desk-2", "acquire")
    lab, timeline = lab_of(("labgrid:desk-1/keypad", "labgrid:desk-2")), Timeline()
    with open_outlets(lab, tmp_path / "work", timeline) as bench:
        bench.pdus["pdu"].set("power", on=True)
        assert bench.pdus["pdu"].state("power") is OutletState.ON
    assert any("held by alice" in note.text for note in timeline.events(Note))
