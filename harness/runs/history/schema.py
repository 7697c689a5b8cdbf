"""The tables, their version, and the way from each version to the next."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from harness.errors import UsageFault
from harness.transactions import transaction

__all__ = ["VERSION", "open_database"]

#: Seconds to wait for another harness that is writing.
_BUSY_S = 20.0

#: What leads from each version to the next; a step that was ever released is never edited.
_STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            run_id TEXT PRIMARY KEY, lab TEXT NOT NULL, started REAL NOT NULL,
            ended REAL NOT NULL, pbx TEXT NOT NULL, versions TEXT NOT NULL,
            seeded TEXT NOT NULL)""",
        """CREATE TABLE results (
            run_id TEXT NOT NULL REFERENCES runs, test TEXT NOT NULL, started REAL NOT NULL,
            model TEXT NOT NULL, load TEXT NOT NULL, templates TEXT NOT NULL, pbx TEXT NOT NULL,
            bench TEXT NOT NULL, phones TEXT NOT NULL, verdict TEXT NOT NULL,
            reason TEXT NOT NULL, duration REAL NOT NULL, evidence TEXT NOT NULL,
            PRIMARY KEY (run_id, test, started))""",
        "CREATE INDEX results_by_test ON results (test, bench, pbx, started)",
        """CREATE TABLE measurements (
            run_id TEXT NOT NULL, test TEXT NOT NULL, started REAL NOT NULL,
            name TEXT NOT NULL, value REAL NOT NULL,
            PRIMARY KEY (run_id, test, started, name))""",
    ),
    (
        """CREATE TABLE fingerprints (
            run_id TEXT NOT NULL REFERENCES runs, phone TEXT NOT NULL, aspect TEXT NOT NULL,
            value TEXT NOT NULL, PRIMARY KEY (run_id, phone, aspect, value))""",
    ),
)
#: The version this harness writes.
VERSION = len(_STEPS)


def open_database(path: Path) -> sqlite3.Connection:
    """Open the history, made or brought to this version where needed.

    Raises:
        UsageFault: it cannot be opened, is no history, or was written by a newer harness.
    """
    connection: sqlite3.Connection | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Transactions are begun by hand: Python's own would not wrap the change of a table.
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        with _alone(path.parent):
            connection.execute("PRAGMA journal_mode = WAL")
        # A power cut may take the last test with it, never the file; results.jsonl has it still.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        _bring_up_to_date(connection, path)
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        raise UsageFault(
            f"the history {path} cannot be opened: {error}",
            hint="move it away; harness runs import RUN... fills a new one from the runs",
        ) from error
    except UsageFault:
        if connection is not None:
            connection.close()
        raise
    return connection


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold back others who are opening: SQLite refuses a second change to WAL, and does not wait.

    The lock is on the folder: closing a second descriptor of the file itself would take from SQLite
    the locks it has on it (sqlite.org/howtocorrupt.html, 2.2).
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == VERSION:
        return
    # Two harnesses may find an old file at once: the second waits here, and finds it done.
    with transaction(connection):
        found = _version(connection)
        if found > VERSION:
            raise UsageFault(
                f"the history {path} has version {found}, this harness knows {VERSION}",
                hint="update the harness, or name another file by --history",
            )
        for statement in (each for step in _STEPS[found:] for each in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    with closing(connection.execute("PRAGMA user_version")) as cursor:
        return int(cursor.fetchone()[0])
