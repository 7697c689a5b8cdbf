"""Outlets that one of labgrid's power backends can switch: HTTP outlet strips and many others.

The backends run in a process of their own. It may belong to another virtual environment, because
labgrid brings its own pyserial; and a backend that hangs, as most set no timeout, can be ended.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from harness.errors import BenchFault
from harness.lab import LabgridPowerSpec
from harness.power.api import OutletState
from harness.power.build import Opening, register
from harness.power.labgrid_process import LabgridProcess, NoAnswer

__all__ = ["LabgridOutlets"]


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
        self.reads_back = True
        given = self._spec.python
        python = str(Path(given).expanduser()) if given else sys.executable
        self._process = LabgridProcess(
            self._name, python, self._spec.backend, self._spec.timeout_s
        )  # fmt: skip
        self._version = self._process.start()
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
        except NoAnswer:
            return False
        return True

    def read(self, outlet: str) -> OutletState:
        """Let the backend read, if it can."""
        try:
            answer = self._call(outlet, None)
        except NoAnswer as trouble:
            raise BenchFault(
                f"labgrid's backend {self._spec.backend} cannot read outlet {outlet}: "
                f"{self._without_secrets(str(trouble))[:160]}",
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
        self._process.close()

    def _call(self, outlet: str, value: bool | None) -> dict[str, Any]:
        order = {"host": self._host, "port": self._spec.port, "index": outlet, "value": value}
        return self._process.call(order)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets.values():
            text = text.replace(secret, "…")
        return text


@register("labgrid")
def _open(opening: Opening) -> LabgridOutlets:
    return LabgridOutlets(opening)
