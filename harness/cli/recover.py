"""``harness recover``: make the bench safe after a run that was killed, and finish its report.

Keys are let go, outlets put as lab.yaml declares (``rest``), containers, networks and processes of
that run ended. The next night on the same lab does it by itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.resuming import print_recovered
from harness.errors import BenchFault
from harness.recovery import recover

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--lab", metavar="FILE", help="only this lab; default: every one")
    parser.add_argument(
        "--give-up", action="store_true", help="forget what cannot be done, e.g. a PDU that is gone"
    )


def run(options: argparse.Namespace) -> int:
    """Recover every bench whose process is gone; 3 when something could not be done."""
    lab_file = Path(options.lab) if options.lab else None
    told = recover(lab_file, give_up=options.give_up)
    print_recovered(told)
    if not told:
        print("no run was killed: there is nothing to recover")
    left = [each for each in told if each.left]
    if left and not options.give_up:
        print("what is not done is tried again by the next: harness recover")
    return BenchFault.exit_code if left else 0
