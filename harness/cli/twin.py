"""How true the twins are: hold them against a recording of real phones.

``harness twin compare RECORDING`` replays a night (a bundle of harness evidence export, a run's
folder, one test's folder, or a capture with or without its timeline.jsonl) on a virtual bench and
lists where the twins do otherwise. Exit code 0 no difference, 1 some, 4 nothing could be compared.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.drift import CONFIRMATIONS, append_confirmations, as_text, confirmations, drift
from harness.errors import UsageFault
from harness.lab import load_lab
from harness.runs.folders import fresh_folder

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    actions = parser.add_subparsers(dest="action", metavar="compare", required=True)
    compare = actions.add_parser("compare", help="replay a recording and list the differences")
    compare.add_argument("recording", nargs="+", metavar="RECORDING", help="bundle, run or capture")
    add_lab_option(compare)
    compare.add_argument("--suite", default="tests/regression", metavar="PATH")
    compare.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs are kept")
    compare.add_argument("--test", default="", metavar="NAME", help="only tests that match")
    compare.add_argument(
        "--speed", type=float, default=0.0, metavar="N", help="of device time; default: the lab's"
    )
    compare.add_argument("--against", metavar="RUN", help="a run of twins, instead of a new one")
    compare.add_argument("--out", metavar="FILE", help="write the report there as well")
    compare.add_argument(
        "--confirm",
        action="store_true",
        help="keep which behaviours a recording of hardware confirms",
    )
    compare.add_argument(
        "--confirmations", metavar="FILE", help="where they are kept; default: the twins' own"
    )


def run(options: argparse.Namespace) -> int:
    """Compare and print the report.

    Raises:
        UsageFault: the recording cannot be read or replayed, or confirms nothing.
        BenchFault: the virtual bench left no result.
    """
    suite = Path(options.suite).resolve()
    if not suite.exists():
        raise UsageFault(f"there is no test suite at {suite}", hint="give --suite PATH")
    if options.speed and not 1 <= options.speed <= 1000:
        raise UsageFault("--speed is from 1 to 1000", hint="leave it out for the lab's")
    found = drift(
        [Path(each) for each in options.recording],
        load_lab(Path(options.lab)),
        fresh_folder(Path(options.runs_dir), "compare-{}"),
        suite=suite,
        say=_say,
        test=options.test,
        speed=options.speed,
        against=_run(options.against, options.runs_dir),
        must_confirm=options.confirm,
    )
    text = as_text(found)
    print(text, end="")
    if options.out:
        try:
            Path(options.out).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageFault(f"cannot write {options.out}: {error.strerror}") from error
    if options.confirm:
        kept = Path(options.confirmations) if options.confirmations else CONFIRMATIONS
        new = append_confirmations(confirmations(found), kept)
        print(f"{len(new)} confirmations written to {kept}")
    if found.comparison.differences:
        return 1
    return 0 if found.comparison.agreed else 4


def _run(given: str | None, runs: str) -> Path | None:
    if given is None:
        return None
    return Path(given) if Path(given).exists() else Path(runs) / given


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
