"""One phone on the bench: power, factory reset, restart, registration."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.deadlines import Deadlines
from harness.errors import BenchFault, HarnessError, ProductFault
from harness.events import (
    FileRequested,
    FileServed,
    PhoneStateChanged,
    Registered,
    RegistrationFailed,
    SipMessage,
)
from harness.keypad import Keypad
from harness.lab import PhoneSpec
from harness.phone.call_control import CallControl
from harness.phone.factory_reset import FactoryReset, ResetCode
from harness.phone.second_opinion import second_opinion
from harness.phone.softkeys import Screen
from harness.phone.state import PhoneState, StateTracker
from harness.power import OutletState, Power
from harness.timeline import Mark, Timeline

__all__ = ["Phone"]

#: Seconds on hardware for all components of a load, from the request for the first.
_FLASH_WITHIN = 900.0
_LOAD_IN_REASON = re.compile(r"(?im)^Reason:.*\bLoad=(\S+?)(?:[\s\"]|$)")


class Phone(CallControl):
    """A phone, the outlet that feeds it and the robot in front of it.

    Args:
        name: its name in lab.yaml.
        spec: its entry there.
        label: ``virtual`` or ``hardware``, for reports.
        power: the PDU of its outlet.
        keypad: the robot on its keys.
        timeline: where everything is seen.
        deadlines: what the times of a real phone mean on this bench.
    """

    def __init__(
        self,
        name: str,
        spec: PhoneSpec,
        label: str,
        power: Power,
        keypad: Keypad,
        timeline: Timeline,
        deadlines: Deadlines,
    ) -> None:
        super().__init__(name, str(spec.address), keypad, timeline, deadlines)
        self.spec = spec
        self.label = label
        self.power = power
        #: The phones that lose their power with this one.
        self.on_its_outlet: Sequence[Phone] = ()
        self._dirty = False
        #: Since when, and for which other phone, its outlet was cut.
        self._cut_for: tuple[Mark, str] | None = None
        self._tracker = StateTracker(
            timeline, phone=name, outlet=str(spec.outlet), address=self.address
        )

    def __repr__(self) -> str:
        return f"<Phone {self.name} {self.spec.model} {self.label} {self.state}>"

    @property
    def state(self) -> PhoneState:
        """Where it is between the outlet and the registration."""
        return self._tracker.state

    @property
    def extension(self) -> str:
        """The user of line 1."""
        return self.spec.lines[0].user

    def power_off(self) -> None:
        """Cut the outlet; returns when the PDU reads back off.

        Whatever it feeds is cut. A phone that is being flashed is left to it first: a test that
        failed meanwhile, of whatever, must not cost the phone its flash.
        """
        for phone in (self, *self.on_its_outlet):
            phone.let_it_flash()
        since = self._timeline.mark()
        with self._timeline.step("power off", device=self.name):
            self.power.set(self.spec.outlet.outlet, on=False)
        self._cut_for = None
        for phone in self.on_its_outlet:
            # Whatever it had been in the middle of is over.
            phone._dirty, phone._cut_for, phone.screen = False, (since, self.name), Screen.ON_HOOK

    def let_it_flash(self) -> None:
        """Wait for the end of an upgrade, if it is in one."""
        if self.state is PhoneState.UPGRADING:
            with self._timeline.step("let it write its flash", device=self.name):
                self._timeline.wait_until(
                    lambda _: self.state is not PhoneState.UPGRADING,
                    within=self._deadlines.device(_FLASH_WITHIN),
                    device=self.name,
                )

    def power_on(self) -> None:
        """Feed the outlet; returns when the PDU reads back on."""
        with self._timeline.step("power on", device=self.name):
            self.power.set(self.spec.outlet.outlet, on=True)

    def power_cycle(self) -> Mark:
        """Cut and restore power; returns the mark from which the boot can be watched."""
        self.power_off()
        since = self._timeline.mark()
        self.power_on()
        return since

    def factory_reset(self, kind: ResetCode = ResetCode.SOFT) -> Mark:
        """Type a reset sequence at power-on and see the phone ask for its boot loads.

        The reset counts only once the phone has asked TFTP for ``term<xx>.default.loads``. When it
        boots normally instead, because a key was wrong, the procedure is begun once more. A
        robot without light sensors holds # for a time and lets that request alone decide.

        Args:
            kind: the soft reset, the format, or the format that keeps the network settings.

        Returns:
            The mark of the power-on, to assert on what was fetched since.

        Raises:
            ProductFault: lamps or file request did not come in time.
            BenchFault: power or keypad failed.
            Inconclusive: it booted normally, and a blind robot cannot show that it typed well.
        """
        reset = FactoryReset(
            self.name, self.spec.facts, self.keypad, self._timeline, self._deadlines,
            self.power_off, self.power_on,
        )  # fmt: skip
        return reset.perform(kind)

    def wait_flashed(self, *, since: Mark) -> None:
        """Wait until every component of the boot loads was fetched and the phone booted on.

        Raises:
            ProductFault: the phone did not come to ask for its configuration.
        """
        with self._timeline.step("wait for the re-flash", device=self.name):
            self._timeline.wait_for(
                FileServed,
                device=self.name,
                within=self._deadlines.device(1800),
                since=since,
                where=lambda event: event.name.endswith(".cnf.xml"),
                expected="its configuration file fetched after the re-flash",
                hint="compare the .sbn names inside the .loads file with the staged files",
            )

    def restart(self) -> Mark:
        """Type ``**#**`` in the settings menu and see the phone go for its files again.

        Returns:
            The mark from which the new boot can be watched.
        """
        with self._timeline.step("restart by **#**", device=self.name):
            since = self._timeline.mark()
            self.keypad.tap("settings")
            self.keypad.type("**#**")
            try:
                self._timeline.wait_for(
                    FileRequested,
                    device=self.name,
                    within=self._deadlines.device(120),
                    since=since,
                    expected="the first file request of a boot",
                    hint="**#** works only inside the settings menu and with settingsAccess 1",
                )
            except ProductFault as fault:
                raise self._blame_restart(fault, since) from fault
            return since

    def unlock_settings(self, password: str = "") -> None:
        """Open the settings menu and its padlock with ``**#``, and ``password`` if one is set.

        Only the display shows that it opened; nothing on any wire does.

        Args:
            password: phonePassword of the SEP file, typed when it is not empty.
        """
        with self._timeline.step("unlock the settings by **#", device=self.name):
            self.keypad.tap("settings")
            self.keypad.type("**#")
            if password:
                self.keypad.type(password)
                self.keypad.tap("soft1")

    def load_in_register(self, *, since: Mark) -> str | None:
        """Return the load its first REGISTER since a mark names in Reason; None without one.

        A 79x2 says ``Load=SIP42.9-3-1SR4-1S`` in the first REGISTER after a boot (traces of
        7961 and 7970). Its User-Agent has another version and proves nothing.
        """
        for message in self._timeline.events(SipMessage, since=since):
            if message.source.rpartition(":")[0] == self.address:
                found = _LOAD_IN_REASON.search(message.text)
                if found and message.start_line.startswith("REGISTER"):
                    return found[1]
        return None

    def _blame_restart(self, fault: ProductFault, since: Mark) -> HarnessError:
        """Ask the phone's own window; twice, as Settings closes a menu that a lost * left open."""

        def acted() -> bool:
            return self._timeline.wait_until(
                lambda _: bool(self._timeline.events(FileRequested, device=self.name, since=since)),
                within=self._deadlines.device(60),
                since=since,
                device=self.name,
            )

        keys = ("settings", *"**#**")
        blame = second_opinion(fault, self.keypad, self.window, keys, acted)
        if blame is fault and not self.keypad.senses.keys:
            blame = second_opinion(fault, self.keypad, self.window, keys, acted)
        return blame

    def wait_registered(self, *, since: Mark, within: float = 180.0) -> SipMessage:
        """Wait until the PBX has accepted a REGISTER of the phone on the wire.

        Args:
            since: look only at what came after this mark.
            within: seconds a real phone may take; scaled for the bench.

        Returns:
            The 200 as it went to the phone.

        Raises:
            ProductFault: with what the phone did instead.
        """
        deadline = self._deadlines.device(within)
        with self._timeline.step("wait for registration", device=self.name):
            try:
                return self._timeline.wait_for(
                    SipMessage, within=deadline, since=since, where=self.registered_by
                )
            except ProductFault as fault:
                raise self._registration_fault(since, deadline) from fault

    def registered_by(self, message: SipMessage) -> bool:
        """Whether a message is the PBX's acceptance of a REGISTER of this phone."""
        return (
            message.destination.rpartition(":")[0] == self.address
            and message.start_line.startswith("SIP/2.0 200")
            and message.cseq.endswith("REGISTER")
            # Without a Contact it answers the unregistration before a restart.
            and "\nContact:" in message.text
        )

    def _registration_fault(self, since: Mark, deadline: float) -> ProductFault | BenchFault:
        """Say which of the known reasons a missing registration has."""
        expected = f"REGISTER answered 200 within {deadline:.0f} s"
        asked = self._timeline.events(FileRequested, device=self.name, since=since)
        failures = self._timeline.events(RegistrationFailed, device=self.name, since=since)
        messages = self._timeline.events(SipMessage, since=since)
        sent = [
            m
            for m in messages
            if m.source.rpartition(":")[0] == self.address and m.start_line.startswith("REGISTER")
        ]
        if failures:
            return ProductFault(
                f"the PBX refused its registration: {failures[-1].reason}",
                device=self.name,
                state=f"{self.state}; {len(sent)} REGISTER sent",
                expected=expected,
                hint="compare authName and authPassword in the SEP file with the PBX; "
                "a 79x2 keeps 31 characters of a password",
            )
        unheard = {m.destination for m in sent} - {
            m.source for m in messages if m.destination.rpartition(":")[0] == self.address
        }
        if sent and all(m.destination in unheard for m in sent):
            return ProductFault(
                f"its REGISTER to {', '.join(sorted(unheard))} has no answer",
                device=self.name,
                state=f"{self.state}; {len(sent)} REGISTER sent",
                expected=expected,
                hint="compare sipPort and processNodeName in the SEP file with the PBX's address",
            )
        if sent:
            return ProductFault(
                "it sends REGISTER but never takes the answer",
                device=self.name,
                state=f"{self.state}; {len(sent)} REGISTER sent",
                expected=expected,
                hint="answers must go to the Via port: force_rport=no for UDP endpoints",
            )
        if asked:
            return ProductFault(
                "it fetched its files but sent no REGISTER",
                device=self.name,
                state=f"{self.state}; last file asked: {asked[-1].name}",
                expected=expected,
                hint="proxy must be USECALLMANAGER on 9.x, registerWithProxy true, line 1 complete",
            )
        if self.power.state(self.spec.outlet.outlet) is not OutletState.ON:
            return BenchFault(
                f"its outlet {self.spec.outlet} is not on",
                device=self.name,
                state=str(self.state),
                expected=expected,
                hint="switch it on: harness phone NAME power on",
            )
        return ProductFault(
            "it never asked TFTP for a file",
            device=self.name,
            state=f"{self.state}; outlet {self.spec.outlet} is on",
            expected=expected,
            hint="check the cable, the VLAN, and that DHCP gives options 66/150 to its MAC",
        )

    def registered_event(self, *, since: Mark, within: float = 10.0) -> Registered:
        """Wait for the PBX's own word (AMI) that it holds a contact of line 1."""
        return self._timeline.wait_for(
            Registered,
            device=self.name,
            since=since,
            within=self._deadlines.wire(within),
            where=lambda event: event.aor == self.extension,
            expected=f"ContactStatus for {self.extension} from the PBX",
        )

    def bring_up(self, *, within: float = 300.0) -> None:
        """Make sure the phone is registered and clean, power-cycling it if it is not.

        One that was cut for another phone on its outlet is waited for: to cut it once more would
        cost the other one its registration.
        """
        comes_back = self._comes_back()
        if self.state is PhoneState.READY and not self._dirty:
            return
        if comes_back is not None and not self._dirty and self.state is not PhoneState.OFF:
            since, other = comes_back
            with self._timeline.step(f"boot, as {other} was power-cycled", device=self.name):
                self.wait_registered(since=since, within=within)
        else:
            since = self.power_cycle()
            self.wait_registered(since=since, within=within)
        self.screen = Screen.ON_HOOK
        self._dirty, self._cut_for = False, None

    def _comes_back(self) -> tuple[Mark, str] | None:
        """Since when and for whom it was cut, while it has not been registered again."""
        if self._cut_for is not None:
            changes = self._timeline.events(
                PhoneStateChanged, device=self.name, since=self._cut_for[0]
            )
            if any(change.state == PhoneState.READY for change in changes):
                self._cut_for = None
        return self._cut_for

    def mark_dirty(self) -> None:
        """Say that the phone may be in an unknown state; the next bring-up power-cycles it.

        So may each phone under the same robot: a press that missed this one may have met it.
        """
        self._dirty = True
        for phone in self.under_its_robot:
            phone._dirty = True

    def close(self) -> None:
        """Stop following the phone."""
        self._tracker.close()
