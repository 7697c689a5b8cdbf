"""The settings menu, as far as keys typed blind go: ``**#`` unlocks, ``**#**`` restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["SettingsMenu"]

_SECONDS = 30.0
_RESTART = "**#**"
_KEYS = frozenset("0123456789*#")


class SettingsMenu:
    """Open with the settings key, closed by any key that is no digit, or by time.

    Args:
        restart: called when the restart keys were typed.
    """

    def __init__(self, restart: Callable[[], None]) -> None:
        self._restart = restart
        self._typed = ""
        self._timer: asyncio.TimerHandle | None = None
        self.is_open = False

    def open(self) -> None:
        """The settings key was pressed."""
        self.is_open, self._typed = True, ""
        self._timer = asyncio.get_running_loop().call_later(_SECONDS, self.close)

    def close(self) -> None:
        """Back to the telephone."""
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()

    def key(self, name: str) -> None:
        """Take one key."""
        if name not in _KEYS:
            self.close()
            return
        self._typed += name
        if self._typed.endswith(_RESTART):
            self.close()
            self._restart()
