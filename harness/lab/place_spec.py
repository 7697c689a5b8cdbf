"""What lab.yaml may say of labgrid: where its coordinator is, and what is leased from it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "LEASED",
    "WHO_HOLDS",
    "LabgridSpec",
    "PowerPort",
    "SerialRef",
    "interpreter",
    "serial_ref",
]

#: What to do when what was leased is lost.
WHO_HOLDS = "labgrid-client who tells who holds what; the next test asks for it again"
#: What the port of a keypad begins with that is leased.
LEASED = "labgrid:"
#: labgrid itself takes any text; a slash would end its commands' patience, a space that of shells.
_PLACE = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
_SERIAL = re.compile(rf"^{LEASED}({_PLACE})(?:/([A-Za-z0-9][A-Za-z0-9._-]{{0,63}}))?$")

PlaceName = Annotated[str, Field(pattern=rf"^{_PLACE}$")]


def interpreter(python: str) -> str:
    """Return the interpreter that has labgrid: the one that lab.yaml names, or else our own."""
    return str(Path(python).expanduser()) if python else sys.executable


class LabgridSpec(BaseModel):
    """The labgrid coordinator that holds the places of this lab, and who speaks with it.

    Devices on other machines are leased from it: power by ``driver: place``, a keypad by the port
    ``labgrid:PLACE``. ``python`` is the interpreter that has labgrid, by default our own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    coordinator: Annotated[str, Field(pattern=r"^[^\s/]+$")]
    """The coordinator's host, or ``host:port``; labgrid's own port is 20408."""
    python: str = ""
    """The interpreter that has labgrid; by default our own."""
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds the coordinator may take to be reached."""

    @property
    def interpreter(self) -> str:
        """The interpreter that has labgrid."""
        return interpreter(self.python)


@dataclass(frozen=True, slots=True)
class SerialRef:
    """A serial port of a place; with an empty ``resource`` the only one it has."""

    place: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class PowerPort:
    """A labgrid ``NetworkPowerPort``: the backend's name, and what labgrid calls host and index."""

    model: str
    host: str
    index: str
    exporter: str


def serial_ref(port: str) -> SerialRef | None:
    """Return what a keypad's port asks for at the coordinator; None when nothing is leased.

    Raises:
        ValueError: it begins like a leased port and is none.
    """
    if not port.startswith(LEASED):
        return None
    match = _SERIAL.match(port)
    if match is None:
        raise ValueError(
            "a leased port is written labgrid:PLACE or labgrid:PLACE/RESOURCE, like labgrid:desk-1"
        )
    return SerialRef(match[1], match[2] or "")
