"""Two phones on one outlet: who cuts one, cuts both, and both are known to have been cut."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from harness.deadlines import Deadlines
from harness.errors import ProductFault
from harness.events import FileRequested, OutletSwitched, SipMessage
from harness.lab import PhoneSpec
from harness.phone import Phone, PhoneState
from harness.phone.softkeys import Screen
from harness.power import OutletState
from harness.timeline import Timeline

PBX = "127.0.0.2:5060"


class Bench:
    """Phones ``one`` and ``two`` on outlet 1; who gets power registers, unless it is deaf."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.switched: list[bool] = []
        self.deaf: set[str] = set()
        self.phones: dict[str, Phone] = {}
        deadlines = Deadlines(device_speed=300.0)
        keypad = SimpleNamespace(name="gantry-1")
        for number, name in enumerate(("one", "two")):
            spec = PhoneSpec.model_validate(
                {
                    "model": "7942G", "mac": f"0024C4ABCDE{number}",
                    "address": f"127.0.0.4{number}", "outlet": "pdu-1/1", "keypad": "gantry-1",
                    "lines": [{"user": f"20{number}"}],
                }
            )  # fmt: skip
            power: Any = self
            self.phones[name] = Phone(
                name, spec, "virtual", power, keypad, self.timeline, deadlines  # type: ignore[arg-type]
            )  # fmt: skip
        one, two = self.phones.values()
        one.on_its_outlet, two.on_its_outlet = [two], [one]

    def set(self, outlet: str, on: bool) -> None:
        self.switched.append(on)
        self.timeline.append(OutletSwitched(f"pdu-1/{outlet}", on, "read-back"), source="pdu-1")
        for name in self.phones if on else ():
            if name not in self.deaf:
                self.registers(name)

    def state(self, outlet: str) -> OutletState:  # noqa: ARG002 (as a PDU has it)
        return OutletState.ON if self.switched and self.switched[-1] else OutletState.OFF

    def registers(self, name: str) -> None:
        address = f"{self.phones[name].address}:5060"
        text = f"SIP/2.0 200 OK\r\nContact: <sip:x@{address}>\r\n\r\n"
        answer = SipMessage(PBX, address, "SIP/2.0 200 OK", f"id-{name}", "1 REGISTER", text)
        self.timeline.append(answer, source="capture", device=name)

    def asks(self, name: str, file: str) -> None:
        event = FileRequested(file, self.phones[name].address, 1024)
        self.timeline.append(event, source="tftp", device=name)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_both_boot_when_one_is_cycled(bench: Bench) -> None:
    one, two = bench.phones.values()
    one.bring_up()
    two.bring_up()
    assert bench.switched == [False, True]
    assert (one.state, two.state) == (PhoneState.READY, PhoneState.READY)
    one.power_off()
    assert (one.state, two.state) == (PhoneState.OFF, PhoneState.OFF)


def test_who_was_cut_for_another_is_waited_for_and_not_cut_again(bench: Bench) -> None:
    one, two = bench.phones.values()
    bench.deaf = {"two"}
    one.bring_up()
    assert two.state is PhoneState.BOOTING
    late = threading.Timer(0.1, bench.registers, ("two",))
    late.start()
    two.bring_up()
    late.join()
    assert bench.switched == [False, True]
    assert one.state is PhoneState.READY
    steps = [str(record.event) for record in bench.timeline.records()]
    assert any("boot, as one was power-cycled" in step for step in steps)


def test_one_that_does_not_come_back_is_its_own_fault(bench: Bench) -> None:
    one, two = bench.phones.values()
    bench.deaf = {"two"}
    one.bring_up()
    with pytest.raises(ProductFault, match="never asked TFTP") as fault:
        two.bring_up()
    assert fault.value.device == "two"
    assert bench.switched == [False, True]
    assert one.state is PhoneState.READY


def test_it_is_no_excuse_once_it_was_registered_again(bench: Bench) -> None:
    """What it does later it does by itself, so it is power-cycled as any other."""
    one, two = bench.phones.values()
    one.bring_up()
    two.bring_up()
    one.power_cycle()
    assert two.state is PhoneState.READY
    bench.asks("two", "CTLSEP.tlv")
    two.bring_up()
    assert bench.switched == [False, True] * 3


def test_one_left_without_power_gets_it(bench: Bench) -> None:
    one, two = bench.phones.values()
    one.bring_up()
    one.power_off()
    two.bring_up()
    assert (one.state, two.state) == (PhoneState.READY, PhoneState.READY)


def test_a_cut_cleans_who_was_dirty_and_on_a_screen(bench: Bench) -> None:
    one, two = bench.phones.values()
    one.bring_up()
    two.bring_up()
    two.mark_dirty()
    two.screen = Screen.CONNECTED
    one.power_cycle()
    two.bring_up()
    assert two.screen is Screen.ON_HOOK
    assert bench.switched == [False, True] * 2


def test_nobodys_flash_is_cut(bench: Bench) -> None:
    one, two = bench.phones.values()
    one.bring_up()
    bench.asks("two", "term42.default.loads")
    assert two.state is PhoneState.UPGRADING
    seen: list[PhoneState] = []
    switch = bench.set

    def look(outlet: str, on: bool) -> None:
        seen.append(two.state)
        switch(outlet, on)

    bench.set = look  # type: ignore[method-assign]
    done = threading.Timer(0.1, bench.asks, ("two", "SEP0024C4ABCDE1.cnf.xml"))
    done.start()
    one.power_off()
    done.join()
    assert seen == [PhoneState.PROVISIONING]


def test_who_lies_under_the_same_stylus_may_have_felt_it(bench: Bench) -> None:
    one, two = bench.phones.values()
    one.on_its_outlet = two.on_its_outlet = []
    one.under_its_robot = [two]
    one.bring_up()
    two.bring_up()
    before = len(bench.switched)
    one.mark_dirty()
    two.bring_up()
    assert len(bench.switched) == before + 2
