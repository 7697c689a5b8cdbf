"""``harness doctor``: everything a night needs, checked at once, with the fix for each fault."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.health import State, as_json, as_tree, examine
from harness.lab import load_lab

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs are kept")
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(options: argparse.Namespace) -> int:
    """Check host and devices; 0 when there is no fault, 3 when there is one."""
    lab = load_lab(Path(options.lab))
    findings = examine(lab, Path(options.runs_dir))
    print(as_json(lab.name, findings) if options.json else as_tree(findings))
    return 3 if any(finding.state is State.FAULT for finding in findings) else 0
