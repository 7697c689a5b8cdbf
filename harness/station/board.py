"""What the page shows, in parts: each viewer gets every part first, then those that change."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping

__all__ = ["Board"]

#: Seconds of silence after which a viewer is told that the station is still there.
_STILL_HERE_S = 15.0
#: Milliseconds after which a browser that lost the station tries again.
_TRY_AGAIN_MS = 1000


class Board:
    """The newest state of every part, as JSON, and who waits for news of it.

    There is no queue: a slow viewer gets the newest state when it is ready for it, and costs
    nothing meanwhile. For one event loop; nothing here blocks.
    """

    def __init__(self) -> None:
        self._parts: dict[str, tuple[int, str]] = {}
        self._version = 0
        self._changed = asyncio.Event()
        self._closed = False

    def publish(self, parts: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Put up the state of some parts; others stay as they are.

        Args:
            parts: JSON on one line, by the part's name: ``kind`` or ``kind/which``.
            gone: names of parts that are no more.
        """
        for name in gone:
            self._parts.pop(name, None)
        for name, text in parts.items():
            if name not in self._parts or self._parts[name][1] != text:
                self._version += 1
                self._parts[name] = (self._version, text)
        self._wake()

    def close(self) -> None:
        """End the stream of every viewer."""
        self._closed = True
        self._wake()

    async def stream(self) -> AsyncIterator[str]:
        """Yield server-sent events for one viewer: all that is, then all that changes."""
        yield f"retry: {_TRY_AGAIN_MS}\n\n"
        sent = 0
        while not self._closed:
            changed = self._changed
            news = sorted((at, name) for name, (at, _) in self._parts.items() if at > sent)
            if news:
                sent = news[-1][0]
                # How long a step has been running is counted by the bench's clock, not a viewer's.
                told = [_event("clock", json.dumps({"now": round(time.time(), 3)}))]
                told += [_event(name.partition("/")[0], self._parts[name][1]) for _, name in news]
                yield "".join(told)
                continue
            try:
                await asyncio.wait_for(changed.wait(), _STILL_HERE_S)
            except TimeoutError:
                yield ": still here\n\n"

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _event(kind: str, text: str) -> str:
    return f"event: {kind}\ndata: {text}\n\n"
