"""A serial controller that closes the contacts of a phone's key matrix and watches its lamps."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence

from harness.errors import BenchFault, UsageFault
from harness.events import (
    KeyPressed,
    KeyReleased,
    LampChanged,
    LampColour,
    Note,
    PartBack,
    PartLost,
)
from harness.keypad.fate import Fate, KeyFault
from harness.keypad.frames import (
    Answer,
    Damaged,
    KeyEdge,
    LampReport,
    LimitReached,
    Message,
    Watchdog,
)
from harness.keypad.keys import keys_of
from harness.keypad.link import ControllerLink, ControllerRefusal
from harness.keypad.senses import Senses
from harness.timeline import Observer

__all__ = ["MatrixKeypad"]

#: The controller takes this many keys in one request.
_KEYS_PER_REQUEST = 32
_LONGEST_MS = 60_000
_NEWEST_VERSION = 2


class MatrixKeypad:
    """Drive a matrix controller over the keypad line protocol (docs/reference/keypad-protocol.md).

    One thread reads the port, another keeps the controller's watchdog fed. A request whose answer
    does not come is sent once more under the same number, which the controller does not carry out
    twice. A key counts as moved when the controller has reported its edge. It speaks protocol
    version 2 with a controller that does, else version 1.

    Args:
        port: serial device, e.g. ``/dev/ttyACM0``.
        name: the keypad's name in lab.yaml.
        device: the name in lab.yaml of the phone under it; events are about that phone.
        observe: where events go.
        baud: line speed; a USB serial device ignores it.
        answer_s: seconds to wait for an answer, beyond the time the keys need.
        alive_s: seconds between signs of life; the controller lets go of all keys after 2 s
            without one.

    Raises:
        BenchFault: the port cannot be opened, or no controller answers on it.
    """

    senses = Senses(keys=True, lamps=True)

    def __init__(
        self,
        port: str,
        name: str,
        device: str,
        observe: Observer,
        baud: int = 115200,
        answer_s: float = 1.0,
        alive_s: float = 0.5,
    ) -> None:
        self._name = name
        self._device = device
        self._observe = observe
        self._changed = threading.Lock()
        self._edges: list[KeyEdge] = []
        self._down: set[str] = set()
        self._held: set[str] = set()
        self._let_go: dict[str, str] = {}
        self._lamps: dict[str, LampColour] = {}
        self._keys_lock = threading.Lock()
        self._link = ControllerLink(
            port,
            name,
            baud,
            answer_s,
            alive_s,
            hear=self._hear,
            note=self._note,
            lost=self._lose,
            situation=self._situation,
        )
        try:
            self._identity = self._greet()
            self.lamps()
        except BaseException:
            self._link.close()
            raise
        self._link.keep_alive()

    @property
    def parts(self) -> frozenset[str]:
        """Its name: all of it is one controller."""
        return frozenset({self._name})

    @property
    def gone(self) -> str:
        """Why its port is gone; empty while it is there."""
        return self._link.gone

    def mend(self) -> None:
        """Open the port again and greet the controller, which lets go of every key.

        Raises:
            BenchFault: the port is not back, or no controller answers on it.
        """
        with self._keys_lock:
            self._link.reopen()
            try:
                self._identity = self._greet()
                self.lamps()
            except BenchFault as fault:
                self._link.give_up(fault.summary)
                raise
            with self._changed:
                # It said so to nobody.
                unheard = sorted(self._down)
                self._down.clear()
                self._held.clear()
                self._let_go.clear()
            self._link.keep_alive()
        if unheard:
            self._note(f"{self._name} has let go of {', '.join(unheard)} while it was away")
        self._observe(PartBack(self._name), device=self._device)

    def over(self, phone: str) -> MatrixKeypad:  # noqa: ARG002 (as a gantry has it)
        """Return itself: it has the keys of one phone."""
        return self

    @property
    def name(self) -> str:
        """The keypad's name in lab.yaml."""
        return self._name

    @property
    def identity(self) -> str:
        """What the controller said when greeted."""
        return self._identity

    def press(self, key: str) -> None:
        """Push a key down and keep it down; returns when the controller reports it down.

        Raises:
            BenchFault: it did not go down, or the controller cannot be talked to.
            UsageFault: there is no such key.
        """
        keys_of([key], self._name)
        with self._keys_lock:
            self._move(f"down {key}", 0.0)
            if key not in self._down:
                raise self._lost_key([key], f"down {key}")
            with self._changed:
                self._held.add(key)

    def release(self, key: str) -> None:
        """Let a key come up; returns when the controller reports it up.

        Raises:
            BenchFault: it stays down, the controller had let go of it by itself, or it cannot be
                talked to.
            UsageFault: there is no such key.
        """
        keys_of([key], self._name)
        with self._keys_lock:
            with self._changed:
                self._held.discard(key)
                let_go = self._let_go.pop(key, None)
            self._move(f"up {key}", 0.0)
            if key in self._down:
                raise self._stuck_key([key], f"up {key}")
        if let_go is not None:
            raise BenchFault(
                f"it had let go of {key} by itself at {let_go}",
                device=self._name,
                state=f"key {key} up, long before it was told to",
                expected=f"{key} held down until released",
                hint="after a watchdog: is this machine overloaded, was the process suspended? "
                "after a limit: the key was held longer than its coil bears",
            )

    def tap(self, key: str, ms: int = 80) -> None:
        """Push a key for ``ms`` (0 to 60000) milliseconds of the controller's clock.

        Raises:
            BenchFault: it did not go down and up, or the controller cannot be talked to.
            UsageFault: there is no such key, or no such time.
        """
        keys = keys_of([key], self._name)
        self._check_times(ms)
        with self._keys_lock:
            self._type(f"tap {key} {ms}", keys, ms / 1000)

    def type(self, keys: str | Sequence[str], ms: int = 80, gap_ms: int = 80) -> None:
        """Tap keys one after the other by the controller's clock; returns when all are up.

        Args:
            keys: characters of the dial pad, or a list of key names.
            ms: how long each is down, 0 to 60000.
            gap_ms: pause after each, 0 to 60000.

        Raises:
            BenchFault: keys were lost or stuck, or the controller cannot be talked to.
            UsageFault: there is no such key, or no such time.
        """
        wanted = keys_of(keys, self._name)
        self._check_times(ms, gap_ms)
        with self._keys_lock:
            for start in range(0, len(wanted), _KEYS_PER_REQUEST):
                part = wanted[start : start + _KEYS_PER_REQUEST]
                seconds = len(part) * (ms + gap_ms) / 1000
                self._type(f"type {ms} {gap_ms} {' '.join(part)}", part, seconds)

    def release_all(self) -> None:
        """Let every key come up; also ends a `type` that is under way in another thread.

        Raises:
            BenchFault: a key stays down, or the controller cannot be talked to.
        """
        self._link.request("release-all")
        with self._changed:
            self._held.clear()
            self._let_go.clear()
            still_down = sorted(self._down)
        if still_down:
            raise self._stuck_key(still_down, "release all")

    def lamps(self) -> dict[str, LampColour]:
        """Look at all lamps now.

        Raises:
            BenchFault: the controller cannot be talked to.
        """
        answer = self._link.request("lamps")
        try:
            pairs = (word.split("=", 1) for word in answer.split())
            seen = {lamp: LampColour(colour) for lamp, colour in pairs}
        except ValueError as error:
            raise BenchFault(
                f"it describes its lamps as {answer!r}",
                device=self._name,
                expected="lamp=colour pairs",
                hint="flash the controller's firmware: it does not speak line protocol 1",
            ) from error
        return seen

    def lose(self, why: str) -> None:
        """Let go of a controller that is no longer ours; its watchdog lets every key come up."""
        self._link.hand_over(why)

    def regain(self, ports: Mapping[str, str]) -> None:
        """Let `mend` open and greet a controller that is ours again, at its ``port``."""
        self._link.regain(ports["port"])

    def close(self) -> None:
        """Let every key come up and let go of the port."""
        if self._link.closed:
            return
        with contextlib.suppress(BenchFault):
            self._link.request("release-all")
        self._link.close()

    def _greet(self) -> str:
        try:
            identity = self._link.request(f"hello {_NEWEST_VERSION}")
        except ControllerRefusal as refusal:
            # Version 1 knows no argument to hello.
            if refusal.code != "bad-arguments":
                raise
            identity = self._link.request("hello")
        if identity.split(" ")[:2] not in (["matrix", "1"], ["matrix", "2"]):
            raise BenchFault(
                f"it greets with {identity!r}",
                device=self._name,
                expected=f"'matrix <version> <keys> …': line protocol 1 to {_NEWEST_VERSION}",
                hint="flash the controller's firmware, or correct the driver in lab.yaml",
            )
        return identity

    # --- keys -----------------------------------------------------------------------------------

    def _check_times(self, *times_ms: int) -> None:
        for ms in times_ms:
            if not 0 <= ms <= _LONGEST_MS:
                raise UsageFault(
                    f"a key cannot be timed with {ms} ms",
                    device=self._name,
                    expected=f"0 to {_LONGEST_MS} ms",
                )

    def _move(self, command: str, seconds: float) -> list[KeyEdge]:
        """Carry out a command and return the edges it made; the caller holds the keys' lock."""
        with self._changed:
            self._edges.clear()
        self._link.request(command, seconds)
        with self._changed:
            return list(self._edges)

    def _type(self, command: str, keys: list[str], seconds: float) -> None:
        edges = self._move(command, seconds)
        wanted = [(key, down) for key in keys for down in (True, False)]
        made = [(edge.key, edge.down) for edge in edges]
        if made == wanted:
            return
        pressed = [key for key, down in made if down]
        released = [key for key, down in made if not down]
        lost = _missing(keys, pressed)
        if lost:
            raise self._lost_key(lost, command)
        stuck = _missing(keys, released)
        if stuck:
            raise self._stuck_key(stuck, command)
        doubled = _missing(pressed, keys)
        if doubled:
            raise KeyFault(
                f"key {', '.join(doubled)} went down more than once",
                Fate.DOUBLED,
                device=self._name,
                state=" ".join(f"{key}{'↓' if down else '↑'}" for key, down in made),
                expected="one edge down and one edge up for each key",
                hint="a bouncing contact or actuator: look at that key",
            )
        raise BenchFault(
            f"keys moved in another order than told by {command!r}",
            device=self._name,
            state=" ".join(f"{key}{'↓' if down else '↑'}" for key, down in made),
            expected=" ".join(f"{key}{'↓' if down else '↑'}" for key, down in wanted),
            hint="is a second host driving this controller?",
        )

    def _lost_key(self, keys: list[str], command: str) -> BenchFault:
        return KeyFault(
            f"key {', '.join(keys)} did not go down",
            Fate.LOST,
            device=self._name,
            state=f"{command!r} was acknowledged, but no movement reported{self._damage()}",
            expected="an edge down and an edge up for each key",
            hint="look at the contact or actuator of that key",
        )

    def _stuck_key(self, keys: list[str], command: str) -> BenchFault:
        return KeyFault(
            f"key {', '.join(keys)} stays down",
            Fate.STUCK,
            device=self._name,
            state=f"{command!r} was acknowledged, but the key was not reported up{self._damage()}",
            expected="an edge up for each key",
            hint="look at the contact or actuator of that key; power-cycle the controller",
        )

    def _damage(self) -> str:
        damaged = self._link.damaged
        return f"; {damaged} damaged line(s) received so far" if damaged else ""

    # --- what the link hears, in its reader's thread ----------------------------------------------

    def _hear(self, message: Message, command: str) -> None:
        match message:
            case KeyEdge(device_ms=ms, key=key, down=down):
                kind = KeyPressed if down else KeyReleased
                self._observe(kind(key=key, device_ms=ms), device=self._device)
                with self._changed:
                    self._edges.append(message)
                    (self._down.add if down else self._down.discard)(key)
            case LampReport(device_ms=ms, lamp=lamp, colour=colour):
                self._see_lamp(lamp, colour, ms)
            case Watchdog(device_ms=ms):
                self._note(
                    f"{self._name} heard nothing from the host, let go of all keys ({ms} ms)"
                )
                with self._changed:
                    why = f"{ms} ms of its clock: it heard nothing from this host for 2 s"
                    self._let_go.update(dict.fromkeys(self._held, why))
                    self._held.clear()
            case LimitReached(device_ms=ms, key=key):
                self._note(f"{self._name} let go of {key}: its coil's limit ({ms} ms)")
                with self._changed:
                    if key in self._held:
                        self._held.discard(key)
                        self._let_go[key] = f"{ms} ms of its clock: its coil's limit"
            case Damaged(line=line, why=why):
                self._note(f"{self._name} sent a damaged line: {why}: {line[:80]!r}")
            case Answer(device_ms=ms, text=text) if command == "lamps":
                self._see_all_lamps(text, ms)

    def _lose(self, why: str) -> None:
        hint = "connect it again; the controller lets go of all keys after 2 s by itself"
        self._observe(PartLost(self._name, why, self._device, hint), device=self._device)

    def _note(self, text: str) -> None:
        self._observe(Note(text=text), device=self._device)

    def _situation(self) -> str:
        with self._changed:
            return f"keys last reported down: {', '.join(sorted(self._down)) or 'none'}"

    def _see_lamp(self, lamp: str, colour: LampColour, ms: int) -> None:
        # Only the reader's thread comes here, so what it knows and what it tells stay in step.
        if self._lamps.get(lamp, LampColour.DARK) is not colour:
            self._lamps[lamp] = colour
            self._observe(LampChanged(lamp=lamp, colour=colour, device_ms=ms), device=self._device)

    def _see_all_lamps(self, text: str, ms: int) -> None:
        for word in text.split():
            lamp, _, colour = word.partition("=")
            with contextlib.suppress(ValueError):
                self._see_lamp(lamp, LampColour(colour), ms)


def _missing(wanted: list[str], made: list[str]) -> list[str]:
    left = list(made)
    missing: list[str] = []
    for key in wanted:
        if key in left:
            left.remove(key)
        elif key not in missing:
            missing.append(key)
    return missing
