"""The provisioning service of a run: files staged, served, and what each phone made of them."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BenchFault, UsageFault
from harness.events import FileRefused, FileRequested, FileServed, Record
from harness.lab import Lab
from harness.provisioning.firmware import FirmwareSet, firmware_set, stage_firmware
from harness.provisioning.http import HttpServer
from harness.provisioning.render import render_phone, render_site, values_for
from harness.provisioning.tftp import TftpServer
from harness.provisioning.tftp_faults import Fault, Injection
from harness.timeline import Mark, Timeline

__all__ = ["Fetched", "Provisioning"]

#: Template values no report may show; a line's password is the lab's.
_SECRET_VALUES = ("phone_password", "ssh_password")
#: Seconds the last acknowledgement of a transfer may take to be seen.
_UNDER_WAY = 1.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file a phone asked for, in order; ``size`` in bytes, None when it was refused."""

    name: str
    size: int | None

    def __str__(self) -> str:
        return f"{self.name} ({'refused' if self.size is None else f'{self.size} bytes'})"


class Provisioning:
    """Stage a lab's files in a folder and serve it by TFTP and HTTP.

    Args:
        lab: the inventory.
        root: the folder to fill and serve.
        timeline: gets every request and its outcome.
    """

    def __init__(self, lab: Lab, root: Path, timeline: Timeline) -> None:
        self._lab = lab
        self.root = root
        self._timeline = timeline
        self._overrides: dict[str, dict[str, str]] = {}
        self._secrets: set[str] = set()
        device_of = {str(spec.address): name for name, spec in lab.phones.items()}
        host = str(lab.network.host)
        self.tftp = TftpServer(
            root, host, lab.network.tftp_port, timeline.observer("tftp"), device_of
        )
        self.http = HttpServer(
            root, host, lab.network.http_port, timeline.observer("http"), device_of
        )

    def start(self) -> None:
        """Stage firmware, site and phone files and open both servers.

        Raises:
            UsageFault: a template value or a load in lab.yaml is unknown, or a phone of hardware
                has no real firmware.
            BenchFault: a port is taken.
        """
        # The phones' files hold their passwords; runs are kept.
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for load in sorted({self._load_of(name) for name in self._lab.phones}):
            stage_firmware(self._lab, load, self.root)
        for name, content in render_site(self._lab).items():
            self.put(name, content)
        for phone in self._lab.phones:
            self.stage(phone)
        self.tftp.start()
        self.http.start()

    def stop(self) -> None:
        """Close both servers; the files stay."""
        self.tftp.stop()
        self.http.stop()

    def put(self, name: str, content: bytes) -> None:
        """Put one file into the root, whole at any moment."""
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_bytes(content)
        os.replace(fresh, target)  # noqa: PTH105

    def remove(self, name: str) -> None:
        """Take one file out of the root."""
        (self.root / name).unlink(missing_ok=True)

    def stage(self, phone: str, **overrides: str) -> None:
        """Render a phone's own file again, with these template values for this phone only."""
        self._overrides[phone] = overrides
        self._secrets |= {self.value(phone, name) for name in _SECRET_VALUES}
        for name, content in render_phone(self._lab, phone, **self._values(phone)).items():
            self.put(name, content)

    @property
    def secrets(self) -> set[str]:
        """Every secret the files had in this run, and the authentication responder's password."""
        return {self.http.password, *self._secrets} - {""}

    def _values(self, phone: str) -> dict[str, str]:
        # The harness drives the phone's web window, so it must be the one that is asked who may.
        shipped = {"authentication_url": self.http.authentication_url}
        return shipped | self._overrides.get(phone, {})

    @contextmanager
    def overridden(self, phone: str, **overrides: str) -> Iterator[None]:
        """Stage a phone with other values for a while; the phone must boot to take them."""
        self.stage(phone, **overrides)
        try:
            yield
        finally:
            self.stage(phone)

    @contextmanager
    def tftp_fault(self, phone: str, file: str, fault: Fault) -> Iterator[Injection]:
        """Spoil a phone's transfers of one file for a while.

        Raises:
            BenchFault: at the end, when it never fired: what was tested is not what was meant.
        """
        injection = self.tftp.inject(fault, file, str(self._lab.phones[phone].address))
        try:
            yield injection
        finally:
            self.tftp.heal(injection)
        if not injection.fired:
            raise BenchFault(
                f"{fault} never fired: {phone} did not ask for {file}",
                device="tftp",
                hint="the phone must boot while the fault is in force",
            )

    def value(self, phone: str, name: str) -> str:
        """Return the template value in force for a phone.

        Raises:
            UsageFault: there is no such value.
        """
        values = values_for(self._lab, phone, self._values(phone))
        if name not in values:
            raise UsageFault(f"there is no template value named {name!r}")
        return values[name]

    def configured(self, phone: str, path: str) -> str:
        """Return the text of an element of the file a phone is given; empty where it has none.

        Args:
            phone: the phone's name in lab.yaml.
            path: below the root, such as ``sipProfile/preferredCodec``.
        """
        file = self.root / f"{self._lab.phones[phone].host_name}.cnf.xml"
        return (ET.fromstring(file.read_bytes()).findtext(path) or "").strip()

    def fetched(self, phone: str, *, since: Mark) -> list[Fetched]:
        """Return what a phone asked for and got since a mark, in the order it asked.

        The phone goes on when it has the last block, before we know that it has: the end of a
        transfer that is under way is waited for, a second at most.
        """

        def all_ended(records: list[Record]) -> bool:
            return all(ended for _, ended in _asked_for(records, phone))

        self._timeline.wait_until(all_ended, within=_UNDER_WAY, since=since)
        return [fetched for fetched, _ in _asked_for(self._timeline.records(since), phone)]

    def expected_boot(self, phone: str) -> list[Fetched]:
        """Return what a 9.x phone that holds the right load fetches in a normal boot.

        Order as logged from a 7942 with 9.4(2): trust lists (none here), its own file, locale
        files (none staged), dial plan.
        """
        spec = self._lab.phones[phone]
        own = f"{spec.host_name}.cnf.xml"
        expected = [
            Fetched(f"CTL{spec.host_name}.tlv", None),
            Fetched(f"ITL{spec.host_name}.tlv", None),
            Fetched("ITLFile.tlv", None),
            Fetched(own, self._size(own)),
        ]
        locales = (("user_locale", "mk-sip.jar"), ("network_locale", "g3-tones.xml"))
        for value, file in locales:
            folder = self.value(phone, value)
            name = f"{folder}/{file}"
            expected.append(Fetched(name, self._size(name)))
        named = (self.value(phone, "dial_template"), self.value(phone, "soft_key_file"))
        return [*expected, *(Fetched(name, self._size(name)) for name in named if name)]

    def expected_after_reset(self, phone: str) -> list[Fetched]:
        """Return what a phone fetches after a factory reset: boot loads, components, a boot."""
        boot_loads = self._lab.phones[phone].facts.boot_loads
        firmware = self.firmware(phone)
        return [
            Fetched(boot_loads, self._size(boot_loads)),
            *(Fetched(name, size) for name, size in firmware.components),
            *self.expected_boot(phone),
        ]

    def firmware(self, phone: str) -> FirmwareSet:
        """Return the firmware set a phone is given."""
        return firmware_set(self._lab, self._load_of(phone))

    def _load_of(self, phone: str) -> str:
        return self._lab.phones[phone].load or self._lab.provisioning.load

    def _size(self, name: str) -> int | None:
        path = self.root / name
        return path.stat().st_size if path.is_file() else None


def _asked_for(records: Iterable[Record], phone: str) -> list[tuple[Fetched, bool]]:
    """Return what a phone asked for, in that order, and whether its transfer has ended."""
    asked: list[FileRequested] = []
    sizes: dict[tuple[str, str, int], int | None] = {}
    for record in records:
        event = record.event
        if record.device != phone:
            continue
        if isinstance(event, FileRequested):
            asked.append(event)
        elif isinstance(event, FileServed):
            sizes[event.name, event.protocol, event.port] = event.size
        elif isinstance(event, FileRefused):
            sizes[event.name, event.protocol, event.port] = None
    keys = [(event.name, event.protocol, event.port) for event in asked]
    return [(Fetched(key[0], sizes.get(key)), key in sizes) for key in keys]
