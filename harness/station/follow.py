"""The run followed: whatever it writes becomes news for the page, without its secrets."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from harness.errors import UsageFault
from harness.evidence import redact
from harness.runs import load_run
from harness.runs.export import raw_folders, run_secrets
from harness.runs.results import HEAD, RESULT_FILES
from harness.runs.tail import TimelineTail
from harness.station.find_run import RunFinder
from harness.station.nights import LastNights, pages_of
from harness.station.view import RunView
from harness.timeline import TIMELINES

__all__ = ["News", "RunFollower"]

#: Runs whose folders are watched: the newest is shown, another one may be gone on with.
_WATCHED = 12

#: Parts of the page as JSON, and the names of those that are no more.
News = tuple[dict[str, str], set[str]]


class RunFollower:
    """Read a folder of runs each time something in it changed.

    Not thread-safe, and its history belongs to the thread that called :meth:`news` first.

    Args:
        runs: the folder that holds the runs.
        history: the file of the history.
        known: secrets besides those that a run's own files tell.
    """

    def __init__(self, runs: Path, history: Path, known: AbstractSet[str] = frozenset()) -> None:
        self.runs = runs
        self._known = frozenset(known)
        self._finder = RunFinder(runs)
        self._nights = LastNights(history, runs)
        self._recent: list[Path] = []
        #: The run that is followed.
        self.directory: Path | None = None
        self._view = RunView("")
        self._tails: dict[str, TimelineTail] = {}
        self._told: dict[str, object] = {}
        self._secrets: frozenset[str] = self._known
        self._raw: object = None
        self._ended = False

    def close(self) -> None:
        """Let go of the history."""
        self._nights.close()

    def look_for_runs(self) -> list[Path]:
        """Look which runs there are, and return the folders in which something may happen next."""
        self._recent = self._finder.newest(_WATCHED)
        return [self.runs, *self._recent]

    def news(self) -> News:
        """Return what changed since the last call.

        What was sent is sent again once a secret in it is known: a run writes down what it gives
        its phones a moment after it has begun.
        """
        gone: set[str] = set()
        newest = self._recent[0] if self._recent else None
        if newest != self.directory:
            gone = set(self._view.names())
            self.directory = newest
            self._view = RunView(newest.name if newest is not None else "")
            self._tails, self._told, self._raw, self._ended = {}, {}, None, False
        if self.directory is not None:
            self._read(self.directory)
        changed = self._view.take_changed()
        if self._learn_secrets():
            changed = set(self._view.names())
        # The head first: it says in which order the phones stand.
        order = [name for name in self._view.names() if name in changed]
        parts = {name: self._encoded(self._view.part(name)) for name in order}
        table = self._nights.news(self._view.run_id, going_on=not self._ended)
        if table is not None:
            parts["nights"] = self._encoded(table)
        return parts, gone - set(self._view.names())

    def _read(self, directory: Path) -> None:
        for path in sorted(directory.glob(TIMELINES)):
            self._tails.setdefault(path.stem, TimelineTail(path))
        # A test can only be told from its phones when those are known.
        self._read_results(directory)
        fresh = [
            (record.wall, name, record)
            for name, tail in self._tails.items()
            for record in tail.new_records()
        ]
        for _, name, record in sorted(fresh, key=lambda each: each[0]):
            self._view.see(name, record)

    def _read_results(self, directory: Path) -> None:
        pages = pages_of(directory)
        files = (directory / HEAD, *sorted(directory.glob(RESULT_FILES)))
        stamp = (*map(_stamp, files), tuple(pages))
        if stamp == self._told.get("results"):
            return
        try:
            run = load_run(directory)
        except UsageFault:
            # Not there yet, or just being written: the next event comes when it is whole.
            return
        self._told["results"] = stamp
        self._ended = run.ended > 0
        self._view.take_run(run, pages)

    def _learn_secrets(self) -> bool:
        """Read what the run was given, when that changed; returns whether it tells more secrets."""
        if self.directory is None:
            return False
        raw = {
            (path, _stamp(path))
            for folder in raw_folders(self.directory)
            for path in folder.rglob("*")
            # A log is no file a secret is kept in, and grows all the time.
            if path.suffix != ".log"
        }
        if raw == self._raw:
            return False
        self._raw = raw
        secrets = self._known | run_secrets(self.directory)
        more = not secrets <= self._secrets
        self._secrets |= secrets
        return more

    def _encoded(self, part: dict[str, Any]) -> str:
        return json.dumps(_hidden(part, self._secrets), ensure_ascii=False)


def _stamp(path: Path) -> tuple[int, int, int]:
    """What tells that a file changed."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def _hidden(value: Any, secrets: AbstractSet[str]) -> Any:
    """The same plain value, every text in it without secrets."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {_hidden(key, secrets): _hidden(each, secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, secrets) for each in value]
    return value
