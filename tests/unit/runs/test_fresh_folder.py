"""Every run and trial gets a folder of its own, named by the time."""

from __future__ import annotations

import re
from pathlib import Path

from harness.runs.folders import fresh_folder


def test_the_time_is_in_the_name_and_nothing_is_made_yet(tmp_path: Path) -> None:
    folder = fresh_folder(tmp_path / "runs", "validate-{}")
    assert re.fullmatch(r"validate-20\d{6}-\d{6}", folder.name)
    assert not folder.parent.exists()


def test_two_in_one_second_are_told_apart(tmp_path: Path) -> None:
    made = []
    for _ in range(3):
        folder = fresh_folder(tmp_path, "{}-lab")
        folder.mkdir()
        made.append(folder.name)
    assert len({*made}) == 3
    # Three in one second, unless it ended meanwhile.
    assert made[-1].endswith("-lab-3") or len({name[:15] for name in made}) > 1
