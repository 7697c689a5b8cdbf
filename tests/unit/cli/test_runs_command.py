"""``harness runs`` on fabricated runs: what it prints, and that a mistake is a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.runs import RunResult, TestResult, Verdict

OLD, NEW = "SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S"
P, F = Verdict.PASSED, Verdict.PRODUCT_FAULT


@pytest.fixture
def runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    for number, (verdict, load) in enumerate([(P, OLD), (P, OLD), (F, NEW)]):
        folder = tmp_path / f"night-{number}"
        folder.mkdir()
        facts = {"desk": {"model": "7942G", "load": load, "templates": "aaaa"}}
        run = RunResult(
            folder.name, "lab", number * 1e5, {"desk": "virtual"}, folder, ended=1.0,
            pbx="asterisk22", facts=facts,
        )  # fmt: skip
        run.add(
            TestResult(
                "tests/t.py::test_dtmf[desk]", {"desk": "virtual"}, verdict, "", "", number * 1e5,
                3.0, 0, 0, pbx="asterisk22", measurements={"boot_s": 60.0 + number},
            )
        )  # fmt: skip
    folders = [str(tmp_path / f"night-{number}") for number in range(3)]
    assert main(["runs", "import", "--runs-dir", str(tmp_path), *folders]) == 0
    assert capsys.readouterr().out.count("1 new results") == 3
    return tmp_path


def ask(runs: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    action, *rest = words
    code = main(["runs", action, "--runs-dir", str(runs), *rest])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_each_question_is_answered(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "1 product fault" in ask(runs, capsys, "list")[1].splitlines()[-1]
    assert "boot_s=62" in ask(runs, capsys, "show")[1]
    assert "nothing changed" in ask(runs, capsys, "compare", "night-0", "night-1")[1]
    code, told = ask(runs, capsys, "compare", "night-0")
    assert (code, "newly failing" in told) == (1, True)
    assert f"firmware {OLD} → {NEW}" in ask(runs, capsys, "first-bad", "dtmf")[1]
    assert "no test turned" in ask(runs, capsys, "flips")[1]
    assert "0 of 1" in ask(runs, capsys, "flips", "--all")[1]
    assert "0% to 79%" in ask(runs, capsys, "flips", "--all")[1]
    assert "61" in ask(runs, capsys, "trend", "boot_s")[1]


def test_a_mistake_is_a_sentence(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["show", "x"], ["first-bad", "nope"], ["trend", "nope"], ["import", "nope"]):
        code, told = ask(runs, capsys, *words)
        assert code == 2, words
        assert "try:" in told or "no run" in told
        assert "Traceback" not in told
    code, told = ask(runs / "elsewhere", capsys, "list")
    assert (code, "there is no history" in told) == (2, True)


def test_importing_again_says_that_nothing_is_new(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = json.loads((runs / "night-0" / "run.json").read_text())
    assert head["run_id"] == "night-0"
    assert "0 new results" in ask(runs, capsys, "import", str(runs / "night-0"))[1]


def test_a_release_that_is_not_there_is_told_before_the_night(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[3]
    words = ["nightly", "--lab", str(root / "lab.yaml"), "--suite", str(root / "tests/regression")]
    assert main([*words, "--firmware", str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
