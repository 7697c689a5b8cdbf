"""Somebody else's tree: a lab file, three lines of test, and a real call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]

TEST = """
def test_x(phone, caller, hearing, call_out):
    call, incoming = call_out(phone, caller)
    hearing(
        {phone.name: None, caller.name: incoming},
        {phone.name: [caller.name], caller.name: [phone.name]},
    )
    phone.hang_up(call)
"""


def test_a_call_in_a_strangers_tree(tmp_path: Path) -> None:
    lab = (ROOT / "lab.yaml").read_text(encoding="utf-8").replace("127.42.", "127.43.")
    (tmp_path / "lab.yaml").write_text(lab.replace("tone: 440", "tone: 440, address: 127.43.0.3"))
    (tmp_path / "test_mine.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--phones=desk-7962"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "desk-7962: virtual" in done.stdout
    (report,) = (tmp_path / "runs").glob("2*/report.html")
    assert "SIP ladder" in report.read_text(encoding="utf-8")
    assert len(list((report.parent / "tests").glob("*/capture.pcap"))) == 1
