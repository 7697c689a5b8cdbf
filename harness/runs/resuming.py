"""An interrupted run gone on with: in its own folder, where all is as it was."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageFault
from harness.events import Record
from harness.lab import Lab
from harness.owners import owner_is_gone
from harness.runs.results import RunResult, load_run
from harness.timeline import TIMELINES, read_timelines

__all__ = ["Resumed", "resume"]

#: What a bench writes anew each time it is opened, and must not write over.
_KEPT = ("session.pcap",)


@dataclass(frozen=True)
class Resumed:
    """A run to go on with, what was seen in it, and where the next records go."""

    run: RunResult
    records: list[Record]
    timeline: Path
    first: int


def resume(directory: Path, lab: Lab, facts: Mapping[str, Mapping[str, str]]) -> Resumed:
    """Open an interrupted run to go on with it.

    Args:
        directory: its folder, finished by `harness.recovery.recover` if it was killed.
        lab: the inventory as it is now.
        facts: what the results of each phone are kept by, now.

    Raises:
        UsageFault: there is no such run, it came to its end, somebody still carries it out, or lab,
            templates or firmware are not what it began with: one report must not tell of two
            experiments.
    """
    run = load_run(directory)
    if run.owner and not run.ended and not run.interrupted and not owner_is_gone(run.owner):
        raise UsageFault(f"{run.run_id} is still going on", hint="wait for it, or stop it")
    if run.ended and not run.interrupted:
        raise UsageFault(
            f"{run.run_id} came to its end: there is nothing to go on with",
            hint="begin a new night without --resume",
        )
    changed = _changes(run, lab, facts)
    if changed:
        raise UsageFault(
            f"{run.run_id} cannot be gone on with: {'; '.join(changed)}",
            expected="lab, templates and firmware as they were when it began",
            hint="put them back, or begin a new night without --resume",
        )
    records = read_timelines(directory)
    number = 1 + sum(1 for _ in directory.glob(TIMELINES))
    for name in _KEPT:
        kept = directory / name
        if kept.exists():
            kept.rename(kept.with_stem(f"{kept.stem}-{number - 1}"))
    run.interrupted, run.ended = "", 0.0
    run.resumed.append(time.time())
    # Who is ill, and what is not run for that, is found out again.
    run.quarantined, run.not_run = {}, {}
    first = max((record.seq for record in records), default=-1) + 1
    return Resumed(run, records, directory / f"timeline-{number}.jsonl", first)


def _changes(run: RunResult, lab: Lab, facts: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say what is not as it was when a run began."""
    pairs = [("lab", run.lab, lab.name), ("Asterisk", run.pbx, str(lab.pbx.kind))]
    for name in sorted(facts.keys() & run.facts.keys()):
        for what, then in run.facts[name].items():
            pairs.append((f"{name}'s {what}", then, facts[name].get(what, "")))
        pairs.append((name, run.devices.get(name, ""), lab.label(name)))
    changed = [f"{what} was {then} and is {now}" for what, then, now in pairs if then != now]
    changed += [f"{name} is new in it" for name in sorted(facts.keys() - run.facts.keys())]
    return changed + [f"{name} is missing" for name in sorted(run.facts.keys() - facts.keys())]
