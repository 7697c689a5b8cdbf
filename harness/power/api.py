"""What every device with switched outlets can do, and what a driver must bring for it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

__all__ = ["OutletDriver", "OutletState", "Power", "SideEffect"]


class OutletState(StrEnum):
    """What is known of an outlet; ``unknown`` is a state of its own, not a missing answer."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class SideEffect(Protocol):
    """Something beside the PDU that shows whether an outlet feeds its device: lamps, a link."""

    @property
    def name(self) -> str:
        """What it is, for events and faults, e.g. ``lamps of desk-7942``."""

    def within(self, on: bool) -> float:
        """Seconds a switched outlet may take to show this way."""

    def start(self) -> Callable[[], OutletState]:
        """Look before the outlet is switched; the answer tells what has shown since.

        The answer says ``unknown`` as long as it cannot tell: dark lamps prove nothing when they
        were dark before.
        """


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
        """Who the device says it is, e.g. its ``*IDN?`` answer or its sysDescr."""

    @property
    def gone(self) -> str:
        """Why it could not be talked to the last time; empty when it could."""

    def mend(self) -> None:
        """Connect again; `BenchFault` when it still cannot be talked to."""

    def set(self, outlet: str, on: bool) -> None:
        """Switch an outlet; returns once the new state is confirmed.

        Raises:
            BenchFault: it was not confirmed within the deadline, or something contradicts it.
            UsageFault: lab.yaml does not name this outlet.
        """

    def state(self, outlet: str) -> OutletState:
        """Read an outlet's state from the device."""

    def current(self, outlet: str) -> float | None:
        """Measure what the outlet draws, in amperes; None when the device cannot tell."""

    def watch(self, outlet: str, effect: SideEffect) -> None:
        """Let a side effect confirm or contradict what the device says of an outlet."""

    def lose(self, why: str) -> None:
        """Touch no more what is no longer ours; from now on everything raises ``why``."""

    def regain(self, opening: Callable[[], OutletDriver]) -> None:
        """It is ours again: the next `mend` opens it by ``opening``, and only then it is used."""

    def close(self) -> None:
        """Let go of the device; outlets keep their state."""


class OutletDriver(Protocol):
    """What one kind of device can do by itself: switch, read, measure. All a new PDU must bring.

    A driver neither confirms nor waits, and is called by one thread at a time. It raises
    `BenchFault` when the device cannot be talked to or answers nonsense, within its own timeout.
    """

    @property
    def identity(self) -> str:
        """Who the device says it is; being built, a driver has already been answered."""

    @property
    def reads_back(self) -> bool:
        """Whether the device can say what state an outlet is in."""

    def switch(self, outlet: str, on: bool) -> bool:
        """Send the command once; False when it may have been lost on the way."""

    def read(self, outlet: str) -> OutletState:
        """Ask the device for an outlet's state; ``unknown`` when it cannot say."""

    def amperes(self, outlet: str) -> float | None:
        """Ask what an outlet draws; None when the device does not measure it."""

    def complaint(self, outlet: str) -> str:
        """What the device itself says about trouble with an outlet; may be empty."""

    def close(self) -> None:
        """Let go of the device."""
