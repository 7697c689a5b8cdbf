"""What lab.yaml may say about a device with switched outlets, and where its secrets are."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    SecretStr,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harness.errors import UsageFault
from harness.lab.place_spec import PlaceName, PowerPort, interpreter

__all__ = [
    "POWER_TAGS",
    "VIRTUAL",
    "Credentials",
    "LabgridPowerSpec",
    "OtherPowerSpec",
    "PlacePowerSpec",
    "PowerSpec",
    "Rest",
    "ScpiPowerSpec",
    "SnmpPowerSpec",
    "power_drivers",
]

VIRTUAL = "virtual"
#: What an outlet is to be when nobody uses the bench.
Rest = Literal["on", "off", "as-found"]

#: Upper case, so that a secret written here by mistake is seldom taken for a name.
_VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]*$")
#: A URL with a password written out; one to be filled in from credentials is in braces.
_PASSWORD_IN_URL = re.compile(r"://[^/@:]*:(?!\{[a-z_]+\}@)[^/@]*@")
_OUTLET = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,15}$"


@cache
def power_drivers() -> tuple[str, ...]:
    """Every driver there is: the files of harness/power/drivers, told without loading them."""
    folder = Path(__file__).parent.parent / "power" / "drivers"
    return tuple(sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_")))


#: How pydantic calls the kinds of entry in the places of its errors.
POWER_TAGS = frozenset({"scpi", "snmp", "labgrid", "place", "other"})


class Credentials(BaseModel):
    """Where secrets are, never the secrets themselves.

    Either ``file``, a YAML mapping beside lab.yaml that only its owner may read (mode 0600), or
    the name of an environment variable for each secret: ``{community: PDU_1_COMMUNITY}``.
    """

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    __pydantic_extra__: dict[str, str]

    file: Path | None = None
    """A YAML mapping of names to secrets beside lab.yaml, mode 0600; instead of variables."""

    @field_validator("file")
    @classmethod
    def _beside_the_lab(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        folder = (info.context or {}).get("folder")
        return value if value is None or folder is None else Path(folder) / value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        variables = self.__pydantic_extra__ or {}
        if (self.file is None) == (not variables):
            raise ValueError(
                "credentials name either a file or environment variables, like "
                "{community: PDU_1_COMMUNITY}"
            )
        for key, variable in variables.items():
            if not _VARIABLE.match(variable):
                # What was found is not repeated: somebody may have put the secret itself here.
                raise ValueError(
                    f"{key} takes the name of an environment variable in capitals, no secret"
                )
        return self

    def read(self, device: str) -> dict[str, SecretStr]:
        """Fetch the secrets by name.

        Raises:
            UsageFault: a variable is not set, or the file is missing, open to others or no
                mapping of names to texts.
        """
        if self.file is not None:
            return _from_file(self.file, device)
        found: dict[str, SecretStr] = {}
        for key, variable in (self.__pydantic_extra__ or {}).items():
            value = os.environ.get(variable)
            if not value:
                raise UsageFault(
                    f"the environment variable {variable} is not set",
                    device=device,
                    expected=f"its {key}",
                    hint=f"export {variable}=…, or name a file under credentials in lab.yaml",
                )
            found[key] = SecretStr(value)
        return found


def _from_file(file: Path, device: str) -> dict[str, SecretStr]:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise UsageFault(
                f"others may read the credentials file {file}",
                device=device,
                state=f"mode {mode:04o}",
                expected="mode 0600",
                hint=f"chmod 600 {file}",
            )
        tree = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(f"cannot read the credentials file {file}", device=device) from error
    except YAMLError as error:
        raise UsageFault(f"the credentials file {file} is not YAML", device=device) from error
    if not isinstance(tree, dict) or not all(isinstance(v, str) and v for v in tree.values()):
        # No value is repeated here: it may be a secret.
        raise UsageFault(
            f"the credentials file {file} is no mapping of names to texts",
            device=device,
            expected='lines like: community: "…"',
        )
    return {str(key): SecretStr(value) for key, value in tree.items()}


class _PowerSpec(BaseModel):
    """What all drivers share.

    ``address`` says where the device is, or ``virtual``. ``outlets`` is how many it has (named
    ``1`` to ``n``; only those that feed a phone are ever switched) or the names of those that are
    yours. ``timeout_s`` is what one answer may take, ``confirm_s`` what a switched outlet may take
    to be confirmed. ``draw_a`` is the current in amperes between an outlet that is off and one
    that feeds its phone, for devices that measure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    driver: str
    """Which driver; see the kinds below."""
    address: str = VIRTUAL
    """Where the device is, or ``virtual``."""
    outlets: (
        Annotated[int, Field(ge=1, le=64)]
        | Annotated[
            tuple[Annotated[str, Field(pattern=_OUTLET)], ...], Field(min_length=1, max_length=64)
        ]
    ) = 8
    """How many it has (named 1 to n), or the names of those that are yours."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    """Seconds one answer may take."""
    confirm_s: Annotated[float, Field(gt=0, le=120)] = 5.0
    """Seconds a switched outlet may take to be confirmed."""
    draw_a: Annotated[float, Field(gt=0, le=32)] | None = None
    """Amperes between an outlet that is off and one that feeds its phone."""
    rest: Rest = "on"
    """What an outlet that a run switched is to be afterwards, also when that run was killed."""
    credentials: Credentials | None = None
    """Where its secrets are: environment variables by name, or a file."""

    @property
    def virtual(self) -> bool:
        """Whether this PDU is a digital twin."""
        return self.address == VIRTUAL

    @property
    def lists_outlets(self) -> bool:
        """Whether lab.yaml names the outlets one by one."""
        return not isinstance(self.outlets, int)

    @property
    def outlet_names(self) -> tuple[str, ...]:
        """The names of the outlets."""
        if isinstance(self.outlets, int):
            return tuple(str(number) for number in range(1, self.outlets + 1))
        return self.outlets

    def secrets(self, device: str) -> dict[str, SecretStr]:
        """Fetch what ``credentials`` lead to, by name.

        Raises:
            UsageFault: they cannot be fetched.
        """
        return {} if self.credentials is None else self.credentials.read(device)

    @field_validator("address")
    @classmethod
    def _no_password(cls, value: str) -> str:
        if _PASSWORD_IN_URL.search(value):
            raise ValueError(
                "no password in an address: write {password} there and say under credentials "
                "where it is"
            )
        return value

    @model_validator(mode="after")
    def _twin_is_counted(self) -> Self:
        if self.virtual and self.lists_outlets:
            raise ValueError("a virtual PDU takes a number of outlets")
        return self


class ScpiPowerSpec(_PowerSpec):
    """A PDU or power supply that speaks SCPI; ``address`` is a VISA resource name.

    Sockets, serial lines, VXI-11 and HiSLIP: ``TCPIP0::192.0.2.10::5025::SOCKET``,
    ``ASRL/dev/ttyUSB0::INSTR``, ``TCPIP0::192.0.2.10::inst0::INSTR``,
    ``TCPIP0::192.0.2.10::hislip0::INSTR``. ``baud`` matters to serial lines only.
    """

    driver: Literal["scpi"] = "scpi"
    """SCPI, also when ``driver`` is left out."""
    dialect: Literal[
        "plain",
        "keysight-e36300",
        "rohde-schwarz-hmp",
        "rohde-schwarz-nge",
        "rigol-dp800",
        "numato-relay",
    ] = "plain"
    """How it words its commands."""
    baud: Annotated[int, Field(ge=300, le=921600)] = 9600
    """Line speed of a serial device."""


class SnmpPowerSpec(_PowerSpec):
    """A PDU or PoE switch that speaks SNMP; ``address`` is a host, or ``host:port``.

    Credentials are ``community`` for v2c, and ``user`` with ``auth_key`` and ``priv_key`` for v3.
    PoE ports are named ``port`` or ``group.port``. ``context`` is v3's, which few devices have.
    """

    driver: Literal["snmp"]
    """SNMP."""
    mib: Literal["apc-rpdu", "apc-rpdu2", "raritan", "raritan-px1", "poe", "poe-cisco"]
    """Which MIB its outlets are in."""
    version: Literal["v2c", "v3"] = "v2c"
    """SNMP version."""
    auth: Literal["none", "md5", "sha", "sha256"] = "sha"
    """Authentication protocol of v3."""
    priv: Literal["none", "des", "aes"] = "aes"
    """Privacy protocol of v3."""
    context: Annotated[str, Field(max_length=32)] = ""
    """Context of v3, which few devices have."""
    confirm_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds a switched outlet may take to be confirmed."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the secrets without which no agent lets us in."""
        if self.version == "v2c":
            return ("community",)
        keys = {"auth_key": self.auth, "priv_key": self.priv}
        return ("user", *(key for key, protocol in keys.items() if protocol != "none"))

    def secrets(self, device: str) -> dict[str, SecretStr]:
        """Fetch what ``credentials`` lead to; a twin without them lets in what we bring.

        Raises:
            UsageFault: they cannot be fetched, or not all that SNMP needs is among them.
        """
        if self.credentials is None:
            return {key: SecretStr(f"twin-{key}") for key in self.needs}
        found = super().secrets(device)
        if missing := [key for key in self.needs if key not in found]:
            raise UsageFault(
                f"its credentials have no {' and no '.join(missing)}",
                device=device,
                expected=f"{', '.join(self.needs)} for SNMP {self.version}",
                hint="name it under credentials in lab.yaml, or add it to the credentials file",
            )
        return found

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if not self.virtual and self.credentials is None:
            raise ValueError(f"SNMP {self.version} needs credentials: {', '.join(self.needs)}")
        if self.auth == "none" and self.priv != "none":
            raise ValueError("privacy needs authentication (RFC 3414): set priv: none as well")
        return self


