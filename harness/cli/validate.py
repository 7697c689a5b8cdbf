"""Judge a change of templates or lab.yaml before rollout: safe, risky or breaks.

Compares the working folder with a commit: renders both, lints, tells what changes, then gives
both to the affected kinds of phones on the bench and runs the tests the change can touch.
Exit code 0 safe, 1 breaks, 4 risky.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.errors import UsageFault
from harness.preflight import Outcome, at_reference, working_tree
from harness.preflight.validation import validate

__all__ = ["configure", "run"]

_CODES = {Outcome.SAFE: 0, Outcome.BREAKS: 1, Outcome.RISKY: 4}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("--from", dest="reference", default="HEAD", metavar="GIT_REF")
    parser.add_argument("--suite", default="tests/regression", metavar="PATH")
    parser.add_argument("--keep", metavar="DIR", help="keep both nights' evidence there")


def run(options: argparse.Namespace) -> int:
    """Validate; the exit code tells the verdict.

    Raises:
        UsageFault: no repository, no such commit, or the lab file is wrong.
    """
    suite = Path(options.suite).resolve()
    if not suite.exists():
        raise UsageFault(f"there is no test suite at {suite}", hint="give --suite PATH")
    with tempfile.TemporaryDirectory(prefix="phone-bench-validate-") as scratch:
        directory = Path(options.keep or scratch)
        old = at_reference(Path(options.lab), options.reference, Path(scratch) / "old")
        new = working_tree(Path(options.lab))
        judgement = validate(old, new, directory, suite=suite, say=_say)
    print(judgement)
    return _CODES[judgement.outcome]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
