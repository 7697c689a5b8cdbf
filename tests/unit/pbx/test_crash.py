"""What is kept of an Asterisk that ended unasked."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.pbx import crash
from harness.pbx.crash import ending, keep_crash, keep_older


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (128 + signal.SIGSEGV, "it was killed by SIGSEGV"),
        (128 + signal.SIGABRT, "it was killed by SIGABRT"),
        (1, "its container ended with exit code 1"),
    ],
)
def test_how_it_ended(code: int, said: str) -> None:
    with subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"]) as process:
        assert ending(process, 10.0) == said


def test_what_still_runs_has_not_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert ending(process, 0.05) == ""
        process.kill()
    assert ending(None, 0.0) == ""


def test_log_and_core_are_kept_for_the_owner_alone(tmp_path: Path) -> None:
    log, cores = tmp_path / "asterisk.log", tmp_path / "cores"
    log.write_text("last words", encoding="utf-8")
    cores.mkdir()
    (cores / "core.7").write_bytes(b"\x7fELF")
    found = keep_crash("it was killed by SIGSEGV", log, cores, tmp_path / "kept")
    assert found.log.read_text() == "last words"
    assert found.core == tmp_path / "kept" / "core.7"
    assert list(cores.iterdir()) == []
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    assert str(found).startswith("it was killed by SIGSEGV; log ")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("|/usr/lib/systemd/systemd-coredump %P", "the kernel gives it to /usr/lib/systemd/"),
        ("/var/crash/core.%p", "kernel.core_pattern is /var/crash/core.%p"),
        ("core", "no core file"),
    ],
)
def test_without_a_core_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, said: str
) -> None:
    setting = tmp_path / "core_pattern"
    setting.write_text(pattern + "\n", encoding="utf-8")
    monkeypatch.setattr(crash, "_CORE_PATTERN", setting)
    found = keep_crash("gone", tmp_path / "no.log", tmp_path / "no", tmp_path / "kept")
    assert said in str(found.core)


def test_the_log_of_an_earlier_start_is_not_written_over(tmp_path: Path) -> None:
    log = tmp_path / "asterisk.log"
    keep_older(log)
    for text in ("first", "second"):
        log.write_text(text, encoding="utf-8")
        keep_older(log)
    assert not log.exists()
    assert (tmp_path / "asterisk-1.log").read_text() == "first"
    assert (tmp_path / "asterisk-2.log").read_text() == "second"
