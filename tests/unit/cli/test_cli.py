"""The command line: quick to help, clear about mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main

ROOT = Path(__file__).parents[3]
OWN_IMAGE = Path(__file__).with_name("own_image.yaml")


def test_help_imports_no_room() -> None:
    """``harness --help`` must not wait for pytest, pyvisa and pydantic to import."""
    code = (
        "import sys\nfrom harness.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'pytest', 'pyvisa', 'pydantic', 'rich', 'numpy', 'harness.bench'}\n"
        "sys.exit(1 if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nightly" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nightly", "--lab", "nowhere.yaml"], 2, "cannot read the lab file"),
        (["nightly", "--suite", "nowhere"], 2, "no test suite at nowhere"),
        (["phone", "desk-9", "status"], 2, "choose from: desk-7942, desk-7962"),
        (["nightly", "--lab", str(OWN_IMAGE), "--pbx", "both"], 2, "there is none of asterisk16"),
        (["report", "never"], 2, "no run at"),
    ],
)
def test_a_users_mistake_is_a_sentence(
    arguments: list[str],
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(arguments) == code
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


def test_a_near_miss_of_a_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lnt"]) == 2
    assert "no command 'lnt'; did you mean lint? See" in capsys.readouterr().err
    assert main(["xyzzy"]) == 2
    assert "no command 'xyzzy'. See" in capsys.readouterr().err


def test_a_bug_is_no_product_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall_over(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("harness.cli.schema.run", fall_over)
    assert main(["schema"]) == 70
    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told
    assert "harness schema: a bug of the harness; please report" in told


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "harness.cli", "schema"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
