"""The boot loader's factory reset: its codes, their entry key by key, and what each takes away.

Codes and effects: users' notes quoting Cisco support (threads 10182766 and 10801871). The soft one
deletes key files and init.tab and the configuration; the two others format the flash, which leaves
the phone dark and dead-looking for five minutes and more, then red, then green. Only the last keeps
the network settings, in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["CodeEntry", "ResetKind"]


@dataclass(frozen=True, slots=True)
class _Reset:
    keys: str
    #: Seconds of device time.
    dark_seconds: int
    red_seconds: int
    green_seconds: int
    keeps_network: bool


class ResetKind(Enum):
    """What a code does."""

    SOFT = _Reset("123456789*0#", 0, 10, 0, keeps_network=False)
    FORMAT = _Reset("3491672850*#", 330, 60, 10, keeps_network=False)
    KEEP_NETWORK = _Reset("*7412369#085", 330, 60, 10, keeps_network=True)

    @property
    def keys(self) -> str:
        """The sequence to type."""
        return self.value.keys

    @property
    def keeps_network(self) -> bool:
        """Whether network settings made by hand survive it."""
        return self.value.keeps_network

    @property
    def dark_seconds(self) -> int:
        """How long the phone looks dead while it formats its flash."""
        return self.value.dark_seconds

    @property
    def red_seconds(self) -> int:
        """How long the line lamps walk red."""
        return self.value.red_seconds

    @property
    def green_seconds(self) -> int:
        """How long they are green at the end."""
        return self.value.green_seconds


class CodeEntry:
    """Follow the keys typed after the amber walk.

    A key pressed twice counts once (users' notes: ``1 2 2 3`` is taken); the first key that fits
    no code ends the entry.
    """

    def __init__(self) -> None:
        self._typed = ""
        self.wrong = False
        self.kind: ResetKind | None = None

    def press(self, key: str) -> None:
        """Take one key; ``kind`` is set when a code is whole, ``wrong`` when none can be."""
        longer = self._typed + key
        if any(kind.keys.startswith(longer) for kind in ResetKind):
            self._typed = longer
        elif not self._typed.endswith(key):
            self.wrong = True
        for kind in ResetKind:
            if self._typed == kind.keys:
                self.kind = kind
