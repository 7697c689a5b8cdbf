"""Say why it failed, from captures, logs, configuration files, a bundle or a run; no bench needed.

Exit code 0 when a cause was found, 4 when the clues show none of the known failures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.diagnosis import Diagnosis, as_json, as_text, diagnose, read_case
from harness.diagnosis.report import as_catalogue
from harness.errors import UsageFault
from harness.provisioning.lint import Severity, lint
from harness.provisioning.lint import as_text as mistakes_as_text
from harness.runs.failures import failures, holds_run, opened_run

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="what the user sent, or a run")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--catalogue", action="store_true", help="print the page of all rules")


def run(options: argparse.Namespace) -> int:
    """Diagnose and print.

    Raises:
        UsageFault: no path is given, or one cannot be read.
    """
    if options.catalogue:
        print(as_catalogue(), end="")
        return 0
    paths = [Path(each) for each in options.paths]
    if not paths:
        raise UsageFault("nothing to diagnose", hint="give captures, logs, a bundle or a run")
    if len(paths) == 1 and holds_run(paths[0]):
        return _run(paths[0], as_list=options.json)
    case = read_case(paths)
    found = diagnose(case)
    if options.json:
        print(as_json(found))
    else:
        print(as_text(found))
        mistakes = [each for each in lint(case.files) if each.severity is Severity.ERROR]
        if mistakes:
            print("\nin the configuration files:")
            print(mistakes_as_text(mistakes))
    return 0 if found else 4


def _run(path: Path, *, as_list: bool) -> int:
    """Diagnose each test of a run, or of a bundle of one, that did not pass."""
    everything: list[Diagnosis] = []
    failed = 0
    with opened_run(path) as opened:
        for result, case in failures(opened):
            failed += 1
            found = diagnose(case)
            everything += found
            if not as_list:
                print(f"{result.verdict}: {result.name}: {result.reason}")
                print(as_text(found) + "\n")
    if as_list:
        print(as_json(everything))
    elif not failed:
        print(f"nothing to diagnose: all {len(opened.results)} tests passed")
    return 0 if everything or not failed else 4
