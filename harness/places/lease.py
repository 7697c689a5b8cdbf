"""All places a lab needs, or none, held while its bench is open."""

from __future__ import annotations

import getpass
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from harness.errors import BenchFault, HarnessError
from harness.events import Note
from harness.lab import Lab, LabgridSpec, PlacePowerSpec
from harness.owners import owned_name
from harness.places.asking import Asking, together
from harness.places.coordinator import Coordinator
from harness.places.need import Need, PlaceSeen, needs
from harness.timeline import Observer

__all__ = ["Lease", "leased"]


@dataclass
class Lease:
    """What was leased: the lab with its ports filled in, and who is to be told of a loss.

    ``faults`` are the places that could not be had, by name, if that was allowed.
    """

    lab: Lab
    needs: Mapping[str, Need] = field(default_factory=dict)
    faults: dict[str, HarnessError] = field(default_factory=dict)
    #: Who the coordinator is, once it has answered.
    coordinator: str = ""
    #: The places that are held, and from whom, for people.
    held: dict[str, str] = field(default_factory=dict)
    _lost: dict[str, str] = field(default_factory=dict)
    _watchers: dict[str, list[Callable[[str], None]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, device: str) -> HarnessError | None:
        """Return why a device of the lab is not there, if its place could not be had."""
        for place, fault in self.faults.items():
            if device in self.needs[place].devices:
                return fault
        return None

    def needed(self, device: str) -> None:
        """Demand that a device's place is held, if it is in one.

        Raises:
            HarnessError: why its place could not be had.
        """
        if fault := self.fault_of(device):
            raise fault

    def watch(self, device: str, lose: Callable[[str], None]) -> None:
        """Have ``lose`` called once, from another thread, when a device's place is lost."""
        for place, need in self.needs.items():
            if device not in need.devices:
                continue
            with self._lock:
                why = self._lost.get(place, "")
                if not why:
                    self._watchers.setdefault(place, []).append(lose)
            if why:
                lose(why)

    def lose(self, place: str, why: str) -> None:
        """Tell everybody who watches that a place is lost."""
        with self._lock:
            self._lost[place] = why
            watchers = self._watchers.pop(place, [])
        for tell in watchers:
            tell(why)


@contextmanager
def leased(
    lab: Lab, observe: Observer, *, partly: bool = False, within: float = 0.0
) -> Iterator[Lease]:
    """Hold every place a lab needs; without any, nobody is asked.

    A place that a killed run of this machine still holds is taken over. When a place is lost
    later, the devices in it are told; see `Lease.watch`.

    Args:
        lab: the inventory.
        observe: where events go.
        partly: keep what can be had, and give the rest's faults with the lease.
        within: seconds to wait for places that somebody else has.

    Raises:
        BenchFault: the coordinator cannot be reached, or a place is held by others or lacks what
            is needed. Several at once as `BenchFaults`.
        UsageFault: there is no such place, or no labgrid.
    """
    lease = Lease(lab, needs(lab))
    with ExitStack() as stack:
        if lease.needs and lab.labgrid is not None:
            try:
                coordinator = stack.enter_context(_connected(lab.labgrid, lease, observe))
                _acquire(coordinator, lease, observe, partly=partly, within=within)
            except HarnessError as error:
                if not partly:
                    raise
                lease.faults = dict.fromkeys(lease.needs, error)
        yield lease


@contextmanager
def _connected(spec: LabgridSpec, lease: Lease, observe: Observer) -> Iterator[Coordinator]:
    def lost(place: str, why: str) -> None:
        text = f"place {place} is lost: {why}"
        lease.lose(place, text)
        observe(Note(text))

    # Whose run it is, for whoever wants the place; and which process, for who comes after it.
    user = re.sub(r"[^A-Za-z0-9]", "", getpass.getuser())
    coordinator = Coordinator(spec, owned_name(user), lost)
    try:
        lease.coordinator = f"labgrid {coordinator.version} at {spec.coordinator}"
        yield coordinator
    finally:
        for place, why in coordinator.close().items():
            observe(Note(f"place {place} could not be released: {why}"))


def _acquire(
    coordinator: Coordinator, lease: Lease, observe: Observer, *, partly: bool, within: float
) -> None:
    asking = Asking(coordinator, lease.needs, observe, partly=partly)
    found = asking.obtain(within)
    lease.faults = asking.faults
    for place, one in found.items():
        try:
            lease.lab = _with_ports(lease.lab, one)
        except BenchFault as fault:
            lease.faults[place] = fault
            continue
        lease.held[place] = f"held as {one.holder}, exporter {one.exporters}"
        observe(Note(f"leased place {place} from labgrid: {lease.held[place]}"))
    if lease.faults and not partly:
        raise together(lease.faults.values())


def _with_ports(lab: Lab, seen: PlaceSeen) -> Lab:
    """Return a lab with what a place of it was found to have: power ports, and URLs of keypads.

    Raises:
        BenchFault: a serial port is served nowhere.
    """
    power, keypads = dict(lab.power), dict(lab.keypads)
    for name in seen.need.power:
        spec = power[name]
        if isinstance(spec, PlacePowerSpec) and lab.labgrid is not None:
            power[name] = spec.leased(seen.power_ports(name), lab.labgrid.interpreter)
    urls: dict[str, dict[str, str]] = {}
    for (name, key), ref in seen.need.serial.items():
        urls.setdefault(name, {})[key] = seen.url(ref)
    keypads |= {name: keypads[name].leased(found) for name, found in urls.items()}
    return lab.model_copy(update={"power": power, "keypads": keypads})
