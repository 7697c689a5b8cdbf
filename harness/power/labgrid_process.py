"""The process that runs labgrid's power code: its own interpreter, and an end to what hangs."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import UsageFault
from harness.power.api import OutletState

__all__ = [
    "START_S",
    "LabgridProcess",
    "NoAnswer",
    "ProcessOutlets",
    "no_interpreter",
    "not_installed",
]

_WORKER = Path(__file__).parent / "labgrid_worker.py"
#: Seconds the other interpreter may take to import labgrid, which pulls in gRPC.
START_S = 30.0


class NoAnswer(Exception):
    """The backend failed or did not come back; the text says how."""


def no_interpreter(device: str, python: str, why: str) -> UsageFault:
    """Return the fault of an interpreter for labgrid that does not start."""
    return UsageFault(
        f"the interpreter for labgrid does not start: {why}",
        device=device,
        state=f"python: {python}",
        hint="name the python of the virtual environment that has labgrid",
    )


def not_installed(what: str, device: str, python: str, why: str) -> UsageFault:
    """Return the fault of an interpreter that lacks labgrid, or ``what`` of it."""
    return UsageFault(
        f"{what} is not installed: {why}",
        device=device,
        state=f"python: {python}",
        hint="python3 -m venv ~/labgrid && ~/labgrid/bin/pip install labgrid, then say "
        "python: ~/labgrid/bin/python in lab.yaml; what a backend needs besides, likewise",
    )


class LabgridProcess:
    """Ask labgrid's power code, started at the first question and again after it hung.

    Args:
        device: the PDU's name in lab.yaml.
        python: the interpreter that has labgrid.
        backend: which of its power backends; empty for its driver of power ports.
        timeout_s: seconds one answer may take.
    """

    def __init__(self, device: str, python: str, backend: str, timeout_s: float) -> None:
        self._device = device
        self._python = python
        self._backend = backend
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def start(self) -> str:
        """Start it and return labgrid's version.

        Raises:
            UsageFault: the interpreter is none, or has not what is wanted.
        """
        what = f"labgrid's backend {self._backend}" if self._backend else "labgrid"
        self._unread = b""
        try:
            self._process = subprocess.Popen(
                [self._python, "-I", str(_WORKER), self._backend],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            answer = self._answer(START_S)
        except (OSError, NoAnswer) as error:
            self.close()
            raise no_interpreter(self._device, self._python, str(error)) from None
        if "missing" in answer:
            self.close()
            raise not_installed(what, self._device, self._python, str(answer["missing"]))
        return str(answer["labgrid"])

    def call(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send an order and return its answer.

        Raises:
            NoAnswer: it failed, hung or ended.
            UsageFault: it cannot be started again.
        """
        if self._process is None:
            self.start()
        try:
            assert self._process is not None  # noqa: S101 (for the types)
            assert self._process.stdin is not None  # noqa: S101
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._answer(self._timeout_s)
        except (OSError, NoAnswer) as error:
            # What it would still say must not be taken for the next answer.
            self.close()
            raise NoAnswer(str(error)) from None
        if "error" in answer:
            raise NoAnswer(str(answer["error"]))
        return answer

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _answer(self, within: float) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101 (for the types)
        assert self._process.stdout is not None  # noqa: S101
        pipe = self._process.stdout.fileno()
        deadline = time.monotonic() + within
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise NoAnswer(f"no answer within {within:.1f} s")
            chunk = os.read(pipe, 4096)
            if not chunk:
                raise NoAnswer("its process ended")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


class ProcessOutlets:
    """What all outlets that labgrid switches have in common; see `OutletDriver`."""

    def __init__(self, process: LabgridProcess) -> None:
        self._process = process

    def switch(self, outlet: str, on: bool) -> bool:
        """Let labgrid switch; False when it failed or did not come back."""
        try:
            self._process.call(self._order(outlet, on))
        except NoAnswer:
            return False
        return True

    def amperes(self, outlet: str) -> float | None:  # noqa: ARG002 (a protocol)
        """Say nothing: labgrid's power code measures nothing."""
        return None

    def complaint(self, outlet: str) -> str:  # noqa: ARG002 (a protocol)
        """Say nothing more than the faults do."""
        return ""

    def close(self) -> None:
        """End the other process."""
        self._process.close()

    def _order(self, outlet: str, value: bool | None) -> dict[str, Any]:
        """Return the order to switch an outlet, or to read it: None."""
        raise NotImplementedError

    def _read(self, outlet: str) -> OutletState | None:
        """Return an outlet's state; None when the power code cannot read at all.

        Raises:
            NoAnswer: it failed, hung or ended.
        """
        answer = self._process.call(self._order(outlet, None))
        if "unreadable" in answer:
            return None
        return OutletState.ON if answer["result"] else OutletState.OFF
