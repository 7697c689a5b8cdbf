"""The how-to's own test, run as printed: a phone on the bench meets an injected TFTP fault."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]


def night_with(tmp_path: Path, test: str) -> subprocess.CompletedProcess[str]:
    lab = (ROOT / "lab.yaml").read_text(encoding="utf-8").replace("127.42.", "127.52.")
    (tmp_path / "lab.yaml").write_text(lab.replace("tone: 440", "tone: 440, address: 127.52.0.3"))
    (tmp_path / "test_printed.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--phones=desk-7942"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def printed_test() -> str:
    page = (ROOT / "docs" / "how-to" / "inject-a-tftp-fault.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return str(code)


def test_the_test_in_the_how_to_passes_and_its_fault_fires(tmp_path: Path) -> None:
    done = night_with(tmp_path, printed_test())
    assert done.returncode == 0, done.stdout + done.stderr
    (timeline,) = (tmp_path / "runs").glob("2*/timeline.jsonl")
    assert timeline.read_text(encoding="utf-8").count('"kind": "fault fired"') == 1


def test_a_fault_that_has_no_block_to_lose_is_a_bench_fault(tmp_path: Path) -> None:
    done = night_with(tmp_path, printed_test().replace("DropBlock(2)", "DropBlock(4000)"))
    assert done.returncode != 0, done.stdout
    assert "never fired" in done.stdout