class LabgridPowerSpec(_PowerSpec):
    """An outlet reached through one of labgrid's power backends.

    ``backend`` is labgrid's name of it, ``address`` what labgrid calls its host, ``port`` its
    port. A ``{name}`` in the address is filled in from credentials. ``python`` is the interpreter
    that has labgrid, by default our own.
    """

    driver: Literal["labgrid"]
    """One of labgrid's power backends."""
    backend: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    """labgrid's name of the backend."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """The backend's port, if it takes one."""
    python: str = ""
    """The interpreter that has labgrid; by default the environment ``make install`` made for it."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Seconds one answer may take."""

    @model_validator(mode="after")
    def _has_no_twin(self) -> Self:
        if self.virtual:
            raise ValueError("there is no twin for labgrid's backends: give an address")
        return self

    @property
    def interpreter(self) -> str:
        """The interpreter that has labgrid."""
        return interpreter(self.python)


class PlacePowerSpec(_PowerSpec):
    """The power ports of a labgrid place, leased from the coordinator under ``labgrid``.

    ``address`` is the place's name, ``outlets`` are the names of its ``NetworkPowerPort`` resources
    as the place has them (``labgrid-client -p PLACE show``). They are switched by labgrid's driver.
    """

    driver: Literal["place"]
    """Power of a place of labgrid."""
    address: PlaceName
    """The name of the place."""
    outlets: Annotated[
        tuple[Annotated[str, Field(pattern=_OUTLET)], ...], Field(min_length=1, max_length=64)
    ] = ("NetworkPowerPort",)
    """The names of the place's power ports that are yours."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Seconds one answer may take."""
    credentials: None = None
    """None: what a power port needs, its exporter says."""

    #: By outlet, once they are leased, and the interpreter that has labgrid.
    _leased: tuple[Mapping[str, PowerPort], str] = PrivateAttr(({}, ""))

    def leased(self, ports: Mapping[str, PowerPort], python: str) -> Self:
        """Return the same entry with what a lease has found out."""
        found = self.model_copy()
        found._leased = (ports, python)
        return found

    @property
    def ports(self) -> Mapping[str, PowerPort]:
        """The power ports by outlet; empty before they are leased."""
        return self._leased[0]

    @property
    def python(self) -> str:
        """The interpreter that has labgrid; empty before there is a lease."""
        return self._leased[1]

    @field_validator("address")
    @classmethod
    def _has_no_twin(cls, value: str) -> str:
        if value == VIRTUAL:
            raise ValueError("there is no twin for a place: give the name of one")
        return value


