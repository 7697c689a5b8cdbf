"""That something happened in some folders, told by the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from watchfiles import awatch
from watchfiles.main import FileChange

__all__ = ["FolderChanges"]

#: Milliseconds in which file events are taken together, and of quiet that end such a bundle.
_BUNDLE_MS, _QUIET_MS = 100, 20


class FolderChanges:
    """File events in some folders: none is missed from :meth:`begin` on."""

    def __init__(self, folders: Collection[Path]) -> None:
        self.folders = set(folders)
        self._stop = asyncio.Event()
        self._changes = awatch(
            *folders, watch_filter=None, debounce=_BUNDLE_MS, step=_QUIET_MS, recursive=False,
            stop_event=self._stop,
        )  # fmt: skip
        self._next: asyncio.Task[set[FileChange]] | None = None

    async def begin(self) -> None:
        """Have the kernel watch.

        Raises:
            FileNotFoundError: a folder is not there any more.
        """
        self._next = asked = self._asked()
        # awatch asks the kernel in its first step, before it waits for anything.
        await asyncio.sleep(0)
        if asked.done():
            asked.result()

    async def wait(self) -> set[Path]:
        """Return the folders in which something happened since the last call, once it has."""
        assert self._next is not None, "begin() comes first"  # noqa: S101
        # Not awaited itself: cancelled, it would wait on its thread for seconds.
        await asyncio.wait({self._next})
        happened = {Path(path).parent for _, path in self._next.result()}
        self._next = self._asked()
        return happened

    async def close(self) -> None:
        """Watch no more."""
        self._stop.set()
        if self._next is not None:
            await asyncio.wait({self._next})
            # Whatever it ended with, nobody waits for it any more.
            self._next.exception()

    def _asked(self) -> asyncio.Task[set[FileChange]]:
        async def ask() -> set[FileChange]:
            return await anext(self._changes)

        return asyncio.create_task(ask())
