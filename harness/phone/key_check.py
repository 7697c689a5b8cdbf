"""Press each key of a phone and let the phone itself say what it felt.

The witness is always something a 79x2 does on the wire and nothing the robot claims: a ringing
phone answered (200), a call held (re-INVITE), ended (BYE), and for the dial pad the RFC 4733 event
of each digit in a call, whose end also tells a stuck key. Keys that leave nothing on the wire
(volume, menus) are pressed and reported as not seen, unless the robot feels them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import BenchFault, HarnessError, ProductFault
from harness.events import SipMessage
from harness.keypad import Fate, KeyFault
from harness.phone.phone import Phone
from harness.phone.second_opinion import heard_digits
from harness.phone.softkeys import Screen
from harness.sip import Peer, PeerCall
from harness.timeline import Mark, Timeline

__all__ = ["KeyCheck", "KeyFinding"]

DIGITS = "1234567890*#"
_ANSWER = ("soft1", "speaker", "headset", "line1")
#: Seconds for a phone to act on a key.
_ACT_S = 3.0
#: Seconds in which a second press would show.
_AGAIN_S = 1.0
#: Seconds until an event whose sender fell silent counts as ended and is told.
_ENDED_S = 2.0


@dataclass(frozen=True, slots=True)
class KeyFinding:
    """What became of one key, and who saw it."""

    key: str
    fate: Fate
    witness: str


class KeyCheck:
    """Check the keys of one registered phone.

    Args:
        phone: the phone; it should be power-cycled afterwards.
        caller: somebody to call it.
        timeline: where its messages and digits are seen.
        still_sends: tells whether the phone is sending a telephone event at this moment.
    """

    def __init__(
        self, phone: Phone, caller: Peer, timeline: Timeline, still_sends: Callable[[], bool]
    ) -> None:
        self._phone = phone
        self._caller = caller
        self._timeline = timeline
        self._still_sends = still_sends
        self._found: dict[str, KeyFinding] = {}

    def run(self, keys: tuple[str, ...]) -> list[KeyFinding]:
        """Press each of the keys and return what became of them, in their order.

        Raises:
            BenchFault: the phone cannot be called or put into a call at all.
            ProductFault: it does not ring.
        """
        self._phone.mark_dirty()
        for key in _ANSWER:
            if key in keys:
                self._answer_key(key)
        digits = [key for key in keys if key in DIGITS]
        if digits:
            self._digits(digits)
        for key, check in (
            ("soft2", self._end_call),
            ("soft3", self._transfer),
            ("soft4", self._more),
        ):
            if key in keys:
                check(key)
        for key in keys:
            if key not in self._found:
                self._unseen(key)
        return [self._found[key] for key in keys]

    # --- ringing ----------------------------------------------------------------------------------

    def _ring(self) -> tuple[PeerCall, Mark]:
        since = self._timeline.mark()
        call = self._caller.dial(self._phone.extension)
        self._phone.wait_ringing(since=since)
        return call, self._timeline.mark()

    def _answer_key(self, key: str) -> None:
        witness = "a ringing call is answered (200)"
        call, since = self._ring()
        try:
            fate = self._tap(key)
            if fate is None:
                fate = Fate.OK if self._sends("SIP/2.0 200", "INVITE", since) else Fate.LOST
                # A second Answer is Hold on the next screen; a second Speaker hangs up.
                second = {"soft1": ("INVITE", ""), "speaker": ("BYE", "")}.get(key)
                if fate is Fate.OK and second and self._sends(*second, since, _AGAIN_S):
                    fate = Fate.DOUBLED
            self._note(key, fate, witness)
        finally:
            self._hang_up(call)

    def _call(self) -> PeerCall:
        """Put the phone into a call: by a key that has proved good, else by its own window.

        Raises:
            BenchFault: no way to answer works.
        """
        good = [key for key in _ANSWER if self._is(key, Fate.OK)]
        call, since = self._ring()
        try:
            if good:
                self._phone.keypad.tap(good[0])
            elif self._phone.window is not None:
                self._phone.window.press("soft1")
            if self._sends("SIP/2.0 200", "INVITE", since):
                call.wait_state("confirmed", within=5.0)
                self._phone.screen = Screen.CONNECTED
                return call
        except HarnessError:
            self._hang_up(call)
            raise
        self._hang_up(call)
        raise BenchFault(
            "no key answers a call",
            device=self._phone.keypad.name,
            state=", ".join(f"{key}: {finding.fate}" for key, finding in self._found.items()),
            expected=f"one of {', '.join(_ANSWER)} to reach {self._phone.name}",
            hint="calibrate the keypad; is the phone the one lab.yaml names under it?",
        )

    def _hang_up(self, call: PeerCall) -> None:
        self._caller.hang_up_all()
        call.wait_state("ended", within=5.0)
        self._phone.screen = Screen.ON_HOOK

    # --- in a call --------------------------------------------------------------------------------

    def _digits(self, digits: list[str]) -> None:
        call: PeerCall | None = None
        for digit in digits:
            if call is None:
                call = self._call()
            since = self._timeline.mark()
            fate = self._tap(digit, ms=160)
            heard = self._heard(since)
            witness = f"RFC 4733 event in a call: {heard or 'none'}"
            if fate is None:
                if heard == digit:
                    fate = Fate.OK
                elif not heard:
                    fate = Fate.STUCK if self._still_sends() else Fate.LOST
                else:
                    fate = Fate.DOUBLED if set(heard) == {digit} else Fate.WRONG
            if fate is Fate.STUCK:
                witness = "RFC 4733 event in a call: never ends"
                self._hang_up(call)
                call = None
                # Its event ends with the call, and must not be taken for the next key's.
                self._heard_at_last(since)
            self._note(digit, fate, witness)
        if call is not None:
            self._hang_up(call)

    def _heard_at_last(self, since: Mark) -> None:
        self._timeline.wait_until(
            lambda _: bool(heard_digits(self._timeline, self._phone.address, since)),
            within=_ENDED_S,
            since=since,
        )

    def _heard(self, since: Mark) -> str:
        def more(_: object) -> bool:
            return len(heard_digits(self._timeline, self._phone.address, since)) > 1

        self._timeline.wait_until(more, within=_AGAIN_S, since=since)
        return heard_digits(self._timeline, self._phone.address, since)

    def _end_call(self, key: str) -> None:
        call = self._call()
        since = self._timeline.mark()
        fate = self._tap(key) or self._seen(self._sends("BYE", "", since))
        self._note(key, fate, "a call is ended (BYE)")
        self._hang_up(call)

    def _transfer(self, key: str) -> None:
        call = self._call()
        since = self._timeline.mark()
        fate = self._tap(key) or self._seen(self._sends("INVITE", "", since))
        self._note(key, fate, "a call is held to transfer it (re-INVITE)")
        self._hang_up(call)
        if fate is Fate.OK:
            # It waits for a number now: leave that screen by EndCall.
            self._phone.keypad.tap("soft2")

    def _more(self, key: str) -> None:
        """After ``more`` the second soft key is no EndCall, so the call must survive it."""
        if not self._is("soft2", Fate.OK):
            self._note(key, Fate.UNSEEN, "needs soft2, which is not proved")
            return
        call = self._call()
        fate = self._tap(key)
        since = self._timeline.mark()
        self._phone.keypad.tap("soft2")
        ended = self._sends("BYE", "", since, _AGAIN_S)
        self._note(key, fate or self._seen(not ended), "EndCall is no longer below soft2")
        self._hang_up(call)

    def _unseen(self, key: str) -> None:
        fate = self._tap(key)
        felt = self._phone.keypad.senses.keys
        if fate is None:
            fate = Fate.OK if felt else Fate.UNSEEN
        self._note(key, fate, "edges at the key" if felt else "leaves nothing on the wire")

    # --- small things -----------------------------------------------------------------------------

    def _tap(self, key: str, ms: int = 80) -> Fate | None:
        """Press; returns what the robot itself knows to be wrong."""
        try:
            self._phone.keypad.tap(key, ms=ms)
        except KeyFault as fault:
            return fault.fate
        return None

    def _sends(self, start: str, cseq: str, since: Mark, within: float = _ACT_S) -> bool:
        def from_phone(message: SipMessage) -> bool:
            return (
                message.source.rpartition(":")[0] == self._phone.address
                and message.start_line.startswith(start)
                and message.cseq.endswith(cseq)
            )

        try:
            self._timeline.wait_for(SipMessage, within=within, since=since, where=from_phone)
        except ProductFault:
            return False
        return True

    def _seen(self, seen: bool) -> Fate:
        return Fate.OK if seen else Fate.LOST

    def _is(self, key: str, fate: Fate) -> bool:
        return key in self._found and self._found[key].fate is fate

    def _note(self, key: str, fate: Fate, witness: str) -> None:
        self._found[key] = KeyFinding(key, fate, witness)
