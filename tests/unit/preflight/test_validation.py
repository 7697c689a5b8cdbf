"""The course of a validation: what is tried with which version, and what is said meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.preflight import Outcome, Trial, Version, validation, working_tree
from harness.runs import RunResult, TestResult, Verdict

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, list[str], str]]:
    """Record what would be tried; each trial passes one test."""
    asked: list[tuple[str, list[str], str]] = []

    def try_out(version: Version, phones: Sequence[str], tests: str, *_: Any, **__: Any) -> Trial:
        asked.append((version.name, list(phones), tests))
        run = RunResult("r", "lab", 0.0, {}, tmp_path)
        run.results = [TestResult("t", {}, Verdict.PASSED, "", "", 0, 0, 0, 0)]
        return Trial(run, ())

    monkeypatch.setattr(validation, "try_out", try_out)
    return asked


def version(folder: Path, lab: str = "", template: tuple[str, str] = ("", "")) -> Version:
    shutil.copytree(ROOT / "configs" / "templates", folder / "configs" / "templates")
    text = lab or (ROOT / "lab.yaml").read_text(encoding="utf-8")
    (folder / "lab.yaml").write_text(text, encoding="utf-8")
    file = folder / "configs" / "templates" / "SEP.cnf.xml.j2"
    file.write_text(file.read_text(encoding="utf-8").replace(*template), encoding="utf-8")
    return working_tree(folder / "lab.yaml")


def validated(old: Version, new: Version, tmp_path: Path) -> tuple[Outcome, str]:
    said: list[str] = []
    judgement = validation.validate(old, new, tmp_path, suite=ROOT, say=said.append)
    return judgement.outcome, "\n".join([*said, str(judgement)])


def test_both_versions_are_tried_on_each_kind_with_the_tests_it_takes(
    tried: list[tuple[str, list[str], str]], tmp_path: Path
) -> None:
    old, new = version(tmp_path / "a"), version(tmp_path / "b", template=("{{ kpml }}", "0"))
    outcome, told = validated(old, new, tmp_path)
    both = ["desk-7942", "desk-7962"]
    assert [(phones, tests) for _, phones, tests in tried] == [(both, "test_3 or test_4")] * 2
    assert outcome is Outcome.SAFE
    assert "KPML: 3 → 0 on 2 phones (7942G 1, 7962G 1:" in told
    assert "trying both versions on desk-7942, desk-7962: test_3 or test_4" in told


def test_a_new_finding_is_told_at_its_template_and_an_old_one_is_not(
    tried: list[tuple[str, list[str], str]], tmp_path: Path
) -> None:
    old = version(tmp_path / "a")
    new = version(tmp_path / "b", template=("{{ preferred_codec }}", "alaw"))
    outcome, told = validated(old, new, tmp_path)
    assert outcome is Outcome.RISKY
    assert f"{tmp_path}/b/configs/templates/SEP.cnf.xml.j2:78: error: preferredCodec" in told
    assert "[kpml]" not in told


def test_a_new_phone_is_tried_with_the_new_version_alone(
    tried: list[tuple[str, list[str], str]], tmp_path: Path
) -> None:
    whole = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    one = whole[: whole.index("  desk-7962:")]
    validated(version(tmp_path / "a", one), version(tmp_path / "b", whole), tmp_path)
    assert [phones for _, phones, _ in tried] == [["desk-7962"]]


def test_a_phone_that_is_gone_is_tried_nowhere(
    tried: list[tuple[str, list[str], str]], tmp_path: Path
) -> None:
    whole = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    one = whole[: whole.index("  desk-7962:")]
    _, told = validated(version(tmp_path / "a", whole), version(tmp_path / "b", one), tmp_path)
    assert tried == []
    assert "present → absent on 1 phone" in told
