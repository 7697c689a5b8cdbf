"""All places a lab needs, or none, held while its bench is open."""

from __future__ import annotations

import getpass
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.errors import BenchFault, BenchFaults, HarnessError, UsageFault
from harness.events import Note
from harness.lab import Lab, PlacePowerSpec
from harness.owners import owned_name, owner_is_gone
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
    faults: dict[str, HarnessError] = field(default_factory=dict)
    #: Who the coordinator is, once it has answered.
    coordinator: str = ""
    #: The places that are held, and from whom, for people.
    held: dict[str, str] = field(default_factory=dict)
    _needs: Mapping[str, Need] = field(default_factory=dict)
    _lost: dict[str, str] = field(default_factory=dict)
    _watchers: dict[str, list[Callable[[str], None]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, device: str) -> HarnessError | None:
        """Return why a device of the lab is not there, if its place could not be had."""
        for place, fault in self.faults.items():
            if device in self._needs[place].devices:
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
        for place, need in self._needs.items():
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
        text = f"place {place} is lost: {why}"
        with self._lock:
            self._lost[place] = text
            watchers = self._watchers.pop(place, [])
        for tell in watchers:
            tell(text)


@contextmanager
def leased(lab: Lab, observe: Observer, *, partly: bool = False) -> Iterator[Lease]:
    """Hold every place a lab needs; without any, nobody is asked.

    A place that a killed run of this machine still holds is taken over. When a place is lost
    later, the devices in it are told; see `Lease.watch`.

    Args:
        lab: the inventory.
        observe: where events go.
        partly: keep what can be had, and give the rest's faults with the lease.

    Raises:
        BenchFault: the coordinator cannot be reached, or a place is held by others or lacks what
            is needed. Several at once as `BenchFaults`.
        UsageFault: there is no such place, or no labgrid.
    """
    needed = needs(lab)
    lease = Lease(lab, _needs=needed)
    if not needed or lab.labgrid is None:
        yield lease
        return

    def lost(place: str, why: str) -> None:
        lease.lose(place, why)
        observe(Note(text=f"place {place} is lost: {why}"))

    user = re.sub(r"[^A-Za-z0-9]", "", getpass.getuser())
    try:
        coordinator = Coordinator(lab.labgrid, owned_name(user), lost)
    except HarnessError as error:
        if not partly:
            raise
        lease.faults = dict.fromkeys(needed, error)
        yield lease
        return
    lease.coordinator = f"labgrid {coordinator.version} at {lab.labgrid.coordinator}"
    try:
        try:
            seen = _acquire(coordinator, lease, needed, observe, partly=partly)
            lease.lab = _with_ports(lab, seen)
        except HarnessError as error:
            if not partly:
                raise
            lease.faults = dict.fromkeys(needed, error)
        yield lease
    finally:
        kept = coordinator.close().get("kept", {})
        for place, why in kept.items():
            observe(Note(text=f"place {place} could not be released: {why}"))


def _acquire(
    coordinator: Coordinator,
    lease: Lease,
    needed: Mapping[str, Need],
    observe: Observer,
    *,
    partly: bool,
) -> dict[str, PlaceSeen]:
    """Acquire the places, always in the order of their names: two labs cannot block each other."""
    faults: dict[str, list[HarnessError]] = {place: [] for place in needed}
    seen = _look(coordinator, needed, faults)
    for place, one in seen.items():
        _take_over(coordinator, one, observe)
        faults[place] += one.lacks()
    seen = _look(coordinator, needed, faults)
    for place, one in seen.items():
        if held := one.held(coordinator.me):
            faults[place].append(held)
    if not partly:
        _stop_at(faults)
    for place, one in seen.items():
        if not faults[place]:
            order = {"do": "acquire", "place": place, "paths": [r["path"] for r in one.used]}
            if refused := coordinator.ask(order).get("refused"):
                faults[place].append(_refused(place, refused))
                if not partly:
                    _stop_at(faults)
    # Only an acquired serial port is served, and only now it is known where.
    seen = {p: s for p, s in _look(coordinator, needed, faults).items() if not faults[p]}
    for place, one in list(seen.items()):
        try:
            for ref in one.need.serial.values():
                one.url(ref)
        except BenchFault as fault:
            faults[place].append(fault)
            del seen[place]
    if not partly:
        _stop_at(faults)
    for place, one in seen.items():
        lease.held[place] = f"held as {one.holder}, exporter {one.exporters}"
        observe(Note(text=f"leased place {place} from labgrid: {lease.held[place]}"))
    lease.faults = {place: _together(found) for place, found in faults.items() if found}
    return seen


def _look(
    coordinator: Coordinator, needed: Mapping[str, Need], faults: dict[str, list[HarnessError]]
) -> dict[str, PlaceSeen]:
    told = coordinator.ask({"do": "look", "places": list(needed)})
    if "refused" in told:
        raise BenchFault(f"labgrid's coordinator refuses: {told['refused']}", device="labgrid")
    for place, need in needed.items():
        if place not in told["places"] and not faults[place]:
            fault = UsageFault(
                f"there is no place {place}",
                device="labgrid",
                state=f"there are: {', '.join(told['known']) or 'none'}",
                expected=f"a place for {', '.join(need.devices)}",
                hint=f"correct it in lab.yaml, or labgrid-client -p {place} create",
            )
            faults[place].append(fault)
    places = told["places"]
    return {name: PlaceSeen.of(need, places[name]) for name, need in needed.items()
            if name in places}  # fmt: skip


def _take_over(coordinator: Coordinator, seen: PlaceSeen, observe: Observer) -> None:
    """Free a place from a run of this machine that is no longer there to do so."""
    host, _, user = seen.holder.partition("/")
    if host != coordinator.me.partition("/")[0] or not owner_is_gone(user):
        return
    place = seen.need.place
    coordinator.ask({"do": "free", "place": place, "holder": seen.holder})
    observe(Note(text=f"place {place} was still held by {user}, a run that was killed: freed"))


def _refused(place: str, why: str) -> HarnessError:
    return BenchFault(
        f"place {place} cannot be acquired: {why}",
        device="labgrid",
        hint=f"somebody else's place may share a resource: labgrid-client -p {place} show, who",
    )


def _together(faults: list[HarnessError]) -> HarnessError:
    return faults[0] if len(faults) == 1 else BenchFaults(faults)


def _stop_at(faults: Mapping[str, list[HarnessError]]) -> None:
    found = [fault for place in faults.values() for fault in place]
    if found:
        raise _together(found)


def _with_ports(lab: Lab, seen: Mapping[str, PlaceSeen]) -> Lab:
    """Return the lab with what its places were found to have: power ports, and URLs of keypads."""
    power, keypads = dict(lab.power), dict(lab.keypads)
    for one in seen.values():
        for name in one.need.power:
            spec = power[name]
            if isinstance(spec, PlacePowerSpec) and lab.labgrid is not None:
                power[name] = spec.leased(one.power_ports(name), lab.labgrid.interpreter)
        for (name, key), ref in one.need.serial.items():
            keypads[name] = keypads[name].model_copy(update={key: one.url(ref)})
    return lab.model_copy(update={"power": power, "keypads": keypads})
