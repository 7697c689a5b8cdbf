"""A night run by the harness itself, as a process of its own: to try something, or to replay."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import BenchFault
from harness.runs.results import RESULTS

__all__ = ["run_night"]

#: What a night was given is no evidence of what came of it: evidence may be handed on.
_WITH_PASSWORDS = ("tftp", "pbx/etc", "twins")


def run_night(
    lab_file: Path,
    directory: Path,
    *,
    suite: Sequence[str],
    options: Sequence[str] = (),
    name: str,
    say: Callable[[str], None],
) -> Path:
    """Run a night and return its folder; the lab file, which may hold passwords, is removed.

    Args:
        lab_file: the lab, made for this night.
        directory: gets the run.
        suite: folders, files or tests to run.
        options: more of ``harness nightly``'s.
        name: what the night is called when it is told of.
        say: told what goes on, a line at a time.

    Raises:
        BenchFault: the night left no result.
    """
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab_file)]
    command += ["--runs-dir", str(directory), "--suite", "\n".join(suite), *options]
    told: list[str] = []
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as night:
            for line in night.stdout or ():
                told.append(line.rstrip())
                say(f"{name}: {line.rstrip()}")
    finally:
        lab_file.unlink()
    latest = directory / "latest"
    for folder in _WITH_PASSWORDS:
        shutil.rmtree(latest / folder, ignore_errors=True)
    if not (latest / RESULTS).exists():
        raise BenchFault(
            f"{name} left no result: {' '.join(told[-3:])}", device="bench", hint="harness doctor"
        )
    return latest.resolve()
