"""The disk that a run is kept on: is there room, and whose fault is it when there is none."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from harness.errors import BenchFault
from harness.events import PartBack
from harness.timeline import DISK, Timeline

__all__ = ["Disk", "Reserve", "check_room", "disk_fault", "is_full"]

#: Bytes a test may need: the captures of its calls, and its evidence.
_LEAST_FREE = 16 << 20
#: Bytes the reports of a night may need, kept free for them from its beginning.
_RESERVED = 8 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, says that a disk or a quota is full."""
    looked_at: set[int] = set()
    # Who raises an error from itself, to say more with it, makes its own cause of it.
    while error is not None and id(error) not in looked_at:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        looked_at.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def disk_fault(what: str, folder: Path) -> BenchFault:
    """Return the fault to raise when something could not be written below ``folder``."""
    return BenchFault(
        f"{what}: the disk is full",
        device=DISK,
        state=f"{shutil.disk_usage(folder).free / 1e6:.1f} MB free in {folder}",
        expected=f"{_LEAST_FREE / 1e6:.0f} MB for a test's captures and evidence",
        hint="make room there (old runs?), or name another folder by --runs-dir; in a night, what "
        "has no room is kept in memory, and the next test that finds room is run",
    )


def check_room(folder: Path) -> None:
    """Make sure that a run can begin to be kept in ``folder``, which may not be there yet.

    Raises:
        BenchFault: its disk has no room.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if shutil.disk_usage(there).free < _LEAST_FREE:
        raise disk_fault("a night cannot be recorded", there)


class Disk:
    """A part of the bench, lost while there is no room for what a test leaves.

    Args:
        folder: the run's.
        timeline: told when there is room again; it tells itself when there is none.
    """

    name = DISK

    def __init__(self, folder: Path, timeline: Timeline) -> None:
        self._folder = folder
        self._timeline = timeline

    @property
    def gone(self) -> str:
        """What it lacks; empty while there is room."""
        lost = self._timeline.lost().get(DISK)
        if lost is not None:
            return lost.reason
        free = shutil.disk_usage(self._folder).free
        return "" if free >= _LEAST_FREE else f"{free / 1e6:.1f} MB free in {self._folder}"

    def mend(self) -> None:
        """See whether there is room again.

        Raises:
            BenchFault: there is not.
        """
        if shutil.disk_usage(self._folder).free < _LEAST_FREE:
            raise disk_fault("nothing more can be recorded", self._folder)
        self._timeline.append(PartBack(DISK), source="harness")


class Reserve:
    """Room for the reports of a run, held from its beginning so that they can be written.

    Args:
        folder: the run's; without room in it there is no reserve, and nothing is said.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".room-for-reports"
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVED)
        except OSError:
            self.release()

    def release(self) -> None:
        """Give the room back."""
        self._path.unlink(missing_ok=True)
