"""A test's own part of Asterisk's log, also when Asterisk was started again within it."""

from __future__ import annotations

from pathlib import Path

from harness.pbx import log_mark, log_since
from harness.pbx.crash import keep_older


def test_only_what_was_written_since(tmp_path: Path) -> None:
    log = tmp_path / "asterisk.log"
    before = log_mark(log)
    log.write_text("start\n")
    mark = log_mark(log)
    with log.open("a") as opened:
        opened.write("one\ntwo\n")
    assert log_since(log, mark) == "one\ntwo\n"
    assert log_since(log, before) == "start\none\ntwo\n"
    assert log_since(log, log_mark(log)) == ""


def test_a_restart_within_the_test_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "asterisk.log"
    log.write_text("start\n")
    mark = log_mark(log)
    with log.open("a") as opened:
        opened.write("last words\n")
    keep_older(log)
    log.write_text("again\n")
    assert log_since(log, mark) == "last words\nagain\n"


def test_a_flood_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "asterisk.log"
    mark = log_mark(log)
    log.write_text("first\n" + "x" * 3_000_000 + "\nlast\n")
    told = log_since(log, mark)
    assert told.startswith("first")
    assert told.endswith("last\n")
    assert len(told) < 2_200_000
