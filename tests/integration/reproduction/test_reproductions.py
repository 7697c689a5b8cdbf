"""Every reported failure: it happens as reported, and the fix cures it. On the wire, each time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.lab import load_lab
from harness.reproduction import Reproduction, as_text, load_scenario, reproduce, shipped
from harness.runs.export import run_secrets

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

Reproductions = dict[str, Future[Reproduction]]

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


#: A bench waits more than it works: so many run side by side, each on a subnet of its own.
AT_ONCE = 4


def _carry_out(number: int, name: str, folder: Path) -> Reproduction:
    folder.mkdir()
    (folder / "lab.yaml").write_text(LAB.replace("127.46.0.", f"127.46.{number}."), "utf-8")
    scenario = load_scenario(shipped()[name])
    return reproduce(scenario, load_lab(folder / "lab.yaml"), folder / "evidence", say=str)


@pytest.fixture(scope="module")
def reproductions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reproductions]:
    root = tmp_path_factory.mktemp("reproductions")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            name: pool.submit(_carry_out, number, name, root / name)
            for number, name in enumerate(shipped(), start=1)
        }


@pytest.mark.parametrize("name", shipped())
def test_reported_reproduced_and_cured(name: str, reproductions: Reproductions) -> None:
    result = reproductions[name].result()
    scenario = result.scenario
    told = as_text(result)
    assert result.reproduced, told
    assert result.label == "virtual"
    proof = result.broken.shown(scenario.expect.diagnosis)
    assert proof is not None
    assert proof.proof, "a cause without the lines that prove it is an opinion"
    assert len(result.useless) == len(scenario.advice), told
    assert result.cured, told
    assert (result.broken.folder / "capture.pcap").stat().st_size > 24
    assert run_secrets(result.broken.folder) == set(), "the folder is sent to whoever asked"
