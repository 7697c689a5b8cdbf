"""Judge a change of templates or lab.yaml before rollout: safe, risky or breaks.

Compares the working folder with a commit: renders both, lints, tells what changes, then gives
both to the affected kinds of phones on the bench and runs the tests the change can touch.
The reports of both nights are kept and named. Exit code 0 safe, 1 breaks, 4 risky.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from harness.cli.options import add_lab_option, add_wait_option
from harness.errors import UsageFault
from harness.preflight import Outcome, at_reference, working_tree
from harness.preflight.validation import validate
from harness.runs.folders import fresh_folder

__all__ = ["configure", "run"]

_CODES = {Outcome.SAFE: 0, Outcome.BREAKS: 1, Outcome.RISKY: 4}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("--from", dest="reference", default="HEAD", metavar="GIT_REF")
    parser.add_argument("--suite", default="tests/regression", metavar="PATH")
    parser.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs are kept")
    add_wait_option(parser)
    parser.add_argument("--max-failures", type=int, default=4, metavar="N", help="then stop")


def run(options: argparse.Namespace) -> int:
    """Validate; the exit code tells the verdict.

    Raises:
        UsageFault: no repository, no such commit, or the lab file is wrong.
    """
    suite = Path(options.suite).resolve()
    if not suite.exists():
        raise UsageFault(f"there is no test suite at {suite}", hint="give --suite PATH")
    directory = fresh_folder(Path(options.runs_dir), "validate-{}")
    with tempfile.TemporaryDirectory(prefix="phone-bench-validate-") as scratch:
        old = at_reference(Path(options.lab), options.reference, Path(scratch))
        new = working_tree(Path(options.lab))
        judgement = validate(
            old,
            new,
            directory,
            suite=suite,
            say=_say,
            max_failures=options.max_failures,
            wait=options.wait,
        )
    print(judgement)
    return _CODES[judgement.outcome]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
