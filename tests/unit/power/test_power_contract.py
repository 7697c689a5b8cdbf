"""What every `Power` must do, run over each driver and each kind of device it drives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rigs import AMPERES, Rig, all_rigs

from harness.errors import BenchFault, HarnessError, UsageFault
from harness.events import OutletRead, OutletSwitched, PartBack
from harness.power import (
    OutletDriver,
    OutletState,
    Power,
    driver_names,
    open_driver,
    open_power,
)
from harness.timeline import Timeline

RIGS = all_rigs()


@pytest.fixture(params=RIGS)
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    with RIGS[request.param](tmp_path) as rig:
        for name, value in rig.environment.items():
            monkeypatch.setenv(name, value)
        yield rig


@pytest.fixture
def power(rig: Rig, timeline: Timeline) -> Iterator[Power]:
    device = open_power(rig.spec, "pdu-1", timeline.observer("pdu-1"), rig.address)
    yield device
    device.close()


def test_every_driver_has_a_rig() -> None:
    assert {name.partition("/")[0] for name in RIGS} == set(driver_names())


def test_switches_and_reads_back(power: Power, rig: Rig) -> None:
    first, second = rig.outlets
    for on in (True, False, True):
        power.set(first, on=on)
        assert power.state(first) is (OutletState.ON if on else OutletState.OFF)
        assert rig.truth(first) is on, "carried out, not only said"
        assert not rig.truth(second), "nobody else's outlet"


def test_setting_what_is_set_is_no_fault(power: Power, rig: Rig) -> None:
    for on in (False, False, True, True):
        power.set(rig.outlets[0], on=on)
        assert rig.truth(rig.outlets[0]) is on


def test_writes_events(power: Power, rig: Rig, timeline: Timeline) -> None:
    outlet = rig.outlets[0]
    power.set(outlet, on=True)
    power.state(outlet)
    assert [record.event for record in timeline.records()] == [
        OutletSwitched(outlet=f"pdu-1/{outlet}", on=True, confirmed_by="read-back"),
        OutletRead(outlet=f"pdu-1/{outlet}", state="on"),
    ]
    assert {(record.source, record.device) for record in timeline.records()} == {("pdu-1", "pdu-1")}


def test_measures_amperes_or_says_that_it_cannot(power: Power, rig: Rig) -> None:
    outlet = rig.outlets[0]
    assert power.current(outlet) == (0.0 if rig.measures else None)
    power.set(outlet, on=True)
    drawn = power.current(outlet)
    assert drawn == (pytest.approx(AMPERES, abs=0.021) if rig.measures else None)


def test_refuses_an_outlet_it_does_not_have(power: Power, rig: Rig) -> None:
    calls: list[Callable[[str], Any]] = [
        lambda outlet: power.set(outlet, on=True),
        power.state,
        power.current,
    ]
    for outlet in ("9", "x", "", "01", "1;OUTP2 ON", "1.3.6"):
        for call in calls:
            with pytest.raises(UsageFault, match="no outlet") as caught:
                call(outlet)
            assert rig.outlets[1] in caught.value.expected


def test_never_switches_an_outlet_that_lab_yaml_does_not_name(rig: Rig, timeline: Timeline) -> None:
    entry = rig.entry | {"outlets": 4}
    if rig.spec.lists_outlets:
        entry = rig.entry | {"outlets": [rig.outlets[0]]}
    spec = replace(rig, entry=entry).spec
    power = open_power(
        spec, "pdu-1", timeline.observer("pdu-1"), rig.address, named=[rig.outlets[0]]
    )
    for on in (True, False):
        with pytest.raises(UsageFault, match=r"not named in lab\.yaml|no outlet"):
            power.set(rig.outlets[1], on=on)
    assert not rig.truth(rig.outlets[1])
    power.set(rig.outlets[0], on=True)
    assert timeline.events(OutletSwitched) == [
        OutletSwitched(outlet=f"pdu-1/{rig.outlets[0]}", on=True, confirmed_by="read-back")
    ]
    power.close()


def test_says_who_it_is(power: Power, rig: Rig) -> None:
    assert power.name == "pdu-1"
    assert rig.identity in power.identity


def test_a_device_that_goes_away_is_a_bench_fault_in_time(power: Power, rig: Rig) -> None:
    outlet = rig.outlets[0]
    power.set(outlet, on=True)
    rig.unplug()
    calls: list[Callable[[], Any]] = [
        lambda: power.state(outlet),
        lambda: power.set(outlet, on=False),
    ]
    for call in calls:
        began = time.monotonic()
        with pytest.raises(BenchFault) as caught:
            call()
        assert time.monotonic() - began < 3 * rig.spec.timeout_s + rig.spec.confirm_s
        assert caught.value.device == "pdu-1"
        assert caught.value.summary
        assert caught.value.expected


def test_nobody_at_the_address_is_a_fault_with_a_sentence(rig: Rig, timeline: Timeline) -> None:
    rig.unplug()
    with pytest.raises(HarnessError) as caught:
        open_power(rig.spec, "pdu-1", timeline.observer("pdu-1"), rig.address)
    assert isinstance(caught.value, BenchFault | UsageFault)
    assert caught.value.device == "pdu-1"
    assert caught.value.hint
    for secret in rig.environment.values():
        assert secret not in str(caught.value) or secret == "admin"


def test_what_is_no_longer_ours_is_not_touched(power: Power, rig: Rig) -> None:
    outlet = rig.outlets[0]
    power.set(outlet, on=True)
    power.lose("place desk-1 is lost: somebody released it")
    for touch in (
        lambda: power.set(outlet, on=False),
        lambda: power.state(outlet),
        lambda: power.current(outlet),
        power.mend,
    ):
        with pytest.raises(BenchFault, match="place desk-1 is lost: somebody released it"):
            touch()
    assert "place desk-1 is lost" in power.gone
    assert rig.truth(outlet)


def test_what_is_ours_again_is_switched_only_when_it_was_opened(
    power: Power, rig: Rig, timeline: Timeline
) -> None:
    outlet = rig.outlets[0]
    power.set(outlet, on=True)

    def nobody_there() -> OutletDriver:
        raise BenchFault("nobody answers", device="pdu-1")

    def behind_another_door() -> OutletDriver:
        return open_driver(rig.spec, "pdu-1", timeline.observer("pdu-1"), rig.address)

    power.lose("place desk-1 is lost: somebody released it")
    power.regain(nobody_there)
    with pytest.raises(BenchFault, match="nobody answers"):
        power.mend()
    power.regain(behind_another_door)
    assert "place desk-1 is lost" in power.gone
    with pytest.raises(BenchFault, match="place desk-1 is lost"):
        power.set(outlet, on=False)
    assert rig.truth(outlet)
    power.mend()
    assert not power.gone
    assert [event.part for event in timeline.events(PartBack)] == ["pdu-1"]
    power.set(outlet, on=False)
    assert not rig.truth(outlet)

    def opened_and_lost() -> OutletDriver:
        driver = behind_another_door()
        power.lose("place desk-1 is lost: exporter rack-b left")
        return driver

    power.lose("place desk-1 is lost: somebody released it")
    power.regain(opened_and_lost)
    with pytest.raises(BenchFault, match="exporter rack-b left"):
        power.mend()
    assert "exporter rack-b left" in power.gone
    assert not rig.truth(outlet)


def test_after_close_it_is_a_bench_fault(power: Power, rig: Rig) -> None:
    power.close()
    power.close()
    with pytest.raises(BenchFault, match="was closed"):
        power.set(rig.outlets[0], on=True)


def test_what_went_away_is_told_until_it_is_asked_again(power: Power, rig: Rig) -> None:
    outlet = rig.outlets[0]
    power.set(outlet, on=True)
    assert not power.gone
    power.mend()
    rig.unplug()
    with pytest.raises(BenchFault) as caught:
        power.state(outlet)
    assert power.gone == caught.value.summary
    with pytest.raises(BenchFault):
        power.mend()
    assert power.gone
