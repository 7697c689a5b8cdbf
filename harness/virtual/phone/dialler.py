"""Digits on their way to a number: the dial tone, the dial plan's waits, the call key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.virtual.phone.dialplan import DialPlan

__all__ = ["Dialler"]


class Dialler:
    """Collect digits until the dial plan, a pause or ``#`` says that they are a number.

    Args:
        plan: the dial plan in force.
        dial: called with the number.
    """

    def __init__(self, plan: DialPlan, dial: Callable[[str], None]) -> None:
        self._plan = plan
        self._dial = dial
        self._digits: str | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def active(self) -> bool:
        """Whether there is a dial tone or a number begun."""
        return self._digits is not None

    @property
    def typed(self) -> str:
        """The digits so far."""
        return self._digits or ""

    def start(self) -> None:
        """Go off hook."""
        self._digits = ""

    def stop(self) -> None:
        """Go on hook without dialling."""
        self._digits = None
        if self._timer is not None:
            self._timer.cancel()

    def digit(self, digit: str) -> None:
        """Take one key."""
        if self._timer is not None:
            self._timer.cancel()
        if digit == "#" and self._digits:
            self._finish()
            return
        self._digits = (self._digits or "") + digit
        wait = self._plan.wait(self._digits)
        if wait == 0:
            self._finish()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait, self._finish)

    def _finish(self) -> None:
        number, self._digits = self._digits, None
        if number:
            self._dial(number)
