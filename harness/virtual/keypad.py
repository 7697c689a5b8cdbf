"""A keypad controller behind a pseudo-terminal; see docs/reference/keypad-protocol.md.

The controller moves the keys by its own clock and reports each movement as it happens. This is
deliberately not the driver's code read backwards: framing and verbs are written from the document.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from functools import partial

from harness.events import LampColour
from harness.virtual.port import TwinPort
from harness.virtual.spec import KeypadSpec
from harness.virtual.world import World

__all__ = ["KeypadTwin"]

_KEYS = frozenset(
    [*"0123456789*#"]
    + [f"line{number}" for number in range(1, 7)]
    + [f"soft{number}" for number in range(1, 5)]
    + ["speaker", "headset", "mute", "hold", "settings", "services", "messages", "directories"]
    + ["navup", "navdown", "volup", "voldown", "hook"]
)
_LAMPS = ("line1", "line2", "line3", "line4", "line5", "line6", "mwi", "headset", "mute", "speaker")
_LONGEST_LINE = 512
_MOST_KEYS = 32
_LONGEST_MS = 60_000
_WATCHDOG_S = 2.0
_ANSWERS_KEPT = 16
_HOT_AFTER_S = 0.05
_PULLED_AFTER_S = 0.3
_NEWEST_VERSION = 2
_FIRMWARE = "twin-1.0.0"


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


class _Refused(Exception):
    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


class KeypadTwin:
    """One controller with its keys over and its light sensors on one phone.

    ``port`` is the name of its serial device, when it is not its own.
    """

    def __init__(
        self,
        name: str,
        spec: KeypadSpec,
        world: World,
        log: Callable[[str], None],
        port: str = "",
    ) -> None:
        self._name = name
        self._faults = spec.faults
        self._world = world
        self._log = log
        self._born = time.monotonic()
        self._port = TwinPort(world.ports / (port or name), name, self._take, log)
        self._pulled = False
        self._received = b""
        self._frames_sent = 0
        self._session = 0
        self._version = 1
        self._down: set[str] = set()
        self._answers: dict[str, str] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._watchdog: asyncio.TimerHandle | None = None

    def start(self) -> str:
        """Open the pseudo-terminal; returns the serial device for the host."""
        self._world.watch_lamps(self._name, self)
        return self._port.plug()

    def stop(self) -> None:
        """Unplug."""
        self._port.pull()
        for task in self._running.values():
            task.cancel()
        if self._watchdog is not None:
            self._watchdog.cancel()

    def lamp_changed(self, lamp: str, colour: LampColour) -> None:
        """Report what a light sensor sees."""
        self._report(f"lamp {lamp} {colour}")

    # --- the wire -------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\n")
        if len(self._received) > _LONGEST_LINE:
            self._received = b""
        for line in lines:
            self._frame(line.removesuffix(b"\r"))

    def _frame(self, line: bytes) -> None:
        """Take one frame; a damaged one is passed over in silence, so that the host repeats it."""
        body, mark, crc = line[:-3], line[-3:-2], line[-2:]
        if len(line) > _LONGEST_LINE or mark != b"*" or crc != b"%02X" % _crc8(body):
            return
        words = body.decode("ascii", "replace").split(" ")
        if not words[0].startswith(">") or len(words) < 2:
            return
        seq, verb, args = words[0][1:], words[1], words[2:]
        self._feed_watchdog()
        if verb == "hello":
            self._begin_session()
        elif seq in self._answers:
            self._send(self._answers[seq])
            return
        elif seq in self._running:
            return
        try:
            work = self._obey(verb, args)
        except _Refused as refusal:
            self._answer(seq, f"err {self._ms()} {refusal.code} {refusal}")
            return
        if isinstance(work, str):
            self._answer(seq, f"ok {self._ms()} {work}".rstrip())
        else:
            self._running[seq] = task = asyncio.create_task(work)
            task.add_done_callback(partial(self._finished, seq, self._session))

    def _finished(self, seq: str, session: int, task: asyncio.Task[None]) -> None:
        # A new host counts from the start: an answer to the old one would be taken for its own.
        if session != self._session:
            return
        self._running.pop(seq, None)
        if task.cancelled():
            self._answer(seq, f"err {self._ms()} aborted released meanwhile")
        else:
            self._answer(seq, f"ok {self._ms()}")

    def _answer(self, seq: str, rest: str) -> None:
        body = f"<{seq} {rest}"
        self._answers[seq] = body
        while len(self._answers) > _ANSWERS_KEPT:
            del self._answers[next(iter(self._answers))]
        self._send(body)

    def _report(self, what: str) -> None:
        if self._session:
            self._send(f"!{self._ms()} {what}")

    def _send(self, body: str) -> None:
        if self._faults.silent:
            self._fault("silent", f"kept back: {body}")
            return
        self._frames_sent += 1
        crc = _crc8(body.encode())
        every = self._faults.bad_crc_every
        if every is not None and self._frames_sent % every == 0:
            self._fault("bad_crc_every", f"damaged: {body}")
            crc ^= 0xFF
        self._port.send(f"{body}*{crc:02X}\n")

    def _ms(self) -> int:
        return int((time.monotonic() - self._born) * 1000)

    # --- the verbs ------------------------------------------------------------------------------

    def _begin_session(self) -> None:
        self._session += 1
        self._answers.clear()
        self._let_go()
        self._running.clear()

    def _obey(self, verb: str, args: list[str]) -> str | Coroutine[None, None, None]:
        match verb, args:
            case "hello", []:
                self._version = 1
                return f"matrix 1 {len(_KEYS)}"
            case "hello", [version] if version.isdecimal() and int(version) > 0:
                self._version = min(int(version), _NEWEST_VERSION)
                firmware = f" {_FIRMWARE}" if self._version > 1 else ""
                return f"matrix {self._version} {len(_KEYS)}{firmware}"
            case "alive", []:
                return ""
            case "lamps", []:
                seen = self._world.lamps(self._name)
                return " ".join(f"{lamp}={seen.get(lamp, LampColour.DARK)}" for lamp in _LAMPS)
            case "release-all", []:
                self._let_go()
                return ""
            case (("down" | "up"), [key]):
                self._know(key)
                self._free(key)
                self._move(key, down=verb == "down")
                return ""
            case "tap", [key, ms]:
                self._know(key)
                self._free(key)
                return self._type(_time(ms), 0, [key])
            case "type", [ms, gap_ms, *keys] if 1 <= len(keys) <= _MOST_KEYS:
                for key in keys:
                    self._know(key)
                self._free(*keys)
                return self._type(_time(ms), _time(gap_ms), keys)
            case (
                ("hello" | "alive" | "lamps" | "release-all" | "down" | "up" | "tap" | "type"),
                _,
            ):
                raise _Refused("bad-arguments", f"{verb} {' '.join(args)}".strip())
        raise _Refused("bad-verb", verb)

    def _know(self, key: str) -> None:
        if key not in _KEYS:
            raise _Refused("bad-key", key)

    def _free(self, *keys: str) -> None:
        if self._running:
            raise _Refused("busy", f"still typing, no time for {' '.join(keys)}")

    async def _type(self, ms: int, gap_ms: int, keys: list[str]) -> None:
        for key in keys:
            self._move(key, down=True)
            await asyncio.sleep(ms / 1000)
            self._move(key, down=False)
            await asyncio.sleep(gap_ms / 1000)

    def _move(self, key: str, *, down: bool) -> None:
        if (key in self._down) == down:
            return
        if down and key in self._faults.lose_keys:
            self._fault("lose_keys", f"{key} is not pressed")
            return
        if not down and key in self._faults.stuck_keys:
            self._fault("stuck_keys", f"{key} stays down")
            return
        (self._down.add if down else self._down.discard)(key)
        edges: tuple[bool, ...] = (down,)
        if down and key in self._faults.double_keys:
            self._fault("double_keys", f"{key} bounces")
            edges = (True, False, True)
        for edge in edges:
            self._world.key(self._name, key, down=edge)
            self._report(f"key {key} {'down' if edge else 'up'}")
        if down and key in self._faults.hot_keys:
            asyncio.get_running_loop().call_later(_HOT_AFTER_S, self._give_up, key)
        if down and key in self._faults.unplug_on and not self._pulled:
            self._pulled = True
            asyncio.get_running_loop().call_later(_PULLED_AFTER_S, self._pull)

    def _pull(self) -> None:
        held = " ".join(sorted(self._down)) or "none"
        self._fault("unplug_on", f"the cable is pulled, keys down: {held}")
        self._received = b""
        self._port.pull_for(self._faults.unplugged_s)

    def _give_up(self, key: str) -> None:
        if key not in self._down:
            return
        self._fault("hot_keys", f"{key} let go")
        for task in tuple(self._running.values()):
            task.cancel()
        self._move(key, down=False)
        if self._version > 1:
            self._report(f"limit {key}")

    def _let_go(self) -> None:
        for task in tuple(self._running.values()):
            task.cancel()
        for key in sorted(self._down):
            self._move(key, down=False)

    def _feed_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = asyncio.get_running_loop().call_later(_WATCHDOG_S, self._host_is_gone)

    def _host_is_gone(self) -> None:
        held = " ".join(sorted(self._down)) or "none"
        self._log(f"{self._name}: heard nothing for {_WATCHDOG_S:.0f} s, lets go of keys: {held}")
        self._let_go()
        self._report("watchdog")

    def _fault(self, fault: str, text: str) -> None:
        self._log(f"fault fired: {self._name} {fault}: {text}")


def _time(word: str) -> int:
    with contextlib.suppress(ValueError):
        if 0 <= int(word) <= _LONGEST_MS:
            return int(word)
    raise _Refused("bad-arguments", f"{word} is not 0 to {_LONGEST_MS} ms")
