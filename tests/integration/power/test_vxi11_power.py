"""The SCPI driver over VXI-11, which old instruments speak and new ones still offer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vxi11_server import Vxi11Server

from harness.errors import BenchFault
from harness.events import OutletSwitched
from harness.lab import ScpiPowerSpec
from harness.power import OutletState, open_power
from harness.timeline import Timeline

pytestmark = pytest.mark.integration


class Supply:
    """A Rohde & Schwarz HMP, as far as switching goes."""

    def __init__(self) -> None:
        self.selected = 1
        self.on = dict.fromkeys(range(1, 5), False)
        self.lines: list[str] = []

    def answer(self, line: str) -> str | None:
        self.lines.append(line)
        word, _, value = line.partition(" ")
        if word == "INST:NSEL":
            self.selected = int(value)
        elif word == "OUTP:STAT":
            self.on[self.selected] = value == "1"
        elif word == "OUTP:STAT?":
            return str(int(self.on[self.selected]))
        elif word == "MEAS:CURR?":
            return "0.1250" if self.on[self.selected] else "0.0000"
        elif word == "*IDN?":
            return "ROHDE&SCHWARZ,HMP4040,1,2.7"
        return None


@pytest.fixture
def supply() -> Supply:
    return Supply()


@pytest.fixture
def server(supply: Supply) -> Iterator[Vxi11Server]:
    server = Vxi11Server("127.54.4.1", supply.answer)
    yield server
    server.close()


def spec(address: str) -> ScpiPowerSpec:
    return ScpiPowerSpec(
        address=address,
        dialect="rohde-schwarz-hmp",
        outlets=4,
        draw_a=0.05,
        timeout_s=0.5,
        confirm_s=0.5,
    )


def test_switches_reads_back_and_measures(server: Vxi11Server, supply: Supply) -> None:
    timeline = Timeline()
    power = open_power(spec(server.address), "psu", timeline.observer("psu"))
    assert "HMP4040" in power.identity
    for on in (True, False):
        power.set("3", on=on)
        assert supply.on == {1: False, 2: False, 3: on, 4: False}
    assert power.state("3") is OutletState.OFF
    told = [event.confirmed_by for event in timeline.events(OutletSwitched)]
    assert told == ["read-back and draw"] * 2
    power.close()


def test_an_instrument_that_goes_away_is_a_bench_fault(server: Vxi11Server) -> None:
    power = open_power(spec(server.address), "psu", Timeline().observer("psu"))
    server.close()
    with pytest.raises(BenchFault) as caught:
        power.state("3")
    assert caught.value.device == "psu"
    power.close()


def test_nobody_there(server: Vxi11Server) -> None:
    server.close()
    with pytest.raises(BenchFault, match="port 111"):
        open_power(spec(server.address), "psu", Timeline().observer("psu"))
