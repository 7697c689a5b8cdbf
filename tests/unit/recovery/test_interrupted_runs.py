"""The folder of a killed run is finished from what it holds, and gone on with only as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageFault
from harness.events import Note, TestEnded, TestStarted
from harness.lab import Lab, load_lab
from harness.runs import RunResult, Verdict, load_run
from harness.runs.history import History
from harness.runs.interrupted import finish_interrupted, newest_interrupted
from harness.runs.resuming import resume
from harness.timeline import Timeline, read_timelines

ROOT = Path(__file__).parents[3]
FACTS = {"desk-7942": {"model": "7942G", "load": "L1", "templates": "abc"}}


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load_lab(ROOT / "lab.yaml")


def killed(tmp_path: Path, *names: str, owner: str = "phone-bench-1-1-journal-0") -> Path:
    """A run whose tests began and ended as told: ``a!`` has an end but no result."""
    folder = tmp_path / "runs" / "20261125-010000-virtual-bench"
    timeline = Timeline(folder / "timeline.jsonl")
    run = RunResult(
        "20261125-010000-virtual-bench", "virtual-bench", 1.0, {"desk-7942": "virtual"}, folder,
        pbx="asterisk22", facts=FACTS, owner=owner,
    )  # fmt: skip
    run.save_head()
    for name in names:
        timeline.test = name.rstrip("!")
        timeline.append(TestStarted(timeline.test), source="pytest")
        timeline.append(Note("authPassword=Hunter2Hunter2"), source="pbx")
        capture = run.folder_of(timeline.test) / "capture.pcap"
        capture.parent.mkdir(parents=True)
        capture.write_bytes(b"pcap of " + name.encode())
        if name.endswith("!"):
            timeline.append(TestEnded(timeline.test, "product fault", "it sulks"), source="pytest")
    timeline.close()
    return folder


def finished(folder: Path) -> RunResult:
    run = finish_interrupted(folder, folder.parent / "history.sqlite")
    assert run is not None
    return run


def test_each_test_that_began_gets_what_is_known_of_it(tmp_path: Path) -> None:
    folder = killed(tmp_path, "t.py::a[desk-7942]!", "t.py::b[desk-7942]")
    run = finished(folder)
    a, b = run.results
    assert (a.verdict, a.reason, a.interrupted) == (Verdict.PRODUCT_FAULT, "it sulks", False)
    assert (b.verdict, b.interrupted) == (Verdict.BENCH_FAULT, True)
    assert b.pcap is not None
    assert b.pcap.read_bytes() == b"pcap of t.py::b[desk-7942]"
    assert (a.first_record, a.last_record, b.first_record) == (0, 3, 3)
    assert run.interrupted == "killed in t.py::b[desk-7942]"
    assert "killed in" in (folder / "report.html").read_text()
    assert "Hunter2" not in (folder / "timeline.jsonl").read_text()
    with History(tmp_path / "runs" / "history.sqlite") as history:
        (night,) = history.nights()
    assert [entry.verdict for entry in night.entries] == ["product fault", "bench fault"]
    assert not night.ended


def test_twice_is_as_good_as_once(tmp_path: Path) -> None:
    folder = killed(tmp_path, "t.py::a[desk-7942]")
    finished(folder)
    before = (folder / "results.jsonl").read_text()
    finished(folder)
    assert (folder / "results.jsonl").read_text() == before


def test_lines_cut_short_are_cut_off(tmp_path: Path) -> None:
    folder = killed(tmp_path, "t.py::a!")
    finished(folder)
    whole = {name: (folder / name).read_text() for name in ("results.jsonl", "timeline.jsonl")}
    for name in whole:
        with (folder / name).open("a") as file:
            file.write('{"test": "t.py::b", "dev')
    finished(folder)
    assert {name: (folder / name).read_text() for name in whole} == whole


def test_the_next_try_has_a_folder_of_its_own(tmp_path: Path) -> None:
    run = finished(killed(tmp_path, "t.py::a"))
    (first,) = run.results
    assert run.folder_of("t.py::a").name == "t.py_a-try-2"
    assert run.folder_of("t.py::a", first).name == "t.py_a"


def test_a_try_that_was_made_again_does_not_decide(tmp_path: Path) -> None:
    run = finished(killed(tmp_path, "t.py::a"))
    (first,) = run.results
    assert run.verdicts == [Verdict.BENCH_FAULT]
    again = json.loads((run.directory / "results.jsonl").read_text())
    again |= {"verdict": "passed", "interrupted": False, "first_record": 9}
    with (run.directory / "results.jsonl").open("a") as file:
        file.write(json.dumps(again) + "\n")
    run = load_run(run.directory)
    assert run.verdicts == [Verdict.PASSED]
    assert run.done == {"t.py::a"}
    assert first in run.results


def test_the_newest_interrupted_run_of_a_lab_is_found(tmp_path: Path) -> None:
    folder = killed(tmp_path, "t.py::a")
    # Also before anybody recovered it: its owner is gone.
    assert newest_interrupted(folder.parent, "virtual-bench") == folder
    with pytest.raises(UsageFault, match="was interrupted"):
        newest_interrupted(folder.parent, "rack-1")
    change(folder, ended=5.0)
    with pytest.raises(UsageFault):
        newest_interrupted(folder.parent, "virtual-bench")


def change(folder: Path, **values: Any) -> None:
    head = json.loads((folder / "run.json").read_text()) | values
    (folder / "run.json").write_text(json.dumps(head))


def test_a_run_is_gone_on_with_in_its_folder(tmp_path: Path, lab: Lab) -> None:
    folder = killed(tmp_path, "t.py::a!", "t.py::b")
    (folder / "session.pcap").write_bytes(b"first")
    finished(folder)
    resumed = resume(folder, lab, FACTS)
    assert resumed.timeline == folder / "timeline-2.jsonl"
    assert resumed.first == 5
    assert (folder / "session-1.pcap").read_bytes() == b"first"
    timeline = Timeline(resumed.timeline, first=resumed.first)
    timeline.append(Note("again"), source="harness")
    timeline.close()
    assert [record.seq for record in read_timelines(folder)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"desk-7942": FACTS["desk-7942"] | {"templates": "xyz"}},
         "desk-7942's templates was abc and is xyz"),
        ({"desk-7942": FACTS["desk-7942"] | {"load": "L2"}}, "desk-7942's load was L1 and is L2"),
        ({}, "desk-7942 is missing"),
        (FACTS | {"desk-7962": FACTS["desk-7942"]}, "desk-7962 is new in it"),
    ],
)  # fmt: skip
def test_what_is_another_experiment_is_refused(
    tmp_path: Path, lab: Lab, facts: dict[str, dict[str, str]], says: str
) -> None:
    folder = killed(tmp_path, "t.py::a")
    finished(folder)
    with pytest.raises(UsageFault, match=says):
        resume(folder, lab, facts)


def test_what_came_to_its_end_or_still_goes_on_is_refused(tmp_path: Path, lab: Lab) -> None:
    folder = killed(tmp_path, "t.py::a!")
    change(folder, ended=5.0)
    with pytest.raises(UsageFault, match="came to its end"):
        resume(folder, lab, FACTS)
