"""Is a folder a whole set, and which loads lie between two."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import UsageFault
from harness.provisioning import load_manifest, make_up
from harness.provisioning.firmware import (
    Release,
    components_in,
    known_loads,
    plan_upgrade,
    read_manifest,
    verify_folder,
)

LOAD = "SIP42.9-3-1SR4-1S"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_up(load_manifest(LOAD), tmp_path / "set")
    return tmp_path / "set"


def test_a_whole_set_has_no_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_folder(folder) == []
    assert main(["firmware", "verify", str(folder)]) == 0
    assert "every file of the set is there" in capsys.readouterr().out


def _rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / old).rename(folder / new)


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda f: (f / "dsp42.9-3-1ES26.sbn").unlink(), "dsp42.9-3-1ES26.sbn: not there"),
        (_rename("jar42sip.9-3-1ES26.sbn", "Jar42sip.9-3-1ES26.sbn"), "in another case"),
        (_rename("cnu42.9-3-1ES26.sbn", "cnu42.9-3-1SR4-1.sbn"), "is of another build"),
        (lambda f: (f / "term62.default.loads").unlink(), "term62.default.loads: not there"),
        (lambda f: (f / "apps42.9-3-1ES26.sbn").write_bytes(b""), "is empty"),
        (lambda f: (f / "SIP45.9-3-1SR4-1S.loads").write_bytes(b"x"), "of another model (45)"),
        (lambda f: (f / "term45.default.loads").write_bytes(b"x"), "of another model (45)"),
        (lambda f: (f / "jar42sccp.9-3-1ES26.sbn").write_bytes(b"x"), "is an SCCP image"),
        (lambda f: (f / "OS79XX.TXT").write_bytes(b"x"), "is of a 7940 or 7960"),
        (lambda f: (f / "dsp42.9-4-2ES26.sbn").write_bytes(b"x"), "belongs to no load here"),
        (lambda f: (f / f"{LOAD}.loads").unlink(), "no SIP42.*.loads here"),
    ],
)
def test_each_fault_is_named(
    folder: Path, break_it: Callable[[Path], object], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    break_it(folder)
    assert main(["firmware", "verify", str(folder)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert any(says in line and ". Fix: " in line for line in told)
    # Each file is told once, by its gravest fault alone.
    assert len({line.split(":")[0] for line in told}) == len(told)


def test_a_recorded_set_tells_a_changed_image(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = folder.parent / "manifest.toml"
    assert main(["firmware", "verify", str(folder), "--record", str(written)]) == 0
    again = ["firmware", "verify", str(folder), "--manifest", str(written)]
    assert main(again) == 0
    assert "is the recorded one" in capsys.readouterr().out
    image = folder / "cnu42.9-3-1ES26.sbn"
    content = image.read_bytes()
    image.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert main(again) == 1
    told = capsys.readouterr().out
    assert "cnu42.9-3-1ES26.sbn: is not the recorded file (SHA-256)" in told
    assert "Fix: unpack it again." in told
    assert main(["firmware", "verify", str(folder)]) == 0


def test_another_load_beside_it_is_not_for_removal(folder: Path) -> None:
    make_up(load_manifest("SIP42.8-5-2S"), folder)
    assert verify_folder(folder, LOAD) == []


def test_a_record_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = folder / "nowhere" / "manifest.toml"
    assert main(["firmware", "verify", str(folder), "--record", str(written)]) == 2
    assert f"cannot write {written}: No such file" in capsys.readouterr().err


def test_a_recorded_file_that_is_gone(folder: Path) -> None:
    written = folder.parent / "manifest.toml"
    main(["firmware", "verify", str(folder), "--record", str(written)])
    (folder / "term62.default.loads").unlink()
    faults = verify_folder(folder, recorded=read_manifest(written))
    assert [fault.file for fault in faults] == ["term62.default.loads"]


@pytest.mark.parametrize("text", ["", "load = 1", "load", "load = 'x'\nboot_loads = 3\nfile = 1"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageFault, match="manifest"):
        read_manifest(tmp_path / "m.toml")


def test_what_is_recorded_names_every_file(folder: Path) -> None:
    written = folder.parent / "manifest.toml"
    assert main(["firmware", "verify", str(folder), "--record", str(written)]) == 0
    manifest = tomllib.loads(written.read_text(encoding="utf-8"))
    assert manifest["load"] == LOAD
    assert len(manifest["sha256"]) == 8
    assert [each["name"] for each in manifest["file"]] == [
        name for name, _ in load_manifest(LOAD).components
    ]


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9.]{1,24}", fullmatch=True), st.binary()))
def test_no_folder_makes_it_fall_over(files: dict[str, bytes]) -> None:
    assert all(components_in(content) is not None for content in files.values())


@pytest.mark.parametrize(
    "text", ["9.3(1)SR4", "9-3-1SR4-1S", "SIP42.9-3-1SR4-1S", "SIP42.9-3-1SR4-1S.loads"]
)
def test_a_release_in_every_spelling(text: str) -> None:
    assert Release.parse(text) == Release(9, 3, 1, 4)
    assert str(Release.parse(text)) == "9.3(1)SR4"


@given(*[st.integers(0, 40)] * 4)
def test_a_release_survives_being_written(a: int, b: int, c: int, d: int) -> None:
    release = Release(a, b, c, d)
    assert Release.parse(str(release)) == release


@pytest.mark.parametrize("text", ["", "latest", "9", "x.y", "9.3(1)SRx"])
def test_what_is_no_release_is_refused(text: str) -> None:
    with pytest.raises(UsageFault, match="no firmware release"):
        Release.parse(text)


def way(now: str | None, goal: str) -> list[str]:
    start = Release.parse(now) if now else None
    return [str(s.release) for s in plan_upgrade(start, Release.parse(goal), known_loads()).steps]


@pytest.mark.parametrize(
    ("now", "goal", "steps"),
    [
        ("8.3(1)", "9.4(2)SR3", ["8.5(2)", "9.4(2)SR3"]),
        ("8.3(3)", "9.4(2)SR3", ["9.4(2)SR3"]),
        ("8.3(1)", "9.2(1)", ["9.2(1)"]),
        ("SCCP42.8-5-4S", "9.3(1)SR4", ["8.5(2)", "9.3(1)SR4"]),
        (None, "9.3(1)SR4", ["8.5(2)", "9.3(1)SR4"]),
        ("9.3(1)SR4", "9.3(1)SR4", []),
        ("9.4(2)SR3", "9.3(1)SR4", ["9.3(1)SR4"]),
    ],
)
def test_the_way_to_a_load(now: str | None, goal: str, steps: list[str]) -> None:
    assert way(now, goal) == steps


@pytest.mark.parametrize(
    ("now", "goal", "says"),
    [
        ("9.3(1)", "8.4(1)", "older than the floor 8.5(2)"),
        ("9.3(1)", "SIP45.9-4-2S", "another model"),
        ("9.3(1)", "SCCP42.9-4-2S", "SCCP"),
    ],
)
def test_a_way_that_is_refused(now: str, goal: str, says: str) -> None:
    with pytest.raises(UsageFault) as refused:
        way(now, goal)
    assert says in str(refused.value)
