"""Read-back, else draw, else a side effect; and what contradicts is a fault with a sentence."""

# ruff: noqa: ARG002 (a driver is given the outlet whether its device has more or not)

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.errors import BenchFault
from harness.events import Note, OutletRead, OutletSwitched
from harness.power import OutletState, SwitchedOutlets
from harness.timeline import Timeline

ON, OFF, UNKNOWN = OutletState.ON, OutletState.OFF, OutletState.UNKNOWN


@dataclass
class Device:
    """A driver of a device whose every part can be broken by itself."""

    identity: str = "device"
    reads_back: bool = True
    measures: bool = True
    load_a: float = 0.12
    relay: bool = False
    #: What it says instead of the truth.
    says: OutletState | None = None
    stuck: bool = False
    lost: int = 0
    meter_lags: int = 0
    sent: list[bool] = field(default_factory=list)

    def switch(self, outlet: str, on: bool) -> bool:
        self.sent.append(on)
        if self.lost:
            self.lost -= 1
            return False
        self.relay = self.relay if self.stuck else on
        return True

    def read(self, outlet: str) -> OutletState:
        if not self.reads_back:
            return UNKNOWN
        return self.says or (ON if self.relay else OFF)

    def amperes(self, outlet: str) -> float | None:
        if not self.measures:
            return None
        truth = self.relay
        if self.meter_lags:
            self.meter_lags -= 1
            truth = not truth
        return self.load_a if truth else 0.0

    def complaint(self, outlet: str) -> str:
        return "the device complains"

    def close(self) -> None:
        pass


class Effect:
    name = "lamps of desk"

    def __init__(self, *shown: OutletState, within: float = 0.2) -> None:
        self._shown = list(shown)
        self._within = within

    def within(self, on: bool) -> float:
        return self._within

    def start(self) -> Callable[[], OutletState]:
        return lambda: self._shown.pop(0) if len(self._shown) > 1 else self._shown[0]


Connect = Callable[..., SwitchedOutlets]


@pytest.fixture
def connect(timeline: Timeline) -> Connect:
    def make(device: Device, draw_a: float | None = 0.05) -> SwitchedOutlets:
        observe = timeline.observer("pdu-1")
        return SwitchedOutlets(device, "pdu-1", ["1"], observe, confirm_s=0.3, draw_a=draw_a)

    return make


def proof(timeline: Timeline) -> list[str]:
    return [event.confirmed_by for event in timeline.events(OutletSwitched)]


@pytest.mark.parametrize(
    ("device", "draw_a", "told"),
    [
        (Device(), 0.05, "read-back and draw"),
        (Device(), None, "read-back"),
        (Device(measures=False), 0.05, "read-back"),
        (Device(reads_back=False), 0.05, "draw"),
        (Device(says=UNKNOWN), 0.05, "draw"),
        (Device(meter_lags=2), 0.05, "read-back and draw"),
    ],
)
def test_what_confirmed_it_is_told(
    connect: Connect, timeline: Timeline, device: Device, draw_a: float | None, told: str
) -> None:
    power = connect(device, draw_a)
    for on in (True, False):
        power.set("1", on=on)
        assert device.relay is on
    assert proof(timeline) == [told, told]


def test_a_pdu_that_lies_is_found_out_by_its_own_meter(
    connect: Connect, timeline: Timeline
) -> None:
    power = connect(Device(stuck=True, says=ON))
    began = time.monotonic()
    with pytest.raises(BenchFault, match=r"outlet 1 reads back on but draws 0\.000 A") as caught:
        power.set("1", on=True)
    assert 0.3 <= time.monotonic() - began < 1.0
    assert caught.value.expected == "at least 0.050 A once it reads back on"
    assert "draw_a" in caught.value.hint
    assert timeline.events(OutletSwitched) == []
    assert timeline.events(OutletRead) == [OutletRead(outlet="pdu-1/1", state="unknown")]


def test_a_welded_relay_is_found_out_even_when_the_load_is_not_known(connect: Connect) -> None:
    power = connect(Device(relay=True, stuck=True, says=OFF), draw_a=None)
    with pytest.raises(BenchFault, match=r"reads back off but draws 0\.120 A"):
        power.set("1", on=False)


