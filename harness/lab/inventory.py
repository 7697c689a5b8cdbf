"""The inventory as types: what lab.yaml may say, with ranges and defaults."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PrivateAttr,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from harness.errors import UsageFault
from harness.lab.keypad_spec import KeypadSpec
from harness.lab.notify_spec import NotifySpec
from harness.lab.pbx_spec import PbxKind, PbxSpec
from harness.lab.place_spec import LabgridSpec
from harness.lab.power_spec import VIRTUAL, PowerSpec
from harness.models import PHONE_MODELS, ModelName, PhoneModel

__all__ = [
    "KeypadSpec",
    "Lab",
    "Line",
    "NetworkSpec",
    "OutletRef",
    "PeerSpec",
    "PhoneSpec",
    "PowerSpec",
    "ProvisioningSpec",
    "SeededFaults",
    "Values",
    "VirtualSpec",
]

_MAC = re.compile(r"^[0-9A-F]{12}$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")


def _mac(value: str) -> str:
    bare = re.sub(r"[:.-]", "", value).upper()
    if not _MAC.match(bare):
        raise ValueError("a MAC address has 12 hexadecimal digits, like 00:24:C4:AB:CD:EF")
    return bare


def _name(value: str) -> str:
    if not _NAME.match(value):
        raise ValueError("a name has 1 to 40 letters, digits, '-' or '_'")
    return value


Mac = Annotated[
    str,
    AfterValidator(_mac),
    WithJsonSchema({"type": "string", "pattern": "^([0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}$"}),
]
Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": _NAME.pattern})
]
Port = Annotated[int, Field(ge=1, le=65535)]
Extension = Annotated[str, Field(pattern=r"^[0-9]{2,8}$")]


Values = dict[str, str | int | bool]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _as_written(schema: dict[str, JsonValue]) -> None:
    """An outlet is a text in the file, whatever it is read into."""
    described = schema.get("description")
    schema.clear()
    schema |= {"type": "string", "pattern": "^[^/]+/[^/]+$", "description": described}


class OutletRef(_Spec):
    """One outlet of one PDU, written ``pdu-1/3`` in lab.yaml."""

    model_config = ConfigDict(json_schema_extra=_as_written)

    pdu: str
    outlet: str

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            pdu, slash, outlet = value.partition("/")
            if not (pdu and slash and outlet):
                raise ValueError("an outlet is written PDU/NUMBER, like pdu-1/3")
            return {"pdu": pdu, "outlet": outlet}
        return value

    def __str__(self) -> str:
        return f"{self.pdu}/{self.outlet}"


class NetworkSpec(_Spec):
    """The bench network as the phones see it.

    ``dhcp`` lets the harness answer DHCP on ``interface``, and there only. With a ``namespace``
    (a word for its name) the whole run lives in a network of its own, ``interface`` is a bridge
    the harness makes in it, and each virtual phone hangs on it by a cable of its own.
    """

    interface: str = "lo"
    """The interface of this machine the phones are reached by; with a namespace, the bridge in it.
    """
    host: IPv4Address = IPv4Address("127.42.0.1")
    """This machine there, as the phones see it: TFTP and HTTP."""
    prefix: Annotated[int, Field(ge=8, le=30)] = 24
    """Length of the network's prefix."""
    namespace: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,19})?$")] = ""
    """A word for a network namespace the whole run lives in; empty for the machine's own network.
    """
    dhcp: bool = False
    """Whether the harness answers DHCP, on ``interface`` only."""
    spare: tuple[IPv4Address, ...] = ()
    """More addresses of this machine, for the sides of a parallel run; not needed on loopback."""
    tftp_port: Port = 69
    """UDP port; phones ask on 69."""
    http_port: Port = 6970
    """TCP port; phones ask on 6970."""

    @property
    def network(self) -> IPv4Network:
        """The network the host is in."""
        return IPv4Network((self.host, self.prefix), strict=False)


class SeededFaults(_Spec):
    """Faults planted in twins on purpose, to show that the suite can fail; empty in earnest.

    Phones take names of defects, PDUs and keypads a mapping of fault to value, as documented
    with the twins. A report always names what was seeded.
    """

    phones: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    """Names of defects by phone."""
    pdus: dict[Name, dict[str, JsonValue]] = Field(default_factory=dict)
    """Faults and their values by PDU."""
    keypads: dict[Name, dict[str, JsonValue]] = Field(default_factory=dict)
    """Faults and their values by keypad."""


