"""Power and keypad that write into a journal what they are about to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.events import LampColour
from harness.keypad import Keypad, Senses
from harness.power import OutletDriver, OutletState, Power, SideEffect
from harness.recovery.journal import Journal

__all__ = ["WrittenKeypad", "WrittenPower"]


class WrittenPower:
    """A `Power` whose outlets are in the journal before they are switched."""

    def __init__(self, power: Power, journal: Journal) -> None:
        self._power = power
        self._journal = journal
        #: What each outlet that was switched had been before.
        self.before: dict[str, OutletState] = {}
        #: What each outlet was last told and did.
        self.told: dict[str, OutletState] = {}

    @property
    def name(self) -> str:
        """The device's name in lab.yaml."""
        return self._power.name

    @property
    def identity(self) -> str:
        """Who the device says it is."""
        return self._power.identity

    @property
    def gone(self) -> str:
        """Why it cannot be talked to; empty while it can."""
        return self._power.gone

    def mend(self) -> None:
        """Connect again.

        Raises:
            BenchFault: it still cannot be talked to.
        """
        self._power.mend()

    def lose(self, why: str) -> None:
        """Touch nothing any more of a device that is no longer ours."""
        self._power.lose(why)

    def regain(self, opening: Callable[[], OutletDriver]) -> None:
        """Let `mend` open a device that is ours again; what somebody else told it is not known."""
        self.told.clear()
        self._power.regain(opening)

    def set(self, outlet: str, on: bool) -> None:
        """Write it down, then switch the outlet; returns once the new state is confirmed.

        Raises:
            BenchFault: it was not confirmed within the deadline, or something contradicts it.
            UsageFault: lab.yaml does not name this outlet.
        """
        if outlet not in self.before:
            self.before[outlet] = self._power.state(outlet)
        told = OutletState.ON if on else OutletState.OFF
        self._journal.outlet(self.name, outlet, self.before[outlet], told)
        self.told.pop(outlet, None)
        self._power.set(outlet, on)
        self.told[outlet] = told

    def state(self, outlet: str) -> OutletState:
        """Read an outlet's state from the device."""
        return self._power.state(outlet)

    def current(self, outlet: str) -> float | None:
        """Measure what the outlet draws, in amperes; None when the device cannot tell."""
        return self._power.current(outlet)

    def watch(self, outlet: str, effect: SideEffect) -> None:
        """Let a side effect confirm or contradict what the device says of an outlet."""
        self._power.watch(outlet, effect)

    def close(self) -> None:
        """Let go of the device; outlets keep their state."""
        self._power.close()


class WrittenKeypad:
    """A `Keypad` whose keys are in the journal before they are pressed, and until they are up."""

    def __init__(self, keypad: Keypad, journal: Journal) -> None:
        self._keypad = keypad
        self._journal = journal

    @property
    def name(self) -> str:
        """The device's name in lab.yaml."""
        return self._keypad.name

    @property
    def identity(self) -> str:
        """Who the controller says it is."""
        return self._keypad.identity

    @property
    def senses(self) -> Senses:
        """What it knows by itself of keys and lamps."""
        return self._keypad.senses

    @property
    def parts(self) -> frozenset[str]:
        """The names by which it is told lost and back."""
        return self._keypad.parts

    @property
    def gone(self) -> str:
        """Why it cannot be talked to; empty while it can."""
        return self._keypad.gone

    def mend(self) -> None:
        """Connect again.

        Raises:
            BenchFault: it still cannot be talked to.
        """
        self._keypad.mend()

    def lose(self, why: str) -> None:
        """Touch nothing any more of a device that is no longer ours."""
        self._keypad.lose(why)

    def regain(self, ports: Mapping[str, str]) -> None:
        """Let `mend` open what is ours again, at these ports."""
        self._keypad.regain(ports)

    def over(self, phone: str) -> WrittenKeypad:
        """Return the same robot on the keys of another phone it serves."""
        return WrittenKeypad(self._keypad.over(phone), self._journal)

    def press(self, key: str) -> None:
        """Write it down, then push a key down and keep it down."""
        self._journal.keys(self.name, [key], down=True)
        self._keypad.press(key)

    def release(self, key: str) -> None:
        """Let a key come up."""
        self._keypad.release(key)
        self._journal.keys(self.name, [key], down=False)

    def tap(self, key: str, ms: int = 80) -> None:
        """Write it down, then push a key and let it come up after ``ms``."""
        self._journal.keys(self.name, [key], down=True)
        self._keypad.tap(key, ms)
        self._journal.keys(self.name, [key], down=False)

    def type(self, keys: str | Sequence[str], ms: int = 80, gap_ms: int = 80) -> None:
        """Write it down, then tap one key after the other; returns when all are up again."""
        self._journal.keys(self.name, keys, down=True)
        self._keypad.type(keys, ms, gap_ms)
        self._journal.keys(self.name, keys, down=False)

    def release_all(self) -> None:
        """Let every key come up."""
        self._keypad.release_all()
        self._journal.all_keys_up(self.name)

    def lamps(self) -> dict[str, LampColour]:
        """Look at all lamps now; `UsageFault` when ``senses`` says that it cannot."""
        return self._keypad.lamps()

    def close(self) -> None:
        """Let every key come up and let go of the controller."""
        self._keypad.close()
