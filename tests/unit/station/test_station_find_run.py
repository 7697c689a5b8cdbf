"""The run that began last, whatever it is called."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from harness.station.find_run import RunFinder


def begun(folder: Path, wall: float, name: str = "timeline.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"wall": wall}) + "\n")
    return folder


def test_the_last_begun_is_first_and_links_are_no_runs(tmp_path: Path) -> None:
    assert RunFinder(tmp_path / "none").newest(3) == []
    finder = RunFinder(tmp_path)
    assert finder.newest(3) == []
    old, new = begun(tmp_path / "z", 100.0), begun(tmp_path / "a", 200.0)
    (tmp_path / "latest").symlink_to("z")
    (tmp_path / "no-run").mkdir()
    (tmp_path / "history.sqlite").touch()
    assert finder.newest(3) == [new, old]
    assert finder.newest(1) == [new]


def test_a_run_that_is_gone_on_with_is_the_last_begun(tmp_path: Path) -> None:
    finder = RunFinder(tmp_path)
    old, new = begun(tmp_path / "a", 100.0), begun(tmp_path / "b", 200.0)
    assert finder.newest(2) == [new, old]
    begun(old, 300.0, "timeline-2.jsonl")
    assert finder.newest(2) == [old, new]


def test_a_report_written_again_changes_nothing(tmp_path: Path) -> None:
    finder = RunFinder(tmp_path)
    old, new = begun(tmp_path / "a", 100.0), begun(tmp_path / "b", 200.0)
    (old / "report.html").touch()
    os.utime(old, (time.time() + 50, time.time() + 50))
    assert finder.newest(2) == [new, old]


def test_a_run_without_a_whole_record_yet_is_as_new_as_its_file(tmp_path: Path) -> None:
    finder = RunFinder(tmp_path)
    old = begun(tmp_path / "a", time.time() - 1000)
    new = tmp_path / "b"
    new.mkdir()
    (new / "timeline.jsonl").write_text('{"wall": 1')
    assert finder.newest(2) == [new, old]
