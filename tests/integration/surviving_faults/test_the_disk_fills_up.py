"""The disk of the runs fills up in the middle of a call, and is cleared two tests later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from night import ROOT, SUITE, lab_text, night

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

#: A night with its configuration, firmware and reserve needs a part of it.
DISK_MB = 96


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = f"size={DISK_MB}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "small", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(1 << 16))
        except OSError:
            pass
        try:
            while True:
                filler.write(b"x")
        except OSError:
            pass


def test_what_was_recorded_stays_and_later_tests_are_recorded_again(
    tmp_path: Path, small_disk: Path
) -> None:
    done = night(
        tmp_path,
        lab_text(subnet=6),
        *("--suite", str(SUITE), "-k", "before or second or third or somebody or after"),
        deeds={"in call second": lambda _: fill(small_disk)},
        runs=small_disk / "runs",
        environment={"FILLER": str(small_disk / "filler")},
    )
    named = {r["test"].rpartition("::")[2]: r for r in done.results}
    assert done.code == 3, done.output
    full = named["test_in_call[desk-second]"]
    assert full["verdict"] == "bench fault", done.output
    assert full["reason"].startswith("disk: "), full
    assert "No space left on device" in full["reason"]
    assert str(small_disk) in full["reason"]
    (lost,) = done.of_kind("part lost")
    assert lost["event"]["part"] == "disk"
    assert done.seconds_to_verdict(lost) < 3.0
    # Nothing is begun on a full disk, and a person is told how much is missing.
    third = named["test_in_call[desk-third]"]
    assert third["verdict"] == "bench fault", done.output
    assert "0.0 MB free in" in third["detail"]
    assert "expected: 17 MB" in third["detail"]
    assert third["duration"] < 2.0
    assert named["test_before[desk]"]["verdict"] == "passed"
    assert named["test_after[desk]"]["verdict"] == "passed"
    assert [record["event"]["part"] for record in done.of_kind("part back")] == ["disk"]
    done.assert_nothing_is_lost()


def test_no_night_is_begun_on_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    fill(small_disk)
    lab = tmp_path / "lab.yaml"
    lab.write_text(lab_text(subnet=6), encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "nightly", "--lab", str(lab)]
    command += ["--runs-dir", str(small_disk / "runs")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("disk: a night cannot be recorded: the disk is full")
    assert f"0.0 MB free in {small_disk}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (small_disk / "runs").exists()


def test_a_disk_that_stays_full_ends_the_night_in_order(tmp_path: Path, small_disk: Path) -> None:
    deeds = {"in call second": lambda _: fill(small_disk)}
    arguments = ["--suite", str(SUITE), "-k", "before or second or after"]
    done = night(tmp_path, lab_text(subnet=7), *arguments, deeds=deeds, runs=small_disk / "runs")
    assert done.verdicts == ["passed", "bench fault", "bench fault"], done.output
    assert done.code == 3
    assert done.results[2]["reason"].startswith("disk: "), done.results[2]
    # The room kept for them was enough for the reports and all that was owed.
    done.assert_nothing_is_lost()
