"""The boot loader's factory-reset code entry, key by key."""

from __future__ import annotations

from enum import Enum

__all__ = ["CodeEntry", "ResetKind"]


class ResetKind(Enum):
    """What a code does: its keys and the seconds of device time it leaves the phone dark."""

    SOFT = ("123456789*0#", 0)
    FORMAT = ("3491672850*#", 300)
    FORMAT_KEEP_NETWORK = ("*7412369#085", 300)

    @property
    def keys(self) -> str:
        """The sequence to type."""
        return str(self.value[0])

    @property
    def dark_seconds(self) -> int:
        """How long the phone looks dead while it formats its flash."""
        return int(self.value[1])


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
