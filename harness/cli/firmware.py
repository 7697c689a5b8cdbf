"""Check a folder of firmware, or plan the way from one load to another.

verify: exit code 1 when something is wrong. plan: FROM may be 'unknown'; releases are written
like 9.3(1)SR4 or like the load, SIP42.9-3-1SR4-1S.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from harness.errors import UsageFault
from harness.provisioning.firmware import (
    FirmwareSet,
    Release,
    known_loads,
    plan_upgrade,
    read_manifest,
    verify_folder,
)
from harness.provisioning.firmware.upgrade import FLOOR
from harness.provisioning.firmware.verify import record

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="say what is missing or wrong in a folder")
    verify.add_argument("folder", metavar="DIR")
    verify.add_argument("--load", default="", help="the load that should be there")
    verify.add_argument("--format", choices=["text", "json"], default="text")
    verify.add_argument("--manifest", metavar="FILE", help="compare checksums with a recorded one")
    verify.add_argument("--record", metavar="FILE", help="write a manifest of a trusted folder")
    plan = actions.add_parser("plan", help="the upgrade path and why")
    plan.add_argument("now", metavar="FROM")
    plan.add_argument("goal", metavar="TO")
    plan.add_argument("--floor", default=str(FLOOR), help=f"oldest downgrade; default {FLOOR}")


def run(options: argparse.Namespace) -> int:
    """Verify or plan.

    Raises:
        UsageFault: no such folder, no release, a way that is refused, or a record that cannot be
            written.
    """
    if options.action == "plan":
        return _plan(options)
    folder = Path(options.folder)
    recorded = read_manifest(Path(options.manifest)) if options.manifest else None
    faults = verify_folder(folder, options.load, recorded)
    if options.format == "json":
        print(json.dumps([asdict(fault) for fault in faults], indent=2))
    else:
        print("\n".join(map(str, faults)) or _whole(recorded))
    if options.record and not faults:
        load = options.load or next(folder.glob("SIP*.loads")).stem
        try:
            Path(options.record).write_text(record(folder, load), encoding="utf-8")
        except OSError as error:
            raise UsageFault(
                f"cannot write {options.record}: {error.strerror}",
                hint="give a file in a folder that exists: --record FILE",
            ) from error
        print(f"wrote {options.record}")
    return int(bool(faults))


def _whole(recorded: FirmwareSet | None) -> str:
    if recorded is None:
        return "every file of the set is there; --record and --manifest compare checksums too"
    return "every file of the set is there, and is the recorded one"


def _plan(options: argparse.Namespace) -> int:
    now = None if options.now == "unknown" else Release.parse(options.now)
    goal = Release.parse(options.goal)
    plan = plan_upgrade(now, goal, known_loads(), floor=Release.parse(options.floor))
    for number, step in enumerate(plan.steps, start=1):
        load = step.load or "no manifest of it here"
        print(f"{number}. {step.release} ({load}): {step.why}")
    for note in plan.notes:
        print(note)
    return 0
