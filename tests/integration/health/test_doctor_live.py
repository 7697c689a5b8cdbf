"""``harness doctor`` whole: on a bench that is well, in a namespace, on one that is not there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


def doctor(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    command = [sys.executable, "-m", "harness.cli", "doctor", "--json", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    findings = json.loads(done.stdout)["findings"]
    return done.returncode, {f"{one['subject']} {one['check']}": one for one in findings}


def test_the_shipped_bench_is_well_and_packets_were_really_captured(tmp_path: Path) -> None:
    # Own addresses: a night may hold those of the shipped lab.
    lab = tmp_path / "lab.yaml"
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    lab.write_text(text.replace("127.42.", "127.60."), encoding="utf-8")
    peers = lab.read_text(encoding="utf-8").replace(
        'tone: 440}', 'tone: 440, address: 127.60.0.3}'
    )  # fmt: skip
    lab.write_text(peers, encoding="utf-8")
    code, found = doctor("--lab", str(lab), "--runs-dir", str(tmp_path))
    assert code == 0, [one for one in found.values() if one["state"] == "fault"]
    assert found["host packet capture on lo"]["found"] == "2 of 2 packets seen"
    assert found["pdu-1 outlet 2 of desk-7962"]["found"].startswith("off")
    assert found["keypad-2 lamps"]["state"] == "ok"


def test_a_bench_in_a_namespace_is_looked_at_from_inside() -> None:
    code, found = doctor("--lab", "lab.namespace.yaml")
    assert code == 0, [one for one in found.values() if one["state"] == "fault"]
    assert found["host interface phones"]["state"] == "ok"
    assert found["host packet capture on phones"]["found"] == "2 of 2 packets seen"
    assert found["host network namespace"]["found"].endswith("removed again")


def test_a_bench_that_is_not_there_is_told_whole_and_soon() -> None:
    started = time.monotonic()
    code, found = doctor("--lab", "lab.example-hardware.yaml")
    # Its devices side by side: no longer than the slowest.
    assert time.monotonic() - started < 60
    assert code == 3
    faulty = {one["subject"] for one in found.values() if one["state"] == "fault"}
    assert {"host", "pdu-1", "switch-1", "supply-1", "keypad-1", "keypad-2", "gantry-1"} <= faulty
    assert all(one["fix"] for one in found.values() if one["state"] == "fault")
