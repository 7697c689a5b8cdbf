"""Outlets that one of labgrid's power backends can switch: HTTP outlet strips and many others.

The backends run in a process of their own. It may belong to another virtual environment, because
labgrid brings its own pyserial; and a backend that hangs, as most set no timeout, can be ended.
"""

from __future__ import annotations

from typing import Any

from harness.errors import BenchFault
from harness.lab import LabgridPowerSpec
from harness.power.api import OutletState
from harness.power.build import Opening, register
from harness.power.labgrid_process import LabgridProcess, NoAnswer, ProcessOutlets

__all__ = ["LabgridOutlets"]


class LabgridOutlets(ProcessOutlets):
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
        spec = self._spec
        super().__init__(
            LabgridProcess(self._name, spec.interpreter, spec.backend, spec.timeout_s)
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

    def read(self, outlet: str) -> OutletState:
        """Let the backend read, if it can."""
        try:
            state = self._read(outlet)
        except NoAnswer as trouble:
            raise BenchFault(
                f"labgrid's backend {self._spec.backend} cannot read outlet {outlet}: "
                f"{self._without_secrets(str(trouble))[:160]}",
                device=self._name,
                expected=f"an answer from {self._shown} within {self._spec.timeout_s:.1f} s",
                hint="is it powered and on the network, are address, port and backend right?",
            ) from None
        if state is None:
            self.reads_back = False
            return OutletState.UNKNOWN
        return state

    def _order(self, outlet: str, value: bool | None) -> dict[str, Any]:
        return {"host": self._host, "port": self._spec.port, "index": outlet, "value": value}

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets.values():
            text = text.replace(secret, "…")
        return text


@register("labgrid")
def _open(opening: Opening) -> LabgridOutlets:
    return LabgridOutlets(opening)
