"""The history as a file: written as each test ends, read by whoever compares nights."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.errors import UsageFault
from harness.runs.history.records import Entry, Key, Night, entry_of
from harness.runs.history.schema import open_database
from harness.runs.results import RunResult, TestResult
from harness.runs.verdict import Verdict
from harness.transactions import transaction

__all__ = ["FILE_NAME", "History"]

#: Beside the folders of the runs.
FILE_NAME = "history.sqlite"

#: By phone: by aspect: what was seen of it.
Fingerprints = Mapping[str, Mapping[str, Iterable[str]]]


class History:
    """Every test of every night.

    Several harnesses may have it open and write at once; each write is whole or not there.

    Args:
        path: the file; made when missing.

    Raises:
        UsageFault: it cannot be opened, or a newer harness wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_database(path)
        self._connection.row_factory = sqlite3.Row

    def __enter__(self) -> History:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def record(self, run: RunResult, result: TestResult) -> None:
        """Write down a test that ended; once only, however often it is told.

        Raises:
            UsageFault: the file cannot be written (a full disk, another harness that holds it).
        """
        with self._writing() as database:
            _put_run(database, run)
            _put_entry(database, entry_of(run, result))

    def record_run(self, run: RunResult, fingerprints: Fingerprints) -> int:
        """Write down a whole run: what is there already stays as it is.

        Returns:
            How many results were new.

        Raises:
            UsageFault: the file cannot be written.
        """
        with self._writing() as database:
            _put_run(database, run)
            new = sum(_put_entry(database, entry_of(run, result)) for result in run.results)
            for phone, aspects in fingerprints.items():
                rows = [(run.run_id, phone, a, value) for a, vs in aspects.items() for value in vs]
                database.executemany("INSERT OR IGNORE INTO fingerprints VALUES (?, ?, ?, ?)", rows)
        return new

    def nights(self, *, lab: str = "", pbx: str = "", before: float | None = None) -> list[Night]:
        """Return the nights, oldest first, each with its results."""
        entries = self._entries()
        return [
            _night(row, entries.get(row["run_id"], ()))
            for row in self._read("SELECT * FROM runs ORDER BY started, run_id")
            if lab in {"", row["lab"]}
            and pbx in {"", row["pbx"]}
            and (before is None or row["started"] < before)
        ]

    def last_nights(self, count: int) -> list[Night]:
        """Return the last ``count`` nights, newest first, each with its results."""
        rows = self._read("SELECT * FROM runs ORDER BY started DESC, run_id DESC LIMIT ?", count)
        return [_night(row, self._entries(row["run_id"]).get(row["run_id"], ())) for row in rows]

    def version(self) -> int:
        """Return a number that is another one once somebody else wrote into the file."""
        ((number,),) = self._read("PRAGMA data_version")
        return int(number)

    def night(self, run_id: str) -> Night:
        """Return one night by its run's name, ``latest``, or the only one that begins so.

        Raises:
            UsageFault: there is none, or several begin so.
        """
        names = [row["run_id"] for row in self._read("SELECT run_id FROM runs ORDER BY started")]
        found = [name for name in names if name.startswith(run_id)]
        if run_id in names:
            found = [run_id]
        elif run_id == "latest":
            found = names[-1:]
        if len(found) != 1:
            told = "several nights begin" if found else "there is no night that begins"
            some = ", ".join((found or names)[-5:]) or "none; harness runs import RUN... adds some"
            raise UsageFault(f"{told} with {run_id!r} in {self.path}", hint=f"there is: {some}")
        (row,) = self._read("SELECT * FROM runs WHERE run_id = ?", found[0])
        return _night(row, self._entries(found[0]).get(found[0], ()))

    def fingerprints(self, run_id: str) -> dict[str, dict[str, set[str]]]:
        """Return what was seen of each phone on the wire, by phone and aspect."""
        found: dict[str, dict[str, set[str]]] = {}
        for row in self._read("SELECT * FROM fingerprints WHERE run_id = ?", run_id):
            aspects = found.setdefault(row["phone"], {})
            aspects.setdefault(row["aspect"], set()).add(row["value"])
        return found

    def given_loads(self, bench: str) -> dict[str, str]:
        """Return the load each phone of a bench was given in the last night that had it alone."""
        rows = self._read(
            "SELECT phones, load FROM results WHERE bench = ? ORDER BY started", bench
        )
        return {row["phones"]: row["load"] for row in rows if " + " not in row["phones"]}

    def _entries(self, run_id: str = "") -> dict[str, list[Entry]]:
        numbers: dict[tuple[str, str, float], dict[str, float]] = {}
        for row in self._read("SELECT * FROM measurements WHERE ? IN ('', run_id)", run_id):
            where = (row["run_id"], row["test"], row["started"])
            numbers.setdefault(where, {})[row["name"]] = row["value"]
        found: dict[str, list[Entry]] = {}
        every = "SELECT * FROM results WHERE ? IN ('', run_id) ORDER BY started"
        for row in self._read(every, run_id):
            where = (row["run_id"], row["test"], row["started"])
            found.setdefault(row["run_id"], []).append(_entry(row, numbers.get(where, {})))
        return found

    def _read(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise UsageFault(f"the history {self.path} cannot be read: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with transaction(self._connection):
                yield self._connection
        except sqlite3.Error as error:
            raise UsageFault(
                f"the history {self.path} cannot be written: {error}",
                hint="nothing is lost: harness runs import RUN fills in what is missing",
            ) from error


def _put_run(database: sqlite3.Connection, run: RunResult) -> None:
    database.execute(
        """INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id) DO UPDATE
           SET ended = max(ended, excluded.ended), versions = excluded.versions""",
        (
            run.run_id, run.lab, run.started, run.ended, run.pbx,
            json.dumps(run.versions), json.dumps(run.seeded),
        ),
    )  # fmt: skip


def _put_entry(database: sqlite3.Connection, entry: Entry) -> bool:
    key = entry.key
    done = database.execute(
        "INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.run_id, key.test, entry.started, key.model, key.load, key.templates, key.pbx,
            key.bench, entry.phones, entry.verdict.value, entry.reason, entry.duration,
            entry.evidence,
        ),
    )  # fmt: skip
    rows: Sequence[tuple[Any, ...]] = [
        (entry.run_id, key.test, entry.started, name, value)
        for name, value in entry.measurements.items()
    ]
    database.executemany("INSERT OR IGNORE INTO measurements VALUES (?, ?, ?, ?, ?)", rows)
    return done.rowcount > 0


def _night(row: sqlite3.Row, entries: Iterable[Entry]) -> Night:
    return Night(
        run_id=row["run_id"],
        lab=row["lab"],
        started=row["started"],
        ended=row["ended"],
        pbx=row["pbx"],
        versions=json.loads(row["versions"]),
        seeded=json.loads(row["seeded"]),
        entries=tuple(entries),
    )


def _entry(row: sqlite3.Row, measurements: dict[str, float]) -> Entry:
    names = ("test", "model", "load", "templates", "pbx", "bench")
    return Entry(
        run_id=row["run_id"],
        key=Key(**{name: row[name] for name in names}),
        phones=row["phones"],
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        started=row["started"],
        duration=row["duration"],
        evidence=row["evidence"],
        measurements=measurements,
    )
