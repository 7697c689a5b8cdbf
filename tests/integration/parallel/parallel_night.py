"""Nights of the suite in here, and what they leave."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.runs import RunResult, Verdict, load_run

__all__ = ["EACH", "SUITE", "Night", "ended_with", "on"]

ROOT = Path(__file__).parents[3]
SUITE = Path(__file__).parent / "suite"
EACH = ("test_registers", "test_may_end", "test_call")


class Night:
    """One night of the suite, in a folder with a state folder of its own."""

    def __init__(self, folder: Path, lab: str, within: Sequence[str] = ()) -> None:
        self.folder = folder
        self.lab = folder / "lab.yaml"
        self.lab.write_text(lab)
        self._within = within
        self.done = folder / "done"
        self.output = ""

    def run(self, *more: str, end: str = "", by: str = "SIGKILL") -> int:
        arguments = ["nightly", "--plain", "--suite", str(SUITE)]
        return self.harness(
            *arguments, "--runs-dir", str(self.folder / "runs"), *more, END=end, END_BY=by
        )

    def harness(self, command: str, *arguments: str, **environment: str) -> int:
        log = self.folder / "output"
        with log.open("w") as output:
            # Its children keep its output open after a kill, so it is not a pipe.
            python = [*self._within, sys.executable, "-m", "harness.cli"]
            process = subprocess.Popen(
                [*python, command, "--lab", str(self.lab), *arguments],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    **environment,
                    "DONE": str(self.done),
                    "PHONE_BENCH_STATE": str(self.folder / "state"),
                },
            )
            code = process.wait(200)
        self.output = log.read_text()
        return code

    @property
    def directory(self) -> Path:
        (run,) = (each for each in (self.folder / "runs").glob("2*") if each.is_dir())
        return run

    def result(self) -> RunResult:
        return load_run(self.directory)

    def ended(self) -> str:
        """The phone in whose test a process was ended; it is seen to have been."""
        pid, phone = self.done.read_text().split()
        assert not Path(f"/proc/{pid}").exists()
        return phone

    def left(self) -> list[str]:
        """What processes and journals of this night there still are."""
        mark = f"PHONE_BENCH_STATE={self.folder / 'state'}".encode()
        found = [path.name for path in (self.folder / "state").glob("*.journal")]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    told = (process / "cmdline").read_text().replace("\0", " ")
                    found += [told] if _stays(int(process.name)) else []
            except OSError:
                continue
        return found


def _stays(pid: int) -> bool:
    """Whether a process goes on; podman tidies up for a moment after its container."""
    handle = os.pidfd_open(pid)
    try:
        return not select.select([handle], [], [], 10.0)[0]
    finally:
        os.close(handle)


def ended_with(run: RunResult, verdict: Verdict = Verdict.PASSED) -> Counter[str]:
    found = (r for r in run.counted if r.verdict is verdict)
    return Counter(result.name.partition("::")[2] for result in found)


def on(*phones: str) -> Counter[str]:
    return Counter(f"{test}[{phone}]" for test in EACH for phone in phones)
