"""A gantry as a machine: it homes, goes over a point, lowers and lifts; which phone lies there it
does not know.

Source: gnea/grbl wiki "Grbl v1.1 Interface", "Grbl v1.1 Configuration", "Grbl v1.1 Commands".
Tried on the twin only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import BenchFault
from harness.events import KeyPressed, KeyReleased, Note, PartBack, PartLost
from harness.keypad.grbl_link import GrblLink, Line
from harness.keypad.grbl_machine import Machine, rises, sinks
from harness.keypad.grbl_messages import Feedback, GrblMessage, Setting
from harness.keypad.layout import Point
from harness.lab import GrblSpec
from harness.timeline import Observer

__all__ = ["Gantry", "Held"]

#: Millimetres by which a reported position may differ from what was asked.
_NEAR = 0.1


@dataclass(frozen=True, slots=True)
class Held:
    """A key under the lowered stylus, and whose it is."""

    phone: str
    key: str


class Gantry:
    """One GRBL 1.1 controller with one stylus, over one phone or several.

    Whoever moves it holds :meth:`at_work`, so that nobody else does meanwhile.

    Args:
        port: serial device, e.g. ``/dev/ttyUSB0``.
        name: the keypad's name in lab.yaml.
        phones: the names of the phones under it; what becomes of it is about them.
        observe: where events go.
        spec: stylus and deadlines from lab.yaml.
        answer_s: seconds to wait for an answer, beyond the time the motion needs.

    Raises:
        BenchFault: the port cannot be opened, no GRBL 1.1 answers, or its homing fails.
    """

    def __init__(
        self,
        port: str,
        name: str,
        phones: Sequence[str],
        observe: Observer,
        spec: GrblSpec,
        answer_s: float = 2.0,
    ) -> None:
        self.name = name
        self.spec = spec
        self._phones = tuple(phones)
        self._observe = observe
        self._born = time.monotonic()
        self._keys_lock = threading.Lock()
        self._release_lock = threading.Lock()
        #: What the stylus is down on.
        self.held: Held | None = None
        self._settings: dict[int, float] = {}
        self._build = self._options = ""
        self.link = GrblLink(
            port,
            name,
            spec.baud,
            answer_s,
            hear=self._hear,
            note=self.note,
            lost=self._lose,
        )
        try:
            self._start()
        except BaseException:
            self.link.close()
            raise

    @property
    def identity(self) -> str:
        """Version and build of the controller."""
        return f"Grbl {self._version} {self._build}".rstrip()

    def mend(self) -> None:
        """Open the port again, reset, home and lift: only then is nothing held down.

        Raises:
            BenchFault: the port is not back, or no GRBL answers on it.
        """
        if not self.link.gone:
            return
        with self._keys_lock:
            self.link.reopen()
            try:
                self._start()
            except BenchFault as fault:
                self.link.give_up(fault.summary)
                raise
        self._observe(PartBack(self.name), device=self._only)

    @contextmanager
    def at_work(self, on: Held | None = None) -> Iterator[BenchFault | None]:
        """Have the stylus to oneself, on a machine that knows where it is.

        After an alarm, a restart or a lost answer it is reset and homed before anything moves. If
        the stylus had been down on this key then, what happened is yielded.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        with self._keys_lock:
            broken = self.link.broken if on is not None and self.held == on else None
            self._ready()
            yield broken

    def lift_at_once(self) -> None:
        """Lift the stylus; also ends what is under way in another thread.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        # One at a time: a second caller must not abort the lifting of the first.
        with self._release_lock:
            if not self._keys_lock.acquire(blocking=False):
                self.link.abort()
                self._keys_lock.acquire()
            try:
                self._ready()
                self.run(self.lift(), self.machine.stylus_seconds)
            finally:
                self._keys_lock.release()

    # --- for whoever is at work -------------------------------------------------------------------

    def go(self, target: Point) -> None:
        """Move over a key, answered before anything is pressed there."""
        x, y, _ = self.link.status().position
        lines = [Line(f"G53 G0 X{target[0]:.3f} Y{target[1]:.3f}"), Line("G4 P0")]
        self.run(lines, self.machine.seconds((x, y), target))

    def lower(self, on: Held | None) -> list[Line]:
        """Return the lines that lower the stylus on a key, or on whatever is below it."""
        return sinks(self.spec.stylus, lambda: self._moved(on))

    def lift(self) -> list[Line]:
        """Return the lines that lift the stylus."""
        return rises(self.spec.stylus, lambda: self._moved(None))

    def run(self, lines: Sequence[Line], seconds: float) -> None:
        """Have lines carried out, which takes so many seconds."""
        self.link.send(lines, seconds)

    def stands_at(self, target: Point, *, down: bool) -> None:
        """Make sure that the stylus is where it was sent.

        Raises:
            BenchFault: it is not.
        """
        status = self.link.status()
        x, y, z = status.position
        height = self.machine.height(down=down)
        near = abs(x - target[0]) < _NEAR and abs(y - target[1]) < _NEAR
        if height is not None:
            near = near and abs(z - height) < _NEAR
        if status.state != "Idle" or not near:
            at = "" if height is None else f", {height:.3f}"
            raise BenchFault(
                "its stylus is not where it was sent",
                device=self.name,
                state=f"{status.state} at {x:.3f}, {y:.3f}, {z:.3f}",
                expected=f"Idle at {target[0]:.3f}, {target[1]:.3f}{at}",
                hint="was it held by its panel? release the hold (~) and home it",
            )

    def note(self, text: str) -> None:
        """Say something of it."""
        self._observe(Note(text=text), device=self._only)

    # --- inside -----------------------------------------------------------------------------------

    @property
    def _only(self) -> str:
        return self._phones[0] if len(self._phones) == 1 else ""

    def _start(self) -> None:
        """Reset, read the settings, home, lift: from here on the position is known."""
        self._version = self.link.reset()
        if not self._version.startswith("1.1"):
            raise BenchFault(
                f"it is Grbl {self._version}",
                device=self.name,
                expected="Grbl 1.1: older ones have another protocol",
                hint="flash GRBL 1.1h",
            )
        self.link.send([Line("$I"), Line("$$")])
        self.machine = Machine.read(self._settings, self._options, self.spec, self.name)
        self.link.rx_buffer = self.machine.rx_buffer
        self.link.send([Line("$H")], self.spec.homing_s)
        self.run(self.lift(), self.machine.stylus_seconds)

    def _ready(self) -> None:
        """After an alarm, a restart or a lost answer: reset and home before anything moves."""
        self.link.check()
        broken = self.link.broken
        if broken is not None:
            self.note(f"{self.name} is reset and homed again after: {broken.summary}")
            self._start()

    # --- what is heard, in the reader's thread ----------------------------------------------------

    def _moved(self, held: Held | None) -> None:
        ms = int((time.monotonic() - self._born) * 1000)
        before, self.held = self.held, held
        if before == held:
            return
        if before is not None:
            self._observe(KeyReleased(key=before.key, device_ms=ms), device=before.phone)
        if held is not None:
            self._observe(KeyPressed(key=held.key, device_ms=ms), device=held.phone)

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
        lost = PartLost(self.name, why, " ".join(self._phones), hint)
        self._observe(lost, device=self._only)