class VirtualSpec(_Spec):
    """The virtual bench; ignored when no device says ``virtual``.

    ``speed`` is how many times faster device time runs; ``http_first`` lets the twins try HTTP
    6970 before TFTP, as some 9.x loads do. ``installed`` names the load a phone twin holds when it
    is unpacked, if it is not the usual one. ``boot_loader_s`` is the device time from power-on with
    # held to the amber walk, which takes minutes on some boot loaders.
    """

    speed: Annotated[float, Field(ge=1, le=1000)] = 40.0
    """How many times faster device time runs."""
    http_first: bool = False
    """Whether twins try HTTP 6970 before TFTP."""
    installed: dict[Name, str] = Field(default_factory=dict)
    """The load a phone twin holds when it is unpacked, by phone."""
    boot_loader_s: Annotated[float, Field(ge=0, le=600)] = 40.0
    """Device time in seconds from power-on with # held to the amber walk."""
    seeded: SeededFaults = SeededFaults()
    """Faults planted on purpose."""


class Line(_Spec):
    """One line key of a phone. Without a password it gets one made from the user's own key."""

    user: Extension
    """Extension: SIP user and authentication name."""
    label: Annotated[str, Field(max_length=30)] = ""
    """What the display shows beside the key."""
    password: SecretStr = SecretStr("")
    """SIP password; without one, made from the user's own key."""


class PhoneSpec(_Spec):
    """A phone, the outlet that feeds it and the keypad in front of it.

    ``tone`` in Hz is what its microphone hears: the twin plays it, on hardware an audio box at
    the handset does. ``load`` overrides provisioning.load for this phone; ``site`` names a layer of
    template values, ``values`` are the phone's own.
    """

    model: ModelName
    """What it is."""
    mac: Mac
    """Its MAC address, twelve hexadecimal digits."""
    kind: Literal["virtual", "hardware"] = "virtual"
    """Whether it is a twin or a phone of hardware."""
    address: IPv4Address
    """Its IPv4 address; DHCP has to give it this one."""
    outlet: OutletRef
    """What feeds it, as PDU/OUTLET."""
    keypad: str
    """The keypad over it, a name under ``keypads``."""
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]
    """Its line keys from the top; a 7942G has two, a 7962G six."""
    tone: Annotated[int, Field(ge=300, le=3000)] = 1050
    """Hz its microphone hears: played by the twin, or by an audio box at the handset."""
    load: str = ""
    """The load of this phone; else ``provisioning.load``."""
    site: str = ""
    """A name under ``provisioning.sites``."""
    values: Values = Field(default_factory=dict)
    """Template values of this phone alone."""

    @property
    def virtual(self) -> bool:
        """Whether this phone is a digital twin."""
        return self.kind == VIRTUAL

    @property
    def facts(self) -> PhoneModel:
        """What is known of the model."""
        return PHONE_MODELS[self.model]

    @property
    def host_name(self) -> str:
        """``SEP`` and the MAC in upper case, as in file names and DHCP option 12."""
        return f"SEP{self.mac}"

    @model_validator(mode="after")
    def _lines_fit(self) -> Self:
        if len(self.lines) > self.facts.lines:
            raise ValueError(
                f"a {self.model} has {self.facts.lines} line keys, "
                f"but {len(self.lines)} lines are given"
            )
        return self


class PeerSpec(_Spec):
    """A pjsua2 peer: somebody to call, with a tone of their own in Hz.

    Tones below 3000 Hz pass every narrow-band codec; they should not be multiples of each other.
    """

    extension: Extension
    """Its number."""
    tone: Annotated[int, Field(ge=300, le=3000)]
    """Hz it plays; no multiple of another party's."""
    address: IPv4Address = IPv4Address("127.42.0.3")
    """Where its SIP and RTP live, an address of this machine."""
    password: SecretStr = SecretStr("")
    """SIP password; without one, made from the user's own key."""


class ProvisioningSpec(_Spec):
    """What the phones are given: templates, their values in layers, and the firmware set.

    ``templates`` is a folder beside lab.yaml; empty for ``configs/templates`` there, or else the
    shipped ones. A later layer wins: ``values`` for all, then by major version of the load, by
    model, by site, then the phone's own. A layer with a dial plan or soft keys of its own names a
    file for it, too: ``dial_template``, ``soft_key_file``. ``rings`` are ring tones by display
    name. ``firmware`` is a folder of images, empty for made-up ones, which only twins take.
    """

    load: str = "SIP42.9-3-1SR4-1S"
    """The load all phones get, without ``.loads``."""
    templates: str = ""
    """A folder of templates beside lab.yaml; empty for configs/templates, or the shipped ones."""
    firmware: str = ""
    """A folder of firmware files beside lab.yaml: Cisco's, for phones of hardware."""
    rings: dict[str, str] = Field(default_factory=dict)
    """Ring tones: display name to file."""
    values: Values = Field(default_factory=dict)
    """Template values for all."""
    generations: dict[Annotated[int, Field(ge=1, le=99)], Values] = Field(default_factory=dict)
    """Template values by major version of the load."""
    models: dict[ModelName, Values] = Field(default_factory=dict)
    """Template values by model."""
    sites: dict[Name, Values] = Field(default_factory=dict)
    """Template values by site."""


