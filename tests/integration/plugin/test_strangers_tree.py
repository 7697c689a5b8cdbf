"""Somebody else's tree: a lab file and the tests that pages show, as they stand there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.doc_pages import blocks

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]

#: The pages with a whole test in them.
PAGES = ("README.md", "docs/how-to/inject-a-tftp-fault.md")


def test_what_the_pages_show_passes_in_a_strangers_tree(tmp_path: Path) -> None:
    lab = (ROOT / "lab.yaml").read_text(encoding="utf-8").replace("127.42.", "127.43.")
    (tmp_path / "lab.yaml").write_text(lab.replace("tone: 440", "tone: 440, address: 127.43.0.3"))
    for number, page in enumerate(PAGES):
        (text,) = (each.text for each in blocks(ROOT / page) if "def test_" in each.text)
        (tmp_path / f"test_{number}.py").write_text(text, encoding="utf-8")
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
    assert len(list((report.parent / "tests").glob("*/capture.pcap"))) == len(PAGES)
