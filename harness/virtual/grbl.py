"""A GRBL 1.1h controller behind a pseudo-terminal, with a gantry and a stylus over phones.

Written from gnea/grbl: doc/markdown/interface.md, jogging.md, and the main loop in protocol.c,
motion_control.c, system.c. Kept: real-time bytes outside of the line stream, 128 bytes of receive
buffer, 15 planner blocks, ``ok`` to a move when it is planned and to a dwell when it is over,
dwells in steps of 50 ms, no status reports while homing or in a critical alarm, soft limits, lock
after reset. Left out: look-ahead (each move stops at its end), overrides, parking, probing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from harness.virtual.grbl_gcode import Modes, Refused, parse
from harness.virtual.grbl_motion import Motion, State
from harness.virtual.grbl_settings import SETTINGS, shown, store
from harness.virtual.port import TwinPort
from harness.virtual.spec import GantrySpec
from harness.virtual.stylus import Stylus
from harness.virtual.world import World

__all__ = ["GrblTwin"]

_RX_BUFFER = 128
_LINE_BUFFER = 80
_DWELL_STEP_S = 0.05
_PULLED_AFTER_S = 0.3
_HOLD, _RESUME, _STATUS, _RESET, _JOG_CANCEL = b"!~?\x18\x85"
_WELCOME = "\r\nGrbl 1.1h ['$' for help]"
_LOCKED = "[MSG:'$H'|'$X' to unlock]"


class _Abort(Exception):
    """A reset: back to the greeting."""


class GrblTwin:
    """One controller.

    Args:
        name: the keypad's name.
        spec: the phones under it and what is wrong with them.
        world: told of keys.
        log: told what happened.
        speed: how many times faster than hardware the gantry moves; dwells are not sped up.
    """

    def __init__(
        self,
        name: str,
        spec: GantrySpec,
        world: World,
        log: Callable[[str], None],
        speed: float = 1.0,
    ) -> None:
        self._name = name
        self._spec = spec
        self._log = log
        self._settings = dict(SETTINGS)
        if len(spec.faces) > 1:
            # It was built for that many: its frame reaches from the home corner over all of them.
            for axis, setting in enumerate((130, 131)):
                far = max(-face.corner[axis] for face in spec.faces.values())
                self._settings[setting] = max(self._settings[setting], far)
        self._stylus = Stylus(name, spec, world, log)
        self._motion = Motion(self._settings, speed, self._tip_moved)
        self._modes = Modes()
        self._port = TwinPort(world.ports / name, name, self._arrive, log)
        self._pulled = False
        self._received: deque[int] = deque()
        self._arrived = asyncio.Event()
        self._aborted = asyncio.Event()
        self._deaf = False
        self._life: asyncio.Task[None] | None = None

    def start(self) -> str:
        """Open the pseudo-terminal and power up; returns the serial device for the host."""
        path = self._port.plug()
        # $22=1: it does not know where it is until it is homed (HOMING_INIT_LOCK).
        self._motion.state = State.ALARM
        self._life = asyncio.create_task(self._live())
        return path

    def stop(self) -> None:
        """Unplug."""
        self._port.pull()
        if self._life is not None:
            self._life.cancel()
        self._motion.halt()
        self._stylus.stop()

    # --- the wire ---------------------------------------------------------------------------------

    def _arrive(self, received: bytes) -> None:
        for byte in received:
            self._take(byte)
        self._arrived.set()

    def _take(self, byte: int) -> None:
        if byte == _RESET:
            self._reset()
        elif byte == _STATUS:
            # The critical-alarm loop and the homing cycle of 1.1h look at nothing but a reset.
            if not self._deaf and self._motion.state is not State.HOME:
                self._say(self._report())
        elif byte == _HOLD:
            self._motion.hold()
        elif byte == _RESUME:
            self._motion.resume()
        elif byte == _JOG_CANCEL:
            self._motion.cancel_jog()
        elif byte < 0x80:
            if len(self._received) < _RX_BUFFER:
                self._received.append(byte)
            else:
                self._log(f"{self._name}: receive buffer overflow, {bytes([byte])!r} lost")

    def _say(self, text: str) -> None:
        if self._spec.faults.silent:
            self._fault("silent", f"kept back: {text.strip()}")
            return
        self._port.send(f"{text}\r\n")

    def _report(self) -> str:
        x, y, z = self._motion.position
        motion = self._motion
        state = f"{motion.state}:0" if motion.state is State.HOLD else str(motion.state)
        speed = self._modes.speed if self._modes.spindle else 0
        free = f"|Bf:{motion.free},{_RX_BUFFER - len(self._received)}"
        buffers = free if int(self._settings[10]) & 2 else ""
        return f"<{state}|MPos:{x:.3f},{y:.3f},{z:.3f}{buffers}|FS:{motion.feed:.0f},{speed:.0f}>"

    # --- the main loop ----------------------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            self._say(_WELCOME)
            if self._motion.state is State.ALARM:
                self._say(_LOCKED)
            try:
                while True:
                    await self._obey(await self._line())
            except _Abort:
                continue

    def _reset(self) -> None:
        """What a reset does at once; the main loop comes round to the greeting."""
        # A feed hold that is complete is no motion: a reset then keeps the position.
        if self._motion.moving and self._motion.state is not State.HOLD:
            code = 6 if self._motion.state is State.HOME else 3
            self._alarm(code)
        elif self._motion.state is not State.ALARM:
            self._motion.state = State.IDLE
        self._motion.halt()
        self._received.clear()
        self._modes = Modes()
        if self._spec.servo:
            self._tip_moved()
        self._deaf = False
        self._aborted.set()

    def _alarm(self, code: int) -> None:
        self._motion.halt()
        self._motion.state = State.ALARM
        self._say(f"ALARM:{code}")

    async def _until(self, done: Callable[[], bool], changed: asyncio.Event) -> None:
        """Wait as GRBL's busy loops do: until done, or until a reset ends everything."""
        while self._deaf or not done():
            changed.clear()
            waits = [asyncio.ensure_future(event.wait()) for event in (changed, self._aborted)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            self._bail()
        self._bail()

    def _bail(self) -> None:
        if self._aborted.is_set():
            self._aborted.clear()
            raise _Abort

    async def _line(self) -> str:
        """Read one line, without spaces and comments, in capitals."""
        line = ""
        comment = ""
        overflow = False
        while True:
            await self._until(lambda: bool(self._received), self._arrived)
            character = chr(self._received.popleft())
            if character in "\r\n":
                return "\0" if overflow else line
            if comment:
                comment = "" if comment == "(" and character == ")" else comment
            elif character in "(;":
                comment = character
            elif character <= " " or character == "/":
                continue
            elif len(line) >= _LINE_BUFFER - 1:
                overflow = True
            else:
                line += character.upper()

    async def _obey(self, line: str) -> None:
        try:
            if line == "\0":
                raise Refused(11)
            if line.startswith("$"):
                await self._system(line)
            elif line:
                if self._motion.state in (State.ALARM, State.JOG):
                    raise Refused(9)
                await self._gcode(line)
        except Refused as refused:
            self._say(f"error:{refused.code}")
        else:
            self._say("ok")

    # --- lines ------------------------------------------------------------------------------------

    async def _system(self, line: str) -> None:
        state = self._motion.state
        if line.startswith("$J"):
            if state not in (State.IDLE, State.JOG):
                raise Refused(8)
            if not line.startswith("$J="):
                raise Refused(3)
            await self._jog(line[3:])
        elif line == "$X":
            if state is State.ALARM:
                self._say("[MSG:Caution: Unlocked]")
                self._motion.state = State.IDLE
        elif line == "$":
            self._say("[HLP:$$ $# $G $I $N $x=val $Nx=line $J=line $SLP $C $X $H ~ ! ? ctrl-x]")
        elif line == "$$":
            if state in (State.RUN, State.HOLD):
                raise Refused(8)
            for number in self._settings:
                self._say(f"${number}={shown(number, self._settings)}")
        elif state not in (State.IDLE, State.ALARM):
            raise Refused(8)
        elif line == "$I":
            self._say("[VER:1.1h.20190830:]")
            self._say(f"[OPT:V,{self._motion.blocks},{_RX_BUFFER}]")
        elif line == "$H":
            await self._home()
        else:
            store(line[1:], self._settings)

    async def _home(self) -> None:
        if not self._settings[22]:
            raise Refused(5)
        self._motion.state = State.HOME
        self._motion.home()
        await self._until(lambda: not self._motion.moving, self._motion.changed)
        self._motion.state = State.IDLE

    async def _jog(self, text: str) -> None:
        block = parse(text, self._modes, self._motion.planned, jog=True)
        if block.target is None:
            raise Refused(16)
        if not self._motion.reaches(block.target):
            raise Refused(15)
        await self._until(lambda: self._motion.free > 0, self._motion.changed)
        self._motion.plan(block.target, block.feed, jog=True)

    async def _gcode(self, line: str) -> None:
        block = parse(line, self._modes, self._motion.planned)
        if block.spindle is not None:
            # The spindle follows when all motion before it has ended (spindle_sync).
            await self._until(lambda: not self._motion.moving, self._motion.changed)
            self._tip_moved()
        if block.target is not None:
            if self._settings[20] and not self._motion.reaches(block.target):
                await self._soft_limit()
                return
            await self._until(lambda: self._motion.free > 0, self._motion.changed)
            self._motion.plan(block.target, block.feed)
        if block.dwell is not None:
            await self._until(lambda: not self._motion.moving, self._motion.changed)
            # 1000 / DWELL_TIME_STEP * seconds, rounded up (delay_sec in nuts_bolts.c).
            for _ in range(-int(-round(block.dwell / _DWELL_STEP_S, 4) // 1)):
                await self._until(
                    lambda: self._motion.state is not State.HOLD, self._motion.changed
                )
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_DWELL_STEP_S):
                        await self._aborted.wait()
                self._bail()

    async def _soft_limit(self) -> None:
        """Stop and lock; the line's ``ok`` comes out before the greeting of the reset it needs."""
        self._alarm(2)
        self._say("[MSG:Reset to continue]")
        self._deaf = True
        await self._aborted.wait()

    # --- the machine ------------------------------------------------------------------------------

    def _tip_moved(self) -> None:
        x, y, z = self._motion.position
        if self._spec.servo:
            down = self._modes.spindle and self._modes.speed >= self._spec.contact
        else:
            down = z <= self._spec.contact
        faults = self._spec.faults
        if down and faults.alarm_on and self._stylus.under(x, y)[1] in faults.alarm_on:
            if self._motion.state is State.RUN:
                self._fault("alarm_on", "a limit switch trips")
                self._alarm(1)
                self._say("[MSG:Reset to continue]")
                self._deaf = True
            return
        pressed = self._stylus.move(x, y, down=down)
        if pressed and pressed in faults.unplug_on and not self._pulled:
            self._pulled = True
            asyncio.get_running_loop().call_later(_PULLED_AFTER_S, self._pull, pressed)
        if pressed and pressed in faults.restart_on:
            self._fault("restart_on", f"the supply dips at {pressed}")
            self._motion.halt()
            self._motion.state = State.ALARM
            self._received.clear()
            self._aborted.set()

    def _pull(self, key: str) -> None:
        self._fault("unplug_on", f"the cable is pulled, the stylus is on {key}")
        self._port.pull_for(self._spec.faults.unplugged_s)

    def _fault(self, fault: str, text: str) -> None:
        self._log(f"fault fired: {self._name} {fault}: {text}")
