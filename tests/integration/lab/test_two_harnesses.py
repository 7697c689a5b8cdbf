"""Two harnesses at once on one bench: the second is told who has it, or waits for its turn."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.state import STATE_VARIABLE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[3]

LAB = """
name: contested
network: {interface: lo, host: 127.57.0.1}
virtual: {speed: 40}
power:
  pdu-1: {address: virtual, outlets: 1}
keypads:
  keypad-1: {port: virtual}
pbx: {address: 127.57.0.2}
peers:
  alice: {extension: "211", tone: 440, address: 127.57.0.3}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.57.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201"}]
"""


class Night:
    """A night of one test, followed line by line."""

    def __init__(self, folder: Path, runs: str, *options: str) -> None:
        (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
        self.runs = folder / runs
        command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "-k", "power_cut"]
        command += ["--lab", str(folder / "lab.yaml"), "--runs-dir", str(self.runs), *options]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {STATE_VARIABLE: str(folder / "state")},
        )
        self.output = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        # Its end of the pipe closes with it and all that it started.
        self._reader.join(20)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def until(self, part: str, within: float = 60.0) -> str:
        """Follow it until a line has ``part`` in it."""
        deadline = time.monotonic() + within
        while line := self._lines.get(timeout=max(0.1, deadline - time.monotonic())):
            self.output += line
            if part in line:
                return line
        raise AssertionError(f"{part!r} was not said:\n{self.output}")

    def ends(self, within: float = 120.0) -> int:
        deadline = time.monotonic() + within
        while line := self._lines.get(timeout=max(0.1, deadline - time.monotonic())):
            self.output += line
        return self.process.wait(20)

    def verdicts(self) -> list[str]:
        lines = (self.runs / "latest" / "results.jsonl").read_text().splitlines()
        return [json.loads(line)["verdict"] for line in lines]


Start = Callable[..., Night]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    nights: list[Night] = []

    def one(runs: str, *options: str) -> Night:
        nights.append(Night(tmp_path, runs, *options))
        return nights[-1]

    yield one
    for night in nights:
        night.close()


#: What the live view says when the test's phone is being used.
IN_USE = "power_cut"


def test_the_second_is_told_who_has_the_bench_or_waits(start: Start) -> None:
    first = start("first")
    first.until(IN_USE)
    refused = start("refused")
    assert refused.ends() == 3, refused.output
    # One fault, of the bench, that names the other one; no station is blamed, no night recorded.
    assert f"process {first.process.pid}: harness nightly" in refused.output
    assert "a night on contested, held since" in refused.output
    assert "--wait SECONDS" in refused.output
    assert "quarantined" not in refused.output
    assert not refused.runs.exists()

    patient = start("patient", "--wait", "150")
    patient.until("waiting for ")
    assert first.ends() == 0, first.output
    assert first.verdicts() == ["passed"]
    assert patient.ends() == 0, patient.output
    assert patient.verdicts() == ["passed"]


def test_a_killed_night_hands_the_bench_to_the_next(start: Start) -> None:
    first = start("first")
    first.until(IN_USE)
    patient = start("patient", "--wait", "150")
    patient.until("waiting for ")
    first.process.send_signal(signal.SIGKILL)
    assert patient.ends() == 0, patient.output
    assert patient.verdicts() == ["passed"]


def test_who_loses_the_bench_blames_no_phone(start: Start, tmp_path: Path) -> None:
    first = start("first")
    first.until(IN_USE)
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "lock", "release", "desk", "--force"],
        env=os.environ | {STATE_VARIABLE: str(tmp_path / "state")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "released: desk (twin:127.57.0.42)" in done.stdout
    assert first.ends() == 3, first.output
    assert first.verdicts() == ["bench fault"]
    assert "released it by force" in first.output
