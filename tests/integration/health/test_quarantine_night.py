"""A night with one silent device: its station is out with the reason, the other one's passes."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

LAB = """
name: quarantine
network: {{interface: lo, host: 127.60.0.1}}
virtual: {{speed: 40, seeded: {seeded}}}
power:
  pdu-1: {{address: virtual, outlets: 2, timeout_s: 1}}
keypads:
  keypad-1: {{port: virtual}}
  keypad-2: {{port: virtual}}
pbx: {{address: 127.60.0.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.60.0.3}}
phones:
  well:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.60.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
  ill:
    model: 7962G
    mac: 00:24:C4:AB:CD:F0
    address: 127.60.0.62
    outlet: pdu-1/2
    keypad: keypad-2
    tone: 1370
    lines: [{{user: "202"}}]
"""


def night(tmp_path: Path, seeded: dict[str, Any], *more: str) -> tuple[int, str, Path]:
    lab = tmp_path / "lab.yaml"
    lab.write_text(LAB.format(seeded=json.dumps(seeded)), encoding="utf-8")
    runs = tmp_path / "runs"
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--runs-dir", str(runs), "-k", "power_cut", *more]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    return done.returncode, done.stdout + done.stderr, runs / "latest"


def results(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]


def head(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((run / "run.json").read_text())
    return loaded


def test_a_silent_keypad_takes_its_own_station_out_and_no_other(tmp_path: Path) -> None:
    code, output, run = night(tmp_path, {"keypads": {"keypad-2": {"silent": True}}})
    assert code == 3, output
    assert [(r["test"].rpartition("[")[2], r["verdict"]) for r in results(run)] == [
        ("well]", "passed")
    ], output
    (reason,) = head(run)["quarantined"].values()
    assert set(head(run)["quarantined"]) == {"ill"}
    assert reason.startswith("keypad-2: ")
    (not_run,) = head(run)["not_run"]
    assert not_run.endswith("[ill]")
    assert "ill: virtual, quarantined: keypad-2: " in output
    assert "1 passed, 0 failed, 1 not run" in output
    assert "<b>ill</b>: keypad-2: " in (run / "report.html").read_text()
    suite = ET.parse(run / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "0", "0")
    (skipped,) = suite.iter("skipped")
    assert "keypad-2" in skipped.get("message", "")
    assert "fault fired" in (run / "timeline.jsonl").read_text(), "the fault never fired"


def test_a_shared_pdu_takes_every_station_out_with_one_reason(tmp_path: Path) -> None:
    code, output, run = night(tmp_path, {"pdus": {"pdu-1": {"silent": True}}})
    assert code == 3, output
    assert results(run) == []
    assert set(head(run)["quarantined"]) == {"well", "ill"}
    assert len(set(head(run)["quarantined"].values())) == 1
    assert "0 passed, 0 failed, 2 not run" in output
    assert (run / "report.html").exists()
    assert "fault fired" in (run / "timeline.jsonl").read_text(), "the fault never fired"


def test_a_station_nobody_asked_for_may_be_ill(tmp_path: Path) -> None:
    seeded = {"keypads": {"keypad-2": {"silent": True}}}
    code, output, run = night(tmp_path, seeded, "--phones", "well")
    assert code == 0, output
    assert head(run)["quarantined"] == {}
    assert "not asked for" in (run / "timeline.jsonl").read_text()