class OtherPowerSpec(_PowerSpec):
    """Any other driver that has a file in harness/power/drivers."""

    # Else an entry of a driver with a kind of its own would be two kinds to a schema's reader.
    driver: Annotated[
        str, WithJsonSchema({"enum": [d for d in power_drivers() if d not in POWER_TAGS]})
    ]
    """The name of its file."""

    @field_validator("driver")
    @classmethod
    def _exists(cls, value: str) -> str:
        if value not in power_drivers():
            raise ValueError(f"no such driver; there are: {', '.join(power_drivers())}")
        return value

    @model_validator(mode="after")
    def _has_no_twin(self) -> Self:
        if self.virtual:
            raise ValueError(f"there is no twin for {self.driver}: give an address")
        return self


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        driver = value.get("driver", "scpi")
    else:
        driver = getattr(value, "driver", None)
    return driver if isinstance(driver, str) and driver in POWER_TAGS else "other"


#: An entry under ``power`` in lab.yaml, told apart by ``driver``.
PowerSpec = Annotated[
    Annotated[ScpiPowerSpec, Tag("scpi")]
    | Annotated[SnmpPowerSpec, Tag("snmp")]
    | Annotated[LabgridPowerSpec, Tag("labgrid")]
    | Annotated[PlacePowerSpec, Tag("place")]
    | Annotated[OtherPowerSpec, Tag("other")],
    Discriminator(_kind),
]
