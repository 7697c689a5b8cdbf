"""The verbs of a scenario, carried out on an open bench."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.bench import Bench
from harness.errors import UsageFault
from harness.events import SipMessage
from harness.phone import Phone, SoftKey
from harness.phone.call_control import PhoneCall
from harness.reproduction.scenario import Step
from harness.sip import Peer
from harness.timeline import Mark

__all__ = ["Actor"]

#: Seconds of device time in which a phone that can register has registered, after a cold boot.
_BOOT_SECONDS = 240.0
#: Longest time between two looks whether the failure shows already.
_LOOK_SECONDS = 1.0
#: For how long it must go on showing: a REGISTER comes seconds after the file it follows from.
_SETTLED_SECONDS = 4.0


class Actor:
    """Do a scenario's steps; a boot ends when it is clear what came of it.

    Args:
        bench: the open bench.
        phone: the phone of the scenario.
        shows: tells whether the failure that is looked for shows in what was seen so far.
    """

    def __init__(self, bench: Bench, phone: Phone, shows: Callable[[], bool]) -> None:
        self._bench = bench
        self._phone = phone
        self._shows = shows
        self._call: PhoneCall | None = None
        self.registered = False

    def do(self, step: Step) -> None:
        """Carry one step out.

        Raises:
            ProductFault: the phone did not do its part.
            BenchFault: a device of the bench did not.
        """
        verbs: dict[Step, Callable[[], None]] = {
            "boot": self._boot,
            "reset": self._reset,
            "restart": self._restart,
            "call in": self._call_in,
            "call out": self._call_out,
            "conference": self._conference,
            "dial room": self._dial_room,
        }
        verbs[step]()

    def _boot(self) -> None:
        self._watch(self._phone.power_cycle())

    def _restart(self) -> None:
        self._watch(self._phone.restart())

    def _reset(self) -> None:
        self._watch(self._phone.factory_reset())

    def _watch(self, since: Mark) -> None:
        """Wait until the phone is registered, or the failure shows, or the time is over."""
        timeline = self._bench.timeline
        deadline = time.monotonic() + self._bench.deadlines.device(_BOOT_SECONDS)
        shown_since: float | None = None
        with timeline.step("see what the boot comes to", device=self._phone.name):
            while (left := deadline - time.monotonic()) > 0:
                timeline.wait_until(
                    lambda _: self._accepted(since),
                    within=min(left, _LOOK_SECONDS),
                    since=since,
                )
                self.registered = self._accepted(since)
                if self.registered:
                    return
                now = time.monotonic()
                shown_since = (shown_since or now) if self._shows() else None
                if shown_since is not None and now - shown_since >= _SETTLED_SECONDS:
                    return

    def _accepted(self, since: Mark) -> bool:
        accepted = self._phone.registered_by
        return bool(self._bench.timeline.events(SipMessage, since=since, where=accepted))

    def _peers(self) -> list[Peer]:
        peers = list(self._bench.peers.values())
        if len(peers) < 2:
            raise UsageFault("the lab has less than two peers", hint="name two in lab.yaml")
        return peers

    def _call_in(self) -> None:
        since = self._bench.timeline.mark()
        outgoing = self._peers()[0].dial(self._phone.extension)
        self._call = self._phone.wait_ringing(since=since)
        self._phone.answer(self._call)
        outgoing.wait_state("confirmed", within=5.0)

    def _call_out(self) -> None:
        peer = self._peers()[0]
        self._call = self._phone.dial(peer.extension)
        incoming = peer.wait_incoming(within=8.0)
        incoming.answer()
        self._phone.wait_connected(self._call)

    def _conference(self) -> None:
        if self._call is None:
            raise UsageFault("conference needs a call first", hint="put 'call in' before it")
        bob = self._peers()[1]
        since = self._bench.timeline.mark()
        second = self._phone.consult(self._call, bob.extension, SoftKey.CONFERENCE)
        bob.wait_incoming(within=8.0).answer()
        self._phone.consult_connected(second, SoftKey.CONFERENCE)
        refer = self._phone.join_conference()
        self._phone.received("SIP/2.0 ", since=since, cseq="REFER", call_id=refer.call_id)

    def _dial_room(self) -> None:
        room = self._bench.lab.pbx.conference
        self._call = self._phone.dial(room)
        self._phone.wait_connected(self._call)
        for peer in self._peers()[:2]:
            peer.dial(room).wait_state("confirmed", within=5.0)
