"""Boots as a phone makes them: DHCP, files in their order, flashes, the lamps of a reset, times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.drift.aspects import NONE, Sight
from harness.drift.masks import Masks
from harness.drift.recording import Recording, Station, load_said
from harness.events import (
    DhcpMessage,
    Event,
    FileRefused,
    FileRequested,
    FileServed,
    KeyPressed,
    KeyReleased,
    LampChanged,
    LampColour,
    PhoneStateChanged,
    Record,
    SipMessage,
)
from harness.runs.history import masked_file

__all__ = ["boots"]

_TRUST = re.compile(r"^(CTLSEP|ITLSEP|ITLFile|CTLFile)")
_LOCALE = re.compile(r"/")
#: What only the boot loader asks for: after a reset, or when there is no load in flash.
_BOOT_LOADER = re.compile(r"^term\d\d\.default\.loads?$", re.IGNORECASE)
_OWN = re.compile(r"^SEP<MAC>\.cnf\.xml")
#: Sizes of a TFTP block that clients ask for, the usual one first.
_BLOCKS = (512, 1024, 1228, 1408, 1428, 1450, 1456, 1468, 2048, 4096, 8192, 16384)
_OPTIONS = {"60": "dhcp.class", "12": "dhcp.name", "55": "dhcp.asked"}
#: From so many files on, one port for all of them is no chance.
_SAME_PORTS = 3
#: DHCP options whose value is the server's or the network's, not the phone's.
_GIVEN = {"50", "51", "54", "siaddr"}


@dataclass(frozen=True)
class _Asked:
    name: str
    firmware: bool
    time: float
    place: str


@dataclass
class _Boot:
    """One boot, from power or a restart to the REGISTER that ends it."""

    began: float = 0.0
    held: bool = False
    code: str = ""
    typed: float = 0.0
    lamps: list[tuple[float, LampChanged]] = field(default_factory=list)
    files: list[_Asked] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    place: str = ""

    @property
    def how(self) -> str:
        """The kind of boot."""
        if self.held and self.code:
            return f"reset {self.code}"
        return "boot by power" if self.began else "restart"


class _Phone:
    """Follows one phone through a recording."""

    def __init__(self, station: Station, masks: Masks) -> None:
        self.station = station
        self.masks = masks
        self.boot = _Boot()
        self.down: set[str] = set()
        self.runs = ""
        self.waiting: tuple[str, str] | None = None

    def see(self, record: Record, place: str) -> Iterator[Sight]:
        event = record.event
        if isinstance(event, PhoneStateChanged) and event.state in {"OFF", "BOOTING"}:
            yield from self._ended(record.mono, registered=False)
            self.boot = _Boot(
                began=record.mono if event.state == "BOOTING" else 0.0,
                held="#" in self.down,
                place=place,
            )
        elif isinstance(event, KeyPressed):
            self.down.add(event.key)
            if self.boot.held and not self.boot.files:
                self.boot.code += event.key
                self.boot.typed = record.mono
        elif isinstance(event, KeyReleased):
            self.down.discard(event.key)
        elif isinstance(event, LampChanged):
            self.boot.lamps.append((record.mono, event))
        elif isinstance(event, DhcpMessage):
            yield from self._dhcp(event, place)
        elif isinstance(event, FileRequested):
            yield from self._asked(record, event, place)
        elif isinstance(event, FileServed):
            yield from self._served(event, place)
        elif isinstance(event, FileRefused):
            name, _ = masked_file(event.name)
            self.boot.refused[name] = place
            if event.protocol == "tftp" and event.code == 1:
                self.waiting = (name, place)
        elif isinstance(event, SipMessage):
            yield from self._registers(record, event)

    def _sight(self, aspect: str, subject: str, value: str | float, place: str) -> Sight:
        return Sight(self.station.name, "", aspect, subject, value, place)

    def _dhcp(self, event: DhcpMessage, place: str) -> Iterator[Sight]:
        if event.message not in {"DISCOVER", "REQUEST", "RELEASE", "DECLINE", "INFORM"}:
            return
        for option, value in event.options.items():
            if option in _OPTIONS:
                yield self._sight(
                    _OPTIONS[option], f"DHCP{event.message}", self.masks.text(value), place
                )
            elif option not in _GIVEN:
                subject = f"DHCP{event.message} option {option}"
                yield self._sight("dhcp.other", subject, self.masks.text(value), place)

    def _asked(self, record: Record, event: FileRequested, place: str) -> Iterator[Sight]:
        if self.boot.ended:
            self.boot = _Boot(place=place)
        name, firmware = masked_file(event.name)
        if self.waiting is not None:
            before, where = self.waiting
            again = "asks for it again" if name == before else "goes on with the next file"
            yield self._sight("tftp.refused", "", again, where)
            self.waiting = None
        if event.protocol not in self.boot.protocols:
            self.boot.protocols.append(event.protocol)
        if self.boot.files and _OWN.match(self.boot.files[-1].name):
            own = self.boot.files[-1].name
            if own in self.boot.refused and name != own:
                yield self._sight("boot.default-file", "", name, place)
        if event.protocol == "tftp":
            ports = self.boot.ports
            ports.append(event.port)
            # A port that is drawn may be drawn twice: one that repeats is no rule yet.
            if len({*ports}) > 1:
                yield self._sight("tftp.port", "", "a new one for each file", place)
            elif len(ports) >= _SAME_PORTS:
                yield self._sight("tftp.port", "", "the same for all", place)
        self.boot.files.append(_Asked(name, firmware, record.mono, place))

    def _served(self, event: FileServed, place: str) -> Iterator[Sight]:
        if event.protocol != "tftp" or event.blocks < 2:
            return
        fits = [size for size in _BLOCKS if event.size // size + 1 == event.blocks]
        if fits:
            yield self._sight("tftp.block", "", f"{fits[0]} bytes", place)

    def _registers(self, record: Record, event: SipMessage) -> Iterator[Sight]:
        ours = event.source.rpartition(":")[0] in self.station.addresses
        if not ours or not event.start_line.startswith("REGISTER "):
            return
        load = load_said(event.text)
        yield from self._ended(record.mono, registered=True, load=load)
        self.runs = load or self.runs

    def _ended(self, time: float, *, registered: bool, load: str = "") -> Iterator[Sight]:
        boot = self.boot
        if boot.ended or not boot.files:
            if boot.held and boot.code:
                yield from self._lamps(boot)
            boot.held = False
            return
        boot.ended = True
        yield from self._lamps(boot)
        yield from self._flash(boot)
        if not registered:
            return
        first = max((n for n, each in enumerate(boot.files) if each.firmware), default=-1) + 1
        asked = boot.files[first:]
        how = f"{boot.how}, after a flash" if first and not boot.held else boot.how
        if not asked:
            return
        names = [each.name for each in asked]
        place = asked[0].place
        yield self._sight("boot.files", how, ", ".join(names), place)
        locale = [name for name in names if _LOCALE.search(name)]
        yield self._sight("boot.locale", how, ", ".join(locale) or NONE, place)
        # What it runs, which need not be what it was given.
        if re.match(r"[A-Z]+\d+\.8-", load):
            trust = [name for name in names if _TRUST.match(name)]
            yield self._sight("boot.trust-8", how, ", ".join(trust) or NONE, place)
        yield self._sight("boot.protocols", how, ", ".join(boot.protocols), place)
        yield self._sight("boot.register", how, time - asked[0].time, place)
        if "http" in boot.protocols:
            yield self._sight("boot.http", how, f"{boot.protocols[0]} first", place)
        if boot.began and not boot.held and not first:
            yield self._sight("boot.first-file", how, asked[0].time - boot.began, place)

    def _flash(self, boot: _Boot) -> Iterator[Sight]:
        images = [each for each in boot.files if each.firmware]
        if not images:
            if boot.held and boot.code and self.runs:
                yield self._sight("flash.equal-load", "", "asks for no image", boot.files[0].place)
            return
        names = ", ".join(each.name for each in images)
        aspect = "reset.files" if _BOOT_LOADER.match(images[0].name) else "flash.files"
        yield self._sight(aspect, f"by {images[0].name}", names, images[0].place)
        after = [each for each in boot.files if each.time > images[-1].time]
        if after:
            took = after[0].time - images[0].time
            yield self._sight("flash.time", f"by {images[0].name}", took, images[0].place)
        if boot.held and self.runs and self.runs == self.station.load and len(images) > 1:
            yield self._sight("flash.equal-load", "", "is taken again", images[0].place)
        if boot.held and boot.lamps and (red := _first(boot, LampColour.RED)):
            yield self._sight("boot.first-file", boot.how, images[0].time - red, images[0].place)

    def _lamps(self, boot: _Boot) -> Iterator[Sight]:
        amber, red = _first(boot, LampColour.AMBER), _first(boot, LampColour.RED)
        if not boot.held or not boot.code or not amber:
            return
        yield self._sight("reset.walk", boot.how, ", then ".join(_walk(boot)), boot.place)
        if boot.began:
            yield self._sight("reset.amber", "", amber - boot.began, boot.place)
        if red and boot.typed:
            yield self._sight("reset.red", boot.how, red - boot.typed, boot.place)


def _first(boot: _Boot, colour: LampColour) -> float:
    return next((time for time, lamp in boot.lamps if lamp.colour is colour), 0.0)


def _walk(boot: _Boot) -> Iterator[str]:
    """Tell which lamps lit in which colour, and whether one at a time.

    Not the order within a walk: sensors miss a step of a fast one now and then.
    """
    begin = _first(boot, LampColour.AMBER)
    until = boot.files[0].time if boot.files else float("inf")
    colours: dict[LampColour, set[str]] = {}
    lit: dict[LampColour, set[str]] = {}
    most: dict[LampColour, int] = {}
    for time, lamp in boot.lamps:
        if not begin <= time <= until:
            continue
        for each in lit.values():
            each.discard(lamp.lamp)
        if lamp.colour is LampColour.DARK:
            continue
        lit.setdefault(lamp.colour, set()).add(lamp.lamp)
        colours.setdefault(lamp.colour, set()).add(lamp.lamp)
        most[lamp.colour] = max(most.get(lamp.colour, 0), len(lit[lamp.colour]))
    for colour, names in colours.items():
        way = "one at a time" if most[colour] == 1 else "together"
        yield f"{colour} {'+'.join(sorted(names))} {way}"


def boots(recording: Recording) -> Iterator[Sight]:
    """Yield what the phones of a recording were seen to do from power to registration."""
    hosts = recording.hosts
    phones = {
        name: _Phone(s, Masks.of(s.mac, s.addresses, hosts, s.users))
        for name, s in recording.stations.items()
    }
    for index, record in enumerate(recording.records):
        station = _whose(recording, record.device, record.event)
        if station is not None:
            yield from phones[station.name].see(record, recording.place(index))


def _whose(recording: Recording, device: str, event: Event) -> Station | None:
    if device in recording.stations:
        return recording.stations[device]
    if isinstance(event, FileRequested | FileServed | FileRefused):
        return recording.at(event.address)
    if isinstance(event, SipMessage):
        return recording.at(event.source)
    if isinstance(event, DhcpMessage):
        return next((s for s in recording.stations.values() if s.mac == event.mac), None)
    return None
