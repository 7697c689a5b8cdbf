"""``harness keypad`` up to the point where it needs a phone: the rest is an integration test."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import UsageFault
from harness.keypad.calibration import read_calibration
from harness.keypad.layout import key_layout
from harness.models import ModelName

LAB = """
name: gantry
network: {host: 127.56.1.1}
virtual: {seeded: {keypads: {keypad-1: {offset: [6.0, -4.0]}}}}
power: {pdu-1: {address: virtual, outlets: 2}}
keypads:
  keypad-1: {driver: grbl, port: virtual}
  keypad-2: {port: virtual}
peers: {}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.56.1.42
    outlet: pdu-1/1
    keypad: keypad-1
    lines: [{user: "201"}]
"""


@pytest.fixture
def lab(tmp_path: Path) -> str:
    path = tmp_path / "lab.yaml"
    path.write_text(LAB, encoding="utf-8")
    return str(path)


def calibrate(lab: str, *more: str) -> int:
    return main(["keypad", "calibrate", "--lab", lab, *more])


def test_points_are_written_beside_the_lab(lab: str, capsys: pytest.CaptureFixture[str]) -> None:
    points = ["line1=-51,-43", "1=-162,-169", "speaker=-74,-211"]
    assert calibrate(lab, "keypad-1", "--points", *points) == 0
    written = Path(lab).with_name("keypad-1.calibration.yaml")
    assert f"written and read back: {written}" in capsys.readouterr().out
    assert "- -51.0" in written.read_text() or "[-51.0, -43.0]" in written.read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("keypad-9",), "no keypad named keypad-9"),
        (("keypad-2",), "a matrix controller needs no calibration"),
        (("keypad-1", "--points", "1=-162"), "'1=-162' is no point"),
        (("keypad-1", "--points", "1=1,2", "1=1,2"), "is no point"),
        (("keypad-1", "--points", "1=-162,-169"), "1 key(s) do not say"),
        (("keypad-1", "--points", "1=0,0", "3=0,0", "#=0,0"), "fit no phone"),
    ],
)
def test_mistakes(
    lab: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert calibrate(lab, *arguments) == 2
    assert says in capsys.readouterr().err
    assert not Path(lab).with_name("keypad-1.calibration.yaml").exists()


def test_by_hand_with_steps(
    lab: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The phone lies 6 mm to the right and 4 mm down: found again in steps of 2 mm."""
    one_key = "2\nd\nd\nd\ns\ns\nt\nwhat\nd\na\n1000\nd\n2\n\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(one_key * 3))
    assert calibrate(lab, "keypad-1") == 0
    told = capsys.readouterr().out
    assert "line1: -57.00, -39.00  step 1 > " in told
    assert "out of reach" in told
    assert "x = 1.0000 x +0.0000 y -279.000" in told
    assert "y = 0.0000 x +1.0000 y -229.000" in told


@pytest.mark.parametrize("typed", ["", "d\nq\n", "\n\n"])
def test_given_up(lab: str, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert calibrate(lab, "keypad-1") == 2
    assert not Path(lab).with_name("keypad-1.calibration.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("desk-9",), "no phone named desk-9"),
        (("desk",), "nobody can call the phone"),
    ],
)
def test_nothing_to_test_with(
    lab: str, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert main(["keypad", "test", "--lab", lab, *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_key_the_model_has_not(lab: str, capsys: pytest.CaptureFixture[str]) -> None:
    peer = 'peers: {alice: {extension: "211", tone: 440}}'
    Path(lab).write_text(LAB.replace("peers: {}", peer), encoding="utf-8")
    assert main(["keypad", "test", "--lab", lab, "desk", "--keys", "line3"]) == 2
    assert "a 7942G has no key line3" in capsys.readouterr().err


SECOND = """
  other:
    model: 7962G
    mac: 00:24:C4:AB:CD:F0
    address: 127.56.1.62
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1370
    lines: [{user: "202"}]
"""


@pytest.fixture
def lab_of_two(lab: str) -> str:
    positions = "positions: {desk: {corner: [-560, -225]}, other: {corner: [-285, -225]}}"
    text = LAB.replace("grbl, port: virtual", f"grbl, port: virtual, {positions}")
    Path(lab).write_text(text.rstrip() + SECOND, encoding="utf-8")
    return lab


def test_each_phone_under_a_gantry_is_calibrated_by_itself(
    lab_of_two: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lies 6 mm to the right and 4 mm down of where lab.yaml says; both lines are moved to."""
    for phone, corner in (("desk", "-554.000"), ("other", "-279.000")):
        monkeypatch.setattr("sys.stdin", io.StringIO("2\nd\nd\nd\ns\ns\n\n" * 3))
        assert calibrate(lab_of_two, "keypad-1", "--phone", phone) == 0
        assert f"x = 1.0000 x +0.0000 y {corner}" in capsys.readouterr().out
        path = Path(lab_of_two).with_name(f"keypad-1.{phone}.calibration.yaml")
        assert f"phone: {phone}" in path.read_text()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "several phones lie under it"),
        (("--phone", "desk-9"), "no phone named desk-9 lies under it"),
    ],
)
def test_which_phone_has_to_be_said_where_there_are_two(
    lab_of_two: str, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], says: str
) -> None:
    assert calibrate(lab_of_two, "keypad-1", *more) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "add --phone and one of: desk, other" in told


def test_a_calibration_of_the_other_phone_is_refused(lab_of_two: str) -> None:
    points = ["line1=-326,-39", "1=-437,-165", "speaker=-349,-207"]
    assert calibrate(lab_of_two, "keypad-1", "--phone", "desk", "--points", *points) == 0
    path = Path(lab_of_two).with_name("keypad-1.desk.calibration.yaml")
    path.write_text(path.read_text().replace("phone: desk", "phone: other"))
    layout = key_layout(ModelName.CP7942G)
    with pytest.raises(UsageFault, match="is of keypad-1 over other, a 7942G") as fault:
        read_calibration(path, "keypad-1", layout, "desk")
    assert fault.value.hint == "make it again: harness keypad calibrate keypad-1 --phone desk"
