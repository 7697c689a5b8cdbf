"""A night whose peers and PBX are on this host behind a bridge, as on a bench of hardware."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


def test_what_the_peers_hear_is_measured_there_too(tmp_path: Path) -> None:
    """The pause at a resume and at a transfer is told by packets between PBX and peer."""
    lab, runs = tmp_path / "lab.yaml", tmp_path / "runs"
    lab.write_text((ROOT / "lab.namespace.yaml").read_text().replace("10.42.0.", "10.64.2."))
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--phones", "desk-7942", "--runs-dir", str(runs)]
    command += ["-k", "hold_silences or attended_transfer"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    lines = (runs / "latest" / "results.jsonl").read_text().splitlines()
    results = [json.loads(line) for line in lines]
    assert [result["verdict"] for result in results] == ["passed", "passed"], done.stdout
    measured = {name: value for result in results for name, value in result["measurements"].items()}
    assert 0 < measured["resume_gap_ms"] < 1000
    assert 0 < measured["transfer_gap_ms"] < 1000
