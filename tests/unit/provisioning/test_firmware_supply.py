"""Real files for phones of hardware, made-up ones for twins, and never the other way round."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.health import State, storage
from harness.health.registry import Situation
from harness.lab import Lab, load_lab
from harness.provisioning.firmware import firmware_set, stage_firmware

ROOT = Path(__file__).parents[3]
LOAD = "SIP42.9-3-1SR4-1S"
PARTS = ("jar42sip.9-3-1ES26.sbn", "cnu42.9-3-1ES26.sbn")


def lab_in(folder: Path, firmware: str, *, hardware: bool) -> Lab:
    text = (ROOT / "lab.yaml").read_text(encoding="utf-8")
    text = text.replace(f"  load: {LOAD}", f"  load: {LOAD}\n  firmware: '{firmware}'")
    if hardware:
        text = text.replace("kind: virtual", "kind: hardware", 1)
    path = folder / "lab.yaml"
    path.write_text(text, encoding="utf-8")
    return load_lab(path)


@pytest.fixture
def cisco(tmp_path: Path) -> Path:
    folder = tmp_path / "cisco"
    folder.mkdir()
    for name in (f"{LOAD}.loads", "term42.default.loads", "term62.default.loads"):
        (folder / name).write_bytes(b"\x01\x00signed\x00" + b"\x00".join(p.encode() for p in PARTS))
    for name in PARTS:
        (folder / name).write_bytes(name.encode() * 10)
    return folder


def test_twins_get_made_up_images(tmp_path: Path) -> None:
    lab = lab_in(tmp_path, "", hardware=False)
    stage_firmware(lab, LOAD, tmp_path / "root")
    assert (tmp_path / "root" / f"{LOAD}.loads").read_bytes().startswith(b"PHONE-BENCH MADE-UP")


def test_a_phone_of_hardware_gets_the_files_of_the_folder(tmp_path: Path, cisco: Path) -> None:
    lab = lab_in(tmp_path, "cisco", hardware=True)
    stage_firmware(lab, LOAD, tmp_path / "root")
    staged = {each.name: each.read_bytes() for each in (tmp_path / "root").iterdir()}
    assert staged == {each.name: each.read_bytes() for each in cisco.iterdir()}
    assert firmware_set(lab, LOAD).components == tuple(
        (name, (cisco / name).stat().st_size) for name in PARTS
    )


def test_a_phone_of_hardware_is_never_served_a_made_up_image(tmp_path: Path) -> None:
    lab = lab_in(tmp_path, "", hardware=True)
    with pytest.raises(UsageFault, match=r"no real files of .* for desk-7942"):
        stage_firmware(lab, LOAD, tmp_path / "root")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("gone", [f"{LOAD}.loads", "term42.default.loads", PARTS[1]])
def test_a_set_that_is_not_whole_is_not_served(tmp_path: Path, cisco: Path, gone: str) -> None:
    (cisco / gone).unlink()
    with pytest.raises(UsageFault, match=gone):
        firmware_set(lab_in(tmp_path, "cisco", hardware=True), LOAD)


def test_doctor_looks_at_it(tmp_path: Path, cisco: Path) -> None:
    lab = lab_in(tmp_path, "cisco", hardware=True)
    (finding,) = storage.firmware(Situation(lab, tmp_path))
    assert (finding.state, finding.found) == (State.OK, "5 files")
    (cisco / PARTS[0]).unlink()
    (finding,) = storage.firmware(Situation(lab, tmp_path))
    assert (finding.state, PARTS[0] in finding.found) == (State.FAULT, True)