def test_a_lamp_that_stays_lit_contradicts_the_read_back(connect: Connect) -> None:
    power = connect(Device(measures=False, says=OFF))
    power.watch("1", Effect(ON))
    with pytest.raises(BenchFault, match=r"reads back off but lamps of desk show it on"):
        power.set("1", on=False)


def test_a_lamp_that_takes_its_time_to_go_dark_confirms(
    connect: Connect, timeline: Timeline
) -> None:
    power = connect(Device(measures=False))
    power.watch("1", Effect(ON, ON, OFF))
    power.set("1", on=False)
    assert proof(timeline) == ["read-back and lamps of desk"]


def test_dark_lamps_of_an_idle_phone_contradict_nothing(
    connect: Connect, timeline: Timeline
) -> None:
    power = connect(Device())
    power.watch("1", Effect(UNKNOWN, within=60.0))
    for on in (False, True):
        power.set("1", on=on)
    assert proof(timeline) == ["read-back and draw"] * 2


def test_nobody_waits_for_lamps_when_the_device_itself_confirmed(connect: Connect) -> None:
    power = connect(Device())
    power.watch("1", Effect(UNKNOWN, within=60.0))
    began = time.monotonic()
    power.set("1", on=True)
    assert time.monotonic() - began < 1.0


def test_lamps_confirm_a_pdu_that_can_neither_be_read_nor_measured(
    connect: Connect, timeline: Timeline
) -> None:
    power = connect(Device(reads_back=False, measures=False))
    power.watch("1", Effect(UNKNOWN, UNKNOWN, ON))
    power.set("1", on=True)
    assert proof(timeline) == ["lamps of desk"]


@pytest.mark.parametrize("effect", [None, Effect(UNKNOWN)])
def test_what_nothing_confirms_is_a_bench_fault(connect: Connect, effect: Effect | None) -> None:
    power = connect(Device(reads_back=False, measures=False))
    if effect is not None:
        power.watch("1", effect)
    with pytest.raises(BenchFault, match="told to go on and nothing confirms it") as caught:
        power.set("1", on=True)
    assert caught.value.state == "reads back unknown; the device complains"
    assert "draw_a" in caught.value.hint


def test_lamps_that_show_the_opposite_are_no_confirmation(connect: Connect) -> None:
    power = connect(Device(reads_back=False, measures=False))
    power.watch("1", Effect(ON))
    with pytest.raises(BenchFault, match="does not switch off"):
        power.set("1", on=False)


def test_a_stuck_outlet_without_read_back_is_found_by_draw(connect: Connect) -> None:
    power = connect(Device(reads_back=False, stuck=True))
    with pytest.raises(BenchFault, match="does not switch on") as caught:
        power.set("1", on=True)
    assert "draws 0.000 A" in caught.value.state


def test_state_without_read_back_is_told_by_draw_or_not_at_all(connect: Connect) -> None:
    for measures, relay, state in ((True, True, ON), (True, False, OFF), (False, True, UNKNOWN)):
        power = connect(Device(reads_back=False, measures=measures, relay=relay))
        assert power.state("1") is state


def test_a_lost_command_is_sent_again_once(connect: Connect, timeline: Timeline) -> None:
    device = Device(lost=1)
    connect(device).set("1", on=True)
    assert device.sent == [True, True]
    assert "outlet 1 on was lost; sent again" in [n.text for n in timeline.events(Note)]


def test_a_command_lost_twice_is_sent_a_third_time_and_then_is_a_fault(connect: Connect) -> None:
    device = Device(lost=2)
    connect(device).set("1", on=True)
    assert device.sent == [True, True, True]
    device = Device(lost=3)
    with pytest.raises(BenchFault, match="does not switch on"):
        connect(device).set("1", on=True)
    assert device.sent == [True, True, True]


def test_nothing_is_sent_again_blindly(connect: Connect) -> None:
    device = Device(reads_back=False, lost=1)
    with pytest.raises(BenchFault, match="does not switch on"):
        connect(device).set("1", on=True)
    assert device.sent == [True]
