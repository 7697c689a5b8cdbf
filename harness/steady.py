"""The run's clock: the time of day when the process started, and CLOCK_MONOTONIC since.

A host's clock is set while nights run: by NTP after a boot, by a person, by a wrong time zone. Time
that is compared, or subtracted, must not follow it; what it was set by is kept, for whoever reads
a time that another program wrote.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["RUN_CLOCK", "SteadyClock"]

#: Seconds: less than this is no step. NTP slews CLOCK_MONOTONIC as well, so nothing else adds up.
_LEAST = 0.25
#: Seconds between the two looks at the clocks; a longer pause of ours would pass for a step.
_QUICK = 0.02


class SteadyClock:
    """Seconds since the epoch that nobody can set. Thread-safe.

    Args:
        wall: the host's time of day.
        mono: seconds that only ever pass.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, mono: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._mono = mono
        self._origin = wall() - mono()
        self._shifts = [0.0]
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the time of day, as if the host's clock had never been set since the start."""
        return self._origin + self._mono()

    def shift(self) -> float:
        """Return by how many seconds the host's clock is ahead of this one; it changes by steps."""
        before = self._mono()
        wall = self._wall()
        found = wall - before - self._origin
        looked_well = self._mono() - before < _QUICK
        with self._lock:
            if looked_well and abs(found - self._shifts[-1]) >= _LEAST:
                self._shifts.append(found)
            return self._shifts[-1]

    @property
    def was_set(self) -> bool:
        """Whether anybody has set the host's clock since the start, as far as was looked."""
        return len(self._shifts) > 1

    def steady(self, stamped: float) -> float:
        """Turn a time that another program has just stamped by the host's clock into ours.

        It is taken to have been stamped before, or after, whichever of the steps so far brings it
        nearest to now.
        """
        self.shift()
        now = self.now()
        with self._lock:
            return min((stamped - shift for shift in self._shifts), key=lambda at: abs(now - at))


#: What every time on the timeline is told by.
RUN_CLOCK = SteadyClock()
