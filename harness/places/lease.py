"""All places a lab needs, or none, held while its bench is open; asked for again when lost."""

from __future__ import annotations

import getpass
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.errors import BenchFault, HarnessError, UsageFault
from harness.events import Note
from harness.lab import Lab, LabgridSpec, PlacePowerSpec
from harness.owners import owned_name
from harness.places.asking import Asking, together
from harness.places.coordinator import Coordinator
from harness.places.need import Need, PlaceSeen, needs
from harness.timeline import Observer

__all__ = ["Lease", "leased"]


class _Session:
    """One name at a coordinator, whichever connection carries it.

    Args:
        spec: where the coordinator is.
        places: all that is ever asked for under it.
        observe: where events go.
        lost: told of each place that was lost, and why; from another thread.
    """

    def __init__(
        self,
        spec: LabgridSpec,
        places: Iterable[str],
        observe: Observer,
        lost: Callable[[str, str], None],
    ) -> None:
        self._spec = spec
        self._places = tuple(places)
        self._left_behind = False
        self._lost = lost
        self.observe = observe
        # Whose run it is, for whoever wants the place; and which process, for who comes after it.
        self._name = owned_name(re.sub(r"[^A-Za-z0-9]", "", getpass.getuser()))
        self._connection: Coordinator | None = None

    def coordinator(self) -> Coordinator:
        """Return who can be asked, connected anew after the coordinator was away.

        Raises:
            UsageFault: the interpreter is none, or has no labgrid.
            BenchFault: the coordinator cannot be reached.
        """
        if self._connection is not None and self._connection.gone:
            self.close()
            self._left_behind = True
        if self._connection is None:
            self._connection = Coordinator(self._spec, self._name, self._lost)
        if self._left_behind:
            # All is lost here, but the coordinator may still keep it for our name.
            for place in self._places:
                self._connection.free(place, self._connection.me)
            self._left_behind = False
        return self._connection

    def close(self) -> None:
        """Release what is held."""
        connection, self._connection = self._connection, None
        if connection is not None:
            for place, why in connection.close().items():
                self.observe(Note(f"place {place} could not be released: {why}"))


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
    _session: _Session | None = None

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
        """Have ``lose`` called, from another thread, each time a device's place is lost."""
        for place, need in self.needs.items():
            if device not in need.devices:
                continue
            with self._lock:
                why = self._lost.get(place, "")
                self._watchers.setdefault(place, []).append(lose)
            if why:
                lose(why)

    def lose(self, place: str, why: str) -> None:
        """Tell everybody who watches that a place is lost, unless they know."""
        with self._lock:
            watchers = [] if place in self._lost else list(self._watchers.get(place, ()))
            self._lost.setdefault(place, why)
        for tell in watchers:
            tell(why)

    def why_lost(self, place: str) -> str:
        """Return why a place is lost; empty while it is held."""
        return self._lost.get(place, "")

    def why_without(self, device: str) -> str:
        """Return why a device is not ours now: a place of it is lost; empty while it is."""
        places = (place for place, need in self.needs.items() if device in need.devices)
        return next((why for place in places if (why := self.why_lost(place))), "")

    def regain(self, place: str) -> None:
        """Ask for a place that was lost once more, and take it only if nobody else has it.

        `lab` has its ports then, which may be others than before.

        Raises:
            InUse: somebody else has it.
            BenchFault: it lacks what is needed, or the coordinator cannot be reached.
        """
        if self._session is None:
            return
        with self._lock:
            # A loss from here on is a new one.
            why = self._lost.pop(place, "")
        try:
            self._obtain({place: self.needs[place]}, self._session)
        except HarnessError as error:
            with self._lock:
                self._lost.setdefault(place, why)
            if isinstance(error, UsageFault):
                # lab.yaml was right when this began: somebody changed the place since.
                raise BenchFault(
                    error.summary,
                    device=error.device,
                    state=error.state,
                    expected=error.expected,
                    hint=error.hint,
                ) from None
            raise

    def _obtain(
        self,
        needed: Mapping[str, Need],
        session: _Session,
        *,
        partly: bool = False,
        within: float = 0.0,
    ) -> None:
        coordinator = session.coordinator()
        self.coordinator = coordinator.title
        asking = Asking(coordinator, needed, session.observe, partly=partly)
        found = asking.obtain(within)
        faults = asking.faults
        for place, one in found.items():
            try:
                self.lab = _with_ports(self.lab, one)
            except BenchFault as fault:
                faults[place] = fault
                continue
            self.held[place] = f"held as {one.holder}, exporter {one.exporters}"
            session.observe(Note(f"leased place {place} from labgrid: {self.held[place]}"))
        if faults and not partly:
            raise together(faults.values())
        self.faults |= faults


@contextmanager
def leased(
    lab: Lab, observe: Observer, *, partly: bool = False, within: float = 0.0
) -> Iterator[Lease]:
    """Hold every place a lab needs; without any, nobody is asked.

    A place that a killed run of this machine still holds is taken over. When a place is lost
    later, the devices in it are told (`Lease.watch`), and it can be asked for again
    (`Lease.regain`).

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
    if not lease.needs or lab.labgrid is None:
        yield lease
        return

    def lost(place: str, why: str) -> None:
        text = f"place {place} is lost: {why}"
        lease.lose(place, text)
        observe(Note(text))

    session = lease._session = _Session(lab.labgrid, lease.needs, observe, lost)
    try:
        try:
            lease._obtain(lease.needs, session, partly=partly, within=within)
        except HarnessError as error:
            if not partly:
                raise
            lease.faults = dict.fromkeys(lease.needs, error)
        yield lease
    finally:
        session.close()


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
