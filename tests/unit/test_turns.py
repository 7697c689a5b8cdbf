"""Few at a time, and whoever dies has had their turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness.turns import turn

_HOLDER = """
import sys
from pathlib import Path
from harness.turns import turn
with turn(Path(sys.argv[1]), "opening", int(sys.argv[2]), at_once=2):
    print("has it", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, number: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder), str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_at_once_and_the_third_after_one_of_them(tmp_path: Path) -> None:
    with holder(tmp_path, 0) as first, holder(tmp_path, 1) as second:
        assert first.stdout is not None
        assert second.stdout is not None
        assert first.stdout.readline() == "has it\n"
        assert second.stdout.readline() == "has it\n"
        with holder(tmp_path, 2) as third:
            assert third.stdin is not None
            assert third.stdout is not None
            first.kill()
            first.wait()
            assert third.stdout.readline() == "has it\n"
            # The turn of the second was not touched.
            assert second.poll() is None
            third.stdin.close()
        assert second.stdin is not None
        second.stdin.close()
    with turn(tmp_path, "opening", 1, at_once=2):
        pass
