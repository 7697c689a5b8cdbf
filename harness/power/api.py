"""What every driver of switched outlets can do."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

__all__ = ["OutletState", "Power"]


class OutletState(StrEnum):
    """What a PDU says about an outlet; ``unknown`` is its own word, not a missing answer."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class Power(Protocol):
    """A device with switched outlets. Outlets are named by strings, usually ``1`` to ``n``.

    Every method raises `UsageFault` for an outlet the device does not have and `BenchFault` when
    the device cannot be reached, does not answer or answers nonsense. Methods are thread-safe.
    """

    @property
    def name(self) -> str:
        """The device's name in lab.yaml."""

    @property
    def identity(self) -> str:
        """Who the device says it is, e.g. its ``*IDN?`` answer."""

    def set(self, outlet: str, on: bool) -> None:
        """Switch an outlet; returns once the device itself reads back the new state.

        Raises:
            BenchFault: it never did.
        """

    def state(self, outlet: str) -> OutletState:
        """Read an outlet's state from the device."""

    def current(self, outlet: str) -> float | None:
        """Measure what the outlet draws, in amperes; None when the device cannot tell."""

    def close(self) -> None:
        """Let go of the device; outlets keep their state."""
