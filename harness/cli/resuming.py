"""``harness nightly --resume``: an interrupted night is gone on with as it was begun."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import UsageFault
from harness.lab import Lab
from harness.recovery import Recovered, recover
from harness.runs import load_run
from harness.runs.interrupted import newest_interrupted

__all__ = ["NEWEST", "as_it_began", "print_recovered"]

#: ``--resume`` without a run.
NEWEST = "newest"
#: What decides which experiment a night is, by the name of the option. They are the run's own.
_DECIDES = {
    "phones": "--phones", "pbx": "--pbx", "firmware": "--firmware", "keyword": "-k",
}  # fmt: skip


def as_it_began(options: argparse.Namespace, lab: Lab) -> None:
    """Make the bench safe, find the run, and ask for what it was asked for in the beginning.

    Raises:
        UsageFault: there is no such run, or an option was given that would make it another one.
    """
    given = [flag for name, flag in _DECIDES.items() if getattr(options, name)]
    if given:
        raise UsageFault(
            f"{' and '.join(given)} cannot be given with --resume",
            hint="a night goes on as it was begun; begin another one without --resume",
        )
    print_recovered(recover(lab.source))
    runs = Path(options.runs_dir)
    if options.resume == NEWEST:
        directory = newest_interrupted(runs, lab.name)
    else:
        directory = runs / options.resume
    run = load_run(directory.resolve())
    options.resume = directory.resolve().name
    for name in (*_DECIDES, "history", "suite"):
        setattr(options, name, run.options.get(name) or getattr(options, name))
    options.pbx = run.pbx
    options.markers = run.options.get("markers", "")
    print(f"going on with {options.resume}: {len(run.done)} tests are done")


def print_recovered(told: list[Recovered]) -> None:
    """Print what was made safe after killed runs, and what could not be."""
    for each in told:
        print(each.title)
        for done in each.done:
            print(f"  {done}")
        for fault in each.left:
            print(f"  NOT DONE: {fault}")
