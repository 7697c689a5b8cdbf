"""Which run to look at: the one that began last, also when it only just did."""

from __future__ import annotations

import json
from pathlib import Path

from harness.timeline import TIMELINES

__all__ = ["RunFinder"]


class RunFinder:
    """Knows the runs of a folder by when they began.

    A run that was gone on with began again: it has one more timeline. Names do not tell, for
    anybody may choose a folder's name, nor does the time of a folder's last change, for a report
    can be written again.

    Args:
        runs: the folder that holds the runs.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._begun: dict[Path, float] = {}

    def newest(self, count: int) -> list[Path]:
        """Return at most ``count`` runs, the one that began last first."""
        try:
            # A link (`latest`) is a second name of a run that is here anyway.
            folders = [each for each in self._runs.iterdir() if not each.is_symlink()]
        except OSError:
            return []
        begun = [(self._begun_last(folder), folder) for folder in folders if folder.is_dir()]
        return [folder for at, folder in sorted(begun, reverse=True) if at][:count]

    def _begun_last(self, folder: Path) -> float:
        try:
            return max((self._begin(timeline) for timeline in folder.glob(TIMELINES)), default=0.0)
        except OSError:
            return 0.0

    def _begin(self, timeline: Path) -> float:
        """When a timeline was begun, in seconds since the epoch."""
        if timeline not in self._begun:
            with timeline.open("rb") as file:
                line = file.readline()
            try:
                self._begun[timeline] = float(json.loads(line)["wall"])
            except (ValueError, KeyError, TypeError):
                # Its first record is not whole yet, so it is new; else it is as old as its file.
                return timeline.stat().st_mtime
        return self._begun[timeline]
