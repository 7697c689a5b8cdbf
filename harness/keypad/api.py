"""What every driver of a key-pressing robot can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.events import LampColour
from harness.keypad.senses import Senses

__all__ = ["Keypad"]


class Keypad(Protocol):
    """A robot on the keys of a phone. Key names: `harness.keypad.KEYS`; times in milliseconds.

    Every call returns when the controller has acknowledged it. Every method raises `UsageFault`
    for a key that does not exist, and `BenchFault` when the controller is gone, silent, refuses,
    or did not move a key as told. Methods are thread-safe.
    """

    @property
    def name(self) -> str:
        """The device's name in lab.yaml."""

    @property
    def identity(self) -> str:
        """Who the controller says it is."""

    @property
    def senses(self) -> Senses:
        """What it knows by itself of keys and lamps."""

    @property
    def parts(self) -> frozenset[str]:
        """The names by which it is told lost and back: its own, and those of its sensors."""

    @property
    def gone(self) -> str:
        """Why its port is gone; empty while it is there."""

    def mend(self) -> None:
        """Connect again after the port was gone; every key is up then."""

    def over(self, phone: str) -> Keypad:
        """The same robot on the keys of another phone it serves; itself when it serves one."""

    def press(self, key: str) -> None:
        """Push a key down and keep it down."""

    def release(self, key: str) -> None:
        """Let a key come up."""

    def tap(self, key: str, ms: int = 80) -> None:
        """Push a key and let it come up after ``ms``."""

    def type(self, keys: str | Sequence[str], ms: int = 80, gap_ms: int = 80) -> None:
        """Tap one key after the other; returns when all are up again."""

    def release_all(self) -> None:
        """Let every key come up."""

    def lamps(self) -> dict[str, LampColour]:
        """Look at all lamps now; `UsageFault` when ``senses`` says that it cannot."""

    def lose(self, why: str) -> None:
        """Let go of what is no longer ours; from now on everything raises ``why``."""

    def regain(self, ports: Mapping[str, str]) -> None:
        """It is ours again, at ``ports``, named as in lab.yaml: the next `mend` opens them."""

    def close(self) -> None:
        """Let every key come up and let go of the controller."""
