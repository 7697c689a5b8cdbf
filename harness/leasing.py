"""Devices in places of labgrid: let go when a place is lost, given back when it is ours again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from harness.events import PartBack, PartLost
from harness.keypad import Keypad
from harness.lab.place_spec import WHO_HOLDS
from harness.phone import Phone
from harness.places import Lease
from harness.power import Power, open_driver
from harness.timeline import Timeline

__all__ = ["LeasedDevice", "LeasedPlace", "leased_places"]


def leased_places(
    lease: Lease,
    timeline: Timeline,
    pdus: Mapping[str, Power],
    keypads: Mapping[str, Keypad],
    phones: Mapping[str, Phone],
) -> list[LeasedPlace]:
    """Return the places of a bench, and watch over them from now on."""
    return [LeasedPlace(place, lease, timeline, pdus, keypads, phones) for place in lease.needs]


class LeasedPlace:
    """A place with those devices of an open bench that are in it.

    When it is lost, its devices are let go of, and the tests of its phones blame it. When it is
    ours again, its devices are told where they are now; each is mended then as any other, and the
    phones are brought up anew: nobody knows what was done to them meanwhile.

    Args:
        place: its name.
        lease: what it was leased by.
        timeline: where loss and return are told.
        pdus: all of the bench.
        keypads: all of the bench.
        phones: all of the bench; they need not be there yet.
    """

    def __init__(
        self,
        place: str,
        lease: Lease,
        timeline: Timeline,
        pdus: Mapping[str, Power],
        keypads: Mapping[str, Keypad],
        phones: Mapping[str, Phone],
    ) -> None:
        self._place = place
        self._lease = lease
        self._timeline = timeline
        self._pdus = pdus
        self._keypads = keypads
        self._phones = phones
        #: The devices that are in it, by the names of lab.yaml.
        self.devices = frozenset(lease.needs[place].devices) & (pdus.keys() | keypads.keys())
        for device in self.devices:
            driver: Power | Keypad = pdus[device] if device in pdus else keypads[device]
            lease.watch(device, driver.lose)
        for phone in self._stations():
            for device in self._needed_by(phone) & self.devices:
                lease.watch(device, partial(self._lose_station, phone))

    @property
    def gone(self) -> str:
        """Why it is lost; empty while it is held."""
        return self._lease.why_lost(self._place)

    @property
    def parts(self) -> set[str]:
        """As what it is told lost and back in the timeline."""
        return {_part(phone) for phone in self._stations()}

    def mend(self) -> None:
        """Hold it again, if nobody else does, and give its devices back.

        Raises:
            InUse: somebody else has it, and who.
            BenchFault: it is not all there, or the coordinator is not.
        """
        self._lease.regain(self._place)
        for device in sorted(self.devices):
            self._give_back(device)
        lost = self._timeline.lost()
        for phone in self._stations():
            whole = not any(self._lease.why_without(each) for each in self._needed_by(phone))
            if whole and _part(phone) in lost:
                if phone in self._phones:
                    self._phones[phone].mark_dirty()
                self._timeline.append(PartBack(_part(phone)), source="labgrid", device=phone)

    def _give_back(self, device: str) -> None:
        if self._lease.why_without(device):
            # It is in another place as well.
            return
        lab = self._lease.lab
        driver: Power | Keypad
        if device in self._pdus:
            driver = self._pdus[device]
            observe = self._timeline.observer(device)
            driver.regain(partial(open_driver, lab.power[device], device, observe))
        else:
            driver = self._keypads[device]
            driver.regain(lab.keypads[device].serial_ports)
        if why := self._lease.why_without(device):
            # Lost once more in this moment.
            driver.lose(why)

    def _stations(self) -> Iterator[str]:
        for phone in self._lease.lab.phones:
            if self._needed_by(phone) & self.devices:
                yield phone

    def _needed_by(self, phone: str) -> set[str]:
        spec = self._lease.lab.phones[phone]
        return {spec.outlet.pdu, spec.keypad}

    def _lose_station(self, phone: str, why: str) -> None:
        lost = PartLost(_part(phone), why, phone, WHO_HOLDS)
        self._timeline.append(lost, source="labgrid", device=phone)


class LeasedDevice:
    """A device that is brought back together with the places it is in; any other as it is.

    A port may be gone seconds before it is told that its place is lost, so who mends the one must
    look at the other each time.

    Args:
        driver: the device.
        places: those of the bench; it may be in none.
    """

    def __init__(self, driver: Power | Keypad, places: Iterable[LeasedPlace]) -> None:
        self._driver = driver
        #: Those that it is in.
        self.places = [place for place in places if driver.name in place.devices]

    @property
    def name(self) -> str:
        """The device's name in lab.yaml."""
        return self._driver.name

    @property
    def gone(self) -> str:
        """Why it cannot be used; empty while it can."""
        lost = next((place.gone for place in self.places if place.gone), "")
        return lost or self._driver.gone

    def mend(self) -> None:
        """Have its places again and open it where it is then.

        Raises:
            InUse: somebody else has a place of it, and who.
            BenchFault: it, or its place, is not back.
        """
        for place in self.places:
            if place.gone:
                place.mend()
        if self._driver.gone:
            self._driver.mend()


def _part(phone: str) -> str:
    return f"place of {phone}"
