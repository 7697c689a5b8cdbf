"""The process of one phone: keys in, lamps out, and the life between power-on and power cut."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from harness.errors import HarnessError
from harness.events import LampColour
from harness.virtual.phone.boot import Booted, Reboot, boot
from harness.virtual.phone.clock import Clock
from harness.virtual.phone.flash import Flash
from harness.virtual.phone.lamps import Lamps
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.reset import CodeEntry, ResetKind
from harness.virtual.phone.spec import TwinSpec
from harness.virtual.phone.tftp import ServerSilent
from harness.virtual.phone.ui import Telephone
from harness.virtual.phone.uplink import uplink_for
from harness.virtual.phone.windows.console import SshConsole
from harness.virtual.phone.windows.handset import Viewed
from harness.virtual.phone.windows.server import WebServer

__all__ = ["Twin", "main"]

_SELF_TEST_SECONDS = 20.0
_WALK_STEP_SECONDS = 0.5
#: Light sensors and people need this long to see a lamp, however fast the phone's clock runs.
_SHORTEST_STEP = 0.04
_CODE_SECONDS = 60.0
#: A robot types the twelve keys in real time, so the window may not shrink below that.
_SHORTEST_CODE_WINDOW = 6.0
#: A lamp that is to be seen walking must go round, however fast the clock runs.
_FEWEST_ROUNDS = 4
_SHORTEST_GREEN = 0.2


class Twin:
    """One phone from power-on on."""

    def __init__(self, spec: TwinSpec) -> None:
        self._spec = spec
        self._clock = Clock(spec.speed)
        self._flash = Flash(spec.flash, spec.load)
        self._logs = Logs()
        self._lamps = Lamps(spec.facts.lines)
        self._defects = spec.planted(lambda: self._flash.load)
        self._down = set(spec.held)
        self._keys: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self._telephone: Telephone | None = None
        self._restart = asyncio.Event()
        self._why = "initialized"
        self._uplink = uplink_for(
            spec, self._clock, self._logs, lambda: self._ask_restart("IP address lost")
        )

    def key(self, name: str, *, down: bool) -> None:
        """A key moved."""
        (self._down.add if down else self._down.discard)(name)
        if self._telephone is not None:
            self._telephone.key(name, down=down)
        else:
            self._keys.put_nowait((name, down))

    async def live(self) -> None:
        """Run until power is cut."""
        if "#" in self._down:
            await self._boot_loader()
        while True:
            self._restart.clear()
            await self._clock.spend(_SELF_TEST_SECONDS)
            # From here on the phone is where its lease puts it.
            spec = await self._uplink.configured()
            try:
                booted = await boot(spec, self._flash, self._clock, self._logs, self._defects)
            except Reboot:
                continue
            except ServerSilent as silent:
                self._logs.to_status(f"TFTP Timeout : {silent}")
                await self._uplink.released()
                continue
            await self._serve(spec, booted)

    async def _serve(self, spec: TwinSpec, booted: Booted) -> None:
        self._telephone = Telephone(
            spec=spec,
            config=booted.config,
            dial_plan=booted.dial_plan,
            flash=self._flash,
            reason=self._why,
            lamps=self._lamps,
            logs=self._logs,
            defects=self._defects,
            restart=self._ask_restart,
        )
        viewed = Viewed(
            self._telephone, spec, booted.config, self._flash, self._logs, self._defects
        )
        windows = _windows(viewed)
        try:
            # First the windows: whoever sees the phone register may look into it at once.
            for window in windows:
                await window.start()
            await self._telephone.start()
            await self._restart.wait()
        finally:
            for window in windows:
                await window.stop()
            telephone, self._telephone = self._telephone, None
            await telephone.stop()
            self._lamps.dark()

    def _ask_restart(self, why: str) -> None:
        self._logs.to_console(f"restart: {why}")
        self._why = why
        self._restart.set()

    async def _boot_loader(self) -> None:
        """# was held at power-on: walk amber and take a reset code."""
        await self._clock.spend(self._spec.boot_loader_s)
        step = self._clock.real(_WALK_STEP_SECONDS, at_least=_SHORTEST_STEP)
        walk = asyncio.create_task(self._lamps.walk(LampColour.AMBER, step))
        try:
            while "#" in self._down:
                await self._keys.get()
            kind = await self._read_code()
        finally:
            walk.cancel()
            with suppress(asyncio.CancelledError):
                await walk
        if kind is None or self._defects.fires("ignores-reset-code"):
            return
        self._logs.to_console(f"factory reset: {kind.name}")
        in_memory = self._flash.alternate_tftp if kind.keeps_network else ""
        wipes = not self._defects.fires("reset-does-not-wipe")
        if wipes:
            # From here on the network settings are in memory only: a power cut now loses them.
            self._flash.wipe()
        await self._clock.spend(kind.dark_seconds)
        round_seconds = step * self._spec.facts.lines
        rounds = max(_FEWEST_ROUNDS, round(self._clock.real(kind.red_seconds) / round_seconds))
        await self._lamps.walk(LampColour.RED, step, rounds=rounds)
        if wipes and in_memory:
            self._flash.alternate_tftp = in_memory
            self._flash.save()
        if kind.green_seconds:
            for number in range(1, self._spec.facts.lines + 1):
                self._lamps.show(f"line{number}", LampColour.GREEN)
            await self._clock.spend(kind.green_seconds, at_least=_SHORTEST_GREEN)
            self._lamps.dark()

    async def _read_code(self) -> ResetKind | None:
        entry = CodeEntry()
        window = self._clock.real(_CODE_SECONDS, at_least=_SHORTEST_CODE_WINDOW)
        try:
            async with asyncio.timeout(window):
                while entry.kind is None and not entry.wrong:
                    name, down = await self._keys.get()
                    if down:
                        entry.press(name)
        except TimeoutError:
            self._logs.to_console("no reset code in time: normal boot")
        if entry.wrong:
            self._logs.to_console("wrong reset code: normal boot")
        return entry.kind


def _windows(viewed: Viewed) -> list[WebServer | SshConsole]:
    """The windows the configuration leaves open."""
    found: list[WebServer | SshConsole] = []
    if viewed.config.web_access:
        found.append(WebServer(viewed))
    if viewed.config.ssh_access and viewed.config.ssh_user:
        found.append(SshConsole(viewed))
    return found


async def _run(spec: TwinSpec) -> None:
    twin = Twin(spec)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    life = asyncio.create_task(twin.live())
    hands = asyncio.create_task(_feel(reader, twin))
    done, _ = await asyncio.wait({life, hands}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _feel(reader: asyncio.StreamReader, twin: Twin) -> None:
    while line := await reader.readline():
        message: dict[str, Any] = json.loads(line)
        twin.key(message["key"], down=message["down"])


def main() -> None:
    """Read the spec from the first line of standard input and live."""
    # Unbuffered: what follows the first line belongs to the event loop.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            return
        line += byte
    try:
        spec = TwinSpec.model_validate_json(line)
        asyncio.run(_run(spec))
    except ValidationError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except HarnessError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
