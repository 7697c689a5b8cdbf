"""SNMP instead of SCPI is two words in lab.yaml; the same test passes, and the same lie is seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_seeded_faults import LAB, ROOT

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("words", "seeded", "verdict", "says"),
    [
        ("driver: snmp, mib: apc-rpdu2", {}, "passed", ""),
        (
            "driver: snmp, mib: poe-cisco, version: v3, confirm_s: 3",
            {"pdus": {"pdu-1": {"lie": True}}},
            "bench fault",
            "draws 0.000 A; the device says: searching",
        ),
        (
            "driver: snmp, mib: raritan, version: v3, confirm_s: 3",
            {"pdus": {"pdu-1": {"lie": True}}},
            "bench fault",
            "reads back on but draws 0.000 A",
        ),
    ],
    ids=["two-words", "poe-lies", "pdu-lies"],
)
def test_a_night_over_snmp(
    tmp_path: Path, words: str, seeded: dict[str, object], verdict: str, says: str
) -> None:
    text = LAB.format(seeded=json.dumps(seeded))
    assert "pdu-1: {address" in text
    lab = tmp_path / "lab.yaml"
    lab.write_text(text.replace("pdu-1: {address", f"pdu-1: {{{words}, address"), encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--runs-dir", str(tmp_path / "runs"), "-k", "power_cut"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    run = tmp_path / "runs" / "latest"
    results = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    assert [result["verdict"] for result in results] == [verdict], done.stdout + done.stderr
    assert says in results[0]["reason"] + results[0]["detail"], results[0]
    timeline = (run / "timeline.jsonl").read_text()
    assert ("fault fired: pdu-1 lie" in timeline) is bool(seeded)
    if not seeded:
        assert '"confirmed_by": "read-back and draw' in timeline
    # What lets the driver in is in nobody's report.
    for file in run.rglob("*"):
        if file.is_file():
            assert b"twin-community" not in file.read_bytes(), file
            assert b"twin-auth_key" not in file.read_bytes(), file
