"""A folder of runs, read whenever something in it changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.events import StepStarted
from harness.runs import Verdict
from harness.runs.history import FILE_NAME, History
from harness.station.changes import FolderChanges
from harness.station.follow import RunFollower
from tests.unit.runs.made_up_nights import a_run
from tests.unit.station.made_up_run import MadeUpRun, message

MakeRun = Callable[..., MadeUpRun]


class Reader:
    """A follower, and all it told so far."""

    def __init__(self, runs: Path) -> None:
        self.follower = RunFollower(runs, runs / FILE_NAME)
        self.parts: dict[str, Any] = {}
        self.told: list[str] = []

    def look(self) -> set[str]:
        self.follower.look_for_runs()
        news, gone = self.follower.news()
        for name in gone:
            del self.parts[name]
        self.told += news.values()
        self.parts |= {name: json.loads(text) for name, text in news.items()}
        return set(news)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reading = Reader(tmp_path)
    yield reading
    reading.follower.close()


def test_a_run_from_its_first_line_to_the_list_of_nights(make_run: MakeRun, reader: Reader) -> None:
    reader.look()
    assert reader.parts["run"]["id"] == ""
    assert reader.parts["nights"] == {"nights": [], "fault": ""}
    run = make_run()
    run.begin("test_a[desk]")
    reader.look()
    assert reader.parts["run"]["id"] == "night-1"
    assert reader.parts["phone/desk"]["test"] == "test_1.py::test_a[desk]"
    run.say(message(1))
    assert reader.look() - {"nights"} == {"ladder/timeline", "pulse"}
    run.end("test_a[desk]", Verdict.PRODUCT_FAULT, "it sulks")
    reader.look()
    assert reader.parts["tests"]["counts"] == {"product fault": 1}
    (night,) = reader.parts["nights"]["nights"]
    assert (night["going_on"], night["counts"]) == (True, {"product fault": 1})
    assert night["pages"] == {}
    run.finish()
    reader.look()
    (night,) = reader.parts["nights"]["nights"]
    assert night["ended"] > 0
    assert not night["going_on"]
    assert night["pages"] == {"report": "/runs/night-1/report.html"}
    assert reader.parts["run"]["pages"] == night["pages"]
    assert reader.look() == set()
    # Another harness fills in an older night; nothing of the run that is shown changes.
    with History(run.runs / FILE_NAME) as history:
        history.record_run(a_run(run.runs, "night-0", [Verdict.PASSED], started=5.0), {})
    reader.look()
    assert [night["id"] for night in reader.parts["nights"]["nights"]] == ["night-1", "night-0"]
    assert reader.parts["run"]["id"] == "night-1"


def test_timelines_side_by_side_are_one_run(make_run: MakeRun, reader: Reader) -> None:
    run = make_run()
    run.begin("test_a[desk]", "timeline-gw0")
    run.begin("test_a[lobby]", "timeline-gw1")
    run.state("lobby", "BOOTING", "timeline-gw1")
    run.state("desk", "READY", "timeline-gw0")
    reader.look()
    assert reader.parts["phone/desk"]["test"].endswith("[desk]")
    assert reader.parts["phone/lobby"]["test"].endswith("[lobby]")
    assert reader.parts["phone/lobby"]["state"] == "BOOTING"
    # A timeline in which the phone was last before another one counts by time, not by its name.
    run.state("desk", "OFF", "timeline-a")
    run.state("desk", "BOOTING", "timeline")
    reader.look()
    assert reader.parts["phone/desk"]["state"] == "BOOTING"


def test_a_head_that_is_being_written_is_read_when_whole(make_run: MakeRun, reader: Reader) -> None:
    run = make_run()
    head = run.directory / "run.json"
    whole = head.read_text()
    head.write_text(whole[:40])
    run.state("desk", "BOOTING")
    reader.look()
    assert reader.parts["phone/desk"]["model"] == ""
    head.write_text(whole)
    reader.look()
    assert reader.parts["phone/desk"]["model"] == "7942G"
    results = run.directory / "results.jsonl"
    run.end("test_a[desk]")
    line = results.read_text()
    results.write_text(line[:30])
    reader.look()
    assert reader.parts["tests"]["counts"] == {}
    results.write_text(line)
    reader.look()
    assert reader.parts["tests"]["counts"] == {"passed": 1}


def test_no_secret_of_the_run_is_told(make_run: MakeRun, reader: Reader) -> None:
    """Timelines hold what was seen until the run ends; a quote in a password tries the escapes."""
    secret = "Open<Sesame>99"
    run = make_run()
    served = run.directory / "tftp" / "SEP0024C4ABCDEF.cnf.xml"
    served.parent.mkdir()
    served.write_text("<device><authPassword>Open&lt;Sesame&gt;99</authPassword></device>")
    run.begin("test_a[desk]")
    run.say(message(1, f"password is {secret}"))
    run.say(StepStarted(1, f"log in with {secret}"), "desk")
    run.end("test_b[desk]", Verdict.PRODUCT_FAULT, f"{secret} was refused")
    reader.look()
    assert reader.parts["phone/desk"]["steps"] == ["log in with [hidden]"]
    assert reader.parts["tests"]["failed"][0]["reason"] == "[hidden] was refused"
    assert reader.parts["ladder/timeline"]["messages"] == 1
    assert not [text for text in reader.told if "Sesame" in text]


def test_what_was_sent_is_sent_again_once_its_secret_is_known(
    make_run: MakeRun, reader: Reader
) -> None:
    run = make_run()
    run.say(StepStarted(1, "log in with OpenSesame99"), "desk")
    reader.look()
    served = run.directory / "pbx" / "etc" / "pjsip.conf"
    served.parent.mkdir(parents=True)
    served.write_text("password=OpenSesame99\n")
    assert "phone/desk" in reader.look()
    assert reader.parts["phone/desk"]["steps"] == ["log in with [hidden]"]


def test_a_history_that_cannot_be_read_costs_the_nights_only(
    make_run: MakeRun, reader: Reader, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_text("no database, and longer than its head would be" * 30)
    make_run().state("desk", "BOOTING")
    reader.look()
    assert "cannot be opened" in reader.parts["nights"]["fault"]
    assert reader.parts["phone/desk"]["state"] == "BOOTING"
    (tmp_path / FILE_NAME).unlink()
    reader.look()
    assert reader.parts["nights"]["fault"] == ""


def test_no_event_is_missed_between_the_watch_and_the_first_look(tmp_path: Path) -> None:
    async def watch() -> None:
        changes = FolderChanges([tmp_path])
        await changes.begin()
        (tmp_path / "written-at-once").touch()
        await asyncio.wait_for(changes.wait(), 5)
        (tmp_path / "and-again").touch()
        await asyncio.wait_for(changes.wait(), 5)
        # It ends at once, though it waits on a thread.
        await asyncio.wait_for(changes.close(), 2)

    asyncio.run(watch())


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    async def watch() -> None:
        changes = FolderChanges([tmp_path / "none"])
        with pytest.raises(FileNotFoundError):
            await changes.begin()
        await changes.close()

    asyncio.run(watch())
