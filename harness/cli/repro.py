"""Make a user's report happen on the bench: reproduced or not, the proof, the cause, the fix.

WHAT is a scenario's name, a YAML file, a bundle or folder a user sent, or the complaint itself.
Exit code 0 when it was reproduced and the fix verified, 1 when not, 4 when it did not happen here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.cli.options import add_lab_option, add_wait_option
from harness.deadlines import Patience
from harness.diagnosis import Diagnosis, diagnose, read_case
from harness.diagnosis import as_text as diagnoses_as_text
from harness.errors import UsageFault
from harness.lab import load_lab
from harness.lab.reservation import reserve
from harness.lab.resources import bench_resources
from harness.reproduction import Scenario, as_text, find, fitting, load_scenario, reproduce, shipped
from harness.runs.failures import failures, holds_run, opened_run
from harness.runs.folders import fresh_folder

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("what", nargs="*", metavar="WHAT")
    parser.add_argument("--list", action="store_true", help="list the shipped scenarios")
    add_wait_option(parser)
    parser.add_argument("--keep", metavar="DIR", help="where the evidence goes (runs/repro/...)")


def run(options: argparse.Namespace) -> int:
    """Reproduce and print.

    Raises:
        UsageFault: there is no such scenario, or none fits.
        BenchFault: the bench does not work.
    """
    if options.list or not options.what:
        for name, path in shipped().items():
            print(f"{name:32} {load_scenario(path).title}")
        return 0
    scenario = _scenario(" ".join(options.what))
    if options.keep:
        directory = Path(options.keep)
    else:
        directory = fresh_folder(Path("runs") / "repro", f"{{}}-{scenario.name}")
    lab = load_lab(Path(options.lab))
    # The complaint and each cure open a bench of their own: nobody gets in between.
    patience, reason = Patience(options.wait), f"reproduces {scenario.name}"
    with reserve(bench_resources(lab), reason=reason, within=patience.left, say=_say):
        result = reproduce(scenario, lab, directory.resolve(), say=_say, wait=patience.left)
    print(as_text(result))
    if not result.reproduced:
        return 4
    return 0 if result.cured and len(result.useless) == len(result.advice) else 1


def _scenario(given: str) -> Scenario:
    """Return the scenario, by name, complaint, or the diagnosis of what a user sent."""
    path = Path(given)
    if path.suffix in {".yaml", ".yml"} or not path.exists():
        return find(given)
    pbx = ""
    if holds_run(path):
        with opened_run(path) as opened:
            pbx = opened.pbx
            failed = [case for _, case in failures(opened)]
            diagnoses = _once(each for case in failed for each in diagnose(case))
        if not failed:
            raise UsageFault(f"nothing to reproduce: all tests of {given} passed")
    else:
        diagnoses = diagnose(read_case([path]))
    print(diagnoses_as_text(diagnoses) + "\n")
    scenario = fitting([each.rule for each in diagnoses], pbx)
    if scenario is not None:
        print(f"the scenario of this failure is {scenario.name}: {scenario.broken.does}\n")
        return scenario
    raise UsageFault(
        f"what is in {given} fits no scenario",
        hint="write one for it: docs/how-to/write-a-scenario.md",
    )


def _once(diagnoses: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Return the first of each kind: the tests of a night mostly fail by one cause."""
    found: dict[tuple[str, str], Diagnosis] = {}
    for each in diagnoses:
        found.setdefault((each.rule, each.device), each)
    return list(found.values())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
