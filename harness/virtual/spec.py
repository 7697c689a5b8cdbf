"""What the bench-twin process is told on its first line of standard input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from harness.errors import UsageFault
from harness.models import ModelName

__all__ = [
    "BenchSpec",
    "FaceSpec",
    "GantryFaults",
    "GantrySpec",
    "KeypadFaults",
    "KeypadSpec",
    "Lease",
    "PduFaults",
    "PduSpec",
    "PhoneSpec",
    "ScreenshotFormat",
    "read_spec",
]


def _as_name(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


#: Outlet numbers and digit keys may be given as numbers.
_Named = Annotated[str, BeforeValidator(_as_name)]


#: In which form a phone answers /CGI/Screenshot.
ScreenshotFormat = Literal["bmp", "png", "cip"]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PduFaults(_Spec):
    """What goes wrong with a PDU twin.

    Args:
        stuck: outlets that never change; the PDU reads back what is true.
        silent: takes connections but answers nothing.
        lag_s: seconds from a switching command to its effect (and read-back).
        drop_after: each connection is closed when it brings the line after this many; over
            SNMP, which has none, the request after this many is lost.
        lie: reads back what it was told to do and does not do it.
        away: (n, seconds): the n-th command to switch on is lost, and for so long nothing of it
            can be reached: its network card restarts.
    """

    stuck: frozenset[_Named] = frozenset()
    silent: bool = False
    lag_s: Annotated[float, Field(ge=0)] = 0.0
    drop_after: Annotated[int, Field(ge=0)] | None = None
    lie: bool = False
    away: tuple[Annotated[int, Field(ge=1)], Annotated[float, Field(gt=0)]] | None = None


class PduSpec(_Spec):
    """One PDU twin; its outlets are named ``1`` to ``outlets`` and start off.

    It speaks SCPI, or SNMP when it has a ``mib``; ``secrets`` are then what it lets in.
    """

    outlets: Annotated[int, Field(ge=1, le=64)] = 8
    mib: str = ""
    version: Literal["v2c", "v3"] = "v2c"
    auth: Literal["none", "md5", "sha", "sha256"] = "sha"
    priv: Literal["none", "des", "aes"] = "aes"
    secrets: dict[str, str] = Field(default_factory=dict)
    faults: PduFaults = PduFaults()


class KeypadFaults(_Spec):
    """What goes wrong with a keypad twin.

    Args:
        lose_keys: keys whose presses are acknowledged but never happen.
        double_keys: keys that go down, up and down again at each press.
        stuck_keys: keys that go down and stay down.
        silent: reads the port but answers nothing.
        hot_keys: keys let go of after 50 ms, as by a coil's limit.
        unplug_on: keys at whose first press somebody pulls the cable, for ``unplugged_s`` seconds.
        bad_crc_every: every n-th frame to the host is damaged on its way (1 means all).
    """

    lose_keys: frozenset[_Named] = frozenset()
    double_keys: frozenset[_Named] = frozenset()
    stuck_keys: frozenset[_Named] = frozenset()
    hot_keys: frozenset[_Named] = frozenset()
    silent: bool = False
    unplug_on: frozenset[_Named] = frozenset()
    unplugged_s: Annotated[float, Field(gt=0)] = 3.0
    bad_crc_every: Annotated[int, Field(ge=1)] | None = None


class KeypadSpec(_Spec):
    """One keypad twin."""

    faults: KeypadFaults = KeypadFaults()


class GantryFaults(_Spec):
    """What goes wrong with a GRBL gantry twin.

    Args:
        lose_keys: keys that do not give way under the stylus.
        double_keys: keys that bounce: down, up and down again at each press.
        stuck_keys: keys that stay down when the stylus leaves them.
        offset: millimetres by which each phone lies beside where lab.yaml says.
        turn: degrees by which each is turned about its lower left corner.
        alarm_on: keys on whose way down a limit switch trips.
        restart_on: keys at whose press the supply dips and the controller restarts.
        unplug_on: keys at whose first press somebody pulls the cable, for ``unplugged_s`` seconds.
        silent: reads the port but answers nothing.
    """

    lose_keys: frozenset[_Named] = frozenset()
    double_keys: frozenset[_Named] = frozenset()
    stuck_keys: frozenset[_Named] = frozenset()
    offset: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    alarm_on: frozenset[_Named] = frozenset()
    restart_on: frozenset[_Named] = frozenset()
    unplug_on: frozenset[_Named] = frozenset()
    unplugged_s: Annotated[float, Field(gt=0)] = 3.0
    silent: bool = False


class FaceSpec(_Spec):
    """One phone under a gantry twin.

    Args:
        corner: machine coordinates of the lower left corner of the phone's face, in mm.
        keys: where its keys are, in mm from that corner.
        cap: a key is met within this distance of its middle.
        sensor: whether there are light sensors over it, on a controller of their own.
    """

    corner: tuple[float, float]
    keys: Annotated[dict[str, tuple[float, float]], Field(min_length=1)]
    cap: Annotated[float, Field(gt=0)] = 4.5
    sensor: bool = False


class GantrySpec(_Spec):
    """One GRBL gantry twin over one phone, or over several side by side.

    Args:
        faces: the phones under it, by the names that phones give as their keypad.
        servo: whether the spindle output moves the stylus, not the Z axis.
        contact: Z in mm (or S) at which a key gives way.
    """

    faces: Annotated[dict[str, FaceSpec], Field(min_length=1)]
    servo: bool = False
    contact: float = -7.0
    faults: GantryFaults = GantryFaults()


class Lease(_Spec):
    """What a DHCP lease gives the phone, and whether its load tries HTTP 6970 first."""

    tftp: tuple[str, ...] = ()
    http_first: bool = False
    tftp_port: Annotated[int, Field(ge=1, le=65535)] = 69


class PhoneSpec(_Spec):
    """One phone twin: what feeds it, what presses its keys, its switch port, and what it is.

    ``boot_loader_s`` is the device time from power-on with # held to the amber walk: seconds on
    most, minutes on some boot loaders.
    """

    outlet: str
    keypad: str
    port: str = ""
    model: ModelName
    mac: str
    address: str = ""
    lease: Lease = Lease()
    load: str
    tone: int = 1000
    boot_loader_s: Annotated[float, Field(ge=0)] = 40.0
    screenshot: ScreenshotFormat = "bmp"
    defects: tuple[str, ...] = ()


class BenchSpec(_Spec):
    """The whole virtual bench. ``phone_command`` replaces the phone twin's program.

    ``bridge`` is the switch of this network namespace: with one, each phone hangs on it by a cable
    of its own and asks for its address by DHCP; without, it lives at ``address`` on loopback.
    """

    state_dir: Path
    speed: Annotated[float, Field(gt=0)] = 1.0
    pdus: dict[str, PduSpec] = Field(default_factory=dict)
    keypads: dict[str, KeypadSpec] = Field(default_factory=dict)
    gantries: dict[str, GantrySpec] = Field(default_factory=dict)
    phones: dict[str, PhoneSpec] = Field(default_factory=dict)
    bridge: str = ""
    phone_command: tuple[str, ...] | None = None

    @property
    def positions(self) -> tuple[str, ...]:
        """Every position of a phone under a robot: a keypad's name, or a gantry's face."""
        return (*self.keypads, *(face for each in self.gantries.values() for face in each.faces))

    @model_validator(mode="after")
    def _references(self) -> Self:
        keypads: dict[str, str] = {}
        for name, phone in self.phones.items():
            pdu, _, outlet = phone.outlet.partition("/")
            if pdu not in self.pdus:
                raise ValueError(f"phone {name}: no PDU twin named {pdu!r}")
            if not (outlet.isdecimal() and 1 <= int(outlet) <= self.pdus[pdu].outlets):
                raise ValueError(f"phone {name}: {pdu} has no outlet {outlet!r}")
            if phone.keypad not in self.positions:
                raise ValueError(f"phone {name}: no keypad twin named {phone.keypad!r}")
            if phone.keypad in keypads:
                other = keypads[phone.keypad]
                raise ValueError(f"phone {name}: {phone.keypad} already belongs to {other}")
            keypads[phone.keypad] = name
        return self


def read_spec(line: str) -> BenchSpec:
    """Parse the JSON spec.

    Raises:
        UsageFault: it is not JSON, has an unknown key or a value that cannot be; all faults are
            listed.
    """
    try:
        return BenchSpec.model_validate_json(line)
    except ValidationError as error:
        faults = (
            f"{'.'.join(str(part) for part in item['loc']) or 'spec'}: {item['msg']}"
            for item in error.errors()
        )
        raise UsageFault("the spec of the virtual bench: " + "; ".join(faults)) from error
