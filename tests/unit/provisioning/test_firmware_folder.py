"""A folder of firmware as it was unpacked: which load it is, and its files for the phones."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import load_lab
from harness.provisioning import Provisioning, load_manifest, make_up
from harness.provisioning.firmware import firmware_set, load_in, stage_firmware
from harness.timeline import Timeline

ROOT = Path(__file__).parents[3]
LOAD, OTHER = "SIP42.9-4-2SR3-1S", "SIP42.9-3-1SR4-1S"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_up(load_manifest(LOAD), tmp_path / "release")
    return tmp_path / "release"


def test_the_load_is_what_its_own_files_say(folder: Path) -> None:
    assert load_in(folder) == LOAD


def test_a_folder_that_is_not_whole_is_refused_with_every_fault(folder: Path) -> None:
    (folder / "jar42sip.9-4-2ES26.sbn").unlink()
    (folder / "term62.default.loads").unlink()
    with pytest.raises(UsageFault, match="is not whole") as told:
        load_in(folder)
    assert "jar42sip.9-4-2ES26.sbn" in str(told.value)
    assert "term62.default.loads" in str(told.value)


def test_two_releases_in_one_folder_are_refused(folder: Path) -> None:
    make_up(load_manifest(OTHER), folder)
    with pytest.raises(UsageFault, match="holds 2 loads"):
        load_in(folder)


def test_only_the_files_of_the_load_are_staged(folder: Path, tmp_path: Path) -> None:
    (folder / "readme.txt").write_text("not for phones")
    lab = load_lab(ROOT / "lab.yaml").with_firmware(folder, LOAD, {})
    assert firmware_set(lab, LOAD) == load_manifest(LOAD)
    stage_firmware(lab, LOAD, tmp_path / "root")
    staged = {path.name: path.stat().st_size for path in (tmp_path / "root").iterdir()}
    assert set(staged) == set(load_manifest(LOAD).names)
    assert staged.items() >= dict(load_manifest(LOAD).components).items()


def test_a_lab_gives_the_release_to_every_phone(folder: Path, tmp_path: Path) -> None:
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8").replace("127.42.", "127.62.")
    text = text.replace("    tone: 1370\n", f"    tone: 1370\n    load: {OTHER}\n")
    (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
    given = load_lab(tmp_path / "lab.yaml")
    assert given.phones["desk-7962"].load == OTHER
    lab = given.with_firmware(folder, LOAD, {"desk-7942": OTHER, "gone": OTHER})
    assert lab.virtual.installed == {"desk-7942": OTHER}
    assert lab.network.host == IPv4Address("127.62.0.1")
    provisioning = Provisioning(lab, tmp_path / "root", Timeline())
    for phone in lab.phones:
        assert provisioning.firmware(phone).load == LOAD
        assert [f.name for f in provisioning.expected_after_reset(phone)][1:3] == [
            "jar42sip.9-4-2ES26.sbn", "cnu42.9-4-2ES26.sbn",
        ]  # fmt: skip
