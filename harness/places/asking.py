"""Asking a coordinator for places: all of them or none, after those who have them now.

Nothing is kept while anything is waited for, so no two who wait have what the other needs. There is
no line to stand in: labgrid reserves one place at a time, and who gets the first of several keeps
it from those who wait for another. So it is asked again at each change the coordinator tells of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.deadlines import Patience
from harness.errors import BenchFault, BenchFaults, HarnessError, UsageFault
from harness.events import Note, Waiting
from harness.owners import owner_is_gone
from harness.places.coordinator import Coordinator
from harness.places.need import Need, PlaceSeen
from harness.timeline import Observer

__all__ = ["Asking", "together"]


class Asking:
    """Ask for some places until they are held, or cannot be.

    Args:
        coordinator: who is asked.
        needs: what is needed, by place.
        observe: where events go.
        partly: hold what can be had, and keep the rest's faults.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        needs: Mapping[str, Need],
        observe: Observer,
        *,
        partly: bool = False,
    ) -> None:
        self._coordinator = coordinator
        self._needs = needs
        self._observe = observe
        self._partly = partly
        #: Why a place could not be had, by its name.
        self.faults: dict[str, HarnessError] = {}
        self._freed: set[tuple[str, str]] = set()

    def obtain(self, within: float = 0.0) -> dict[str, PlaceSeen]:
        """Hold the places; returns how each is then.

        A place that a killed run of this machine still holds is taken over.

        Args:
            within: seconds to wait for those that somebody else has.

        Raises:
            BenchFault: the coordinator cannot be reached, or a place is held by others still or
                lacks what is needed. Several at once as `BenchFaults`.
            UsageFault: there is no such place.
        """
        patience, told = Patience(within), ""
        while True:
            mark = self._coordinator.changes
            self.faults = {}
            seen = self._look()
            if self._free_of_the_dead(seen):
                continue
            for place, one in seen.items():
                if lacks := [*one.lacks()]:
                    self.faults[place] = together(lacks)
            self._stop()
            whose = {
                place: whose
                for place, one in seen.items()
                if place not in self.faults and (whose := one.whose(self._coordinator.me))
            }
            if whose and patience.left:
                what = "; ".join(f"place {place}, {by}" for place, by in whose.items())
                if what != told:
                    self._observe(Waiting(what))
                    told = what
                self._coordinator.wait_for_change(mark, patience.left)
                continue
            waited = patience.spent if told else 0.0
            for place in whose:
                self.faults[place] = together(seen[place].taken(self._coordinator.me, waited))
            self._stop()
            if self._acquire(seen):
                # Only an acquired serial port is served, and only now it is known where.
                seen = self._look()
                self._stop()
                return {place: one for place, one in seen.items() if place not in self.faults}

    def _acquire(self, seen: Mapping[str, PlaceSeen]) -> bool:
        """Acquire the places, in the order of their names: of two that want the same, one wins.

        False when somebody was quicker; then nothing is held.
        """
        held: list[str] = []
        for place, one in seen.items():
            if place in self.faults:
                continue
            if one.holder == self._coordinator.me:
                # It was lost, but not to anybody else.
                self._coordinator.free(place, one.holder)
            paths = [str(each["path"]) for each in one.used]
            refusal = self._coordinator.acquire(place, paths)
            if not refusal:
                held.append(place)
            elif (now := self._look().get(place)) and now.whose(self._coordinator.me):
                for each in held:
                    self._coordinator.free(each, self._coordinator.me)
                return False
            else:
                self.faults[place] = _refused(place, refusal)
                self._stop()
        return True

    def _look(self) -> dict[str, PlaceSeen]:
        """Return what is told of each place; one that there is not is a fault."""
        places, known = self._coordinator.look(list(self._needs))
        for place, need in self._needs.items():
            if place not in places:
                self.faults[place] = UsageFault(
                    f"there is no place {place}",
                    device="labgrid",
                    state=f"there are: {', '.join(known) or 'none'}",
                    expected=f"a place for {', '.join(need.devices)}",
                    hint=f"correct it in lab.yaml, or labgrid-client -p {place} create",
                )
        return {p: PlaceSeen.of(need, places[p]) for p, need in self._needs.items() if p in places}

    def _free_of_the_dead(self, seen: Mapping[str, PlaceSeen]) -> bool:
        """Free places from runs of this machine that are no longer there to do so."""
        freed = False
        for place, one in seen.items():
            host, _, user = one.holder.partition("/")
            ours = host == self._coordinator.me.partition("/")[0] and owner_is_gone(user)
            if ours and (place, one.holder) not in self._freed:
                self._freed.add((place, one.holder))
                self._coordinator.free(place, one.holder)
                killed = f"place {place} was still held by {user}, a run that was killed: freed"
                self._observe(Note(killed))
                freed = True
        return freed

    def _stop(self) -> None:
        if self.faults and not self._partly:
            raise together(self.faults[place] for place in sorted(self.faults))


def together(faults: Iterable[HarnessError]) -> HarnessError:
    """Return several faults as one."""
    found: list[HarnessError] = []
    for fault in faults:
        found += fault.faults if isinstance(fault, BenchFaults) else [fault]
    return found[0] if len(found) == 1 else BenchFaults(found)


def _refused(place: str, why: str) -> HarnessError:
    return BenchFault(
        f"place {place} cannot be acquired: {why}",
        device="labgrid",
        expected="all that is in it to be there and free",
        hint="the exporter's log says what it could not serve; or another place shares a resource "
        f"with it: labgrid-client -p {place} show, who",
    )
