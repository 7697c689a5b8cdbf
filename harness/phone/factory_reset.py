"""The factory reset: # held at power-on, an amber walk, a code, a red walk, a wiped phone.

Procedure and codes of a 79x2: Cisco's "Reset 7900 series to factory defaults" and users' notes on
it. Lamps, never a clock, tell when to type: some boot loaders take minutes before they walk amber.
A wrong key ends the entry and the phone boots normally; a key lost or doubled by the robot looks
just like that, so the procedure is begun again, once, and the timeline says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from harness.deadlines import Deadlines
from harness.errors import ProductFault
from harness.events import FileRequested, LampChanged, LampColour, Note, Record
from harness.keypad import Keypad, wait_for_walk
from harness.models import PhoneModel
from harness.phone.blind_reset import hold_blindly, see_reset_begin
from harness.timeline import Mark, Timeline

__all__ = ["FactoryReset", "ResetCode"]

#: Seconds on hardware. Boot loaders of 7941 and 7961 took minutes to the amber walk.
_AMBER_WITHIN = 600.0
_BOOT_WITHIN = 900.0
_MOST_TRIES = 2


@dataclass(frozen=True, slots=True)
class _Code:
    keys: str
    #: Seconds on hardware from the last key to the red walk.
    red_within: float
    formats: bool


class ResetCode(Enum):
    """What the boot loader can be told to do.

    SOFT deletes keys, the list of images and the configuration. FORMAT formats the flash: the
    phone is dark and looks dead for more than five minutes, then shows red, then green.
    KEEP_NETWORK formats it and keeps the network settings, in memory: power cut meanwhile loses
    them.
    """

    SOFT = _Code("123456789*0#", 120.0, formats=False)
    FORMAT = _Code("3491672850*#", 900.0, formats=True)
    KEEP_NETWORK = _Code("*7412369#085", 900.0, formats=True)

    @property
    def keys(self) -> str:
        """The sequence to type."""
        return self.value.keys

    @property
    def formats(self) -> bool:
        """Whether the whole flash goes."""
        return self.value.formats

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


class FactoryReset:
    """Carry out the procedure on one phone.

    Args:
        device: the phone's name in lab.yaml.
        model: what it is.
        keypad: the robot in front of it.
        timeline: where lamps and file requests are seen.
        deadlines: what the times of a real phone mean on this bench.
        power_off: cuts its outlet.
        power_on: feeds its outlet.
    """

    def __init__(
        self,
        device: str,
        model: PhoneModel,
        keypad: Keypad,
        timeline: Timeline,
        deadlines: Deadlines,
        power_off: Callable[[], None],
        power_on: Callable[[], None],
    ) -> None:
        self._device = device
        self._model = model
        self._keypad = keypad
        self._timeline = timeline
        self._deadlines = deadlines
        self._power_off = power_off
        self._power_on = power_on

    def perform(self, code: ResetCode, *, tries: int = _MOST_TRIES) -> Mark:
        """Reset the phone and see it ask for its boot loads.

        Args:
            code: what to do to it.
            tries: how often to begin when the phone does not take the code.

        Returns:
            The mark of the power-on of the last try, to assert on what was fetched since.

        Raises:
            ProductFault: the lamps or the request did not come in time.
            BenchFault: power or keypad failed.
            Inconclusive: it booted normally, and a blind robot cannot show that it typed well.
        """
        for attempt in range(1, tries + 1):
            title = f"factory reset ({code})"
            try:
                with self._timeline.step(
                    title if attempt == 1 else f"{title}, try {attempt} of {tries}",
                    device=self._device,
                ):
                    since = self._enter(code)
                    self._see_wiped(code, since)
                    return since
            except _NotTaken as refused:
                if attempt == tries:
                    raise refused.fault from refused
                self._say(
                    f"the code was not taken, the phone booted normally: begun again "
                    f"({attempt} of {tries} tries used)"
                )
        raise AssertionError("tries is at least 1")

    def _enter(self, code: ResetCode) -> Mark:
        keypad, device = self._keypad, self._deadlines.device
        sees = keypad.senses.lamps
        self._power_off()
        since = self._timeline.mark()
        keypad.press("#")
        try:
            self._power_on()
            if sees:
                with self._timeline.step("wait for the amber walk", device=self._device):
                    self._walk("amber", self._deadlines.device(_AMBER_WITHIN), since)
            else:
                hold_blindly(self._timeline, self._device, keypad.name, device, since)
        finally:
            self._keypad.release("#")
        typed = self._timeline.mark()
        with self._timeline.step(f"type {code.keys}", device=self._device):
            self._keypad.type(code.keys)
        if sees:
            with self._timeline.step("wait for red lamps", device=self._device):
                self._walk("red", device(code.value.red_within), typed)
        else:
            see_reset_begin(self._timeline, self._device, keypad.name, device, typed)
        return since

    def _walk(self, colour: str, within: float, since: Mark) -> None:
        """Wait for a walk; asking for a file of a normal boot before it means "not taken"."""
        booted = False

        def boots_normally(record: Record) -> bool:
            nonlocal booted
            event = record.event
            booted = booted or (
                isinstance(event, FileRequested)
                and record.device == self._device
                and event.name != self._model.boot_loads
            )
            return booted

        try:
            wait_for_walk(
                self._timeline,
                device=self._device,
                colour=colour,
                lines=self._model.lines,
                within=within,
                since=since,
                give_up=boots_normally,
            )
        except ProductFault as fault:
            if booted:
                raise _NotTaken(fault) from fault
            raise

    def _see_wiped(self, code: ResetCode, since: Mark) -> None:
        """See it ask for its boot loads: a phone that shows red may still boot its old load."""
        boot_loads = self._model.boot_loads
        with self._timeline.step(f"wait for {boot_loads}", device=self._device):
            self._timeline.wait_for(
                FileRequested,
                device=self._device,
                within=self._deadlines.device(_BOOT_WITHIN),
                since=since,
                where=lambda event: event.name == boot_loads,
                expected=f"a request for {boot_loads}, the sign of a wiped phone",
                hint="the lamps went red but nothing was wiped, or DHCP gave no TFTP server",
            )
        if code.formats:
            green = self._timeline.events(
                LampChanged,
                device=self._device,
                since=since,
                where=lambda event: event.colour is LampColour.GREEN,
            )
            # Only one public note tells of it, so it is told and not demanded.
            seen = f"{green[0].lamp} lit green" if green else "no green lamp was seen"
            self._say(f"after the format {seen}")

    def _say(self, text: str) -> None:
        self._timeline.append(Note(text), source="harness", device=self._device)


class _NotTaken(Exception):
    """The phone booted normally instead of showing red."""

    def __init__(self, fault: ProductFault) -> None:
        super().__init__(str(fault))
        self.fault = fault
