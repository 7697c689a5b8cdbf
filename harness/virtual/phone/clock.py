"""The phone's own time: boot, flash and lamps run faster than on hardware, the network does not."""

from __future__ import annotations

import asyncio

__all__ = ["Clock"]


class Clock:
    """Device time, ``speed`` times faster than the wall clock."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    def real(self, seconds: float, *, at_least: float = 0.0) -> float:
        """Return the wall-clock seconds that ``seconds`` of device time take here."""
        return max(seconds / self._speed, at_least)

    async def spend(self, seconds: float, *, at_least: float = 0.0) -> None:
        """Let device time pass: the phone is busy with itself."""
        await asyncio.sleep(self.real(seconds, at_least=at_least))
