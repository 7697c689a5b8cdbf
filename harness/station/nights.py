"""The last nights, from the history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import UsageFault
from harness.runs import Verdict
from harness.runs.history import History, Night

__all__ = ["LastNights", "pages_of"]

#: Nights in the table: two weeks.
_SHOWN = 14
#: Pages a run writes at its end, by what they are.
_PAGES = {"report": "report.html", "what changed": "morning.html"}


def pages_of(directory: Path) -> dict[str, str]:
    """Return the pages of a run that are there: what each is, and its address on the station."""
    return {
        what: f"/runs/{directory.name}/{name}"
        for what, name in _PAGES.items()
        if (directory / name).is_file()
    }


class LastNights:
    """The history, read again when somebody wrote into it.

    Args:
        path: the history; it need not be there yet, and is never made.
        runs: the folder of the runs it tells of.
    """

    def __init__(self, path: Path, runs: Path) -> None:
        self._path = path
        self._runs = runs
        self._history: History | None = None
        self._inode = 0
        self._seen: object = None

    def close(self) -> None:
        """Let go of the file."""
        if self._history is not None:
            self._history.close()
            self._history, self._seen = None, None

    def news(self, newest: str, *, going_on: bool) -> dict[str, Any] | None:
        """Return the table, or None when it is as it was at the last call.

        Args:
            newest: the run that is followed.
            going_on: whether it has not ended.
        """
        try:
            history = self._opened()
            if history is None:
                return {"nights": [], "fault": ""}
            pages = pages_of(self._runs / newest) if newest else {}
            seen = (self._inode, history.version(), newest, going_on, tuple(pages))
            if seen == self._seen:
                return None
            nights = [
                self._night(each, going_on=going_on and each.run_id == newest)
                for each in history.last_nights(_SHOWN)
            ]
        except UsageFault as fault:
            # The bench goes on, and so does the rest of the page.
            self.close()
            return {"nights": [], "fault": str(fault)}
        self._seen = seen
        return {"nights": nights, "fault": ""}

    def _opened(self) -> History | None:
        try:
            inode = self._path.stat().st_ino
        except OSError:
            self.close()
            return None
        if inode != self._inode or self._history is None:
            # Another file under the old name: somebody moved the history away.
            self.close()
            self._inode, self._history = inode, History(self._path)
        return self._history

    def _night(self, night: Night, *, going_on: bool) -> dict[str, Any]:
        counts = {verdict.value: night.count(verdict) for verdict in Verdict}
        return {
            "id": night.run_id,
            "lab": night.lab,
            "pbx": night.pbx,
            "benches": night.benches,
            "loads": night.loads,
            "started": night.started,
            "ended": night.ended,
            "going_on": going_on,
            "counts": {verdict: count for verdict, count in counts.items() if count},
            "pages": pages_of(self._runs / night.run_id),
        }
