"""The one world all twins share: which outlet feeds which phone, which robot presses its keys.

Cause and effect run here only: outlet off, so the phone process is killed and its lamps are dark;
key down, so the phone feels it; lamp lit, so the keypad's sensor sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from harness.events import LampColour
from harness.virtual.cable import Cable
from harness.virtual.phone_process import PhoneProcess
from harness.virtual.spec import BenchSpec

__all__ = ["LampSensors", "World"]

#: What a 79x2 draws at 48 V: 6.3 W at most (IEEE 802.3af class 2; 7942G and 7962G data sheets).
_PHONE_AMPERES = 0.12


class LampSensors(Protocol):
    """Whoever watches the lamps of a phone."""

    def lamp_changed(self, lamp: str, colour: LampColour) -> None:
        """See a lamp change."""


class World:
    """Connect outlets, phones, keys and lamps; ``cables`` by the name of the phone."""

    def __init__(
        self,
        spec: BenchSpec,
        log: Callable[[str], None],
        cables: Mapping[str, Cable] | None = None,
    ) -> None:
        #: Where the serial devices of the robots are, like /dev/serial/by-id.
        self.ports = spec.state_dir / "serial"
        self._outlets: dict[str, bool] = {
            f"{pdu}/{number}": False
            for pdu, entry in spec.pdus.items()
            for number in range(1, entry.outlets + 1)
        }
        self._phones_of_outlet = {
            outlet: [name for name, phone in spec.phones.items() if phone.outlet == outlet]
            for outlet in self._outlets
        }
        self._phone_of_keypad = {phone.keypad: name for name, phone in spec.phones.items()}
        self._keypad_of_phone = {name: phone.keypad for name, phone in spec.phones.items()}
        self._keys_down: dict[str, set[str]] = {name: set() for name in spec.positions}
        self._lamps: dict[str, dict[str, LampColour]] = {name: {} for name in spec.positions}
        self._sensors: dict[str, LampSensors] = {}
        self._switching = {outlet: asyncio.Lock() for outlet in self._outlets}
        self._phones = {
            name: PhoneProcess(
                name,
                phone,
                command=spec.phone_command,
                state_dir=spec.state_dir,
                speed=spec.speed,
                on_lamp=partial(self._lamp, phone.keypad),
                on_death=partial(self._darken, phone.keypad),
                log=lambda text, name=name: log(f"{name}: {text}"),  # type: ignore[misc]
                cable=(cables or {}).get(name),
            )
            for name, phone in spec.phones.items()
        }

    def watch_lamps(self, keypad: str, sensors: LampSensors) -> None:
        """Let a keypad's sensors see the lamps of its phone."""
        self._sensors[keypad] = sensors

    def outlet_is_on(self, outlet: str) -> bool:
        """Whether an outlet (``pdu-1/3``) really carries power."""
        return self._outlets[outlet]

    def amperes(self, outlet: str) -> float:
        """What an outlet really delivers."""
        fed = sum(self._phones[phone].alive for phone in self._phones_of_outlet[outlet])
        return _PHONE_AMPERES * fed if self._outlets[outlet] else 0.0

    async def switch(self, outlet: str, *, on: bool) -> None:
        """Put power on an outlet or take it off; all that it feeds boots or dies."""
        before, self._outlets[outlet] = self._outlets[outlet], on
        if before == on:
            return
        # Two clients may switch one outlet at once; its phones follow them one by one.
        async with self._switching[outlet]:
            fed = self._phones_of_outlet[outlet]
            if on:
                for name in fed:
                    position = self._keypad_of_phone[name]
                    await self._phones[name].start(held=self._keys_down[position])
                return
            for name in fed:
                self._phones[name].cut()
            for name in fed:
                await self._phones[name].kill()
                self._darken(self._keypad_of_phone[name])

    def key(self, keypad: str, key: str, *, down: bool) -> None:
        """Move a key; the phone under the robot feels it if it has power."""
        keys = self._keys_down[keypad]
        if down:
            keys.add(key)
        else:
            keys.discard(key)
        phone = self._phone_of_keypad.get(keypad)
        if phone is not None:
            self._phones[phone].key(key, down=down)

    def lamps(self, keypad: str) -> dict[str, LampColour]:
        """What the sensors of a keypad see now; a lamp never lit is not listed."""
        return dict(self._lamps[keypad])

    async def stop(self) -> None:
        """Take all phones down and wait until they are gone."""
        for phone in self._phones.values():
            phone.cut()
        for phone in self._phones.values():
            await phone.kill()

    def _lamp(self, keypad: str, lamp: str, colour: LampColour) -> None:
        lamps = self._lamps[keypad]
        if lamps.get(lamp, LampColour.DARK) is colour:
            return
        lamps[lamp] = colour
        if keypad in self._sensors:
            self._sensors[keypad].lamp_changed(lamp, colour)

    def _darken(self, keypad: str) -> None:
        for lamp in self._lamps[keypad]:
            self._lamp(keypad, lamp, LampColour.DARK)
