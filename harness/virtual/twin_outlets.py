"""The outlets of a PDU twin, whatever protocol asks for them: what is true, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from harness.virtual.spec import PduFaults, PduSpec
from harness.virtual.world import World

__all__ = ["TwinOutlets"]


class TwinOutlets:
    """Switch the world's outlets, or do wrong as the spec demands, and say so in the log."""

    def __init__(self, name: str, spec: PduSpec, world: World, log: Callable[[str], None]) -> None:
        self._name = name
        self._spec = spec
        self._world = world
        self._log = log
        self._told: dict[int, bool] = {}
        self._switched_on = 0
        #: Whether nothing of it can be reached at the moment.
        self.away = False
        self._switching: set[asyncio.Task[None]] = set()

    @property
    def faults(self) -> PduFaults:
        """What goes wrong."""
        return self._spec.faults

    @property
    def numbers(self) -> range:
        """Its outlets."""
        return range(1, self._spec.outlets + 1)

    def fired(self, fault: str, text: str) -> None:
        """Say that a planted fault came about."""
        self._log(f"fault fired: {self._name} {fault}: {text}")

    def reads_back(self, outlet: int) -> bool:
        """What the PDU says of an outlet."""
        if self.faults.lie and outlet in self._told:
            return self._told[outlet]
        return self._world.outlet_is_on(self._id(outlet))

    def amperes(self, outlet: int) -> float:
        """What the outlet really delivers: the meter is honest."""
        return self._world.amperes(self._id(outlet))

    def goes_away(self, outlet: int, *, on: bool) -> float:
        """Take notice of a switching command; the seconds for which it goes away at it, if so."""
        self._switched_on += on
        if self.faults.away is None or not on or self._switched_on != self.faults.away[0]:
            return 0.0
        seconds = self.faults.away[1]
        self.away = True
        self.fired("away", f"outlet {outlet} on is lost, nothing is reached for {seconds:.0f} s")
        return seconds

    def come_back(self) -> None:
        """Be reached again."""
        self.away = False
        self._log(f"{self._name}: its network is back")

    async def switch(self, outlet: int, on: bool) -> None:
        """Carry out a switching command."""
        self._told[outlet] = on
        word = "on" if on else "off"
        if str(outlet) in self.faults.stuck:
            self.fired("stuck", f"outlet {outlet} does not go {word}")
        elif self.faults.lie:
            self.fired("lie", f"outlet {outlet} is said to be {word} and is not switched")
        elif self.faults.lag_s:
            self.fired("lag_s", f"outlet {outlet} goes {word} in {self.faults.lag_s} s")
            self.start(self._switch_late(outlet, on))
        else:
            await self._world.switch(self._id(outlet), on=on)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Let a coroutine run on; `stop` ends it."""
        task = asyncio.create_task(work)
        self._switching.add(task)
        task.add_done_callback(self._switching.discard)

    def stop(self) -> None:
        """Give up what is still to be switched."""
        for task in self._switching:
            task.cancel()

    async def _switch_late(self, outlet: int, on: bool) -> None:
        await asyncio.sleep(self.faults.lag_s)
        await self._world.switch(self._id(outlet), on=on)

    def _id(self, outlet: int) -> str:
        return f"{self._name}/{outlet}"
