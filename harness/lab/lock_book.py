"""The book of reservations: one SQLite file of this machine that every harness reads and writes.

Who holds what, who waits for what and since when, in one place and changed in one transaction each,
so that two harnesses can never both believe a phone is theirs. Nothing here waits for anybody:
:mod:`harness.lab.reservation` does.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.errors import BenchFault
from harness.lab.lock_entries import Holder, Lock, LockState, Member, Resource
from harness.state import state_folder
from harness.transactions import transaction

__all__ = ["LockBook"]

#: Of the tables below; a harness that knows another number does not touch them.
_VERSION = 1
_TABLES = (
    # Tickets only ever grow: who asked first is served first.
    """CREATE TABLE reservations (
        ticket INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE,
        user TEXT NOT NULL, host TEXT NOT NULL, command TEXT NOT NULL, reason TEXT NOT NULL,
        since REAL NOT NULL, expires REAL NOT NULL, ended TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE members (
        token TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL, machine TEXT NOT NULL,
        PRIMARY KEY (token, pid))""",
    """CREATE TABLE claims (
        token TEXT NOT NULL, key TEXT NOT NULL, device TEXT NOT NULL,
        held INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (token, key))""",
    # Whatever the code above it believes: a resource has one holder.
    "CREATE UNIQUE INDEX one_holder ON claims (key) WHERE held",
)
#: Seconds to wait for another harness that is writing; each writes for milliseconds.
_BUSY_S = 20.0
_FOLDER, _FILE = "locks", "locks.sqlite"


class LockBook:
    """The file, opened for each transaction.

    Args:
        folder: where it is kept; this machine's :func:`~harness.state.state_folder`.

    Raises:
        BenchFault: from each method: the file cannot be read or written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        # A folder of its own that is not sticky: in one that is, the kernel refuses to open for
        # writing a file of another user, root or not (proc(5), protected_regular).
        self._folder = (folder or state_folder()) / _FOLDER
        self._path = self._folder / _FILE

    # --- one's own reservation --------------------------------------------------------------------

    def ask(
        self,
        token: str,
        resources: Iterable[Resource],
        about: Mapping[str, str],
        lease: float,
        *,
        patient: bool,
    ) -> tuple[Holder, ...]:
        """Write down a wish behind all that are there, and take it if it can be had.

        Args:
            token: names the reservation.
            resources: what is wanted.
            about: ``user``, ``host``, ``command`` and ``reason``.
            lease: seconds until it must be renewed.
            patient: stay in the line if it cannot be had; else it is as if nobody had asked.

        Returns:
            Those in the way, in their order; empty: it is taken.
        """
        with self._changing() as database:
            database.execute(
                "INSERT INTO reservations (token, user, host, command, reason, since, expires)"
                " VALUES (:token, :user, :host, :command, :reason, :since, :expires)",
                {**about, "token": token, "since": time.time(), "expires": _in(lease)},
            )
            _join(database, token)
            rows = [(token, each.key, each.device) for each in resources]
            database.executemany("INSERT INTO claims (token, key, device) VALUES (?, ?, ?)", rows)
            blocking, overtaken = _take(database, token, lease)
            if blocking and not patient:
                _forget(database, token)
        if overtaken:
            self._ring()
        return blocking

    def take(self, token: str, lease: float) -> tuple[Holder, ...]:
        """Take what was asked for, now that something changed; a wish's lease is renewed by it.

        Returns:
            Those in the way, in their order; empty: it is taken.
        """
        with self._changing() as database:
            blocking, overtaken = _take(database, token, lease)
        if overtaken:
            self._ring()
        return blocking

    def join(self, tokens: Iterable[str], keys: set[str]) -> list[tuple[str, set[str], bool]]:
        """Make this process a member of those reservations that hold some of the keys.

        Returns:
            Each reservation, what of the keys it holds, and whether we were no member before.
        """
        found: list[tuple[str, set[str], bool]] = []
        with self._changing() as database:
            for token in tokens:
                rows = database.execute("SELECT key FROM claims WHERE token = ? AND held", (token,))
                own = keys & {row["key"] for row in rows}
                if own:
                    found.append((token, own, _join(database, token)))
        return found

    def renew(self, token: str, lease: float) -> str:
        """Go on holding or waiting; returns why that is over, empty while it is not."""
        with self._changing() as database:
            done = database.execute(
                "UPDATE reservations SET expires = ? WHERE token = ? AND ended = ''",
                (_in(lease), token),
            )
        return "" if done.rowcount else self.ended(token)

    def ended(self, token: str) -> str:
        """Return why a reservation is no longer held; empty while it is."""
        with self._open() as database:
            row = database.execute(
                "SELECT ended FROM reservations WHERE token = ?", (token,)
            ).fetchone()
        return "the book of locks no longer has it" if row is None else str(row["ended"])

    def leave(self, token: str) -> None:
        """Take this process out; a reservation without a process is gone, and others hear of it."""
        with self._changing() as database:
            row = (token, os.getpid())
            database.execute("DELETE FROM members WHERE token = ? AND pid = ?", row)
            _bury(database)
        self._ring()

    # --- everybody's ------------------------------------------------------------------------------

    def held(self) -> list[Lock]:
        """Return what is held, also by the dead as long as nobody asked for it since."""
        with self._open() as database:
            everybody = _everybody(database)
        waiting = [each for each in everybody if not each.holds and each.state is LockState.ALIVE]
        return sorted(
            (
                Lock(resource, each, sum(w.wants(resource) for w in waiting))
                for each in everybody
                if each.holds
                for resource in each.resources
            ),
            key=lambda lock: lock.resource,
        )

    def waiting(self) -> list[Holder]:
        """Return who waits, in the order they will be served."""
        with self._open() as database:
            return [each for each in _everybody(database) if not each.holds]

    def end(self, token: str, why: str) -> None:
        """Take a reservation away from whoever has it; they are told why when they look."""
        with self._changing() as database:
            _end(database, token, why)
            _bury(database)
        self._ring()

    # --- the file ---------------------------------------------------------------------------------

    def bell(self, token: str, pid: int) -> Path:
        """Return the FIFO by which a process of a reservation is told that something changed."""
        return self._folder / f"{token}.{pid}.bell"

    def hang_bell(self, token: str, pid: int) -> int:
        """Make that FIFO and return it open; a ring stays in it until it is read."""
        path = self.bell(token, pid)
        try:
            self._make()
            # A FIFO, not a socket: its path may be long, and no network namespace hides it.
            new = path.with_suffix(".new")
            os.mkfifo(new)
            new.chmod(0o666)
            # Open for writing as well, it never comes to an end.
            bell = os.open(new, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            # Who rings takes a bell that nobody listens to for one of the dead.
            new.rename(path)
            return bell
        except OSError as error:
            raise self._unusable(error) from error

    def _ring(self) -> None:
        """Tell every harness that has or waits for something that the book changed."""
        for bell in self._folder.glob("*.bell"):
            try:
                handle = os.open(bell, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                # Nobody listens: what a killed harness left.
                with suppress(OSError):
                    bell.unlink()
                continue
            with suppress(BlockingIOError):
                os.write(handle, b"!")
            os.close(handle)

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Everything or nothing of it, and alone."""
        with self._open() as database, transaction(database):
            yield database

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._make()
            with closing(
                # Transactions are begun by hand. No WAL: its second and third file would be one
                # more thing that every user has to be able to write.
                sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
            ) as database:
                database.row_factory = sqlite3.Row
                self._bring_up(database)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> BenchFault:
        hint = "while no harness runs, move that file away; a new one is made"
        if pids := self._writing_now():
            told = ", ".join(str(pid) for pid in pids)
            hint = f"process {told} has had it for long: let it go on (kill -CONT), or end it"
        return BenchFault(
            f"the book of locks {self._path} cannot be used: {error}", device="locks", hint=hint
        )

    def _writing_now(self) -> list[int]:
        """Return the processes that have the file locked: one that is stopped keeps it so."""
        try:
            node = str(self._path.stat().st_ino)
            lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        except OSError:
            return []
        # proc(5): number, kind, mode, access, process, device:inode, from, to.
        rows = [line.split() for line in lines]
        held = {int(row[4]) for row in rows if row[5].rpartition(":")[2] == node}
        return sorted(held - {0, os.getpid()})

    def _make(self) -> None:
        if self._path.exists():
            return
        self._folder.mkdir(exist_ok=True)
        # Whatever the umask says: the next user's harness writes here, too.
        with suppress(PermissionError):
            self._folder.chmod(0o777)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            with suppress(PermissionError):
                os.fchmod(handle, 0o666)
        finally:
            os.close(handle)

    def _bring_up(self, database: sqlite3.Connection) -> None:
        if _version(database) == _VERSION:
            return
        with transaction(database):
            found = _version(database)
            if found not in {0, _VERSION}:
                raise BenchFault(
                    f"the book of locks {self._path} has version {found}, this harness knows "
                    f"{_VERSION}",
                    device="locks",
                    hint="use one version of the harness on this machine",
                )
            for statement in _TABLES if not found else ():
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {_VERSION}")


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _in(lease: float) -> float:
    """When a lease ends, by a clock that all processes share and nobody sets."""
    return time.monotonic() + lease


def _join(database: sqlite3.Connection, token: str) -> bool:
    me = Member.this_process()
    row = (token, me.pid, me.started, me.machine)
    done = database.execute(
        "SELECT 1 FROM members WHERE token = ? AND pid = ? AND started = ? AND machine = ?", row
    )
    if done.fetchone() is not None:
        return False
    database.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", row)
    return True


def _take(
    database: sqlite3.Connection, token: str, lease: float
) -> tuple[tuple[Holder, ...], bool]:
    """Give a reservation all it wants, if nobody has a part of it or was before it.

    Who is dead is out of the way; who let the lease run out is, too, and that reservation is at an
    end, whether its process still runs or not.

    Returns:
        Those in the way, and whether somebody was overtaken.
    """
    _bury(database)
    rivals = _rivals(database, token)
    blocking = tuple(each for each in rivals if each.state is LockState.ALIVE)
    database.execute("UPDATE reservations SET expires = ? WHERE token = ?", (_in(lease), token))
    if blocking:
        return blocking, False
    mine = _holder(database, token)
    late = [each for each in rivals if each.holds]
    for each in late:
        _end(database, each.token, f"its lease ran out, and {mine} took it")
    database.execute("UPDATE claims SET held = 1 WHERE token = ?", (token,))
    database.execute("UPDATE reservations SET since = ? WHERE token = ?", (time.time(), token))
    return (), bool(late)


def _everybody(database: sqlite3.Connection) -> list[Holder]:
    rows = database.execute("SELECT * FROM reservations WHERE ended = '' ORDER BY ticket")
    return [_read(database, row) for row in rows]


def _holder(database: sqlite3.Connection, token: str) -> Holder:
    rows = database.execute("SELECT * FROM reservations WHERE token = ?", (token,))
    row = rows.fetchone()
    if row is None:
        raise sqlite3.DatabaseError("a reservation is gone from it: another file was put there")
    return _read(database, row)


def _read(database: sqlite3.Connection, row: sqlite3.Row) -> Holder:
    token = (row["token"],)
    members = database.execute("SELECT * FROM members WHERE token = ? ORDER BY rowid", token)
    claims = database.execute("SELECT * FROM claims WHERE token = ? ORDER BY key", token).fetchall()
    until = time.time() + row["expires"] - time.monotonic()
    about: dict[str, Any] = {key: row[key] for key in ("token", "user", "host", "command")}
    return Holder(
        **about,
        reason=row["reason"],
        since=row["since"],
        until=until,
        members=tuple(Member(m["pid"], m["started"], m["machine"]) for m in members),
        resources=tuple(Resource(claim["key"], claim["device"]) for claim in claims),
        holds=any(claim["held"] for claim in claims),
    )


def _rivals(database: sqlite3.Connection, token: str) -> list[Holder]:
    """Return who has something of what a reservation wants, or asked for it earlier."""
    mine = _holder(database, token)
    found: list[Holder] = []
    before = True
    for other in _everybody(database):
        if other.token == token:
            before = False
        elif (other.holds or before) and any(other.wants(each) for each in mine.resources):
            found.append(other)
    return found


def _bury(database: sqlite3.Connection) -> None:
    """Remove the reservations of which no process is left."""
    rows = database.execute("SELECT * FROM reservations").fetchall()
    for row in rows:
        holder = _read(database, row)
        if holder.state is LockState.DEAD:
            _forget(database, holder.token)


def _forget(database: sqlite3.Connection, token: str) -> None:
    for table in ("claims", "members", "reservations"):
        database.execute(f"DELETE FROM {table} WHERE token = ?", (token,))  # noqa: S608


def _end(database: sqlite3.Connection, token: str, why: str) -> None:
    database.execute("DELETE FROM claims WHERE token = ?", (token,))
    database.execute("UPDATE reservations SET ended = ? WHERE token = ?", (why, token))
