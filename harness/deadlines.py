"""The one place where deadlines come from.

Two kinds of time exist on a bench. *Device time* is how long a phone takes to boot, flash or
walk its lamps: minutes on hardware, seconds on a virtual bench whose clock is sped up. *Wire
time* is what SIP and RTP take between real programs: the same everywhere. Callers state what
hardware needs; only this module knows the factor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

__all__ = ["Deadlines", "Patience"]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Turn the time a real phone may take into a deadline for this bench.

    Args:
        device_speed: how many times faster than hardware device time runs (1 on hardware).
        grace: seconds added to every device deadline for process start-up and scheduling.
    """

    device_speed: float = 1.0
    grace: float = 0.0

    def device(self, seconds: float) -> float:
        """Deadline in seconds for something the phone does in ``seconds`` on hardware."""
        return seconds / self.device_speed + self.grace

    def wire(self, seconds: float) -> float:
        """Deadline in seconds for an exchange whose timers are those of SIP or RTP."""
        return seconds


class Patience:
    """Seconds somebody may be waited for in all, from now on, whatever is waited for in turn."""

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._until = self._began + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, 0 when it is over."""
        return max(0.0, self._until - time.monotonic())

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began
