"""A stylus on a gantry behind a GRBL 1.1 controller, pressing one key at a time.

Source: gnea/grbl wiki "Grbl v1.1 Interface", "Grbl v1.1 Configuration", "Grbl v1.1 Commands".
Tried on the twin only.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence

from harness.errors import BenchFault, UsageFault
from harness.events import KeyPressed, KeyReleased, LampColour, Note, PartBack, PartLost
from harness.keypad.api import Keypad
from harness.keypad.calibration import Calibration
from harness.keypad.grbl_link import FEED_HOLD, JOG_CANCEL, RESUME, GrblLink, Line
from harness.keypad.grbl_machine import Machine, rises, sinks
from harness.keypad.grbl_messages import Feedback, GrblMessage, Setting
from harness.keypad.keys import keys_of
from harness.keypad.layout import Layout, Point
from harness.keypad.senses import Senses
from harness.lab import GrblSpec
from harness.timeline import Observer

__all__ = ["GrblKeypad"]

_LONGEST_MS = 60_000
#: Millimetres by which a reported position may differ from what was asked.
_NEAR = 0.1


class GrblKeypad:
    """Drive a GRBL 1.1 gantry.

    The controller knows where its stylus is, not whether a key gave way, so ``senses.keys`` is
    false: that a press reached the phone is for the phone to show. The press time is a dwell (G4)
    in the controller, which GRBL rounds up to a multiple of 50 ms. ``device_ms`` of its events is
    this host's clock since the driver was opened, because GRBL has none.

    Args:
        port: serial device, e.g. ``/dev/ttyUSB0``.
        name: the keypad's name in lab.yaml.
        device: the name in lab.yaml of the phone under it; events are about that phone.
        observe: where events go.
        spec: stylus and deadlines from lab.yaml.
        layout: where the keys are on the phone.
        calibration: where the phone is in the machine.
        sensor: a controller whose light sensors watch the phone; this driver closes it.
        answer_s: seconds to wait for an answer, beyond the time the motion needs.

    Raises:
        BenchFault: the port cannot be opened, no GRBL 1.1 answers, or its homing fails.
    """

    def __init__(
        self,
        port: str,
        name: str,
        device: str,
        observe: Observer,
        *,
        spec: GrblSpec,
        layout: Layout,
        calibration: Calibration,
        sensor: Keypad | None = None,
        answer_s: float = 2.0,
    ) -> None:
        self._name = name
        self._device = device
        self._observe = observe
        self._spec = spec
        self.layout = layout
        self.calibration = calibration
        self._sensor = sensor
        self._born = time.monotonic()
        self._keys_lock = threading.Lock()
        self._release_lock = threading.Lock()
        self._down = ""
        self._settings: dict[int, float] = {}
        self._build = ""
        self._options = ""
        self._link = GrblLink(
            port,
            name,
            spec.baud,
            answer_s,
            hear=self._hear,
            note=self._note,
            lost=self._lose,
        )
        try:
            self._start()
        except BaseException:
            self._link.close()
            raise

    @property
    def gone(self) -> str:
        """Why its port, or that of its sensor, is gone; empty while both are there."""
        return self._link.gone or (self._sensor.gone if self._sensor is not None else "")

    def mend(self) -> None:
        """Open the port again, reset, home and lift: only then is nothing held down.

        Raises:
            BenchFault: the port is not back, or no GRBL answers on it.
        """
        if self._sensor is not None and self._sensor.gone:
            self._sensor.mend()
        if not self._link.gone:
            return
        with self._keys_lock:
            self._link.reopen()
            try:
                self._start()
            except BenchFault as fault:
                self._link.give_up(fault.summary)
                raise
        self._observe(PartBack(self._name), device=self._device)

    @property
    def name(self) -> str:
        """The keypad's name in lab.yaml."""
        return self._name

    @property
    def identity(self) -> str:
        """Version and build of the controller."""
        return f"Grbl {self._version} {self._build}".rstrip()

    @property
    def senses(self) -> Senses:
        """It feels no key; it sees lamps if a sensor is configured."""
        return Senses(keys=False, lamps=self._sensor is not None)

    # --- keys -------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """Push a key down and stay on it.

        Raises:
            BenchFault: the stylus did not get there, or the controller cannot be talked to.
            UsageFault: no such key within reach, or another key is down: there is one stylus.
        """
        with self._keys_lock:
            self._ready()
            target = self._targets([key])[0]
            if self._down == key:
                return
            self._no_chord(key)
            self._go(target)
            self._run([*self._lower(key)], self._machine.stylus_seconds)
            self._stands_at(target, down=True)

    def release(self, key: str) -> None:
        """Lift the stylus off a key; nothing happens when it is not on that key.

        Raises:
            BenchFault: it had lost the key meanwhile, or the controller cannot be talked to.
            UsageFault: there is no such key.
        """
        keys_of([key], self._name)
        with self._keys_lock:
            broken = self._link.broken if self._down == key else None
            self._ready()
            if broken is not None:
                raise broken
            if self._down == key:
                self._run(self._lift(), self._machine.stylus_seconds)

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
        # One at a time: a second caller must not abort the lifting of the first.
        with self._release_lock:
            if not self._keys_lock.acquire(blocking=False):
                self._link.abort()
                self._keys_lock.acquire()
            try:
                self._ready()
                self._run(self._lift(), self._machine.stylus_seconds)
            finally:
                self._keys_lock.release()

    def lamps(self) -> dict[str, LampColour]:
        """Look at all lamps by the light sensors, if there are any.

        Raises:
            UsageFault: this gantry has no light sensors.
            BenchFault: their controller cannot be talked to.
        """
        if self._sensor is None:
            raise UsageFault(
                "a gantry sees no lamps",
                device=self._name,
                state="no sensor is configured",
                expected="the port of a matrix controller with light sensors as its sensor",
                hint="lab.yaml: sensor: /dev/ttyACM0; without it the phone's requests to TFTP "
                "confirm a reset (docs/how-to/use-a-gantry.md)",
            )
        return self._sensor.lamps()

    def lose(self, why: str) -> None:
        """Let go of a gantry that is no longer ours."""
        self._link.hand_over(why)
        if self._sensor is not None:
            self._sensor.lose(why)

    def close(self) -> None:
        """Lift the stylus and let go of the port."""
        if self._link.closed:
            return
        with contextlib.suppress(BenchFault):
            if self._link.broken is None:
                self.release_all()
        self._link.close()
        if self._sensor is not None:
            self._sensor.close()

    # --- by hand, for calibration -----------------------------------------------------------------

    def where(self) -> tuple[float, float, float]:
        """Return the machine position of the stylus in mm.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        return self._link.status().position

    def jog(self, dx: float, dy: float) -> Point:
        """Move the lifted stylus by millimetres and return where it is then.

        Raises:
            UsageFault: that is outside of the machine's travel.
            BenchFault: the controller cannot be talked to.
        """
        with self._keys_lock:
            self._ready()
            x, y, _ = self.where()
            target = (x + dx, y + dy)
            self._machine.check(target, f"a jog by {dx:g}, {dy:g} mm", self._name)
            feed = self._machine.jog_feed
            self._link.send([Line(f"$J=G91 G21 X{dx:.3f} Y{dy:.3f} F{feed:.0f}")])
            # A jog is answered when it is planned, and G-code is locked out until it has ended.
            seconds = self._machine.seconds((x, y), target)
            self._link.wait_status(lambda status: status.state == "Idle", 2.0 + seconds)
            self._stands_at(target, down=False)
            return target

    def touch(self, ms: int = 80) -> None:
        """Lower the stylus where it is for ``ms`` and lift it, without moving over a key.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        with self._keys_lock:
            self._ready()
            lower = sinks(self._spec.stylus, lambda: None)
            burst = [*lower, Line(f"G4 P{ms / 1000:.3f}"), *self._lift()]
            self._run(burst, 2 * self._machine.stylus_seconds + (ms + 50) / 1000)

    def cancel_jog(self) -> None:
        """Stop a jog that is under way in another thread."""
        self._link.realtime(JOG_CANCEL)

    def pause(self) -> None:
        """Hold all motion where it is; `resume` goes on."""
        self._link.realtime(FEED_HOLD)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._link.realtime(RESUME)

    # --- motion -----------------------------------------------------------------------------------

    def _start(self) -> None:
        """Reset, read the settings, home, lift: from here on the position is known."""
        self._version = self._link.reset()
        if not self._version.startswith("1.1"):
            raise BenchFault(
                f"it is Grbl {self._version}",
                device=self._name,
                expected="Grbl 1.1: older ones have another protocol",
                hint="flash GRBL 1.1h",
            )
        self._link.send([Line("$I"), Line("$$")])
        self._machine = Machine.read(self._settings, self._options, self._spec, self._name)
        self._link.rx_buffer = self._machine.rx_buffer
        self._link.send([Line("$H")], self._spec.homing_s)
        self._run(self._lift(), self._machine.stylus_seconds)

    def _ready(self) -> None:
        """After an alarm, a restart or a lost answer: reset and home before anything moves."""
        self._link.check()
        broken = self._link.broken
        if broken is not None:
            self._note(f"{self._name} is reset and homed again after: {broken.summary}")
            self._start()

    def _targets(self, keys: Sequence[str]) -> list[Point]:
        targets = []
        for key in keys_of(keys, self._name):
            if key not in self.layout.keys:
                raise UsageFault(
                    f"a stylus cannot press {key} on a {self.layout.model}",
                    device=self._name,
                    expected="one of " + " ".join(self.layout.keys),
                    hint="configs/keypads has the keys within reach",
                )
            target = self.calibration.machine(self.layout.keys[key])
            self._machine.check(target, f"key {key}", self._name)
            targets.append(target)
        return targets

    def _no_chord(self, key: str) -> None:
        if self._down:
            raise UsageFault(
                f"{key} cannot be pressed while {self._down} is down",
                device=self._name,
                state="a gantry has one stylus",
                expected=f"{self._down} released first",
                hint="a matrix controller can hold several keys",
            )

    def _type(self, keys: str | Sequence[str], ms: int, gap_ms: int) -> None:
        for time_ms in (ms, gap_ms):
            if not 0 <= time_ms <= _LONGEST_MS:
                raise UsageFault(
                    f"a key cannot be timed with {time_ms} ms",
                    device=self._name,
                    expected=f"0 to {_LONGEST_MS} ms",
                )
        with self._keys_lock:
            self._ready()
            targets = self._targets(list(keys))
            for key in keys:
                self._no_chord(key)
            for key, target in zip(keys, targets, strict=True):
                self._go(target)
                # One burst: from here on the controller keeps the time, whatever this host does.
                burst = [*self._lower(key), Line(f"G4 P{ms / 1000:.3f}"), *self._lift()]
                burst.append(Line(f"G4 P{gap_ms / 1000:.3f}"))
                # Each dwell is rounded up to 50 ms.
                seconds = 2 * self._machine.stylus_seconds + (ms + gap_ms + 100) / 1000
                self._run(burst, seconds)
            if targets:
                self._stands_at(targets[-1], down=False)

    def _go(self, target: Point) -> None:
        """Move over a key, answered before anything is pressed there."""
        x, y, _ = self.where()
        lines = [Line(f"G53 G0 X{target[0]:.3f} Y{target[1]:.3f}"), Line("G4 P0")]
        self._run(lines, self._machine.seconds((x, y), target))

    def _lower(self, key: str) -> list[Line]:
        return sinks(self._spec.stylus, lambda: self._moved(key))

    def _lift(self) -> list[Line]:
        return rises(self._spec.stylus, lambda: self._moved(""))

    def _run(self, lines: Sequence[Line], seconds: float) -> None:
        self._link.send(lines, seconds)

    def _stands_at(self, target: Point, *, down: bool) -> None:
        status = self._link.status()
        x, y, z = status.position
        height = self._machine.height(down=down)
        near = abs(x - target[0]) < _NEAR and abs(y - target[1]) < _NEAR
        if height is not None:
            near = near and abs(z - height) < _NEAR
        if status.state != "Idle" or not near:
            at = "" if height is None else f", {height:.3f}"
            raise BenchFault(
                "its stylus is not where it was sent",
                device=self._name,
                state=f"{status.state} at {x:.3f}, {y:.3f}, {z:.3f}",
                expected=f"Idle at {target[0]:.3f}, {target[1]:.3f}{at}",
                hint="was it held by its panel? release the hold (~) and home it",
            )

    # --- what is heard, in the reader's thread ----------------------------------------------------

    def _moved(self, key: str) -> None:
        ms = int((time.monotonic() - self._born) * 1000)
        before, self._down = self._down, key
        if before and before != key:
            self._observe(KeyReleased(key=before, device_ms=ms), device=self._device)
        if key and before != key:
            self._observe(KeyPressed(key=key, device_ms=ms), device=self._device)

    def _hear(self, message: GrblMessage) -> None:
        match message:
            case Setting(number=number, value=value):
                self._settings[number] = value
            case Feedback(kind="VER", text=text):
                self._build = text.partition(":")[0]
            case Feedback(kind="OPT", text=text):
                self._options = text

    def _lose(self, why: str) -> None:
        hint = "connect it again; until then the stylus stays where it is, maybe on a key"
        self._observe(PartLost(self._name, why, self._device, hint), device=self._device)

    def _note(self, text: str) -> None:
        self._observe(Note(text=text), device=self._device)
