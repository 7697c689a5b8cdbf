"""Switch, confirm, and say why not: the same for every driver.

An outlet counts as switched when its device reads it back, else when it draws (or stops drawing)
current, else when a side effect shows it. The device's word alone is not enough where more can be
known: a relay whose contacts are welded reads back off. So whatever can contradict is asked too.
The guard against cutting somebody else's power is here and nowhere else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from harness.errors import BenchFault, UsageFault
from harness.events import Note, OutletRead, OutletSwitched, PartBack
from harness.lab.place_spec import WHO_HOLDS
from harness.power.api import OutletDriver, OutletState, SideEffect
from harness.timeline import Observer

__all__ = ["SwitchedOutlets"]

T = TypeVar("T")

#: Seconds between two looks: no PDU tells us by itself.
_POLL_S = 0.05
#: An outlet that is off must draw less than this many amperes, unless lab.yaml says otherwise:
#: above the noise of the meters, below a phone on a 48 V supply (6.3 W at most, 0.13 A).
_OFF_DRAWS_LESS_A = 0.05

#: A line that loses this many commands in a row, each seen not to have been carried out, is broken.
_SENT_AT_MOST = 3


class SwitchedOutlets:
    """A device's outlets, guarded and confirmed (a `Power`).

    Args:
        driver: how to talk to the device.
        name: its name in lab.yaml.
        outlets: the names of its outlets.
        observe: where events go.
        named: the outlets lab.yaml names and which may therefore be switched; None means all.
        confirm_s: seconds a switched outlet may take to read back its new state, and as many again
            until its draw agrees; some PDUs switch by a relay with a delay of seconds.
        draw_a: amperes between an outlet that is off and one that feeds its device; None when
            the load is not known, then only an outlet that draws while off is noticed.
    """

    def __init__(
        self,
        driver: OutletDriver,
        name: str,
        outlets: Iterable[str],
        observe: Observer,
        *,
        named: Collection[str] | None = None,
        confirm_s: float = 5.0,
        draw_a: float | None = None,
    ) -> None:
        self._driver = driver
        self._name = name
        self._outlets = tuple(outlets)
        self._named = self._outlets if named is None else tuple(named)
        self._observe = observe
        self._confirm_s = confirm_s
        self._draw_a = draw_a
        self._effects: dict[str, SideEffect] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._gone = ""
        self._lost = ""
        self._closed = False
        self._opening: Callable[[], OutletDriver] | None = None
        #: For what is ours and what is not, which another thread may tell at any time.
        self._fate = threading.Lock()

    @property
    def name(self) -> str:
        """The device's name in lab.yaml."""
        return self._name

    @property
    def identity(self) -> str:
        """Who the device says it is."""
        return self._driver.identity

    @property
    def gone(self) -> str:
        """Why it could not be talked to the last time; empty when it could."""
        return self._lost or self._gone

    def mend(self) -> None:
        """Connect again after it could not be talked to, or was lost and is ours again.

        Raises:
            BenchFault: it still cannot, or is not ours.
        """
        self._open_again()
        outlet = self._named[0] if self._named else self._outlets[0]
        self._check(outlet)
        with self._lock:
            self._read(outlet)
        self._observe(PartBack(self._name), device=self._name)

    def watch(self, outlet: str, effect: SideEffect) -> None:
        """Let a side effect confirm or contradict what the device says of an outlet.

        Raises:
            UsageFault: the device has no such outlet.
        """
        self._check(outlet)
        self._effects[outlet] = effect

    def set(self, outlet: str, on: bool) -> None:
        """Switch an outlet; returns once the new state is confirmed.

        Raises:
            BenchFault: the outlet does not follow, something contradicts the device, or it
                cannot be talked to.
            UsageFault: the device has no such outlet, or lab.yaml does not name it.
        """
        self._guard(outlet)
        wanted = OutletState.ON if on else OutletState.OFF
        with self._lock:
            # Reading first shows a connection that broke while idle before it eats the command.
            self._read(outlet)
            effect = self._effects.get(outlet)
            look = effect.start() if effect is not None else None
            found = OutletState.UNKNOWN
            for attempt in range(_SENT_AT_MOST):
                if attempt:
                    # The device has just said that the command, sent as the line broke, was lost.
                    self._observe(Note(text=f"outlet {outlet} {wanted} was lost; sent again"))
                arrived = self._talk(lambda: self._driver.switch(outlet, on))
                found = self._read_until(outlet, wanted, time.monotonic() + self._confirm_s)
                if arrived or found in (wanted, OutletState.UNKNOWN):
                    break
            if found is not wanted and found is not OutletState.UNKNOWN:
                raise self._stuck(outlet, wanted, f"reads back {found}", found)
            proofs = ["read-back"] if found is wanted else []
            proofs += self._draw_agrees(outlet, wanted, read_back=bool(proofs))
            if effect is not None and look is not None:
                proofs += self._effect_agrees(outlet, wanted, effect, look, confirmed=bool(proofs))
            if not proofs:
                raise self._unproven(outlet, wanted, found)
            self._observe(
                OutletSwitched(
                    outlet=f"{self._name}/{outlet}", on=on, confirmed_by=" and ".join(proofs)
                ),
                device=self._name,
            )

    def state(self, outlet: str) -> OutletState:
        """Read an outlet's state from the device.

        Raises:
            BenchFault: the device cannot be talked to, or its answer means nothing.
            UsageFault: the device has no such outlet.
        """
        self._check(outlet)
        with self._lock:
            found = self._read(outlet)
            if found is OutletState.UNKNOWN and self._draw_a is not None:
                found = self._by_draw(self._amperes(outlet), self._draw_a)
        self._tell(outlet, found)
        return found

    def current(self, outlet: str) -> float | None:
        """Measure what the outlet draws, in amperes; None when the device cannot tell.

        Raises:
            BenchFault: the device cannot be talked to, or its answer is no number.
            UsageFault: the device has no such outlet.
        """
        self._check(outlet)
        with self._lock:
            return self._amperes(outlet)

    def lose(self, why: str) -> None:
        """Touch nothing any more of a device that is no longer ours; whoever tries is told why."""
        with self._fate:
            self._lost, self._opening = why, None
            self._closing.set()

    def regain(self, opening: Callable[[], OutletDriver]) -> None:
        """Let `mend` open a device that is ours again; until then it is still lost."""
        with self._fate:
            self._opening = opening

    def close(self) -> None:
        """Let go of the device; outlets keep their state."""
        with self._fate:
            self._closed = True
            self._closing.set()
        with self._lock:
            self._driver.close()

    def _open_again(self) -> None:
        with self._lock:
            opening = self._opening
            if opening is None:
                return
            driver = opening()
            with self._fate:
                # Lost once more, or closed, while it was opened.
                ours = self._opening is opening and not self._closed
                if ours:
                    self._driver, driver = driver, self._driver
                    self._lost, self._opening = "", None
                    self._closing.clear()
            driver.close()

    def _check(self, outlet: str) -> None:
        if outlet not in self._outlets:
            raise UsageFault(
                f"it has no outlet {outlet!r}",
                device=self._name,
                expected=f"one of {', '.join(self._outlets)}",
                hint="correct the phone's outlet, or the PDU's outlets, in lab.yaml",
            )
        if self._lost:
            raise BenchFault(
                f"it is no longer ours: {self._lost}",
                device=self._name,
                expected="its place to stay leased while the bench is up",
                hint=WHO_HOLDS,
            )
        if self._closing.is_set():
            raise BenchFault(
                "its driver was closed", device=self._name, hint="a test outlived its bench"
            )

    def _guard(self, outlet: str) -> None:
        self._check(outlet)
        if outlet not in self._named:
            raise UsageFault(
                f"outlet {outlet} is not named in lab.yaml, so it is not switched",
                device=self._name,
                expected=f"one of {', '.join(self._named) or 'none'}",
                hint="who knows what it feeds: give it to a phone in lab.yaml if it is yours, "
                "or list the names of your outlets as the PDU's outlets",
            )

    def _read(self, outlet: str) -> OutletState:
        return self._talk(lambda: self._driver.read(outlet))

    def _amperes(self, outlet: str) -> float | None:
        return self._talk(lambda: self._driver.amperes(outlet))

    def _talk(self, action: Callable[[], T]) -> T:
        """Let the driver do something, and remember whether the device could be talked to."""
        try:
            answer = action()
        except BenchFault as fault:
            self._gone = fault.summary
            raise
        self._gone = ""
        return answer

    def _read_until(self, outlet: str, wanted: OutletState, deadline: float) -> OutletState:
        found = self._read(outlet)
        while (
            found is not wanted
            and self._driver.reads_back
            and time.monotonic() < deadline
            and not self._closing.wait(_POLL_S)
        ):
            found = self._read(outlet)
        return found

    @staticmethod
    def _by_draw(amperes: float | None, limit: float) -> OutletState:
        if amperes is None:
            return OutletState.UNKNOWN
        return OutletState.ON if amperes >= limit else OutletState.OFF

    def _draw_agrees(self, outlet: str, wanted: OutletState, *, read_back: bool) -> list[str]:
        """Compare what the outlet draws with what it was told; meters lag behind relays.

        Raises:
            BenchFault: the draw contradicts.
        """
        if wanted is OutletState.ON and self._draw_a is None:
            return []
        limit = _OFF_DRAWS_LESS_A if self._draw_a is None else self._draw_a
        deadline = time.monotonic() + self._confirm_s
        amperes = self._amperes(outlet)
        while amperes is not None and self._by_draw(amperes, limit) is not wanted:
            if time.monotonic() >= deadline or self._closing.wait(_POLL_S):
                drawn = f"draws {amperes:.3f} A"
                if not read_back:
                    raise self._stuck(outlet, wanted, f"reads back unknown; {drawn}")
                raise self._lie(
                    outlet,
                    wanted,
                    drawn,
                    f"{'at least' if wanted is OutletState.ON else 'less than'} {limit:.3f} A",
                )
            amperes = self._amperes(outlet)
        return [] if amperes is None or self._draw_a is None else ["draw"]

    def _effect_agrees(
        self,
        outlet: str,
        wanted: OutletState,
        effect: SideEffect,
        look: Callable[[], OutletState],
        *,
        confirmed: bool,
    ) -> list[str]:
        """Let a side effect confirm what nothing else did, or contradict it.

        Raises:
            BenchFault: the effect contradicts.
        """
        if confirmed and wanted is OutletState.ON:
            # A boot loader may take minutes to light a lamp; whoever waits for the phone sees it.
            return []
        within = effect.within(wanted is OutletState.ON)
        deadline = time.monotonic() + within
        shown = look()
        while shown is not wanted and (not confirmed or shown is not OutletState.UNKNOWN):
            if time.monotonic() >= deadline or self._closing.wait(_POLL_S):
                break
            shown = look()
        if shown is wanted:
            return [effect.name]
        if shown is OutletState.UNKNOWN:
            return []
        seen = f"{effect.name} show it {shown}"
        if confirmed:
            raise self._lie(outlet, wanted, seen, f"{wanted} shown within {within:.1f} s")
        raise self._stuck(outlet, wanted, f"reads back unknown; {seen}")

    def _tell(self, outlet: str, found: OutletState) -> None:
        self._observe(
            OutletRead(outlet=f"{self._name}/{outlet}", state=found.value), device=self._name
        )

    def _stuck(
        self,
        outlet: str,
        wanted: OutletState,
        state: str,
        found: OutletState = OutletState.UNKNOWN,
    ) -> BenchFault:
        self._tell(outlet, found)
        complaint = self._driver.complaint(outlet)
        return BenchFault(
            f"outlet {outlet} does not switch {wanted}",
            device=self._name,
            state=f"{state}; {complaint}" if complaint else state,
            expected=f"{wanted} within {self._confirm_s:.1f} s of the command",
            hint="switch it by hand: a locked outlet, a tripped breaker or a welded relay",
        )

    def _lie(self, outlet: str, wanted: OutletState, seen: str, expected: str) -> BenchFault:
        self._tell(outlet, OutletState.UNKNOWN)
        return BenchFault(
            f"outlet {outlet} reads back {wanted} but {seen}",
            device=self._name,
            state="its read-back cannot be believed",
            expected=f"{expected} once it reads back {wanted}",
            hint="a welded relay, a blown fuse, a cable in another outlet, or draw_a in lab.yaml "
            "does not suit what is plugged in",
        )

    def _unproven(self, outlet: str, wanted: OutletState, found: OutletState) -> BenchFault:
        self._tell(outlet, found)
        complaint = self._driver.complaint(outlet)
        return BenchFault(
            f"outlet {outlet} was told to go {wanted} and nothing confirms it",
            device=self._name,
            state=f"reads back {found}{'; ' + complaint if complaint else ''}",
            expected="the new state by read-back, by draw or by a side effect within "
            f"{self._confirm_s:.1f} s",
            hint="set draw_a for this PDU in lab.yaml if it measures current; a PDU that can "
            "neither be read nor measured needs a side effect such as lamps",
        )
