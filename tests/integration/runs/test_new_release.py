"""A new release on the twin: what it broke is in the morning table, and the history names it."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.provisioning import load_manifest, make_up

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
OLD, NEW = "SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S"
DEFECT = f"wrong-dtmf-digit@{NEW}"

LAB = f"""
name: release
network: {{interface: lo, host: 127.62.1.1}}
virtual: {{seeded: {{phones: {{desk: ["{DEFECT}"]}}}}}}
power: {{pdu-1: {{address: virtual, outlets: 2}}}}
keypads: {{keypad-1: {{port: virtual}}}}
pbx: {{address: 127.62.1.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.62.1.3}}
provisioning: {{load: {OLD}}}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.62.1.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
"""


def harness(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )


def test_what_a_release_breaks_is_named_in_the_morning(tmp_path: Path) -> None:
    lab, runs, release = tmp_path / "lab.yaml", tmp_path / "runs", tmp_path / "release"
    lab.write_text(LAB, encoding="utf-8")
    make_up(load_manifest(NEW), release)
    summary = tmp_path / "summary.json"
    words = ["nightly", "--plain", "--lab", str(lab), "--runs-dir", str(runs)]
    words += ["-k", "upgrade or phone_sends_all_sixteen", "--notify-command", f"tee {summary}"]

    before = harness(*words)
    assert before.returncode == 0, before.stdout + before.stderr
    after = harness(*words, "--firmware", str(release))
    told = after.stdout + after.stderr
    assert after.returncode == 1, told

    # The phone began with the old load, fetched the new one, and the defect came with it.
    run = (runs / "latest").resolve()
    results = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    assert [result["verdict"] for result in results] == ["passed", "product fault"], told
    assert results[0]["measurements"]["upgrade_s"] > 0
    records = [json.loads(line) for line in (run / "timeline.jsonl").read_text().splitlines()]
    served = [r["event"]["name"] for r in records if r["kind"] == "file served"]
    assert set(load_manifest(NEW).names[3:]) <= set(served), told
    assert any("defect fired: wrong-dtmf-digit" in str(r["event"]) for r in records)

    # The table, the page, JUnit and the notification say the same.
    failing = next(line for line in after.stdout.splitlines() if line.startswith("newly failing"))
    assert "test_phone_sends_all_sixteen_digits[desk]" in failing
    assert "9.3.1 → " in after.stdout  # the User-Agent on the wire
    assert "newly failing" in (run / "morning.html").read_text(encoding="utf-8")
    properties = {
        (p.get("name"), p.get("value")) for p in ET.parse(run / "junit.xml").iter("property")
    }
    assert {("change", "newly failing"), ("load desk", NEW)} <= properties
    sent = json.loads(summary.read_text(encoding="utf-8"))
    assert sent["exit_code"] == 1
    assert sent["nights"][0]["changes"][0]["kind"] == "newly failing"

    # And the history says since when, and what it was.
    asked = harness("runs", "first-bad", "sixteen_digits[desk]", "--runs-dir", str(runs))
    assert f"firmware {OLD} → {NEW}; 1 passed with the old, 1 failed" in asked.stdout, asked
    again = harness("runs", "import", str(run), "--runs-dir", str(runs))
    assert "0 new results" in again.stdout
