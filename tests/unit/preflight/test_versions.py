"""Which two versions are compared: the working folder, and a commit taken out of git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.preflight import at_reference, working_tree
from harness.preflight.validation import validate
from harness.provisioning import render_tree

ROOT = Path(__file__).parents[3]


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(ROOT / "configs" / "templates", folder / "configs" / "templates")
    shutil.copy(ROOT / "lab.yaml", folder)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def edit(repository: Path, old: str, new: str) -> None:
    file = repository / "configs" / "templates" / "SEP.cnf.xml.j2"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_commit_keeps_what_the_working_folder_changed(repository: Path, tmp_path: Path) -> None:
    edit(repository, "{{ kpml }}", "0")
    old = at_reference(repository / "lab.yaml", "HEAD", tmp_path / "old")
    new = working_tree(repository / "lab.yaml")
    name = "SEP0024C4ABCDEF.cnf.xml"
    assert b"<kpml>3" in render_tree(old.lab, old.templates)[name]
    assert b"<kpml>0" in render_tree(new.lab, new.templates)[name]


def test_made_up_passwords_are_no_change(repository: Path, tmp_path: Path) -> None:
    old = at_reference(repository / "lab.yaml", "HEAD", tmp_path / "old")
    new = working_tree(repository / "lab.yaml")
    said: list[str] = []
    judgement = validate(old, new, tmp_path / "trial", suite=ROOT, say=said.append)
    assert str(judgement) == "verdict: safe\n  - nothing changes for any phone"


@pytest.mark.parametrize(
    ("reference", "says"), [("v9", "there is no commit v9"), ("--all", "there is no commit")]
)
def test_a_reference_that_is_none(
    repository: Path, tmp_path: Path, reference: str, says: str
) -> None:
    with pytest.raises(UsageFault, match=says):
        at_reference(repository / "lab.yaml", reference, tmp_path / "old")


def test_no_repository_and_no_lab_in_it(repository: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "lab.yaml", tmp_path)
    with pytest.raises(UsageFault, match="git"):
        at_reference(tmp_path / "lab.yaml", "HEAD", tmp_path / "old")
    shutil.copy(ROOT / "lab.yaml", repository / "other.yaml")
    with pytest.raises(UsageFault, match=r"HEAD has no other\.yaml"):
        at_reference(repository / "other.yaml", "HEAD", tmp_path / "old")
