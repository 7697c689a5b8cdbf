"""Who may use a phone, an outlet, a keypad or an address now: one harness at a time, in turn.

A reservation is all of what it asks for or nothing, so two of them never wait for each other. Who
asked first is served first. It belongs to processes: when the last of them ends, however it ends,
it is over, and nobody has to clean up. A process that runs but does nothing (stopped, hung) no
longer renews its lease, and when that has run out the next in line takes over; so can a person
(``harness lock release``). The one who lost it learns that at once, or when it goes on.

Waiting is for events: the end of the process that is in the way, or a bell that is rung when the
book changes (:mod:`harness.lab.lock_book`); there is no polling.

What this process or one it was started by has reserved already is its own: a night reserves the
bench, and all that it starts may use it. Threads of one process are not kept apart.
"""

from __future__ import annotations

import getpass
import os
import secrets
import select
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from harness.errors import BenchFault, InUse, UsageFault
from harness.lab.lock_book import LockBook
from harness.lab.lock_entries import Holder, Lock, LockState, Resource

__all__ = ["LEASE_S", "TOKENS_VARIABLE", "Reservation", "held", "release", "reserve", "waiting"]

#: Seconds after which a harness that has not renewed its lease may be overtaken.
LEASE_S = 60.0
#: A lease is renewed this many times before it would run out.
_RENEWALS = 3
#: Hands the reservations of a process on to those it starts.
TOKENS_VARIABLE = "PHONE_BENCH_RESERVATIONS"

Say = Callable[[str], None]


class Reservation:
    """What is reserved, as its owner sees it."""

    def __init__(
        self, resources: Sequence[Resource], tokens: Sequence[str], book: LockBook
    ) -> None:
        self.resources = tuple(resources)
        self._tokens = tuple(tokens)
        self._book = book

    @property
    def lost(self) -> str:
        """Why it is held no longer; empty while it is."""
        return next((why for token in self._tokens if (why := self._book.ended(token))), "")

    def check(self) -> None:
        """Go on only while it is held.

        Raises:
            BenchFault: somebody took it, or released it by force.
        """
        if why := self.lost:
            raise BenchFault(
                f"the reservation was lost: {why}",
                device=_told(self.resources),
                state="another harness may be using it now",
                expected="to be held until this run ends",
                hint="harness lock list says who has it; run again when it is free",
            )


@contextmanager
def reserve(
    resources: Iterable[Resource],
    *,
    reason: str,
    within: float = 0.0,
    lease: float = LEASE_S,
    say: Say = lambda _: None,
) -> Iterator[Reservation]:
    """Hold some resources for a while, all of them or none.

    Args:
        resources: what is needed; what is ours already costs nothing.
        reason: told to everybody who would like to have them.
        within: seconds to wait for them.
        lease: seconds after which one who does not renew may be overtaken. It is renewed here as
            long as this process runs.
        say: told whom we wait for, and of a loss.

    Raises:
        BenchFault: somebody has them still, who, and what to do; or the book cannot be used.
    """
    wanted = {each.key: each for each in sorted(resources)}
    if not wanted:
        yield Reservation((), (), LockBook())
        return
    book = LockBook()
    with ExitStack() as stack:
        tokens: list[str] = []
        rest = dict(wanted)
        ours = _inherited()
        for token, own, new in book.join(ours, set(wanted)) if ours else ():
            tokens.append(token)
            for key in own:
                rest.pop(key, None)
            if new:
                stack.enter_context(_Membership(book, token, lease, say)).keep()
        if rest:
            token = secrets.token_hex(8)
            member = stack.enter_context(_Membership(book, token, lease, say))
            member.obtain(list(rest.values()), reason, within)
            member.keep()
            stack.enter_context(_handed_on(token))
            tokens.append(token)
        yield Reservation(tuple(wanted.values()), tokens, book)


def held() -> list[Lock]:
    """Return every lock of this machine, sorted; also those of the dead nobody has missed yet.

    Raises:
        BenchFault: the book cannot be used.
    """
    return LockBook().held()


def waiting() -> list[Holder]:
    """Return who waits for something, in the order they will be served.

    Raises:
        BenchFault: the book cannot be used.
    """
    return LockBook().waiting()


def release(names: Sequence[str], *, force: bool = False) -> list[Holder]:
    """End the reservations that hold something of these names; each is ended as a whole.

    Args:
        names: devices as their lab calls them, or resources as ``harness lock list`` shows them.
        force: also those of owners that are alive. They are told when they next look.

    Returns:
        The reservations that were ended.

    Raises:
        UsageFault: nothing of that name is held, or its owner is alive; then nothing was ended.
        BenchFault: the book cannot be used.
    """
    book = LockBook()
    locks = book.held()
    ending: dict[str, Holder] = {}
    for name in names:
        found = [
            lock
            for lock in locks
            if name in {lock.resource.key, lock.resource.name, lock.resource.device}
        ]
        if not found:
            some = ", ".join(dict.fromkeys(lock.resource.device for lock in locks)) or "nothing"
            raise UsageFault(f"nothing named {name} is reserved", hint=f"reserved: {some}")
        ending |= {lock.holder.token: lock.holder for lock in found}
    for holder in ending.values():
        if holder.state is LockState.ALIVE and not force:
            raise UsageFault(
                f"{_told(holder.resources)} is in use by {holder}",
                state=_since(holder),
                expected="an owner that has ended, or whose lease ran out",
                hint="end that process, or take it away from it with --force",
            )
    for token in ending:
        book.end(token, f"{getpass.getuser()} released it by force")
    return list(ending.values())


