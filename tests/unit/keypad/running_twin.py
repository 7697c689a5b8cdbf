from __future__ import annotations

import asyncio
from dataclasses import dataclass

from harness.events import LampColour
from harness.virtual.keypad import KeypadTwin


@dataclass
class RunningTwin:
    """A keypad twin in an event loop of its own, over a world without a phone."""

    port: str
    twin: KeypadTwin
    loop: asyncio.AbstractEventLoop
    log: list[str]

    def light(self, lamp: str, colour: LampColour) -> None:
        self.loop.call_soon_threadsafe(self.twin._world._lamp, "keypad-1", lamp, colour)

    def pull_for(self, seconds: float) -> None:
        async def pull() -> None:
            self.twin._port.pull_for(seconds)

        asyncio.run_coroutine_threadsafe(pull(), self.loop).result(2.0)

    def unplug(self) -> None:
        async def stop() -> None:
            self.twin.stop()

        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(2.0)
