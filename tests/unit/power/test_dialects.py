"""Dialects are data: each against pyvisa-sim, and byte by byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from scpi_peer import IDN, Say, ScriptedPdu, exchange

from harness.errors import BenchFault
from harness.lab import ScpiPowerSpec
from harness.power import OutletState, SwitchedOutlets
from harness.power.dialects import DIALECTS

Scpi = Callable[..., SwitchedOutlets]
SIM = f"{Path(__file__).with_name('supplies.yaml')}@sim"


def test_lab_yaml_knows_every_dialect_and_no_other() -> None:
    assert set(get_args(ScpiPowerSpec.model_fields["dialect"].annotation)) == set(DIALECTS)
    assert all(len(dialect.source) > 30 for dialect in DIALECTS.values())


@pytest.mark.parametrize(
    ("dialect", "address", "identity"),
    [
        ("plain", "TCPIP0::127.54.2.1::5025::SOCKET", "ACME"),
        ("keysight-e36300", "TCPIP0::127.54.2.2::5025::SOCKET", "E36312A"),
        ("rohde-schwarz-hmp", "TCPIP0::127.54.2.3::5025::SOCKET", "HMP4040"),
        ("rohde-schwarz-nge", "TCPIP0::127.54.2.3::5025::SOCKET", "HMP4040"),
        ("rigol-dp800", "TCPIP0::127.54.2.4::5555::SOCKET", "DP832"),
    ],
)
def test_dialect_against_pyvisa_sim(scpi: Scpi, dialect: str, address: str, identity: str) -> None:
    power = scpi(address, DIALECTS[dialect], 2, library=SIM, timeout_s=1.0)
    assert identity in power.identity
    assert power.current("2") == pytest.approx(0.125)
    # Its meter never changes, so switching on is what can be seen here.
    power.set("2", on=True)
    assert power.state("2") is OutletState.ON
    assert power.state("1") is OutletState.OFF


def test_a_wrong_dialect_is_noticed_not_guessed(scpi: Scpi) -> None:
    address = "TCPIP0::127.54.2.4::5555::SOCKET"
    power = scpi(address, DIALECTS["keysight-e36300"], 2, library=SIM)
    with pytest.raises(BenchFault, match="ERROR") as caught:
        power.state("1")
    assert "dialect 'keysight-e36300'" in caught.value.hint


#: Outlet 2 on, its current, and off, byte by byte.
WIRES = {
    "plain": [
        *(exchange("OUTP2?", "0"), exchange("OUTP2 ON"), IDN, exchange("OUTP2?", "1")),
        exchange("MEAS:CURR2?", "0.125"),
        *(exchange("OUTP2?", "1"), exchange("OUTP2 OFF"), IDN, exchange("OUTP2?", "0")),
        exchange("MEAS:CURR2?", "0.000"),
    ],
    "keysight-e36300": [
        *(exchange("OUTP? (@2)", "0"), exchange("OUTP ON,(@2)"), IDN),
        *(exchange("OUTP? (@2)", "1"), exchange("MEAS:CURR? (@2)", "+1.25000000E-01")),
        *(exchange("OUTP? (@2)", "1"), exchange("OUTP OFF,(@2)"), IDN),
        *(exchange("OUTP? (@2)", "0"), exchange("MEAS:CURR? (@2)", "+1.20000000E-05")),
    ],
    "rohde-schwarz-hmp": [
        *(exchange("INST:NSEL 2"), exchange("OUTP:STAT?", "0")),
        *(exchange("INST:NSEL 2"), exchange("OUTP:STAT 1"), IDN),
        *(exchange("INST:NSEL 2"), exchange("OUTP:STAT?", "1")),
        *(exchange("INST:NSEL 2"), exchange("MEAS:CURR?", "0.1250")),
        *(exchange("INST:NSEL 2"), exchange("OUTP:STAT?", "1")),
        *(exchange("INST:NSEL 2"), exchange("OUTP:STAT 0"), IDN),
        *(exchange("INST:NSEL 2"), exchange("OUTP:STAT?", "0")),
        *(exchange("INST:NSEL 2"), exchange("MEAS:CURR?", "0.0000")),
    ],
    "rigol-dp800": [
        *(exchange(":OUTP? CH2", "OFF"), exchange(":OUTP CH2,ON"), IDN),
        *(exchange(":OUTP? CH2", "ON"), exchange(":MEAS:CURR? CH2", "0.1250")),
        *(exchange(":OUTP? CH2", "ON"), exchange(":OUTP CH2,OFF"), IDN),
        *(exchange(":OUTP? CH2", "OFF"), exchange(":MEAS:CURR? CH2", "0.0000")),
    ],
}
WIRES["rohde-schwarz-nge"] = WIRES["rohde-schwarz-hmp"]


@pytest.mark.parametrize("dialect", WIRES)
def test_dialect_byte_by_byte(scpi: Scpi, dialect: str) -> None:
    with ScriptedPdu([IDN, *WIRES[dialect]]) as peer:
        power = scpi(peer.address, DIALECTS[dialect], 2)
        power.set("2", on=True)
        assert power.current("2") == 0.125
        power.set("2", on=False)
        power.close()


def test_relay_card_with_echo_and_prompt_byte_by_byte(scpi: Scpi) -> None:
    def said(line: str, answer: str = "") -> Say:
        told = f"{answer}\n\r>" if answer else ">"
        return Say(line, (f"{line}\n\r{told}".encode(),))

    ver = said("ver", "00000008")
    read_off, read_on = said("relay read 2", "off"), said("relay read 2", "on")
    script = [
        *(ver, read_off, said("relay on 2"), ver, read_on),
        *(read_on, said("relay off 2"), ver, read_off),
    ]
    with ScriptedPdu(script, ends=b"\r") as peer:
        power = scpi(peer.address, DIALECTS["numato-relay"], 2)
        assert power.identity == "00000008"
        power.set("2", on=True)
        power.set("2", on=False)
        assert power.current("2") is None
        power.close()
