"""The lamps on the phone's case."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.events import LampColour
from harness.virtual.phone.logs import say

__all__ = ["Lamps"]


class Lamps:
    """Light lamps; only changes reach the world."""

    def __init__(self, lines: int) -> None:
        self._lines = [f"line{number}" for number in range(1, lines + 1)]
        self._shown: dict[str, LampColour] = {}
        self._blinking: dict[str, asyncio.Task[None]] = {}

    def show(self, lamp: str, colour: LampColour) -> None:
        """Light a lamp steadily, or darken it."""
        task = self._blinking.pop(lamp, None)
        if task is not None:
            task.cancel()
        self._set(lamp, colour)

    def blink(self, lamp: str, colour: LampColour, period: float = 1.0) -> None:
        """Let a lamp blink with a period in seconds."""
        self.show(lamp, LampColour.DARK)
        self._blinking[lamp] = asyncio.create_task(self._blink(lamp, colour, period / 2))

    async def _blink(self, lamp: str, colour: LampColour, half: float) -> None:
        while True:
            for shown in (colour, LampColour.DARK):
                self._set(lamp, shown)
                await asyncio.sleep(half)

    def dark(self) -> None:
        """Darken everything."""
        for lamp in list(self._blinking):
            self.show(lamp, LampColour.DARK)
        for lamp in list(self._shown):
            self._set(lamp, LampColour.DARK)

    async def walk(self, colour: LampColour, step: float, rounds: int | None = None) -> None:
        """Walk the line lamps from top to bottom, each lit for ``step`` seconds."""
        turn = 0
        try:
            while rounds is None or turn < rounds:
                for lamp in self._lines:
                    self._set(lamp, colour)
                    await asyncio.sleep(step)
                    self._set(lamp, LampColour.DARK)
                turn += 1
        finally:
            with suppress(OSError):
                self.dark()

    def _set(self, lamp: str, colour: LampColour) -> None:
        if self._shown.get(lamp, LampColour.DARK) is not colour:
            self._shown[lamp] = colour
            say(lamp=lamp, colour=colour.value)
