"""Outlets that a labgrid place has: leased from its coordinator, switched by labgrid's driver.

The lease itself is not made here: whoever opens the bench has asked the coordinator, and an entry
that comes here knows what labgrid calls model, host and index of each of its ports.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from harness.errors import BenchFault, HarnessBug
from harness.lab import PlacePowerSpec
from harness.power.api import OutletState
from harness.power.build import Opening, register
from harness.power.labgrid_process import LabgridProcess, NoAnswer, ProcessOutlets

__all__ = ["PlaceOutlets"]

#: A user and password in a URL, which an exporter may have in its file.
_USER = re.compile(r"//[^/@\s]*@")


class PlaceOutlets(ProcessOutlets):
    """Drive the leased power ports of a place (an `OutletDriver`)."""

    def __init__(self, opening: Opening) -> None:
        self._spec: PlacePowerSpec = opening.spec
        self._name = opening.name
        if not self._spec.ports:
            raise HarnessBug(f"{self._name}: place {self._spec.address} was not leased")
        self._readable = dict.fromkeys(self._spec.ports, True)
        super().__init__(
            LabgridProcess(self._name, self._spec.python, "", self._spec.timeout_s)
        )  # fmt: skip
        self._version = self._process.start()
        # The proof that somebody is there, and which ports can be read.
        try:
            for outlet in self._spec.ports:
                self.read(outlet)
        except BenchFault:
            self.close()
            raise

    @property
    def identity(self) -> str:
        """Whose ports they are, and what drives them."""
        models = ", ".join(sorted({port.model for port in self._spec.ports.values()}))
        exporters = ", ".join(sorted({port.exporter for port in self._spec.ports.values()}))
        return f"labgrid {self._version}, {models} of {exporters} in place {self._spec.address}"

    @property
    def reads_back(self) -> bool:
        """Whether all of its ports can be read."""
        return all(self._readable.values())

    def read(self, outlet: str) -> OutletState:
        """Let labgrid read, if its model can."""
        try:
            state = self._read(outlet)
        except NoAnswer as trouble:
            port = self._spec.ports[outlet]
            raise BenchFault(
                f"labgrid cannot read {outlet} of place {self._spec.address}: "
                f"{_USER.sub('//…@', str(trouble))[:200]}",
                device=self._name,
                state=f"{port.model} at {_USER.sub('//…@', port.host)}, index {port.index}, says "
                f"exporter {port.exporter}",
                expected=f"an answer within {self._spec.timeout_s:.1f} s",
                hint="does this machine reach it? is the exporter's file right?",
            ) from None
        self._readable[outlet] = state is not None
        return OutletState.UNKNOWN if state is None else state

    def _order(self, outlet: str, value: bool | None) -> dict[str, Any]:
        return {**asdict(self._spec.ports[outlet]), "value": value}


@register("place")
def _open(opening: Opening) -> PlaceOutlets:
    return PlaceOutlets(opening)
