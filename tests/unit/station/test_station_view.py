"""Records and results folded into cards, counts and ladders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.events import (
    Event,
    FileRequested,
    LampChanged,
    LampColour,
    Note,
    PhoneStateChanged,
    Record,
    Registered,
    SipMessage,
    StationQuarantined,
    StepEnded,
    StepStarted,
    TestEnded,
    TestStarted,
)
from harness.runs import RunResult, TestResult, Verdict
from harness.station.view import RunView
from tests.unit.station.made_up_run import message

RESET = "tests/regression/test_1.py::test_reset[desk]"
TALK = "tests/regression/test_2.py::test_all_talk"


class Fold:
    """A view, fed with one event after the other."""

    def __init__(self, directory: Path) -> None:
        self.view = RunView("night-1")
        self.run = RunResult(
            "night-1", "lab", 1.0, {"desk": "hardware", "desk-2": "virtual"}, directory,
            facts={"desk": {"model": "7942G"}, "desk-2": {"model": "7962G"}},
        )  # fmt: skip
        self.view.take_run(self.run, {})
        self.view.take_changed()
        self.number = 0
        self.test = {"timeline": ""}

    def __call__(self, event: Event, device: str = "", timeline: str = "timeline") -> set[str]:
        if isinstance(event, TestStarted):
            self.test[timeline] = event.name
        self.number += 1
        test = self.test.get(timeline, "")
        record = Record(self.number, 0.0, 100.0 + self.number, "s", device, test, event)
        self.view.see(timeline, record)
        return self.view.take_changed()

    def result(self, test: str, verdict: Verdict, *phones: str, reason: str = "") -> None:
        devices = dict.fromkeys(phones, "virtual")
        self.run.results.append(TestResult(test, devices, verdict, reason, "", 1.0, 2.0, 0, 0))
        self.view.take_run(self.run, {"report": "/runs/night-1/report.html"})

    def card(self, name: str) -> dict[str, Any]:
        return self.view.part(f"phone/{name}")


@pytest.fixture
def fold(tmp_path: Path) -> Fold:
    return Fold(tmp_path)


def test_before_anything_happened_a_phone_is_what_the_run_says(fold: Fold) -> None:
    desk = fold.card("desk")
    assert (desk["label"], desk["model"], desk["state"]) == ("hardware", "7942G", "")
    assert [each["lamp"] for each in desk["lamps"]] == ["line1", "line2", "mwi"]
    assert [each["lamp"] for each in fold.card("desk-2")["lamps"]][5:] == ["line6", "mwi"]
    assert fold.view.part("run")["phones"] == ["desk", "desk-2"]


def test_states_lamps_and_nested_steps(fold: Fold) -> None:
    assert fold(PhoneStateChanged("BOOTING", "outlet on"), "desk") == {"pulse", "phone/desk"}
    fold(LampChanged("line1", LampColour.AMBER, 0), "desk")
    fold(LampChanged("line1", LampColour.RED, 0), "desk")
    fold(LampChanged("headset", LampColour.GREEN, 0), "desk")
    fold(StepStarted(1, "factory reset"), "desk")
    fold(StepStarted(2, "wait for red"), "desk")
    desk = fold.card("desk")
    assert (desk["state"], desk["why"]) == ("BOOTING", "outlet on")
    lamps = {each["lamp"]: each["colour"] for each in desk["lamps"]}
    assert lamps == {"line1": "red", "line2": "", "mwi": "", "headset": "green"}
    assert desk["steps"] == ["factory reset", "wait for red"]
    assert desk["step_since"] == 106.0
    fold(StepEnded(2, "wait for red", 1.0, "done"), "desk")
    assert fold.card("desk")["steps"] == ["factory reset"]
    assert fold.card("desk")["step_since"] == 105.0
    fold(StationQuarantined("keypad-2: no answer"), "desk-2")
    assert fold.card("desk-2")["state"] == "QUARANTINED"


def test_a_test_belongs_to_the_phone_it_names_and_to_no_namesake(fold: Fold) -> None:
    assert {"phone/desk", "ladder/timeline"} <= fold(TestStarted(RESET))
    # The other phone is only refreshing its registration meanwhile.
    fold(PhoneStateChanged("READY", "registered"), "desk-2")
    assert fold.card("desk")["test"] == "test_1.py::test_reset[desk]"
    assert fold.card("desk-2")["test"] == ""
    fold(StepStarted(1, "power off"), "desk")
    changed = fold(TestEnded(RESET, "product fault", "it sulks"))
    assert "phone/desk" in changed
    # What a test left open is over with it.
    assert (fold.card("desk")["test"], fold.card("desk")["steps"]) == ("", [])
    assert fold.view.part("ladder/timeline")["verdict"] == "product fault"


@pytest.mark.parametrize(
    ("told", "phones"),
    [("desk", ["desk"]), ("desk-2", ["desk-2"]), ("PCMA-desk-2", ["desk-2"]), ("2-desk", ["desk"]),
     ("desk-2-desk", ["desk", "desk-2"]), ("desktop", []), ("PCMA", [])],
)  # fmt: skip
def test_phones_are_told_from_parameters(fold: Fold, told: str, phones: list[str]) -> None:
    fold(TestStarted(f"tests/t.py::test_it[{told}]"))
    assert [name for name in ("desk", "desk-2") if fold.card(name)["test"]] == phones


def test_a_test_that_names_none_belongs_to_those_seen_in_it(fold: Fold) -> None:
    fold(TestStarted(TALK))
    assert fold.card("desk")["test"] == ""
    fold(StepStarted(1, "dial"), "desk-2")
    assert fold.card("desk-2")["test"] == "test_2.py::test_all_talk"
    assert fold.card("desk")["test"] == ""


def test_two_workers_do_not_mix(fold: Fold) -> None:
    other = RESET.replace("[desk]", "[desk-2]")
    fold(TestStarted(RESET), timeline="gw0")
    fold(TestStarted(other), timeline="gw1")
    # Both count their steps from 1.
    fold(StepStarted(1, "one"), "desk", "gw0")
    fold(StepStarted(1, "two"), "desk-2", "gw1")
    fold(message(1), timeline="gw1")
    fold(StepEnded(1, "one", 1.0, "done"), "desk", "gw0")
    assert fold.card("desk")["steps"] == []
    assert fold.card("desk-2")["steps"] == ["two"]
    fold(TestEnded(RESET, "passed"), timeline="gw0")
    assert fold.card("desk-2")["test"] == "test_1.py::test_reset[desk-2]"
    assert fold.view.part("ladder/gw0")["messages"] == 0
    assert fold.view.part("ladder/gw1")["messages"] == 1
    assert fold.view.part("run")["ladders"] == ["gw0", "gw1"]


def test_a_run_gone_on_with_does_not_keep_what_the_killed_one_had_begun(fold: Fold) -> None:
    fold(TestStarted(RESET))
    fold(StepStarted(7, "wait for the re-flash"), "desk")
    fold(PhoneStateChanged("OFF", "outlet off"), "desk", "timeline-2")
    assert (fold.card("desk")["steps"], fold.card("desk")["test"]) == ([], "")


def test_the_ladder_grows_only_by_its_own_test(fold: Fold) -> None:
    fold(message(0))
    assert fold.view.names().count("ladder/timeline") == 0
    fold(TestStarted(RESET))
    drawn = []
    for number in range(3):
        assert "ladder/timeline" in fold(message(number))
        drawn.append(fold.view.part("ladder/timeline")["html"].count("<polygon"))
    assert drawn == [1, 2, 3]
    assert "ladder/timeline" not in fold(Note("nothing on the wire"))
    fold(TestStarted(TALK))
    assert fold.view.part("ladder/timeline")["html"] == ""
    for number in range(100):
        fold(message(number))
    ladder = fold.view.part("ladder/timeline")
    assert (ladder["messages"], ladder["left_out"]) == (100, 40)
    assert ladder["html"].count("<polygon") == 60


def test_a_ladder_calls_phones_by_their_names(fold: Fold) -> None:
    fold(FileRequested("SEP1.cnf.xml", "127.0.0.42", 5000), "desk")
    fold(Registered("202", "sip:202@127.0.0.62:5060;transport=udp"), "desk-2")
    fold(TestStarted(RESET))
    fold(SipMessage("127.0.0.42:5", "127.0.0.2:5060", "REGISTER sip:x SIP/2.0", "a", "1", ""))
    fold(message(1))
    fold(message(2, source="127.0.0.62:5060"))
    html = fold.view.part("ladder/timeline")["html"]
    for actor in ("desk", "desk-2", "asterisk"):
        assert f'font-weight="bold">{actor}</text>' in html


def test_counts_and_tests_that_did_not_pass(fold: Fold, tmp_path: Path) -> None:
    fold.result(RESET, Verdict.PASSED, "desk")
    fold.result(TALK, Verdict.BENCH_FAULT, "desk", "desk-2", reason="pdu-1: dead")
    fold.run.folder_of(TALK).mkdir(parents=True)
    assert {"tests", "run", "phone/desk", "phone/desk-2"} <= fold.view.take_changed()
    tests = fold.view.part("tests")
    assert tests["counts"] == {"passed": 1, "bench fault": 1}
    (failed,) = tests["failed"]
    assert (failed["test"], failed["reason"]) == ("test_2.py::test_all_talk", "pdu-1: dead")
    assert failed["evidence"] == f"/runs/night-1/tests/{fold.run.folder_of(TALK).name}/"
    assert fold.card("desk-2")["last"]["verdict"] == "bench fault"
    assert fold.view.part("run")["pages"] == {"report": "/runs/night-1/report.html"}


def test_without_a_head_what_is_seen_of_a_phone_is_enough(tmp_path: Path) -> None:
    view = RunView("night-1")
    record = Record(1, 0.0, 5.0, "s", "desk", "", PhoneStateChanged("BOOTING", "outlet on"))
    view.see("timeline", record)
    # A peer is no phone, whatever is told of it.
    view.see("timeline", Record(2, 0.0, 6.0, "s", "alice", "", Registered("211", "sip:x@1.2.3.4")))
    assert view.part("run")["phones"] == ["desk"]
    assert view.part("phone/desk")["state"] == "BOOTING"
    assert view.part("pulse") == {"last": 6.0}
