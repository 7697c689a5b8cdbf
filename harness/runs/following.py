"""What other processes write into a run's timelines, seen while they do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import watchfiles

from harness.events import Record
from harness.runs.tail import TimelineTail
from harness.timeline import TIMELINES

__all__ = ["following"]

#: Milliseconds in which changes are gathered: fresh enough for a person's eyes.
_GATHERED_MS = 100


@contextmanager
def following(
    directory: Path, see: Callable[[Record], object], *, where: Callable[[Path], bool]
) -> Iterator[None]:
    """Call ``see``, in a thread, with each record that is written from now on.

    Args:
        directory: the run's folder.
        see: gets the records, in the order of their time as far as they come together.
        where: which timelines to follow; a process's own it knows already.
    """

    def is_followed(path: Path) -> bool:
        return path.match(TIMELINES) and where(path)

    tails: dict[Path, TimelineTail] = {}
    for path in filter(is_followed, directory.glob(TIMELINES)):
        tails[path] = TimelineTail(path)
        tails[path].new_records()
    stop = threading.Event()

    def read() -> None:
        for path in filter(is_followed, sorted(directory.glob(TIMELINES))):
            tails.setdefault(path, TimelineTail(path))
        fresh = [record for tail in tails.values() for record in tail.new_records()]
        for record in sorted(fresh, key=lambda each: each.wall):
            see(record)

    def follow() -> None:
        for _ in watchfiles.watch(
            directory,
            watch_filter=lambda _, path: is_followed(Path(path)),
            debounce=_GATHERED_MS,
            stop_event=stop,
            recursive=False,
            raise_interrupt=False,
        ):
            read()
        read()

    follower = threading.Thread(target=follow, name="following", daemon=True)
    follower.start()
    try:
        yield
    finally:
        stop.set()
        follower.join()
