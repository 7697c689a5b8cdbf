"""The history filled from the folders of runs: again, or for the first time."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessBug
from harness.runs.history.fingerprint import fingerprint
from harness.runs.history.store import History
from harness.runs.results import load_run
from harness.timeline import read_timelines

__all__ = ["import_run"]


def import_run(history: History, directory: Path) -> int:
    """Take in what a run's folder says; what is in the history already stays.

    Returns:
        How many results were new.

    Raises:
        UsageFault: there is no run in the folder, or the history cannot be written.
    """
    run = load_run(directory.resolve())
    try:
        seen = fingerprint(read_timelines(directory))
    except (OSError, HarnessBug):
        # The verdicts are worth having without what was seen on the wire.
        seen = {}
    return history.record_run(run, seen)
