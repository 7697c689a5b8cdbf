"""One phone twin as a process: it lives and dies with the power of its outlet."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from harness.events import LampColour
from harness.owners import die_with_parent
from harness.virtual.cable import PHONE_PORT, Cable
from harness.virtual.spec import PhoneSpec

__all__ = ["PhoneProcess"]

#: Bytes in one line of a phone's log.
_LINE_LIMIT = 1 << 20


def _begin(cable: Cable | None) -> None:
    """In the new process: die with the parent, and live at the phone's end of its cable."""
    die_with_parent()
    if cable is not None:
        cable.enter()


class PhoneProcess:
    """Spawn, feed and kill the process of one phone.

    Args:
        name: the phone's name.
        spec: what it is.
        command: program and arguments of the phone twin.
        state_dir: where its flash file lives, the only thing that survives a power cut.
        speed: how many times faster than hardware its clock runs.
        on_lamp: told of each lamp the phone lights or darkens.
        log: told what the phone says about itself.
        cable: to the switch; without one it lives on the bench's own loopback.
    """

    def __init__(
        self,
        name: str,
        spec: PhoneSpec,
        *,
        command: tuple[str, ...] | None,
        state_dir: Path,
        speed: float,
        on_lamp: Callable[[str, LampColour], None],
        on_death: Callable[[], None],
        log: Callable[[str], None],
        cable: Cable | None = None,
    ) -> None:
        self._name = name
        self._spec = spec
        self._command = command or (sys.executable, "-m", "harness.virtual.phone")
        self._flash = state_dir / f"{name}.flash.json"
        self._speed = speed
        self._on_lamp = on_lamp
        self._on_death = on_death
        self._log = log
        self._cable = cable
        self._process: asyncio.subprocess.Process | None = None
        self._follower: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the phone runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self, held: Iterable[str]) -> None:
        """Apply power. ``held`` are the keys that are down at that moment."""
        await self.kill()
        first_line: dict[str, Any] = self._spec.model_dump(mode="json")
        first_line |= {
            "name": self._name,
            "speed": self._speed,
            "flash": str(self._flash),
            "held": sorted(held),
            "interface": PHONE_PORT if self._cable is not None else "",
        }
        # A session of its own keeps a Ctrl-C at the terminal away from the phone: the bench takes
        # it down in order. The parent-death signal covers a bench that is itself killed.
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                start_new_session=True,
                preexec_fn=partial(_begin, self._cable),
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._log(f"cannot be started: {error}")
            return
        self._log(f"power on, process {self._process.pid}")
        await self._set_link(up=True)
        self._send(first_line)
        self._follower = asyncio.create_task(self._follow(self._process))

    def key(self, key: str, *, down: bool) -> None:
        """Press or release a key; a phone without power does not notice."""
        if self.alive:
            self._send({"key": key, "down": down})

    def cut(self) -> None:
        """Take power away at once."""
        process = self._process
        if process is not None and process.returncode is None:
            self._log(f"power cut, process {process.pid} killed")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def kill(self) -> None:
        """Take power away and wait until the process is gone."""
        self.cut()
        if self._process is not None:
            await self._process.wait()
        if self._follower is not None:
            await self._follower
            await self._set_link(up=False)
        self._process = self._follower = None

    async def _set_link(self, *, up: bool) -> None:
        if self._cable is not None:
            await asyncio.to_thread(self._cable.set_link, up=up)

    def _send(self, line: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write((json.dumps(line) + "\n").encode())

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        log = asyncio.create_task(self._follow_log(process))
        if process.stdout is not None:
            async for line in process.stdout:
                self._hear(line)
        status = await process.wait()
        await log
        if process.stdin is not None:
            process.stdin.close()
        if status != -signal.SIGKILL:
            self._log(f"its process ended by itself with status {status}")
        self._on_death()

    async def _follow_log(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is not None:
            async for line in process.stderr:
                self._log(line.decode(errors="replace").rstrip())

    def _hear(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            if "lamp" in said:
                self._on_lamp(str(said["lamp"]), LampColour(said["colour"]))
            else:
                self._log(str(said["log"]))
        except (ValueError, KeyError, TypeError):
            self._log(f"not understood: {line!r}")
