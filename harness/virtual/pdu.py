"""A PDU that answers SCPI on a TCP socket (dialect ``plain``)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable

from harness.virtual.spec import PduSpec
from harness.virtual.twin_outlets import TwinOutlets
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
        self._outlets = TwinOutlets(name, spec, world, log)
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._errors: deque[str] = deque()

    async def start(self) -> str:
        """Listen on a port the system chooses; returns the VISA resource name."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"TCPIP0::{host}::{port}::SOCKET"

    async def stop(self) -> None:
        """Stop listening and hang up."""
        self._outlets.stop()
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._clients):
            writer.close()

    async def _go_away(self, seconds: float) -> None:
        if self._server is None:
            return
        host, port = self._server.sockets[0].getsockname()[:2]
        self._server.close()
        for writer in tuple(self._clients):
            # Nobody says good-bye when the network card restarts.
            writer.transport.abort()
        await asyncio.sleep(seconds)
        self._server = await asyncio.start_server(self._serve, host, port)
        self._outlets.come_back()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        lines = 0
        drop_after = self._outlets.faults.drop_after
        try:
            while line := await reader.readline():
                lines += 1
                if drop_after is not None and lines > drop_after:
                    self._outlets.fired("drop_after", f"connection closed at line {lines}")
                    break
                answer = await self._obey(line.decode("ascii", "replace").strip())
                if answer is None:
                    continue
                if self._outlets.faults.silent:
                    self._outlets.fired("silent", "no answer")
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
            return None if outlet is None else str(int(self._outlets.reads_back(outlet)))
        if match := _CURRENT.match(command):
            outlet = self._outlet(match[1])
            return None if outlet is None else f"{self._outlets.amperes(outlet):.3f}"
        if match := _SWITCH.match(command):
            outlet = self._outlet(match[1])
            on = _BOOLEANS.get(match[2])
            if outlet is not None and on and (seconds := self._outlets.goes_away(outlet, on=on)):
                self._outlets.start(self._go_away(seconds))
            elif outlet is not None and match[2] in _BOOLEANS:
                await self._outlets.switch(outlet, _BOOLEANS[match[2]])
            elif outlet is not None:
                self._complain('-224,"Illegal parameter value"')
            return None
        if command:
            self._complain('-113,"Undefined header"')
        return None

    def _outlet(self, digits: str) -> int | None:
        number = int(digits)
        if number in self._outlets.numbers:
            return number
        self._complain('-114,"Header suffix out of range"')
        return None

    def _complain(self, error: str) -> None:
        if len(self._errors) >= _QUEUE_LENGTH:
            self._errors[-1] = '-350,"Queue overflow"'
        else:
            self._errors.append(error)
