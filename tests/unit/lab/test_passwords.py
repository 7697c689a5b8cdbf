"""Passwords lab.yaml leaves out: one key of the user, the same passwords at every reading."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import load_lab
from harness.lab.passwords import key_file

SHIPPED = Path(__file__).parents[3] / "lab.yaml"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def test_two_readings_agree_and_another_user_has_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = load_lab(SHIPPED), load_lab(SHIPPED)
    assert first.secrets() == second.secrets()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another user"))
    assert load_lab(SHIPPED).secrets().isdisjoint(first.secrets())


def test_another_process_renders_the_same_bytes(tmp_path: Path) -> None:
    trees = []
    for name in ("one", "two"):
        command = [sys.executable, "-m", "harness.cli", "render", "--lab", str(SHIPPED)]
        subprocess.run([*command, "--out", str(tmp_path / name)], check=True, capture_output=True)
        files = (each for each in (tmp_path / name).rglob("*") if each.is_file())
        trees.append({each.name: each.read_bytes() for each in files})
    assert len(trees[0]) == 5
    assert trees[0] == trees[1]


def test_a_written_password_stays_and_needs_no_key(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    text = text.replace('label: "Desk 201"', 'label: "Desk 201", password: short7pw')
    lab_file = tmp_path / "lab.yaml"
    lab_file.write_text(text, encoding="utf-8")
    lab = load_lab(lab_file)
    assert lab.phones["desk-7942"].lines[0].password.get_secret_value() == "short7pw"
    shipped = load_lab(SHIPPED).phones["desk-7962"].lines[0].password
    assert lab.phones["desk-7962"].lines[0].password == shipped


def test_the_key_is_the_users_alone_and_nothing_else_is_left() -> None:
    load_lab(SHIPPED)
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert [each.name for each in key_file().parent.iterdir()] == ["password.key"]


def test_a_key_others_may_read_is_refused() -> None:
    load_lab(SHIPPED)
    key_file().chmod(0o644)
    with pytest.raises(UsageFault, match="others may read") as fault:
        load_lab(SHIPPED)
    assert "chmod 600" in fault.value.hint


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_broken_key_is_named(content: bytes) -> None:
    load_lab(SHIPPED)
    key_file().write_bytes(content)
    with pytest.raises(UsageFault, match="holds no key"):
        load_lab(SHIPPED)


def test_a_folder_that_cannot_be_made_is_named(state: Path) -> None:
    state.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(UsageFault, match="cannot keep the key") as fault:
        load_lab(SHIPPED)
    assert "XDG_STATE_HOME" in fault.value.hint
