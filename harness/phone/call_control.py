"""Calls, as a person at the phone makes them: keys in, and the wire as the witness.

Each action taps the keys and then waits for the message that proves it on the wire; nothing is
believed because a key was pressed. Which soft key sits where depends on what the phone shows, so
the façade keeps track of the screen from the messages it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from harness.deadlines import Deadlines
from harness.errors import BenchFault, HarnessError, ProductFault
from harness.events import Record, SipMessage
from harness.keypad import Keypad
from harness.phone.second_opinion import (
    KeyWindow,
    check_digit,
    dialled_numbers,
    misdialled,
    second_opinion,
)
from harness.phone.softkeys import Screen, SoftKey, keys_for
from harness.timeline import Mark, Timeline

__all__ = ["CallControl", "PhoneCall"]


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """One call leg of the phone, named by its Call-ID on the wire."""

    call_id: str
    since: Mark
    number: str = ""


class CallControl:
    """What the keys of a registered phone can do with calls."""

    def __init__(
        self, name: str, address: str, keypad: Keypad, timeline: Timeline, deadlines: Deadlines
    ) -> None:
        self.name = name
        self.address = address
        self.keypad = keypad
        self._timeline = timeline
        self._deadlines = deadlines
        self.screen = Screen.ON_HOOK
        #: The phones that may have felt what was meant for this one.
        self.under_its_robot: Sequence[Self] = ()
        #: Another way to press its keys, to find out who is to blame when one had no effect.
        self.window: KeyWindow | None = None
        self._pressed: tuple[str, ...] = ()
        self._pressed_at: Mark = -1

    def _note_keys(self, *keys: str) -> None:
        self._pressed, self._pressed_at = keys, self._timeline.mark()

    def sent(
        self,
        start: str,
        *,
        since: Mark,
        cseq: str = "",
        call_id: str = "",
        where: Callable[[SipMessage], bool] | None = None,
        within: float = 5.0,
        expected: str = "",
        hint: str = "",
    ) -> SipMessage:
        """Wait for a message from the phone whose start line begins with ``start``.

        Raises:
            ProductFault: it was not sent within the deadline.
        """
        return self._on_wire(
            "source",
            start,
            since,
            cseq,
            call_id,
            where,
            within,
            expected or f"{start} from it",
            hint,
        )

    def received(
        self,
        start: str,
        *,
        since: Mark,
        cseq: str = "",
        call_id: str = "",
        where: Callable[[SipMessage], bool] | None = None,
        within: float = 5.0,
        expected: str = "",
        hint: str = "",
    ) -> SipMessage:
        """Wait for a message to the phone whose start line begins with ``start``.

        Raises:
            ProductFault: it did not come within the deadline.
        """
        return self._on_wire(
            "destination",
            start,
            since,
            cseq,
            call_id,
            where,
            within,
            expected or f"{start} to it",
            hint,
        )

    def _on_wire(
        self,
        end: str,
        start: str,
        since: Mark,
        cseq: str,
        call_id: str,
        where: Callable[[SipMessage], bool] | None,
        within: float,
        expected: str,
        hint: str,
    ) -> SipMessage:
        def matches(message: SipMessage) -> bool:
            return (
                getattr(message, end).rpartition(":")[0] == self.address
                and message.start_line.startswith(start)
                and (not cseq or message.cseq.endswith(cseq))
                and (not call_id or message.call_id == call_id)
                and (where is None or where(message))
            )

        deadline = self._deadlines.wire(within)
        try:
            return self._timeline.wait_for(
                SipMessage, within=deadline, since=since, where=matches, hint=hint
            )
        except ProductFault as fault:
            missing: HarnessError = ProductFault(
                f"'{start}'{f' for {cseq}' if cseq else ''} was not seen on the wire",
                device=self.name,
                state=f"screen '{self.screen}'; {fault.state}",
                expected=f"{expected} within {deadline:.1f} s",
                hint=hint or "read the SIP ladder of this test from the last key press on",
            )
            if end == "source" and self._pressed_at >= since:
                missing = self._blame(missing, matches, since)
            raise missing from fault

    def _blame(
        self, missing: HarnessError, matches: Callable[[SipMessage], bool], since: Mark
    ) -> HarnessError:
        """Ask who is to blame for a message that keys should have brought about."""

        def acted() -> bool:
            try:
                self._timeline.wait_for(SipMessage, within=5.0, since=since, where=matches)
            except ProductFault:
                return False
            return True

        blame = second_opinion(missing, self.keypad, self.window, self._pressed, acted)
        met = [phone.name for phone in self.under_its_robot if phone.has_called(since)]
        if met and isinstance(blame, BenchFault):
            blame.state += f"; {' and '.join(met)} under the same robot made a call instead"
        return blame

    def has_called(self, since: Mark) -> bool:
        """Whether it began a call of its own since a mark."""
        return bool(dialled_numbers(self._timeline.records(since), self.address))

    def soft_key(self, key: SoftKey) -> None:
        """Tap the key that stands for ``key`` on the present screen."""
        physical = keys_for(self.screen, key)
        self._note_keys(*physical)
        for name in physical:
            self.keypad.tap(name)

    def dial(self, number: str) -> PhoneCall:
        """Go off hook on the speaker, type ``number`` and see the INVITE leave."""
        with self._timeline.step(f"dial {number}", device=self.name):
            since = self._timeline.mark()
            self.keypad.tap("speaker")
            self.screen = Screen.OFF_HOOK
            return self._type_number(number, since, "speaker")

    def _type_number(self, number: str, since: Mark, *before: str) -> PhoneCall:
        self.keypad.type(number)
        self._note_keys(*before, *number)
        self._see_number(number, since)
        invite = self.sent(
            f"INVITE sip:{number}@",
            since=since,
            within=20.0,
            expected=f"an INVITE to {number}",
            hint="compare the number with the TEMPLATEs of dialplan.xml as served",
        )
        self.screen = Screen.RING_OUT
        return PhoneCall(invite.call_id, since, number)

    def _see_number(self, number: str, since: Mark) -> None:
        """With a robot that does not feel its keys: see that the number dialled is the one typed.

        Raises:
            BenchFault: keys were lost, doubled or wrong.
        """
        if self.keypad.senses.keys:
            return
        dialled: list[str] = []

        def dials(records: list[Record]) -> bool:
            dialled[:] = dialled_numbers(records, self.address)
            return bool(dialled)

        if self._timeline.wait_until(dials, within=20.0, since=since) and dialled[0] != number:
            raise misdialled(self.keypad, number, dialled[0])

    def wait_connected(self, call: PhoneCall, *, within: float = 8.0) -> None:
        """Wait until the call the phone made was answered and acknowledged."""
        self.received(
            "SIP/2.0 200", since=call.since, cseq="INVITE", call_id=call.call_id, within=within
        )
        self.sent("ACK", since=call.since, call_id=call.call_id, within=within)
        self.screen = Screen.CONNECTED

    def wait_ringing(self, *, since: Mark, within: float = 8.0) -> PhoneCall:
        """Wait until an incoming INVITE makes the phone ring (180)."""
        ringing = self.sent("SIP/2.0 180", since=since, cseq="INVITE", within=within)
        self.screen = Screen.RING_IN
        return PhoneCall(ringing.call_id, since)

    def answer(self, call: PhoneCall) -> None:
        """Take the ringing call with the Answer soft key and see the 200 acknowledged."""
        with self._timeline.step("answer", device=self.name):
            self.soft_key(SoftKey.ANSWER)
            self.sent("SIP/2.0 200", since=call.since, cseq="INVITE", call_id=call.call_id)
            self.received("ACK", since=call.since, call_id=call.call_id)
            self.screen = Screen.CONNECTED

    def hang_up(self, call: PhoneCall) -> None:
        """End the call with EndCall and see the BYE answered."""
        with self._timeline.step("hang up", device=self.name):
            since = self._timeline.mark()
            self.soft_key(SoftKey.END_CALL)
            self.sent("BYE", since=since, call_id=call.call_id)
            self.received("SIP/2.0 200", since=since, cseq="BYE", call_id=call.call_id)
            self.screen = Screen.ON_HOOK

    def hold(self, call: PhoneCall) -> SipMessage:
        """Put the call on hold; returns the re-INVITE that offered it."""
        with self._timeline.step("hold", device=self.name):
            since = self._timeline.mark()
            self.soft_key(SoftKey.HOLD)
            offer = self._reinvited(call, since)
            self.screen = Screen.ON_HOLD
            return offer

    def resume(self, call: PhoneCall) -> SipMessage:
        """Take the call off hold; returns the re-INVITE that offered it."""
        with self._timeline.step("resume", device=self.name):
            since = self._timeline.mark()
            self.soft_key(SoftKey.RESUME)
            offer = self._reinvited(call, since)
            self.screen = Screen.CONNECTED
            return offer

    def _reinvited(self, call: PhoneCall, since: Mark) -> SipMessage:
        offer = self.sent("INVITE", since=since, call_id=call.call_id)
        self.received("SIP/2.0 200", since=since, cseq="INVITE", call_id=call.call_id)
        self.sent("ACK", since=since, call_id=call.call_id)
        return offer

    def consult(self, call: PhoneCall, number: str, soft_key: SoftKey) -> PhoneCall:
        """Press Trnsfer or Confrn, see ``call`` held, and dial ``number`` as the second call."""
        with self._timeline.step(f"{soft_key}: consult {number}", device=self.name):
            since = self._timeline.mark()
            self.soft_key(soft_key)
            self._reinvited(call, since)
            self.screen = Screen.OFF_HOOK
            second = self._type_number(number, since)
            self.screen = Screen.CONSULT_RINGING
            return second

    def consult_connected(self, second: PhoneCall, soft_key: SoftKey) -> None:
        """Wait until the second call was answered."""
        self.wait_connected(second)
        self.screen = (
            Screen.CONSULT_CONNECTED
            if soft_key is SoftKey.TRANSFER
            else Screen.CONFERENCE_CONNECTED
        )

    def complete_transfer(self, call: PhoneCall) -> SipMessage:
        """Press Trnsfer again and see the REFER accepted.

        Returns:
            The REFER as sent; one with Replaces is an attended transfer.
        """
        with self._timeline.step("complete the transfer", device=self.name):
            since = self._timeline.mark()
            self.soft_key(SoftKey.TRANSFER)
            refer = self.sent("REFER", since=since, call_id=call.call_id)
            self.received("SIP/2.0 202", since=since, cseq="REFER", call_id=call.call_id)
            return refer

    def wait_released(self, call: PhoneCall, *, within: float = 8.0) -> None:
        """Wait until the leg of a transferred call has ended with a BYE from the phone.

        A blind transfer is over when its target has answered; then the phone owes the BYE.
        """
        self.sent(
            "BYE",
            since=call.since,
            call_id=call.call_id,
            within=within,
            expected="a BYE that ends the transferred leg",
            hint="a leg left behind keeps the line busy: read the ladder after the NOTIFY",
        )
        self.screen = Screen.ON_HOOK

    def join_conference(self) -> SipMessage:
        """Press Confrn the second time; returns the REFER the phone sends to the PBX."""
        with self._timeline.step("second press of Confrn", device=self.name):
            since = self._timeline.mark()
            self.soft_key(SoftKey.CONFERENCE)
            return self.sent("REFER", since=since, expected="the remotecc REFER")

    def send_dtmf(self, digits: str) -> None:
        """Press each digit during a call, one after the other; only keys the phone has.

        Raises:
            BenchFault: a robot that does not feel its keys lost, doubled or left one down, told by
                the events the phone sends and by its own window.
        """
        with self._timeline.step(f"press {digits}", device=self.name):
            for digit in digits:
                since = self._timeline.mark()
                self.keypad.tap(digit, ms=160)
                if not self.keypad.senses.keys:
                    check_digit(
                        self._timeline, self.keypad, self.window, digit, self.address, since
                    )
