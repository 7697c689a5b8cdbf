"""Every reported failure: it happens as reported, and the fix cures it. On the wire, each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import load_lab
from harness.reproduction import as_text, load_scenario, reproduce, shipped

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

LAB = """
name: reproduction
network: {interface: lo, host: 127.46.0.1}
virtual: {speed: 60}
power: {pdu-1: {driver: scpi, address: virtual, outlets: 2}}
keypads: {keypad-1: {driver: matrix, port: virtual}}
pbx: {address: 127.46.0.2}
peers:
  alice: {extension: "211", tone: 440, address: 127.46.0.3}
  bob: {extension: "212", tone: 620, address: 127.46.0.3}
phones:
  desk-7942:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.46.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201", label: "Desk 201"}]
"""


@pytest.mark.parametrize("name", shipped())
def test_reported_reproduced_and_cured(name: str, tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    said: list[str] = []
    scenario = load_scenario(shipped()[name])
    lab = load_lab(tmp_path / "lab.yaml")
    result = reproduce(scenario, lab, tmp_path / "evidence", say=said.append)
    told = as_text(result)
    assert result.reproduced, told
    assert result.label == "virtual"
    proof = result.broken.shown(scenario.expect.diagnosis)
    assert proof is not None
    assert proof.proof, "a cause without the lines that prove it is an opinion"
    assert len(result.useless) == len(scenario.advice), told
    assert result.cured, told
    assert (tmp_path / "evidence" / "as-reported" / "capture.pcap").stat().st_size > 24
