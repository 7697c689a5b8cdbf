"""A pseudo-terminal with a script behind it, which must be used up exactly."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Generic, Self, TypeVar

S = TypeVar("S")


class ScriptedLine(ABC, Generic[S]):
    """Play steps to whoever opens ``port``; leaving it asserts that all were played."""

    def __init__(self, *steps: S) -> None:
        self._steps = list(steps)
        self._wrong: list[str] = []
        self._rest = b""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        deadline = time.monotonic() + 3.0
        while kind is None and self._steps and not self._wrong and time.monotonic() < deadline:
            self._thread.join(0.01)
        os.close(self._stopped)
        self._thread.join(3.0)
        self.unplug()
        os.close(self._stop)
        if kind is None:
            assert not self._wrong, self._wrong
            assert not self._steps, f"left over: {self._steps}"

    def unplug(self) -> None:
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1

    def write(self, data: bytes) -> None:
        os.write(self._master, data)

    @abstractmethod
    def _take(self) -> None:
        """Play as much of the script as what is in ``_rest`` calls for, and take that away."""

    def _play(self) -> None:
        while self._master >= 0:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in ready:
                return
            self._rest += os.read(self._master, 4096)
            self._take()