class _Membership:
    """This process as a part of one reservation: waits for it, renews it, leaves it."""

    def __init__(self, book: LockBook, token: str, lease: float, say: Say) -> None:
        self._book = book
        self._token = token
        self._lease = lease
        self._say = say
        self._pid = os.getpid()
        self._bell_path = book.bell(token, self._pid)
        self._leaving = threading.Event()
        self._keeper: threading.Thread | None = None

    def __enter__(self) -> _Membership:
        self._bell = self._book.hang_bell(self._token, self._pid)
        return self

    def __exit__(self, *_: object) -> None:
        if os.getpid() != self._pid:
            # A copy of the process that was forked meanwhile: what it has is not its to return.
            return
        self._leaving.set()
        with suppress(BlockingIOError):
            os.write(self._bell, b"!")
        if self._keeper is not None:
            self._keeper.join()
        os.close(self._bell)
        self._bell_path.unlink(missing_ok=True)
        # A run that is over must not fail by the book: without a process nothing is held.
        with suppress(BenchFault):
            self._book.leave(self._token)

    def obtain(self, resources: Sequence[Resource], reason: str, within: float) -> None:
        """Take the resources as soon as it is our turn."""
        deadline = time.monotonic() + within
        about = {
            "user": getpass.getuser(),
            "host": socket.gethostname(),
            "command": _command(),
            "reason": reason,
        }
        blocking = self._book.ask(
            self._token, resources, about, self._lease, patient=within > 0
        )  # fmt: skip
        told = ""
        while blocking:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _taken(resources, blocking, within)
            first = f"waiting for {_contested(resources, blocking)}: in use by {blocking[0]}"
            if first != told:
                self._say(first)
                told = first
            leases = [each.until - time.time() for each in blocking]
            self._listen(blocking, max(0.0, min(left, self._lease / _RENEWALS, *leases)))
            blocking = self._book.take(self._token, self._lease)

    def keep(self) -> None:
        """Renew the lease from now on, and notice a loss."""
        name = f"reservation {self._token}"
        self._keeper = threading.Thread(target=self._renew, name=name, daemon=True)
        self._keeper.start()

    def _renew(self) -> None:
        while True:
            self._listen((), self._lease / _RENEWALS)
            if self._leaving.is_set():
                return
            try:
                why = self._book.renew(self._token, self._lease)
            except BenchFault:
                # Tried again next time: there are some before the lease runs out.
                continue
            if why:
                self._say(f"the reservation was lost: {why}")
                return

    def _listen(self, blocking: Iterable[Holder], seconds: float) -> None:
        """Wait for the bell, or the end of a process that is in the way."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        with ExitStack() as stack:
            for member in (each for holder in blocking for each in holder.members):
                if not member.visible or member.pid == self._pid:
                    continue
                try:
                    handle = os.pidfd_open(member.pid)
                except ProcessLookupError:
                    return
                stack.callback(os.close, handle)
                if member.gone:
                    return
                poll.register(handle, select.POLLIN)
            poll.poll(seconds * 1000)
        with suppress(BlockingIOError):
            while os.read(self._bell, 4096):
                pass


def _inherited() -> list[str]:
    return [token for token in os.environ.get(TOKENS_VARIABLE, "").split(",") if token]


@contextmanager
def _handed_on(token: str) -> Iterator[None]:
    os.environ[TOKENS_VARIABLE] = ",".join([*_inherited(), token])
    try:
        yield
    finally:
        left = [each for each in _inherited() if each != token]
        if left:
            os.environ[TOKENS_VARIABLE] = ",".join(left)
        else:
            os.environ.pop(TOKENS_VARIABLE, None)


def _command() -> str:
    """What this process is, without its options: some are secret, as a webhook's address is."""
    program, *arguments = sys.argv or ["python"]
    name = Path(program)
    if name.stem == "__main__":
        name = name.parent
    called = {"cli": "harness", "-c": "python", "": "python"}.get(name.name, name.name)
    words = takewhile(lambda word: not word.startswith("-"), arguments)
    return shlex.join([called, *words])[:120]


def _taken(resources: Sequence[Resource], blocking: Sequence[Holder], within: float) -> InUse:
    first = blocking[0]
    others = len(blocking) - 1
    more = f" ({others} more in the way)" if others else ""
    what = "in use by" if first.holds else "kept for the next in line,"
    name = min(_shared(resources, first)).device
    waited = f"free within {within:g} s" if within else "free"
    return InUse(
        f"{what} {first}{more}",
        device=_contested(resources, blocking),
        state=_since(first),
        expected=waited,
        hint=f"wait for it with --wait SECONDS; harness lock list shows all; if its owner is "
        f"stuck: harness lock release {name} --force",
    )


def _since(holder: Holder) -> str:
    began, until = (_clock(when) for when in (holder.since, holder.until))
    how = "held" if holder.holds else "asked for"
    return f"{holder.reason}, {how} since {began}, until {until} unless renewed"


def _clock(when: float) -> str:
    return datetime.fromtimestamp(when).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _shared(resources: Sequence[Resource], holder: Holder) -> list[Resource]:
    theirs = {each.key for each in holder.resources}
    return [each for each in resources if each.key in theirs]


def _contested(resources: Sequence[Resource], blocking: Sequence[Holder]) -> str:
    return _told([each for each in resources if any(_shared([each], b) for b in blocking)])


def _told(resources: Sequence[Resource]) -> str:
    names = list(dict.fromkeys(each.device for each in resources))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
