"""Bringing parts of the bench back that failed by themselves, before the next test begins."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Protocol

from harness.errors import BenchFault, InUse
from harness.timeline import Timeline

__all__ = ["Mender", "Part"]

#: Seconds between two tries: neither a PDU nor a serial port tells by itself that it is back.
_PAUSE_S = 0.5


class Part(Protocol):
    """Something on the bench that can fail by itself and be brought back."""

    @property
    def name(self) -> str:
        """Its name in lab.yaml, or what it is."""

    @property
    def gone(self) -> str:
        """Why it cannot be used; empty while it can."""

    def mend(self) -> None:
        """Bring it back; `BenchFault` while that cannot be, `InUse` if waiting for it is no use."""


class Mender:
    """Bring parts back, with patience for each once: who has waited in vain only looks again.

    Args:
        timeline: where it is said.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._given_up: set[str] = set()
        self._never = threading.Event()

    def mend(self, parts: Iterable[tuple[Part, float]]) -> None:
        """Bring back every part that is gone, each within so many seconds.

        Raises:
            BenchFault: one does not come back, and why.
        """
        all_parts = list(parts)
        # Twice: while one was brought back, it may have shown that another is lost as well.
        for part, patience in (*all_parts, *all_parts):
            if part.gone:
                self._bring_back(part, 0.0 if part.name in self._given_up else patience)
            self._given_up.discard(part.name)

    def _bring_back(self, part: Part, patience: float) -> None:
        deadline = time.monotonic() + patience
        with self._timeline.step(f"bring {part.name} back: {part.gone}"):
            while True:
                try:
                    part.mend()
                except BenchFault as fault:
                    if isinstance(fault, InUse) or time.monotonic() >= deadline:
                        self._given_up.add(part.name)
                        raise
                    self._never.wait(_PAUSE_S)
                else:
                    return