class Lab(_Spec):
    """All of lab.yaml."""

    name: Name = "virtual-bench"
    """The lab's name in reports and folder names."""
    network: NetworkSpec = NetworkSpec()
    """The bench network."""
    virtual: VirtualSpec = VirtualSpec()
    """The virtual bench, if there is any twin."""
    power: dict[Name, PowerSpec]
    """PDUs, supplies and PoE switches by name."""
    keypads: dict[Name, KeypadSpec]
    """Key-pressing robots by name."""
    labgrid: LabgridSpec | None = None
    """Where what is leased comes from."""
    pbx: PbxSpec = PbxSpec()
    """The Asterisk the phones register to."""
    peers: dict[Name, PeerSpec]
    """People to call, by name."""
    provisioning: ProvisioningSpec = ProvisioningSpec()
    """What the phones are given."""
    phones: Annotated[dict[Name, PhoneSpec], Field(min_length=1)]
    """The phones by name."""
    notify: NotifySpec = NotifySpec()
    """Who is told how a night went."""

    _path: Path | None = PrivateAttr(default=None)

    @property
    def is_virtual(self) -> bool:
        """Whether any device of this lab is a digital twin."""
        return (
            any(pdu.virtual for pdu in self.power.values())
            or any(keypad.virtual for keypad in self.keypads.values())
            or any(phone.virtual for phone in self.phones.values())
        )

    @model_validator(mode="after")
    def _sites_exist(self) -> Self:
        for name, phone in self.phones.items():
            if phone.site and phone.site not in self.provisioning.sites:
                known = ", ".join(self.provisioning.sites) or "none"
                raise ValueError(
                    f"phones.{name}: site {phone.site!r} is not in provisioning.sites ({known})"
                )
        return self

    def beside(self, path: str) -> Path:
        """Return a path lab.yaml names, relative to lab.yaml's folder."""
        return (self._path.parent if self._path is not None else Path()) / path

    @property
    def source(self) -> Path | None:
        """The file this was read from; None for a lab that was not."""
        return self._path

    def without_stations(self, names: Collection[str]) -> Lab:
        """Return the same lab without some phones, and without what served only those."""
        phones = {name: spec for name, spec in self.phones.items() if name not in names}
        gone = [spec for name, spec in self.phones.items() if name in names]
        pdus = {spec.outlet.pdu for spec in gone} - {spec.outlet.pdu for spec in phones.values()}
        keypads = {spec.keypad for spec in gone} - {spec.keypad for spec in phones.values()}
        return self.model_copy(
            update={
                "phones": phones,
                "power": {name: pdu for name, pdu in self.power.items() if name not in pdus},
                "keypads": {name: k for name, k in self.keypads.items() if name not in keypads},
            }
        )

    def with_templates(self, folder: Path) -> Lab:
        """Return the same lab with another folder of templates."""
        own = self.provisioning.model_copy(update={"templates": str(folder.resolve())})
        return self.model_copy(update={"provisioning": own})

    def with_firmware(self, folder: Path, load: str, held: Mapping[str, str]) -> Lab:
        """Return the same lab with a load of a folder for every phone.

        ``held`` is what phones hold before: their twins begin with it, where lab.yaml does not say.
        """
        own = self.provisioning.model_copy(update={"load": load, "firmware": str(folder.resolve())})
        phones = {n: spec.model_copy(update={"load": ""}) for n, spec in self.phones.items()}
        twins = {name: load for name, load in held.items() if name in phones}
        virtual = self.virtual.model_copy(update={"installed": twins | self.virtual.installed})
        return self.model_copy(update={"provisioning": own, "phones": phones, "virtual": virtual})

    def with_pbx(self, kind: PbxKind) -> Lab:
        """Return the same lab with another kind of Asterisk.

        Raises:
            UsageFault: the lab names an image that is not that kind's.
        """
        return self.model_copy(update={"pbx": self.pbx.of_kind(kind)})

    def label(self, phone: str) -> str:
        """Return ``virtual`` or ``hardware``: a mixed station counts as virtual."""
        spec = self.phones[phone]
        pdu, keypad = self.power[spec.outlet.pdu], self.keypads[spec.keypad]
        return "virtual" if spec.virtual or pdu.virtual or keypad.virtual else "hardware"

    def secrets(self) -> set[str]:
        """Return every secret value of this lab, for redaction."""
        found = {line.password for phone in self.phones.values() for line in phone.lines}
        found |= {peer.password for peer in self.peers.values()}
        # Whoever knows a webhook's address may write there.
        found |= {self.notify.webhook} - {SecretStr("")}
        for name, pdu in self.power.items():
            # Secrets that cannot be fetched cannot leak; whoever needs them says so.
            with suppress(UsageFault):
                found |= set(pdu.secrets(name).values())
        return {secret.get_secret_value() for secret in found}
