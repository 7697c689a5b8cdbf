"""The one append-only timeline: every observer writes to it, every wait reads from it.

An event is on disk (JSON Lines) before any waiter sees it, so a killed run loses nothing that
was seen; while the disk is full it waits in memory. Waits never poll and never sleep: they are
woken by the append they wait for, and end at once when a part of the bench is lost without which
it cannot come.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from harness.appending import AppendOnlyFile
from harness.errors import BenchFault, HarnessBug, HarnessError, ProductFault
from harness.events import (
    ClockJumped,
    Event,
    Note,
    PartBack,
    PartLost,
    PbxStarted,
    PbxStopped,
    Record,
    StepEnded,
    StepStarted,
)
from harness.steady import RUN_CLOCK

__all__ = ["DISK", "TIMELINES", "Mark", "Observer", "Timeline", "disk_loss", "loss"]
__all__ += ["read_timeline", "read_timelines"]

E = TypeVar("E", bound=Event)

#: A position in the timeline: "everything from here on".
Mark = int

#: The timelines of a run in its folder: ``timeline.jsonl``, and one more for each process that ran
#: tests beside it, or for each time the run was resumed.
TIMELINES = "timeline*.jsonl"
#: The part of the bench that is lost while nothing can be written.
DISK = "disk"


def disk_loss(what: object, error: OSError) -> PartLost:
    """Return the event that says that something (a path) could not be written for want of room."""
    hint = "make room; what has none yet waits in memory, and later tests are run when there is"
    return PartLost(DISK, f"{what}: {error.strerror}", hint=hint)


def loss(event: Event) -> PartLost | None:
    """Return which part of the bench an event says was lost, if it says so."""
    if isinstance(event, PbxStopped) and not event.asked:
        reason = f"Asterisk ended unasked: {event.reason}"
        return PartLost("pbx", reason, hint="read the PBX log in this run's folder")
    return event if isinstance(event, PartLost) else None


class Timeline:
    """Collect events from all observers and let callers wait for them.

    Thread-safe. ``path`` is the JSON Lines file to append to; without one the timeline lives in
    memory only (unit tests). ``first`` is the number of its first record: those of all timelines
    of a run are different.
    """

    def __init__(self, path: Path | None = None, *, first: int = 0) -> None:
        self._records: list[Record] = []
        self._condition = threading.Condition()
        self._file: AppendOnlyFile | None = None
        self._listeners: list[Callable[[Record], None]] = []
        self._step = 0
        self._lost: dict[str, PartLost] = {}
        self._shift = RUN_CLOCK.shift()
        self.path = path
        #: The number of the record at mark 0.
        self.first = first
        #: Name of the test that is running; stamped on each record.
        self.test = ""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = AppendOnlyFile(path)

    def append(self, event: Event, *, source: str, device: str = "") -> Record:
        """Write an event down and wake whoever waits for it.

        Args:
            event: what was seen.
            source: the observer.
            device: the lab.yaml name of the device it is about, if any.
        """
        shift = RUN_CLOCK.shift()
        with self._condition:
            jump, self._shift = shift - self._shift, shift
        if jump:
            self._append(ClockJumped(round(jump, 3)), "harness", "")
        return self._append(event, source, device)

    def _append(self, event: Event, source: str, device: str) -> Record:
        with self._condition:
            if isinstance(event, PartLost) and event.part in self._lost:
                # Several meet the same full disk at once; it is lost once.
                event = Note(str(event))
            record = Record(
                seq=self.first + len(self._records),
                mono=time.monotonic(),
                wall=RUN_CLOCK.now(),
                source=source,
                device=device,
                test=self.test,
                event=event,
            )
            trouble = None
            if self._file is not None:
                line = json.dumps(record.as_dict(), ensure_ascii=False)
                trouble = self._file.write(line + "\n")
            self._records.append(record)
            lost = loss(event)
            if lost is not None:
                self._lost.setdefault(lost.part, lost)
            elif isinstance(event, PartBack):
                self._lost.pop(event.part, None)
            elif isinstance(event, PbxStarted):
                self._lost.pop("pbx", None)
            full = trouble is not None and DISK not in self._lost
            self._condition.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(record)
        if full and trouble is not None:
            # Told as any other loss; a driver's thread must not end for want of room.
            self.append(disk_loss(self.path, trouble), source="harness")
        return record

    @property
    def owed(self) -> int:
        """Bytes of the timeline that are not on disk, for want of room."""
        return self._file.owed if self._file is not None else 0

    def lost(self) -> dict[str, PartLost]:
        """Return the parts of the bench that are lost now, by name."""
        with self._condition:
            return dict(self._lost)

    def check(
        self,
        device: str | None = None,
        *,
        spare: Collection[str] = (),
        state: str = "",
        expected: str = "",
    ) -> None:
        """Make sure that nothing is lost that a test of ``device``, or any test, needs.

        Args:
            device: the phone; None for what all tests need.
            spare: names of parts that may be lost.
            state: for the fault.
            expected: for the fault.

        Raises:
            BenchFault: it is.
        """
        for lost in self.lost().values():
            if lost.needed_by(device or "") and lost.part not in spare:
                raise BenchFault(
                    lost.reason, device=lost.part, state=state, expected=expected, hint=lost.hint
                )

    def observer(self, source: str, device: str = "") -> Observer:
        """Return a writer bound to one source, to hand to a driver."""
        return Observer(self, source, device)

    def listen(self, listener: Callable[[Record], None]) -> Callable[[], None]:
        """Call ``listener`` with each new record, in the writer's thread; returns the undo."""
        with self._condition:
            self._listeners.append(listener)

        def undo() -> None:
            with self._condition:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return undo

    def show(self, record: Record) -> None:
        """Let listeners see a record that another process wrote; it is not kept here."""
        with self._condition:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(record)

    def mark(self) -> Mark:
        """Return the present end, to look only at what comes later."""
        with self._condition:
            return len(self._records)

    def records(self, since: Mark = 0) -> list[Record]:
        """Return all records from ``since`` on."""
        with self._condition:
            return self._records[since:]

    def events(
        self,
        kind: type[E],
        *,
        device: str | None = None,
        since: Mark = 0,
        where: Callable[[E], bool] | None = None,
    ) -> list[E]:
        """Return the payloads of one kind from ``since`` on, oldest first."""
        return [
            record.event
            for record in self.records(since)
            if isinstance(record.event, kind)
            and (device is None or record.device == device)
            and (where is None or where(record.event))
        ]

    def wait_until(
        self,
        condition: Callable[[list[Record]], bool],
        *,
        within: float,
        since: Mark = 0,
        device: str | None = None,
    ) -> bool:
        """Wait until ``condition`` holds for the records from ``since`` on.

        It is evaluated once at the start and once after each append. Returns False when the
        deadline of ``within`` seconds passes first.

        Raises:
            BenchFault: at once, when a part of the bench is lost that all tests, or those of
                ``device``, need.
        """
        deadline = time.monotonic() + within
        with self._condition:
            while not condition(self._records[since:]):
                self.check(device)
                left = deadline - time.monotonic()
                if left <= 0 or not self._condition.wait(left):
                    return condition(self._records[since:])
            return True

    def wait_for(
        self,
        kind: type[E],
        *,
        within: float,
        device: str | None = None,
        since: Mark = 0,
        where: Callable[[E], bool] | None = None,
        expected: str = "",
        blame: type[HarnessError] = ProductFault,
        hint: str = "",
    ) -> E:
        """Wait for the first event of a kind and return its payload.

        Args:
            kind: the payload class.
            within: deadline in seconds.
            device: only events about this device.
            since: only events after this mark (see :meth:`mark`).
            where: further condition on the payload.
            expected: what the caller expects, in a person's words, for the error.
            blame: the class to raise when the deadline passes.
            hint: the next thing to try, for the error.

        Raises:
            HarnessError: of class ``blame``, when the deadline passes.
            BenchFault: at once, when a part of the bench is lost that all tests, or those of
                ``device``, need: nothing a test waits for can come any more.
        """
        deadline = time.monotonic() + within
        position = since
        with self._condition:
            while True:
                for record in self._records[position:]:
                    event = record.event
                    if (
                        isinstance(event, kind)
                        and (device is None or record.device == device)
                        and (where is None or where(event))
                    ):
                        return event
                position = len(self._records)
                waiting = f"while waiting for a '{kind.kind}' event"
                self.check(device, state=waiting, expected=expected)
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._condition.wait(left)
            seen = self._last_about(device, since)
        raise blame(
            f"no '{kind.kind}' event within {within:.1f} s",
            device=device or "",
            state=f"last seen: {seen}" if seen else "nothing seen from it in that time",
            expected=expected or f"{kind.kind} within {within:.1f} s",
            hint=hint,
        )

    def _last_about(self, device: str | None, since: Mark) -> str:
        for record in reversed(self._records[since:]):
            if device is None or record.device == device:
                return f"{record.event.kind} ({record.event})"[:300]
        return ""

    @contextmanager
    def step(self, name: str, *, device: str = "", source: str = "harness") -> Iterator[None]:
        """Record that something a person would name begins, and how it ends."""
        with self._condition:
            self._step += 1
            number = self._step
        started = time.monotonic()
        self.append(StepStarted(step=number, name=name), source=source, device=device)
        outcome = "done"
        try:
            yield
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self.append(
                StepEnded(
                    step=number, name=name, duration=time.monotonic() - started, outcome=outcome
                ),
                source=source,
                device=device,
            )

    def close(self) -> None:
        """Close the file; further events stay in memory only."""
        with self._condition:
            if self._file is not None:
                self._file.close()
                self._file = None


class Observer:
    """A writer bound to one source (and usually one device)."""

    def __init__(self, timeline: Timeline, source: str, device: str = "") -> None:
        self.timeline = timeline
        self.source = source
        self.device = device

    def __call__(self, event: Event, *, device: str | None = None) -> Record:
        """Append ``event``; ``device`` overrides the bound one."""
        bound = self.device if device is None else device
        return self.timeline.append(event, source=self.source, device=bound)


def read_timeline(path: Path) -> list[Record]:
    """Read a timeline file back; a torn last line (killed run) is left out.

    Raises:
        HarnessBug: a line other than the last is not a record.
    """
    records: list[Record] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            records.append(Record.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise HarnessBug(f"{path}:{number}: not a timeline record: {error}") from error
    return records


def read_timelines(directory: Path) -> list[Record]:
    """Read every timeline of a run, one after the other, in the order of their numbers.

    Raises:
        HarnessBug: a line other than a file's last is not a record.
    """
    records = (record for file in directory.glob(TIMELINES) for record in read_timeline(file))
    return sorted(records, key=lambda record: record.seq)
