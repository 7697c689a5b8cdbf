"""A PDU that answers SCPI on a TCP socket (dialect ``plain``)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable

from harness.virtual.spec import PduSpec
from harness.virtual.world import World

__all__ = ["PduTwin"]

_SWITCH = re.compile(r"^OUTP(?:UT)?(\d+)(?::STAT(?:E)?)?\s+(\S+)$")
_STATE = re.compile(r"^OUTP(?:UT)?(\d+)(?::STAT(?:E)?)?\?$")
_CURRENT = re.compile(r"^MEAS(?:URE)?:CURR(?:ENT)?(\d+)\?$")
_BOOLEANS = {"ON": True, "1": True, "OFF": False, "0": False}
_QUEUE_LENGTH = 16


class PduTwin:
    """One PDU. Several clients may be connected, as with most real ones."""

    def __init__(self, name: str, spec: PduSpec, world: World, log: Callable[[str], None]) -> None:
        self._name = name
        self._spec = spec
        self._world = world
        self._log = log
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._switching: set[asyncio.Task[None]] = set()
        self._told: dict[int, bool] = {}
        self._errors: deque[str] = deque()

    async def start(self) -> str:
        """Listen on a port the system chooses; returns the VISA resource name."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"TCPIP0::{host}::{port}::SOCKET"

    async def stop(self) -> None:
        """Stop listening and hang up."""
        for task in self._switching:
            task.cancel()
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._clients):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        lines = 0
        drop_after = self._spec.faults.drop_after
        try:
            while line := await reader.readline():
                lines += 1
                if drop_after is not None and lines > drop_after:
                    self._fault("drop_after", f"connection closed at line {lines}")
                    break
                answer = await self._obey(line.decode("ascii", "replace").strip())
                if answer is None:
                    continue
                if self._spec.faults.silent:
                    self._fault("silent", "no answer")
                    continue
                writer.write(answer.encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # The client is gone, or sent a line without an end.
        finally:
            self._clients.discard(writer)
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _obey(self, line: str) -> str | None:
        command = line.upper()
        if command == "*IDN?":
            return f"Phone Bench,Virtual PDU,{self._name},1.0"
        if command == "*OPC?":
            return "1"
        if command == "*CLS":
            self._errors.clear()
            return None
        if command in {"SYST:ERR?", "SYSTEM:ERROR?"}:
            return self._errors.popleft() if self._errors else '0,"No error"'
        if match := _STATE.match(command):
            outlet = self._outlet(match[1])
            return None if outlet is None else str(int(self._reads_back(outlet)))
        if match := _CURRENT.match(command):
            outlet = self._outlet(match[1])
            return None if outlet is None else f"{self._world.amperes(self._id(outlet)):.3f}"
        if match := _SWITCH.match(command):
            outlet = self._outlet(match[1])
            if outlet is not None and match[2] in _BOOLEANS:
                await self._switch(outlet, _BOOLEANS[match[2]])
            elif outlet is not None:
                self._complain('-224,"Illegal parameter value"')
            return None
        if command:
            self._complain('-113,"Undefined header"')
        return None

    def _id(self, outlet: int) -> str:
        return f"{self._name}/{outlet}"

    def _outlet(self, digits: str) -> int | None:
        number = int(digits)
        if 1 <= number <= self._spec.outlets:
            return number
        self._complain('-114,"Header suffix out of range"')
        return None

    def _reads_back(self, outlet: int) -> bool:
        if self._spec.faults.lie and outlet in self._told:
            return self._told[outlet]
        return self._world.outlet_is_on(self._id(outlet))

    async def _switch(self, outlet: int, on: bool) -> None:
        faults = self._spec.faults
        self._told[outlet] = on
        word = "on" if on else "off"
        if str(outlet) in faults.stuck:
            self._fault("stuck", f"outlet {outlet} does not go {word}")
        elif faults.lie:
            self._fault("lie", f"outlet {outlet} is said to be {word} and is not switched")
        elif faults.lag_s:
            self._fault("lag_s", f"outlet {outlet} goes {word} in {faults.lag_s} s")
            task = asyncio.create_task(self._switch_late(outlet, on))
            self._switching.add(task)
            task.add_done_callback(self._switching.discard)
        else:
            await self._world.switch(self._id(outlet), on=on)

    async def _switch_late(self, outlet: int, on: bool) -> None:
        await asyncio.sleep(self._spec.faults.lag_s)
        await self._world.switch(self._id(outlet), on=on)

    def _complain(self, error: str) -> None:
        if len(self._errors) >= _QUEUE_LENGTH:
            self._errors[-1] = '-350,"Queue overflow"'
        else:
            self._errors.append(error)

    def _fault(self, fault: str, text: str) -> None:
        self._log(f"fault fired: {self._name} {fault}: {text}")
