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

__all__ = ["Twin", "main"]

_SELF_TEST_SECONDS = 20.0
_BOOT_LOADER_SECONDS = 40.0
_WALK_STEP_SECONDS = 0.5
#: Light sensors and people need this long to see a lamp, however fast the phone's clock runs.
_SHORTEST_STEP = 0.04
_CODE_SECONDS = 60.0
#: A robot types the twelve keys in real time, so the window may not shrink below that.
_SHORTEST_CODE_WINDOW = 6.0
_RED_ROUNDS = 4


class Twin:
    """One phone from power-on on."""

    def __init__(self, spec: TwinSpec) -> None:
        self._spec = spec
        self._clock = Clock(spec.speed)
        self._flash = Flash(spec.flash, spec.load)
        self._logs = Logs()
        self._lamps = Lamps(spec.facts.lines)
        self._defects = spec.planted()
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
            load=self._flash.load,
            reason=self._why,
            lamps=self._lamps,
            logs=self._logs,
            defects=self._defects,
            restart=self._ask_restart,
        )
        try:
            await self._telephone.start()
            await self._restart.wait()
        finally:
            telephone, self._telephone = self._telephone, None
            await telephone.stop()
            self._lamps.dark()

    def _ask_restart(self, why: str) -> None:
        self._logs.to_console(f"restart: {why}")
        self._why = why
        self._restart.set()

    async def _boot_loader(self) -> None:
        """# was held at power-on: walk amber and take a reset code."""
        await self._clock.spend(_BOOT_LOADER_SECONDS)
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
        await self._clock.spend(kind.dark_seconds)
        await self._lamps.walk(LampColour.RED, step, rounds=_RED_ROUNDS)
        if not self._defects.fires("reset-does-not-wipe"):
            self._flash.wipe()

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
