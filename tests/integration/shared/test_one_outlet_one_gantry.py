"""Two phones on one outlet under one gantry: what is done to one happens to both, and is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

LAB = """
name: shared
network: {{interface: lo, host: 127.64.0.1}}
virtual:
  speed: 40
  seeded: {{keypads: {{gantry-1: {seeded}}}}}
power:
  pdu-1: {{address: virtual, outlets: 2, draw_a: 0.05}}
keypads:
  gantry-1:
    driver: grbl
    port: virtual
    positions:
      left: {{corner: [-560, -225]}}
      right: {{corner: [-285, -225]{sensor}}}
pbx: {{address: 127.64.0.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.64.0.3}}
  bob: {{extension: "212", tone: 620, address: 127.64.0.3}}
phones:
  left:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.64.0.42
    outlet: pdu-1/1
    keypad: gantry-1
    tone: 1090
    lines: [{{user: "201"}}]
  right:
    model: 7962G
    mac: 00:24:C4:AB:CD:F0
    address: 127.64.0.62
    outlet: pdu-1/1
    keypad: gantry-1
    tone: 1370
    lines: [{{user: "202"}}]
"""

#: Both are registered at the end; each reset cut the other one, too.
SUITE = """
import pytest
from harness.events import FileRequested, KeyPressed, OutletSwitched, PhoneStateChanged

OTHER = {"left": "right", "right": "left"}


def test_power_for_one_is_power_for_both(phones, timeline):
    assert {phone.state for phone in phones.values()} == {"READY"}
    assert [event.on for event in timeline.events(OutletSwitched)] == [False, True]


def test_reset(station_phone, phones, provisioning, timeline):
    other = phones[OTHER[station_phone.name]]
    assert (station_phone.state, other.state) == ("READY", "READY")
    since = timeline.mark()
    booted = station_phone.factory_reset()
    station_phone.wait_flashed(since=booted)
    station_phone.wait_registered(since=booted)
    states = [e.state for e in timeline.events(PhoneStateChanged, device=other.name, since=since)]
    assert states[:2] == ["OFF", "BOOTING"]
    assert provisioning.fetched(station_phone.name, since=booted) == (
        provisioning.expected_after_reset(station_phone.name)
    )
    # The other one felt none of it.
    assert {r.device for r in timeline.records(since) if isinstance(r.event, KeyPressed)} == {
        station_phone.name
    }
    wanted = station_phone.spec.facts.boot_loads
    asked = {(r.device, r.event.name) for r in timeline.records(since)
             if isinstance(r.event, FileRequested) and "default.loads" in r.event.name}
    assert asked == {(station_phone.name, wanted)}


def test_both_are_registered_and_none_was_cut_for_it(phones, bench, timeline):
    since = timeline.mark()
    for phone in phones.values():
        assert phone.state == "READY"
        assert bench.pbx.contacts(phone.extension)
    assert not timeline.events(OutletSwitched, since=since)


def test_a_call_of_each(phone, caller, call_out, hearing):
    call, incoming = call_out(phone, caller)
    hearing({phone.name: None, caller.name: incoming},
            {phone.name: [caller.name], caller.name: [phone.name]})
    phone.hang_up(call)
"""


def lab_file(tmp_path: Path, sensor: str = "", **seeded: Any) -> Path:
    lab = tmp_path / "lab.yaml"
    lab.write_text(LAB.format(seeded=json.dumps(seeded), sensor=sensor), encoding="utf-8")
    return lab


def night(
    tmp_path: Path, *arguments: str, sensor: str = "", **seeded: Any
) -> tuple[list[dict[str, Any]], str, str]:
    """Results, the timeline and what was printed."""
    lab, runs = lab_file(tmp_path, sensor, **seeded), tmp_path / "runs"
    suite = tmp_path / "test_shared.py"
    suite.write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(suite)]
    command += ["--rootdir", str(tmp_path), "--lab", str(lab), "--runs-dir", str(runs), *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    lines = (runs / "latest" / "results.jsonl").read_text().splitlines()
    told = done.stdout + done.stderr
    return [json.loads(line) for line in lines], (runs / "latest/timeline.jsonl").read_text(), told


def verdicts(results: list[dict[str, Any]]) -> dict[str, str]:
    return {result["test"].partition("::")[2]: result["verdict"] for result in results}


def test_each_is_reset_and_both_are_registered_at_the_end(tmp_path: Path) -> None:
    results, _, told = night(tmp_path, sensor=", sensor: virtual")
    assert verdicts(results) == dict.fromkeys(
        (
            "test_power_for_one_is_power_for_both",
            "test_reset[left]",
            "test_reset[right]",
            "test_both_are_registered_and_none_was_cut_for_it",
            "test_a_call_of_each[left]",
            "test_a_call_of_each[right]",
        ),
        "passed",
    ), told


def test_a_stylus_that_meets_the_other_phone_is_the_benchs_fault(tmp_path: Path) -> None:
    """Both lie one place further to the left than lab.yaml says."""
    results, timeline, told = night(tmp_path, "-k", "test_a_call_of_each", offset=[-275, 0])
    assert "fault fired: gantry-1 offset" in timeline, told
    assert "of gantry-1/right" in timeline
    assert verdicts(results) == {
        "test_a_call_of_each[left]": "bench fault",
        "test_a_call_of_each[right]": "bench fault",
    }, told
    details = {result["test"].partition("::")[2]: result["detail"] for result in results}
    met = "right under the same robot made a call instead"
    assert met in details["test_a_call_of_each[left]"]
    # Where the right one should lie, there is no phone at all.
    assert "instead" not in details["test_a_call_of_each[right]"]
