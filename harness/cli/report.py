"""``harness report``: write the report of a recorded run again, also of one that was killed."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import UsageFault
from harness.runs import load_run, write_html, write_junit
from harness.runs.export import run_secrets
from harness.timeline import TIMELINES, read_timelines

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("run", nargs="?", default="latest", help="run id; default: the latest")
    parser.add_argument("--runs-dir", default="runs", metavar="DIR")


def run(options: argparse.Namespace) -> int:
    """Rebuild ``report.html`` and ``junit.xml`` of a run from what it recorded.

    Raises:
        UsageFault: there is no such run.
    """
    directory = Path(options.runs_dir) / options.run
    if not any(directory.glob(TIMELINES)):
        raise UsageFault(
            f"no run at {directory}", hint="make one: harness nightly, or see the runs folder"
        )
    run = load_run(directory)
    records = read_timelines(directory)
    page, junit = directory / "report.html", directory / "junit.xml"
    secrets = run_secrets(directory)
    write_html(run, records, page, secrets=secrets)
    write_junit(run, junit, secrets=secrets)
    print(page)
    print(junit)
    return 0
