"""What lab.yaml may say of a key-pressing robot: one shape for each driver."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from harness.lab.place_spec import SerialRef, serial_ref

__all__ = [
    "GrblSpec",
    "KeypadSpec",
    "MatrixSpec",
    "PositionSpec",
    "ServoStylus",
    "Stylus",
    "ZStylus",
    "position_sensor",
    "serial_device",
]

_VIRTUAL = "virtual"

Baud = Literal[9600, 19200, 38400, 57600, 115200]
Millimetres = Annotated[float, Field(ge=-2000, le=2000)]


def position_sensor(phone: str) -> str:
    """Return the key in a gantry's entry of the light sensor at a phone's position."""
    return f"positions.{phone}.sensor"


def serial_device(port: str) -> str:
    """Return the one name of a device that has several: by number, place, serial number."""
    return os.path.realpath(port) if port.startswith("/") else port


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @field_validator("port", "sensor", check_fields=False)
    @classmethod
    def _leased_well(cls, value: str) -> str:
        serial_ref(value)
        return value


class _RobotSpec(_Spec):
    port: str = _VIRTUAL
    """A serial device, ``labgrid:PLACE`` for one that is leased, a URL of pyserial like
    ``rfc2217://host:port``, or ``virtual``.
    """
    baud: Baud = 115200
    """Line speed; a USB serial device ignores it."""

    @property
    def virtual(self) -> bool:
        """Whether this keypad is a digital twin."""
        return self.port == _VIRTUAL

    @property
    def serial_ports(self) -> dict[str, str]:
        """The ports of all its controllers, by their keys here."""
        return {"port": self.port}

    @property
    def leases(self) -> dict[str, SerialRef]:
        """What it needs from labgrid's coordinator, by its key here."""
        refs = {key: serial_ref(port) for key, port in self.serial_ports.items()}
        return {key: ref for key, ref in refs.items() if ref is not None}

    def leased(self, urls: Mapping[str, str]) -> Self:
        """Return it with URLs where it has labgrid's names, by its key here."""
        return self.model_copy(update=dict(urls))


class MatrixSpec(_RobotSpec):
    """A controller on the phone's key matrix."""

    driver: Literal["matrix"] = "matrix"
    """A controller on the key matrix, also when ``driver`` is left out."""


class ZStylus(_Spec):
    """A stylus on the Z axis: machine heights in mm, and mm/min on the way down."""

    kind: Literal["z"] = "z"
    """A stylus on the Z axis."""
    up: Millimetres = -2.0
    """Machine height in mm above all keys."""
    down: Millimetres = -9.0
    """Machine height in mm at which a key is down."""
    feed: Annotated[float, Field(gt=0, le=100_000)] = 6000.0
    """mm/min on the way down."""

    @model_validator(mode="after")
    def _down_is_below_up(self) -> Self:
        if self.down >= self.up:
            raise ValueError(f"down ({self.down}) must be below up ({self.up})")
        return self


class ServoStylus(_Spec):
    """A stylus on a servo at the spindle output: its S values and time to move.

    S0 would stop the pulses (GRBL turns the output off), and a servo without pulses goes limp.
    """

    kind: Literal["servo"]
    """A stylus on a servo at the spindle output."""
    up: Annotated[int, Field(ge=1, le=10_000)] = 100
    """S value above all keys."""
    down: Annotated[int, Field(ge=1, le=10_000)] = 700
    """S value at which a key is down."""
    settle_ms: Annotated[int, Field(ge=0, le=5000)] = 150
    """Milliseconds the servo takes."""

    @model_validator(mode="after")
    def _it_moves(self) -> Self:
        if self.down == self.up:
            raise ValueError("up and down are the same S value: the stylus would never move")
        return self


def _named_kind(value: object) -> object:
    if isinstance(value, dict):
        return value.get("kind", "z")
    return getattr(value, "kind", None)


Stylus = Annotated[
    Annotated[ZStylus, Tag("z")] | Annotated[ServoStylus, Tag("servo")],
    Discriminator(_named_kind),
]


class PositionSpec(_Spec):
    """Where one phone lies under a gantry that serves several."""

    corner: tuple[Millimetres, Millimetres]
    """Machine coordinates in mm of the lower left corner of the phone's face, without a
    calibration.
    """
    calibration: str = ""
    """A file beside lab.yaml; by default ``<keypad>.<phone>.calibration.yaml``."""
    sensor: str = ""
    """Port of a matrix controller that reads the lamps of this phone, written as ``port``."""


class GrblSpec(_RobotSpec):
    """A gantry with a stylus behind a GRBL 1.1 controller; lengths in millimetres.

    ``corner`` is where the lower left corner of the phone's face lies in machine coordinates, as
    long as there is no calibration. ``calibration`` is a file beside lab.yaml, by default
    ``<keypad's name>.calibration.yaml``. ``sensor`` is the port of a matrix controller of which
    only the light sensors are used; without one the robot is blind. ``homing_s`` bounds homing.
    Over phones side by side it has ``positions``, by their names, instead of those three.
    """

    driver: Literal["grbl"]
    """A gantry behind GRBL 1.1."""
    corner: tuple[Millimetres, Millimetres] = (-285.0, -225.0)
    """Machine coordinates in mm of the lower left corner of the phone's face, without a
    calibration.
    """
    stylus: Stylus = ZStylus()
    """What presses the keys."""
    calibration: str = ""
    """A file beside lab.yaml; by default ``<keypad>.calibration.yaml``."""
    sensor: str = ""
    """Port of a matrix controller that reads the lamps, written as ``port``; without one the robot
    is blind.
    """
    positions: dict[str, PositionSpec] = Field(default_factory=dict)
    """Where each phone lies under a gantry that serves several, by the phones' names."""
    homing_s: Annotated[float, Field(gt=0, le=300)] = 60.0
    """Seconds homing may take."""

    @model_validator(mode="after")
    def _one_position_or_several(self) -> Self:
        both = sorted(self.model_fields_set & {"corner", "calibration", "sensor"})
        if self.positions and both:
            raise ValueError(
                f"{', '.join(both)} and positions: each position has its own, drop the one"
            )
        return self

    def position(self, phone: str) -> PositionSpec:
        """Return where a phone lies."""
        own = PositionSpec(corner=self.corner, calibration=self.calibration, sensor=self.sensor)
        return self.positions.get(phone, own)

    @property
    def serial_ports(self) -> dict[str, str]:
        """The port of its controller and those of its sensors, by their keys here."""
        sensors = {"sensor": self.sensor}
        sensors |= {position_sensor(name): one.sensor for name, one in self.positions.items()}
        return super().serial_ports | {key: port for key, port in sensors.items() if port}

    def leased(self, urls: Mapping[str, str]) -> Self:
        """Return it with URLs where it and its positions have labgrid's names."""
        positions = dict(self.positions)
        for name, one in self.positions.items():
            if url := urls.get(position_sensor(name)):
                positions[name] = one.model_copy(update={"sensor": url})
        own = {key: url for key, url in urls.items() if key in {"port", "sensor"}}
        return self.model_copy(update={**own, "positions": positions})


def _named_driver(value: object) -> object:
    if isinstance(value, dict):
        return value.get("driver", "matrix")
    return getattr(value, "driver", None)


#: A robot without a ``driver`` is a matrix controller.
KeypadSpec = Annotated[
    Annotated[MatrixSpec, Tag("matrix")] | Annotated[GrblSpec, Tag("grbl")],
    Discriminator(_named_driver),
]
