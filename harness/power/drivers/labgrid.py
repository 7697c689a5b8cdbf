"""Outlets that one of labgrid's power backends can switch: HTTP outlet strips and many others.

The backends run in a process of their own. It may belong to another virtual environment, because
labgrid brings its own pyserial; and a backend that hangs, as most set no timeout, can be ended.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import BenchFault, UsageFault
from harness.lab import LabgridPowerSpec
from harness.power.api import OutletState
from harness.power.build import Opening, register

__all__ = ["LabgridOutlets"]

_WORKER = Path(__file__).parent.parent / "labgrid_worker.py"
#: Seconds the other interpreter may take to import labgrid, which pulls in gRPC.
_START_S = 30.0


class _NoAnswer(Exception):
    """The backend failed or did not come back; the text says how."""


class LabgridOutlets:
    """Drive outlets through a backend of labgrid (an `OutletDriver`)."""

    def __init__(self, opening: Opening) -> None:
        self._spec: LabgridPowerSpec = opening.spec
        self._name = opening.name
        self._shown = opening.address
        self._secrets = opening.secrets
        self._host = opening.address
        for key, secret in opening.secrets.items():
            self._host = self._host.replace(f"{{{key}}}", secret)
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self.reads_back = True
        self._version = self._start()
        # The proof that somebody is there, and that the backend can read.
        try:
            self.read(self._spec.outlet_names[0])
        except BenchFault:
            self.close()
            raise

    @property
    def identity(self) -> str:
        """Which backend drives it."""
        return f"labgrid {self._version}, {self._spec.backend} at {self._shown}"

    def switch(self, outlet: str, on: bool) -> bool:
        """Let the backend switch; False when it failed or did not come back."""
        try:
            self._call(outlet, on)
        except _NoAnswer:
            return False
        return True

    def read(self, outlet: str) -> OutletState:
        """Let the backend read, if it can."""
        try:
            answer = self._call(outlet, None)
        except _NoAnswer as trouble:
            raise BenchFault(
                f"labgrid's backend {self._spec.backend} cannot read outlet {outlet}: {trouble}",
                device=self._name,
                expected=f"an answer from {self._shown} within {self._spec.timeout_s:.1f} s",
                hint="is it powered and on the network, are address, port and backend right?",
            ) from None
        if "unreadable" in answer:
            self.reads_back = False
            return OutletState.UNKNOWN
        return OutletState.ON if answer["result"] else OutletState.OFF

    def amperes(self, outlet: str) -> float | None:  # noqa: ARG002 (a protocol)
        """Say nothing: labgrid's backends measure nothing."""
        return None

    def complaint(self, outlet: str) -> str:  # noqa: ARG002 (a protocol)
        """Say nothing more than the faults do."""
        return ""

    def close(self) -> None:
        """End the other process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _start(self) -> str:
        backend = self._spec.backend
        given = self._spec.python
        python = str(Path(given).expanduser()) if given else sys.executable
        self._unread = b""
        try:
            self._process = subprocess.Popen(
                [python, "-I", str(_WORKER), backend],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            answer = self._answer(_START_S)
        except (OSError, _NoAnswer) as error:
            self.close()
            raise UsageFault(
                f"the interpreter for labgrid does not start: {error}",
                device=self._name,
                state=f"python: {python}",
                hint="name the python of the virtual environment that has labgrid",
            ) from None
        if "missing" in answer:
            self.close()
            raise UsageFault(
                f"labgrid's backend {backend} is not installed: {answer['missing']}",
                device=self._name,
                state=f"python: {python}",
                hint="python3 -m venv ~/labgrid && ~/labgrid/bin/pip install labgrid, then say "
                "python: ~/labgrid/bin/python in lab.yaml; what a backend needs besides, likewise",
            )
        return str(answer["labgrid"])

    def _call(self, outlet: str, value: bool | None) -> dict[str, Any]:
        if self._process is None:
            self._start()
        order = {
            "host": self._host,
            "port": self._spec.port,
            "index": outlet,
            "value": value,
        }
        try:
            assert self._process is not None  # noqa: S101 (for the types)
            assert self._process.stdin is not None  # noqa: S101
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._answer(self._spec.timeout_s)
        except (OSError, _NoAnswer) as error:
            # What it would still say must not be taken for the next answer.
            self.close()
            raise _NoAnswer(str(error)) from None
        if "error" in answer:
            raise _NoAnswer(self._without_secrets(str(answer["error"]))[:160])
        return answer

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets.values():
            text = text.replace(secret, "…")
        return text

    def _answer(self, within: float) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101 (for the types)
        assert self._process.stdout is not None  # noqa: S101
        pipe = self._process.stdout.fileno()
        deadline = time.monotonic() + within
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise _NoAnswer(f"no answer within {within:.1f} s")
            chunk = os.read(pipe, 4096)
            if not chunk:
                raise _NoAnswer("its process ended")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


@register("labgrid")
def _open(opening: Opening) -> LabgridOutlets:
    return LabgridOutlets(opening)
