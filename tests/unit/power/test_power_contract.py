"""What every `Power` must do, run over each implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scpi_peer import IDN, ScriptedPdu, exchange

from harness.errors import UsageFault
from harness.events import OutletRead, OutletSwitched
from harness.power import DIALECTS, OutletState, Power, ScpiPower
from harness.timeline import Timeline

OFF, ON = exchange("OUTP1?", "0"), exchange("OUTP1?", "1")

#: For each contract, what goes over the wire of a dialect-plain device.
WIRE = {
    "test_switches_and_reads_back": [
        *(IDN, OFF, exchange("OUTP1 ON"), IDN, ON),
        *(ON,),
        *(ON, exchange("OUTP1 OFF"), IDN, OFF),
        *(OFF,),
    ],
    "test_setting_what_is_set_is_no_fault": [
        *(IDN, OFF, exchange("OUTP1 OFF"), IDN, OFF),
        *(OFF, exchange("OUTP1 OFF"), IDN, OFF),
    ],
    "test_writes_events": [IDN, OFF, exchange("OUTP1 ON"), IDN, ON, ON],
    "test_measures_amperes": [IDN, exchange("MEAS:CURR1?", "0.000")],
    "test_refuses_an_outlet_it_does_not_have": [IDN],
    "test_says_who_it_is": [IDN],
}


@pytest.fixture(params=["twin", "wire"])
def power(
    request: pytest.FixtureRequest,
    timeline: Timeline,
    pdu_twin: Callable[..., tuple[str, list[str]]],
) -> Iterator[Power]:
    observe = timeline.observer("pdu-1")
    if request.param == "twin":
        address, _ = pdu_twin()
        device = ScpiPower(address, "pdu-1", 4, observe)
        yield device
        device.close()
        return
    with ScriptedPdu(WIRE[request.node.originalname]) as peer:
        device = ScpiPower(peer.address, "pdu-1", 4, observe)
        yield device
        device.close()


def test_switches_and_reads_back(power: Power) -> None:
    power.set("1", on=True)
    assert power.state("1") is OutletState.ON
    power.set("1", on=False)
    assert power.state("1") is OutletState.OFF


def test_setting_what_is_set_is_no_fault(power: Power) -> None:
    power.set("1", on=False)
    power.set("1", on=False)


def test_writes_events(power: Power, timeline: Timeline) -> None:
    power.set("1", on=True)
    power.state("1")
    assert [record.event for record in timeline.records()] == [
        OutletSwitched(outlet="pdu-1/1", on=True, confirmed_by="read-back"),
        OutletRead(outlet="pdu-1/1", state="on"),
    ]
    assert {(record.source, record.device) for record in timeline.records()} == {("pdu-1", "pdu-1")}


def test_measures_amperes(power: Power) -> None:
    assert power.current("1") == 0.0


@pytest.mark.parametrize("outlet", ["0", "5", "x", "", "01"])
def test_refuses_an_outlet_it_does_not_have(power: Power, outlet: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: power.set(outlet, on=True),
        lambda: power.state(outlet),
        lambda: power.current(outlet),
    ]
    for call in calls:
        with pytest.raises(UsageFault, match="no outlet") as caught:
            call()
        assert "1, 2, 3, 4" in caught.value.expected


def test_says_who_it_is(power: Power) -> None:
    assert power.name == "pdu-1"
    assert "PDU" in power.identity


@pytest.mark.parametrize(
    ("dialect", "wire"),
    [
        (
            "keysight-e36300",
            [
                *(IDN, exchange("OUTP? (@2)", "0"), exchange("OUTP ON,(@2)"), IDN),
                *(exchange("OUTP? (@2)", "1"), exchange("MEAS:CURR? (@2)", "+1.25000000E-01")),
            ],
        ),
        (
            "rohde-schwarz-hmp",
            [
                *(IDN, exchange("INST:NSEL 2"), exchange("OUTP:STAT?", "0")),
                *(exchange("INST:NSEL 2"), exchange("OUTP:STAT 1"), IDN),
                *(exchange("INST:NSEL 2"), exchange("OUTP:STAT?", "1")),
                *(exchange("INST:NSEL 2"), exchange("MEAS:CURR?", "0.1250")),
            ],
        ),
    ],
)
def test_other_dialects_are_data(dialect: str, wire: list[Any], timeline: Timeline) -> None:
    with ScriptedPdu(wire) as peer:
        device = ScpiPower(
            peer.address, "psu", ["1", "2"], timeline.observer("psu"), DIALECTS[dialect]
        )
        device.set("2", on=True)
        assert device.current("2") == 0.125
        device.close()
