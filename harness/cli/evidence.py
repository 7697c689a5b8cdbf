"""Evidence of a run, to look at elsewhere or to send: one zip with the report at its top.

``harness evidence export RUN`` hides every secret the run knew; open the zip's index.html in a
browser, or give the zip to ``harness diagnose`` and ``harness repro``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.errors import UsageFault
from harness.lab import load_lab
from harness.runs.export import export_run
from harness.runs.results import RESULTS

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    actions = parser.add_subparsers(dest="action", metavar="export", required=True)
    export = actions.add_parser("export", help="write one zip that opens in a browser")
    export.add_argument("run", nargs="?", default="latest", help="run id or folder; the latest")
    export.add_argument("--test", default="", metavar="NAME", help="only tests that match")
    export.add_argument("--out", metavar="FILE.zip", help="default: evidence-RUN.zip, here")
    export.add_argument("--runs-dir", default="runs", metavar="DIR")
    add_lab_option(export)


def run(options: argparse.Namespace) -> int:
    """Export and print where it is.

    Raises:
        UsageFault: there is no such run or test, or the file cannot be written.
    """
    given = Path(options.run)
    directory = given if given.is_dir() else Path(options.runs_dir) / given
    if not (directory / RESULTS).exists():
        raise UsageFault(
            f"no run at {directory}", hint="make one: harness nightly, or see the runs folder"
        )
    lab = Path(options.lab)
    # The run's own files tell its secrets; the lab file adds those that are in none of them (SNMP).
    secrets = load_lab(lab).secrets() if lab.exists() else set()
    target = Path(options.out or f"evidence-{directory.resolve().name}.zip")
    results = export_run(directory, target, test=options.test, secrets=secrets)
    print(f"{target}: {len(results)} tests; open index.html in it")
    return 0
