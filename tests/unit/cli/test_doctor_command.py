"""``harness doctor``: its exit codes and its two outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import doctor, main
from harness.health import Finding, State

ROOT = Path(__file__).parents[3]
LAB = str(ROOT / "lab.yaml")


@pytest.mark.parametrize(("state", "code"), [(State.OK, 0), (State.UNKNOWN, 0), (State.FAULT, 3)])
def test_the_exit_code_tells_whether_there_is_a_fault(
    state: State, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = Finding("host", "clock", state, "as it is", "mend it")
    monkeypatch.setattr(doctor, "examine", lambda *_: [finding])
    assert main(["doctor", "--lab", LAB]) == code
    assert "clock: as it is" in capsys.readouterr().out
    assert main(["doctor", "--lab", LAB, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["findings"][0]["state"] == state


@pytest.mark.parametrize(
    "text",
    [
        "[", "phones: 1", "\x00", "&a {b: *a}", "name: !!float x", "power: {a: {driver: [1]}}",
        "power: {a: 5}", "power: {1: {}}\nphones: {2: 3}", "? [1, 2]\n: 3\n", "a: 1\na: 2",
    ],
)  # fmt: skip
def test_a_lab_that_cannot_be_is_a_sentence(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["doctor", "--lab", str(path)]) == 2
    told = capsys.readouterr().err
    assert "lab.yaml" in told
    assert "Traceback" not in told
