"""What other processes write into a run's timelines, shown while they do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import watchfiles

from harness.runs.tail import TimelineTail
from harness.timeline import TIMELINES, Timeline

__all__ = ["following"]

#: Milliseconds in which changes are gathered: fresh enough for a person's eyes.
_GATHERED_MS = 100


@contextmanager
def following(timeline: Timeline, directory: Path) -> Iterator[None]:
    """Show the listeners of a timeline what is written to the others in a run's folder.

    Args:
        timeline: the one of this process; its own records are shown by itself.
        directory: the run's folder. What was in it before is not shown.
    """
    before = set(directory.glob(TIMELINES))
    tails: dict[Path, TimelineTail] = {}
    stop = threading.Event()

    def read() -> None:
        for path in sorted(set(directory.glob(TIMELINES)) - before):
            tails.setdefault(path, TimelineTail(path))
        fresh = [record for tail in tails.values() for record in tail.new_records()]
        for record in sorted(fresh, key=lambda each: each.wall):
            timeline.show(record)

    def follow() -> None:
        for _ in watchfiles.watch(
            directory,
            watch_filter=lambda _, path: Path(path).match(TIMELINES),
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
