"""A stylus on a gantry behind a GRBL 1.1 controller, pressing one key at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import BenchFault, UsageFault
from harness.events import LampColour
from harness.keypad.api import Keypad
from harness.keypad.calibration import Calibration
from harness.keypad.gantry import Gantry, Held
from harness.keypad.grbl_link import FEED_HOLD, JOG_CANCEL, RESUME, Line
from harness.keypad.keys import keys_of
from harness.keypad.layout import Layout, Point
from harness.keypad.senses import Senses
from harness.lab.keypad_spec import position_sensor

__all__ = ["Face", "GrblKeypad"]

_LONGEST_MS = 60_000


@dataclass(frozen=True, slots=True)
class Face:
    """A phone under a gantry.

    ``phone`` is its name in lab.yaml, ``layout`` where the keys are on it, ``calibration`` where it
    is in the machine, ``sensor`` a controller whose light sensors watch it.
    """

    phone: str
    layout: Layout
    calibration: Calibration
    sensor: Keypad | None = None


class GrblKeypad:
    """Drive a GRBL 1.1 gantry over one of its phones, the first one; `over` gives the others.

    The controller knows where its stylus is, not whether a key gave way, so ``senses.keys`` is
    false: that a press reached the phone is for the phone to show. The press time is a dwell (G4)
    in the controller, which GRBL rounds up to a multiple of 50 ms. ``device_ms`` of its events is
    this host's clock since the driver was opened, because GRBL has none.

    Args:
        gantry: the machine; this driver closes it.
        faces: the phones under it, one or more; this driver closes their sensors.
        over: which of them, counted from 0.
    """

    def __init__(self, gantry: Gantry, faces: Sequence[Face], over: int = 0) -> None:
        self._gantry = gantry
        self._faces = tuple(faces)
        self._face = self._faces[over]

    def over(self, phone: str) -> GrblKeypad:
        """Return the same gantry over another of its phones: one line, one stylus, other keys."""
        phones = [face.phone for face in self._faces]
        return GrblKeypad(self._gantry, self._faces, phones.index(phone))

    @property
    def layout(self) -> Layout:
        """Where the keys are on the phone."""
        return self._face.layout

    @property
    def calibration(self) -> Calibration:
        """Where the phone is in the machine."""
        return self._face.calibration

    @property
    def parts(self) -> frozenset[str]:
        """The names of the gantry and of its sensors, which are lost each by itself."""
        return frozenset({self.name, *(sensor.name for sensor in self._sensors)})

    @property
    def gone(self) -> str:
        """Why its port, or that of a sensor, is gone; empty while all are there."""
        return self._gantry.link.gone or next((s.gone for s in self._sensors if s.gone), "")

    def mend(self) -> None:
        """Open the port again, reset, home and lift: only then is nothing held down.

        Raises:
            BenchFault: the port is not back, or no GRBL answers on it.
        """
        for sensor in self._sensors:
            if sensor.gone:
                sensor.mend()
        self._gantry.mend()

    @property
    def name(self) -> str:
        """The keypad's name in lab.yaml."""
        return self._gantry.name

    @property
    def identity(self) -> str:
        """Version and build of the controller."""
        return self._gantry.identity

    @property
    def senses(self) -> Senses:
        """It feels no key; it sees lamps if a sensor is configured."""
        return Senses(keys=False, lamps=self._face.sensor is not None)

    @property
    def _sensors(self) -> list[Keypad]:
        return [face.sensor for face in self._faces if face.sensor is not None]

    # --- keys -------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """Push a key down and stay on it.

        Raises:
            BenchFault: the stylus did not get there, or the controller cannot be talked to.
            UsageFault: no such key within reach, or another key is down: there is one stylus.
        """
        gantry, mine = self._gantry, self._held(key)
        with gantry.at_work():
            target = self._targets([key])[0]
            if gantry.held == mine:
                return
            self._no_chord(key)
            gantry.go(target)
            gantry.run(gantry.lower(mine), gantry.machine.stylus_seconds)
            gantry.stands_at(target, down=True)

    def release(self, key: str) -> None:
        """Lift the stylus off a key; nothing happens when it is not on that key.

        Raises:
            BenchFault: it had lost the key meanwhile, or the controller cannot be talked to.
            UsageFault: there is no such key.
        """
        keys_of([key], self.name)
        gantry, mine = self._gantry, self._held(key)
        with gantry.at_work(mine) as lost:
            if lost is not None:
                raise lost
            if gantry.held == mine:
                gantry.run(gantry.lift(), gantry.machine.stylus_seconds)

    def tap(self, key: str, ms: int = 80) -> None:
        """Push a key for ``ms`` (0 to 60000) milliseconds, rounded up to 50 by the controller.

        Raises:
            BenchFault: the stylus did not get there, or the controller cannot be talked to.
            UsageFault: no such key within reach, no such time, or another key is down.
        """
        self._type([key], ms, 0)

    def type(self, keys: str | Sequence[str], ms: int = 80, gap_ms: int = 80) -> None:
        """Tap keys one after the other; returns when the stylus is up again.

        Args:
            keys: characters of the dial pad, or a list of key names.
            ms: how long each is down, 0 to 60000, rounded up to 50 by the controller.
            gap_ms: shortest pause after each; the way to the next key comes on top.

        Raises:
            BenchFault: the stylus did not get there, or the controller cannot be talked to.
            UsageFault: no such key within reach, no such time, or another key is down.
        """
        self._type(keys, ms, gap_ms)

    def release_all(self) -> None:
        """Lift the stylus; also ends a `type` that is under way in another thread.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        self._gantry.lift_at_once()

    def lamps(self) -> dict[str, LampColour]:
        """Look at all lamps by the light sensors, if there are any.

        Raises:
            UsageFault: this gantry has no light sensors.
            BenchFault: their controller cannot be talked to.
        """
        if self._face.sensor is None:
            raise UsageFault(
                "a gantry sees no lamps",
                device=self.name,
                state="no sensor is configured",
                expected="the port of a matrix controller with light sensors as its sensor",
                hint="lab.yaml: sensor: /dev/ttyACM0; without it the phone's requests to TFTP "
                "confirm a reset (docs/how-to/use-a-gantry.md)",
            )
        return self._face.sensor.lamps()

    def lose(self, why: str) -> None:
        """Let go of a gantry that is no longer ours."""
        self._gantry.link.hand_over(why)
        for sensor in self._sensors:
            sensor.lose(why)

    def regain(self, ports: Mapping[str, str]) -> None:
        """Let `mend` open, home and lift a gantry that is ours again, with all of its sensors."""
        self._gantry.link.regain(ports["port"])
        for face in self._faces:
            if face.sensor is not None:
                at = ports.get(position_sensor(face.phone)) or ports["sensor"]
                face.sensor.regain({"port": at})

    def close(self) -> None:
        """Lift the stylus and let go of the port."""
        link = self._gantry.link
        if link.closed:
            return
        with contextlib.suppress(BenchFault):
            if link.broken is None:
                self.release_all()
        link.close()
        for sensor in self._sensors:
            sensor.close()

    # --- by hand, for calibration -----------------------------------------------------------------

    def where(self) -> tuple[float, float, float]:
        """Return the machine position of the stylus in mm.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        return self._gantry.link.status().position

    def jog(self, dx: float, dy: float) -> Point:
        """Move the lifted stylus by millimetres and return where it is then.

        Raises:
            UsageFault: that is outside of the machine's travel.
            BenchFault: the controller cannot be talked to.
        """
        gantry = self._gantry
        with gantry.at_work():
            x, y, _ = self.where()
            target = (x + dx, y + dy)
            gantry.machine.check(target, f"a jog by {dx:g}, {dy:g} mm", self.name)
            feed = gantry.machine.jog_feed
            gantry.link.send([Line(f"$J=G91 G21 X{dx:.3f} Y{dy:.3f} F{feed:.0f}")])
            # A jog is answered when it is planned, and G-code is locked out until it has ended.
            seconds = gantry.machine.seconds((x, y), target)
            gantry.link.wait_status(lambda status: status.state == "Idle", 2.0 + seconds)
            gantry.stands_at(target, down=False)
            return target

    def touch(self, ms: int = 80) -> None:
        """Lower the stylus where it is for ``ms`` and lift it, without moving over a key.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        gantry = self._gantry
        with gantry.at_work():
            burst = [*gantry.lower(None), Line(f"G4 P{ms / 1000:.3f}"), *gantry.lift()]
            gantry.run(burst, 2 * gantry.machine.stylus_seconds + (ms + 50) / 1000)

    def cancel_jog(self) -> None:
        """Stop a jog that is under way in another thread."""
        self._gantry.link.realtime(JOG_CANCEL)

    def pause(self) -> None:
        """Hold all motion where it is; `resume` goes on."""
        self._gantry.link.realtime(FEED_HOLD)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._gantry.link.realtime(RESUME)

    # --- inside -----------------------------------------------------------------------------------

    def _targets(self, keys: Sequence[str]) -> list[Point]:
        targets = []
        for key in keys_of(keys, self.name):
            if key not in self.layout.keys:
                raise UsageFault(
                    f"a stylus cannot press {key} on a {self.layout.model}",
                    device=self.name,
                    expected="one of " + " ".join(self.layout.keys),
                    hint="configs/keypads has the keys within reach",
                )
            target = self.calibration.machine(self.layout.keys[key])
            self._gantry.machine.check(target, f"key {key}", self.name)
            targets.append(target)
        return targets

    def _no_chord(self, key: str) -> None:
        held = self._gantry.held
        if held is not None:
            whose = f" of {held.phone}" if held.phone != self._face.phone else ""
            raise UsageFault(
                f"{key} cannot be pressed while {held.key}{whose} is down",
                device=self.name,
                state="a gantry has one stylus",
                expected=f"{held.key}{whose} released first",
                hint="a matrix controller can hold several keys",
            )

    def _held(self, key: str) -> Held:
        return Held(self._face.phone, key)

    def _type(self, keys: str | Sequence[str], ms: int, gap_ms: int) -> None:
        for time_ms in (ms, gap_ms):
            if not 0 <= time_ms <= _LONGEST_MS:
                raise UsageFault(
                    f"a key cannot be timed with {time_ms} ms",
                    device=self.name,
                    expected=f"0 to {_LONGEST_MS} ms",
                )
        gantry = self._gantry
        with gantry.at_work():
            targets = self._targets(list(keys))
            for key in keys:
                self._no_chord(key)
            for key, target in zip(keys, targets, strict=True):
                gantry.go(target)
                # One burst: from here on the controller keeps the time, whatever this host does.
                lower, lift = gantry.lower(self._held(key)), gantry.lift()
                burst = [*lower, Line(f"G4 P{ms / 1000:.3f}"), *lift]
                burst.append(Line(f"G4 P{gap_ms / 1000:.3f}"))
                # Each dwell is rounded up to 50 ms.
                seconds = 2 * gantry.machine.stylus_seconds + (ms + gap_ms + 100) / 1000
                gantry.run(burst, seconds)
            if targets:
                gantry.stands_at(targets[-1], down=False)
