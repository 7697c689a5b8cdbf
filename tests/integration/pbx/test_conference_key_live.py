"""The conference key in front of both real Asterisks: three parties hear each other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.lab import PbxKind

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

LAB = """
name: conference-key
network: {interface: lo, host: 127.58.2.1}
power: {pdu-1: {address: virtual, outlets: 2}}
keypads: {keypad-1: {port: virtual}}
pbx: {address: 127.58.2.2, conference_key: 127.58.2.4}
peers:
  alice: {extension: "211", tone: 440, address: 127.58.2.3}
  bob: {extension: "212", tone: 620, address: 127.58.2.3}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.58.2.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201"}]
"""
#: The conference itself, and what must be as without the element: registration, codecs, transfer.
TESTS = "conf_key or contact_is or restart_from or attended or no_common or (codec and PCMU)"


def test_the_second_press_of_confrn_joins_three(tmp_path: Path, kind: PbxKind) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text(LAB, encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--runs-dir", str(tmp_path / "runs"), "--pbx", kind, "-k", TESTS]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"{kind}: ([1-9]\d*) passed, 0 failed", done.stdout), done.stdout
    timeline = (tmp_path / "runs" / "latest" / "timeline.jsonl").read_text()
    # Not by chance: the element accepted the phone's REFER, and said so.
    assert timeline.count(" joined") == 1
