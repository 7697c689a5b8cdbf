"""``harness nightly``: the regression suite on the bench of lab.yaml, watched live."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import load_lab
from harness.runs import LiveView, RunResult, exit_code
from harness.timeline import Timeline

__all__ = ["nightly"]


class _Watch:
    """A pytest plug-in that opens the live view once the run has a timeline."""

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._view: LiveView | None = None
        self.run: RunResult | None = None

    def pytest_phone_bench_run_started(self, timeline: Timeline, run: RunResult) -> None:
        """Called by the plug-in when the recorder is ready."""
        self.run = run
        self._view = LiveView(timeline, run.devices, plain=self._plain)
        self._view.__enter__()

    def close(self) -> None:
        if self._view is not None:
            self._view.__exit__(None, None, None)
            self._view = None


def nightly(options: argparse.Namespace) -> int:
    """Run the suite; the exit code tells the worst verdict.

    Raises:
        UsageFault: the lab file or the suite is not usable.
    """
    suite = Path(options.suite)
    if not suite.exists():
        raise UsageFault(
            f"there is no test suite at {suite}",
            hint="run it from the project's folder, or give --suite PATH",
        )
    # Read once here so that a mistake in lab.yaml is told before pytest starts.
    load_lab(Path(options.lab))
    arguments = [
        str(suite),
        f"--lab={Path(options.lab).resolve()}",
        f"--runs-dir={Path(options.runs_dir).resolve()}",
        f"--phones={options.phones}",
        "-p",
        "no:cacheprovider",
    ]
    if options.keyword:
        arguments += ["-k", options.keyword]
    live = sys.stdout.isatty() and not options.plain
    if live:
        arguments += ["--no-header", "--no-summary", "-qq", "--capture=fd"]
    watch = _Watch(plain=not live)
    try:
        status = pytest.main(arguments, plugins=[watch])
    finally:
        watch.close()
    if watch.run is None or not watch.run.results:
        return 2 if status == pytest.ExitCode.USAGE_ERROR else 4
    for path in watch.run.paths:
        print(path)
    return exit_code(result.verdict for result in watch.run.results)
