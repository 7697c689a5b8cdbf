"""The steppers and the planner queue of a GRBL machine, move by move."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from enum import StrEnum

__all__ = ["Motion", "Place", "State"]

Place = tuple[float, float, float]

#: BLOCK_BUFFER_SIZE is 16, one of which is always in hand.
_BLOCKS = 15
#: The position is followed in steps of this many seconds.
_TICK_S = 0.004


class State(StrEnum):
    """Machine states as status reports name them."""

    IDLE = "Idle"
    RUN = "Run"
    HOLD = "Hold"
    JOG = "Jog"
    ALARM = "Alarm"
    HOME = "Home"


class Motion:
    """Carry out planned moves one after the other.

    Args:
        settings: the machine's ``$`` settings.
        speed: how many times faster than hardware it moves.
        moved: called at each new position.
    """

    def __init__(self, settings: dict[int, float], speed: float, moved: Callable[[], None]) -> None:
        self._settings = settings
        self._speed = speed
        self._moved = moved
        self._queue: deque[tuple[Place, float]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._may_move = asyncio.Event()
        self._may_move.set()
        self.state = State.IDLE
        self.position: Place = (0.0, 0.0, 0.0)
        self.planned: Place = self.position
        self.feed = 0.0
        #: Set whenever a move ends, a block is free again, or the state changes.
        self.changed = asyncio.Event()

    @property
    def blocks(self) -> int:
        """How many moves the planner takes."""
        return _BLOCKS

    @property
    def free(self) -> int:
        """How many more it takes now."""
        return _BLOCKS - len(self._queue)

    @property
    def moving(self) -> bool:
        """Whether moves are under way or queued."""
        return bool(self._queue)

    def reaches(self, target: Place) -> bool:
        """Whether a target is within the travel; machine space is negative from the home corner."""
        return all(-self._settings[130 + axis] <= value <= 0 for axis, value in enumerate(target))

    def plan(self, target: Place, feed: float, *, jog: bool = False) -> None:
        """Queue a move; ``feed`` in mm/min, 0 for rapid."""
        self.planned = target
        if math.dist(target, self._last()) == 0:
            return
        self._queue.append((target, feed))
        if self.state is State.IDLE:
            self.state = State.JOG if jog else State.RUN
        self._begin()

    def home(self) -> None:
        """Seek the corner, first Z then the plane, and pull off."""
        pull = self._settings[27]
        x, y, _ = self.position
        for target in ((x, y, -pull), (-pull, -pull, -pull)):
            self._queue.append((target, self._settings[25]))
        self.planned = (-pull, -pull, -pull)
        self._begin()

    def hold(self) -> None:
        """Feed hold: stop where it is, to go on later. A jog is cancelled by it."""
        if self.state is State.JOG:
            self.cancel_jog()
        elif self.state in (State.IDLE, State.RUN):
            self.state = State.HOLD
            self._may_move.clear()

    def resume(self) -> None:
        """Go on after a hold."""
        if self.state is State.HOLD:
            self.state = State.RUN if self._queue else State.IDLE
            self._may_move.set()
            self.changed.set()

    def cancel_jog(self) -> None:
        """End a jog where it is."""
        if self.state is State.JOG:
            self.halt()
            self.state = State.IDLE

    def halt(self) -> None:
        """Stop and forget every move; the position stays."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._queue.clear()
        self.planned, self.feed = self.position, 0.0
        self._may_move.set()
        self.changed.set()

    def _last(self) -> Place:
        return self._queue[-1][0] if self._queue else self.position

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._queue:
            target, feed = self._queue[0]
            await self._move(target, feed)
            if self._queue:
                self._queue.popleft()
            self.changed.set()
        self.feed = 0.0
        if self.state in (State.RUN, State.JOG):
            self.state = State.IDLE
        self.changed.set()

    async def _move(self, target: Place, feed: float) -> None:
        start = self.position
        way = math.dist(start, target)
        seconds = self._duration(start, target, feed) / self._speed
        self.feed = way / max(seconds * self._speed, 0.001) * 60
        steps = max(1, math.ceil(seconds / _TICK_S))
        for step in range(1, steps + 1):
            await self._may_move.wait()
            await asyncio.sleep(seconds / steps)
            await self._may_move.wait()
            part = step / steps
            x, y, z = (a + (b - a) * part for a, b in zip(start, target, strict=True))
            self.position = target if step == steps else (x, y, z)
            self._moved()

    def _duration(self, start: Place, target: Place, feed: float) -> float:
        """Seconds for one move from rest to rest, by the slowest axis it needs."""
        whole = math.dist(start, target)
        slowest = 0.0
        for axis in range(3):
            way = abs(target[axis] - start[axis])
            if not way:
                continue
            rate = self._settings[110 + axis] / 60
            if feed:
                rate = min(rate, feed / 60 * way / whole)
            acceleration = self._settings[120 + axis]
            # Too short to reach the rate: up the ramp and down again.
            short = 2 * math.sqrt(way / acceleration)
            long = way / rate + rate / acceleration
            slowest = max(slowest, short if rate * rate > way * acceleration else long)
        return slowest
