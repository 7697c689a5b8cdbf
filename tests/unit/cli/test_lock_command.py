"""``harness lock``: who has what, and how it is taken from one that hangs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import BenchFault
from harness.lab.lock_entries import Resource
from harness.lab.reservation import reserve
from harness.state import STATE_VARIABLE

DESK = Resource("twin:127.0.0.9@1", "desk-7942")


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))


def test_nothing_is_reserved(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lock", "list"]) == 0
    assert capsys.readouterr().out == "nothing is reserved\n"


def test_a_lock_is_listed_with_owner_reason_and_until(capsys: pytest.CaptureFixture[str]) -> None:
    with reserve([DESK], reason="a night on rack-1"):
        assert main(["lock", "list"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    for word in ("device", "resource", "owner", "reason", "since", "until", "owner is", "waiting"):
        assert word in head
    for word in ("desk-7942", "twin:127.0.0.9 ", str(os.getpid()), "a night on rack-1", "alive"):
        assert word in row


def test_release_takes_from_the_living_by_force_only(capsys: pytest.CaptureFixture[str]) -> None:
    with reserve([DESK], reason="a night") as night:
        assert main(["lock", "release", "desk-7942"]) == 2
        assert "--force" in capsys.readouterr().err
        night.check()
        assert main(["lock", "release", "twin:127.0.0.9", "--force"]) == 0
        assert "released: desk-7942 (twin:127.0.0.9)" in capsys.readouterr().out
        with pytest.raises(BenchFault, match="released it by force"):
            night.check()
    assert main(["lock", "release", "desk-7942"]) == 2
    assert "nothing named desk-7942 is reserved" in capsys.readouterr().err


def test_a_phone_in_use_is_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    lab = (root / "lab.yaml").read_text().replace("127.42.", "127.57.")
    (tmp_path / "lab.yaml").write_text(lab)
    inode = Path("/proc/self/ns/net").stat().st_ino
    other = Resource(f"twin:127.57.0.42@{inode}", "desk-7942")
    with reserve([other], reason="a night"):
        # As if by another process: what this one has reserved it may use.
        os.environ.pop("PHONE_BENCH_RESERVATIONS")
        told = main(["phone", "desk-7942", "power", "off", "--lab", str(tmp_path / "lab.yaml")])
        assert told == 3
        assert "desk-7942: in use by" in capsys.readouterr().err
        assert main(["doctor", "--lab", str(tmp_path / "lab.yaml")]) == 3
        out = capsys.readouterr().out
        assert "desk-7942 free: in use by" in out
        assert "keypad-1" not in out
