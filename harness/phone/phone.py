"""One phone on the bench: power, factory reset, restart, registration."""

from __future__ import annotations

from enum import StrEnum

from harness.deadlines import Deadlines
from harness.errors import BenchFault, HarnessError, ProductFault
from harness.events import (
    FileRequested,
    FileServed,
    Registered,
    RegistrationFailed,
    SipMessage,
)
from harness.keypad import Keypad, wait_for_walk
from harness.lab import PhoneSpec
from harness.phone.blind_reset import hold_blindly, see_reset_begin
from harness.phone.call_control import CallControl
from harness.phone.second_opinion import second_opinion
from harness.phone.softkeys import Screen
from harness.phone.state import PhoneState, StateTracker
from harness.power import OutletState, Power
from harness.timeline import Mark, Timeline

__all__ = ["Phone", "ResetCode"]


class ResetCode(StrEnum):
    """Key sequences of the boot loader (79x2; facts: Cisco support, users' recovery notes)."""

    SOFT = "123456789*0#"
    FORMAT = "3491672850*#"
    FORMAT_KEEP_NETWORK = "*7412369#085"


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
        self._dirty = False
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
        """Cut the outlet; returns when the PDU reads back off."""
        with self._timeline.step("power off", device=self.name):
            self.power.set(self.spec.outlet.outlet, on=False)

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

    def factory_reset(self, code: ResetCode = ResetCode.SOFT) -> Mark:
        """Type the reset sequence at power-on and see the phone ask for its boot loads.

        The lamps, not a clock, tell when to type: some boot loaders take minutes before they
        walk amber. The reset counts only once the phone has asked TFTP for ``term<xx>.default.
        loads``, because a phone that shows red may still boot its old load. A robot without light
        sensors holds # for a time and lets that request alone decide.

        Returns:
            The mark of the power-on, to assert on what was fetched since.

        Raises:
            ProductFault: lamps or file request did not come in time.
            BenchFault: power or keypad failed.
            Inconclusive: it booted normally, and a blind robot cannot show that it typed well.
        """
        device = self._deadlines.device
        lines = self.spec.facts.lines
        boot_loads = self.spec.facts.boot_loads
        with self._timeline.step(f"factory reset ({code.name.lower()})", device=self.name):
            self.power_off()
            since = self._timeline.mark()
            self.keypad.press("#")
            try:
                self.power_on()
                if not self.keypad.senses.lamps:
                    hold_blindly(self._timeline, self.name, self.keypad.name, device, since)
                else:
                    with self._timeline.step("wait for the amber walk", device=self.name):
                        wait_for_walk(
                            self._timeline,
                            device=self.name,
                            colour="amber",
                            lines=lines,
                            within=device(300),
                            since=since,
                        )
            finally:
                self.keypad.release("#")
            typed = self._timeline.mark()
            with self._timeline.step(f"type {code.value}", device=self.name):
                self.keypad.type(code.value)
            if not self.keypad.senses.lamps:
                see_reset_begin(self._timeline, self.name, self.keypad.name, device, typed)
            else:
                with self._timeline.step("wait for red lamps", device=self.name):
                    wait_for_walk(
                        self._timeline,
                        device=self.name,
                        colour="red",
                        lines=lines,
                        within=device(120),
                        since=typed,
                    )
            with self._timeline.step(f"wait for {boot_loads}", device=self.name):
                self._timeline.wait_for(
                    FileRequested,
                    device=self.name,
                    within=device(900),
                    since=typed,
                    where=lambda event: event.name == boot_loads,
                    expected=f"a request for {boot_loads}, the sign of a wiped phone",
                    hint="the lamps went red but nothing was wiped, or DHCP gave no TFTP server",
                )
            return since

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

    def _blame_restart(self, fault: ProductFault, since: Mark) -> HarnessError:
        """Ask the phone's own window; twice, as Settings closes a menu that a lost * left open."""

        def acted() -> bool:
            return self._timeline.wait_until(
                lambda _: bool(self._timeline.events(FileRequested, device=self.name, since=since)),
                within=self._deadlines.device(60),
                since=since,
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

            def accepted(message: SipMessage) -> bool:
                return (
                    message.destination.rpartition(":")[0] == self.address
                    and message.start_line.startswith("SIP/2.0 200")
                    and message.cseq.endswith("REGISTER")
                    # Without a Contact it answers the unregistration before a restart.
                    and "\nContact:" in message.text
                )

            try:
                return self._timeline.wait_for(
                    SipMessage, within=deadline, since=since, where=accepted
                )
            except ProductFault as fault:
                raise self._registration_fault(since, deadline) from fault

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
        """Make sure the phone is registered and clean, power-cycling it if it is not."""
        if self.state is PhoneState.READY and not self._dirty:
            return
        since = self.power_cycle()
        self.wait_registered(since=since, within=within)
        self.screen = Screen.ON_HOOK
        self._dirty = False

    def mark_dirty(self) -> None:
        """Say that the phone may be in an unknown state; the next bring-up power-cycles it."""
        self._dirty = True

    def close(self) -> None:
        """Stop following the phone."""
        self._tracker.close()
