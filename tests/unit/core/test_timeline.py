"""The timeline: nothing lost, nobody woken too late, errors a person can act on."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BenchFault, HarnessBug, ProductFault
from harness.events import (
    EVENT_KINDS,
    LampChanged,
    LampColour,
    Note,
    PbxStarted,
    PbxStopped,
    Record,
    StepEnded,
    StepStarted,
    ToneHeard,
)
from harness.timeline import Timeline, read_timeline, read_timelines


def test_wait_for_finds_what_was_already_seen() -> None:
    timeline = Timeline()
    timeline.append(Note("a"), source="x", device="desk")
    assert timeline.wait_for(Note, within=0.0, device="desk").text == "a"


def test_wait_for_is_woken_by_the_append_it_waits_for() -> None:
    timeline = Timeline()
    timer = threading.Timer(0.05, lambda: timeline.append(Note("late"), source="x"))
    timer.start()
    assert timeline.wait_for(Note, within=5.0).text == "late"
    timer.join()


def test_wait_for_ignores_what_was_before_the_mark_and_other_devices() -> None:
    timeline = Timeline()
    timeline.append(Note("old"), source="x", device="desk")
    since = timeline.mark()
    timeline.append(Note("other"), source="x", device="else")
    with pytest.raises(ProductFault) as caught:
        timeline.wait_for(Note, within=0.01, device="desk", since=since, hint="look at it")
    assert caught.value.device == "desk"
    assert "look at it" in str(caught.value)


def test_wait_for_blames_whom_it_is_told_to() -> None:
    with pytest.raises(BenchFault):
        Timeline().wait_for(Note, within=0.0, blame=BenchFault)


def test_a_crash_of_the_pbx_ends_a_wait_at_once_as_a_bench_fault() -> None:
    timeline = Timeline()
    crash = PbxStopped(asked=False, reason="it was killed by SIGSEGV")
    timer = threading.Timer(0.05, lambda: timeline.append(crash, source="pbx"))
    timer.start()
    with pytest.raises(BenchFault, match="Asterisk ended unasked: it was killed by SIGSEGV"):
        timeline.wait_for(Note, within=30.0)
    timer.join()
    # What was seen is still found, and a fresh Asterisk makes waiting worth while again.
    assert timeline.wait_for(PbxStopped, within=0.0) is crash
    timeline.append(PbxStarted("Asterisk 22", "podman"), source="pbx")
    with pytest.raises(ProductFault):
        timeline.wait_for(Note, within=0.01)


def test_a_pbx_that_was_stopped_on_purpose_ends_no_wait() -> None:
    timeline = Timeline()
    timeline.append(PbxStopped(asked=True), source="pbx")
    with pytest.raises(ProductFault):
        timeline.wait_for(Note, within=0.01)


def test_wait_until_sees_the_whole_history_since_the_mark() -> None:
    timeline = Timeline()
    since = timeline.mark()
    for text in ("a", "b"):
        timeline.append(Note(text), source="x")
    assert timeline.wait_until(lambda records: len(records) == 2, within=0.0, since=since)
    assert not timeline.wait_until(lambda records: len(records) == 3, within=0.01)


def test_events_are_on_disk_before_a_listener_hears_of_them(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path)
    lines: list[int] = []
    undo = timeline.listen(lambda _: lines.append(len(path.read_text().splitlines())))
    timeline.append(Note("one"), source="x")
    undo()
    timeline.append(Note("two"), source="x")
    assert lines == [1]
    timeline.close()
    assert [record.event for record in read_timeline(path)] == [Note("one"), Note("two")]


def test_a_torn_last_line_is_left_out_and_a_torn_other_line_is_not(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    timeline = Timeline(path)
    timeline.append(Note("kept"), source="x")
    timeline.close()
    whole = path.read_text()
    path.write_text(whole + whole[:20])
    assert [record.event for record in read_timeline(path)] == [Note("kept")]
    path.write_text("garbage\n" + whole)
    with pytest.raises(HarnessBug, match=r":1: not a timeline record"):
        read_timeline(path)


def test_a_step_records_how_it_ended() -> None:
    timeline = Timeline()
    with pytest.raises(ValueError, match="boom"), timeline.step("try", device="desk"):
        raise ValueError("boom")
    started, ended = timeline.records()
    assert isinstance(started.event, StepStarted)
    assert isinstance(ended.event, StepEnded)
    assert ended.event.outcome == "ValueError"


@given(st.text(), st.text(), st.text())
def test_records_survive_json(text: str, source: str, device: str) -> None:
    timeline = Timeline()
    record = timeline.append(Note(text), source=source, device=device)
    again = Record.from_dict(json.loads(json.dumps(record.as_dict())))
    assert (again.event, again.source, again.device) == (Note(text), source, device)


def test_enums_and_tuples_survive_json() -> None:
    timeline = Timeline()
    for event in (
        LampChanged("line1", LampColour.AMBER, 5),
        ToneHeard("alice", ("bob",), {"bob": -12.0}),
    ):
        record = timeline.append(event, source="x")
        assert Record.from_dict(json.loads(json.dumps(record.as_dict()))).event == event


def test_kinds_are_unique_and_named_after_what_happened() -> None:
    assert len(EVENT_KINDS) == len(set(EVENT_KINDS.values()))
    assert all(kind == kind.lower() for kind in EVENT_KINDS)


def test_the_timelines_of_a_run_have_numbers_of_their_own(tmp_path: Path) -> None:
    with closing(Timeline(tmp_path / "timeline-gw1.jsonl", first=1000)) as later:
        assert later.mark() == 0
        later.append(Note("b"), source="harness")
        later.append(Note("c"), source="harness")
        assert [r.event for r in later.records(later.mark() - 1)] == [Note("c")]
    with closing(Timeline(tmp_path / "timeline.jsonl")) as timeline:
        timeline.append(Note("a"), source="harness")
    read = read_timelines(tmp_path)
    assert [(record.seq, str(record.event)) for record in read] == [
        (0, "a"), (1000, "b"), (1001, "c"),
    ]  # fmt: skip
