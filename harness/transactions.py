"""SQLite changed by several processes at once: everything of a change or nothing, one at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["transaction"]


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Change a database alone, as a whole; an error takes all of it back.

    The connection must not begin transactions by itself (``isolation_level=None``).

    Raises:
        sqlite3.Error: another process had it for longer than the connection's timeout, or it cannot
            be written.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
