"""A log that grows is explained as it grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_reading import ATFTPD

from harness.cli import main
from harness.diagnosis import Diagnosis
from harness.diagnosis.watching import Watch
from harness.errors import BenchFault
from harness.events import FileRequested


def test_what_is_appended_is_told_and_explained(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    log.write_text("an old line\n", encoding="utf-8")
    asked: list[str] = []
    found: list[Diagnosis] = []
    with Watch() as watch:
        watch.follow_log(log)
        with log.open("a", encoding="utf-8") as writer:
            writer.write(ATFTPD)
        for change in watch.changes(patience=20.0):
            if isinstance(change, Diagnosis):
                found.append(change)
                break
            if isinstance(change.event, FileRequested):
                asked.append(change.event.name)
    assert set(asked) == {"term42.default.loads"}
    assert [each.rule for each in found] == ["load-not-newer"]


def test_a_source_that_ends_says_so() -> None:
    with Watch() as watch:
        watch.follow_command(["sh", "-c", "echo gone >&2; exit 1"])
        with pytest.raises(BenchFault, match="sh can no longer be followed") as caught:
            list(watch.changes())
    assert "gone" in str(caught.value)


@pytest.mark.parametrize("command", ["", 'asterisk -rx "sip show'])
def test_a_command_that_cannot_be_run_as_written(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "--run", command]) == 2
    assert "--run" in capsys.readouterr().err


def test_a_program_that_is_not_there() -> None:
    with Watch() as watch, pytest.raises(BenchFault, match="cannot be run"):
        watch.follow_command(["no-such-program"])
