from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.keypad.layout import key_layout
from harness.lab import GrblSpec, Lab, MatrixSpec, ServoStylus, ZStylus, load_lab
from harness.lab.keypad_rules import _FACE
from harness.models import ModelName

SHIPPED = (Path(__file__).parents[3] / "lab.yaml").read_text(encoding="utf-8")
FIRST = "keypad-1: {driver: matrix, port: virtual}"


def lab_with(tmp_path: Path, keypad: str) -> Lab:
    assert FIRST in SHIPPED
    path = tmp_path / "lab.yaml"
    text = SHIPPED.replace("kind: virtual", "kind: hardware")
    path.write_text(text.replace(FIRST, f"keypad-1: {keypad}"), encoding="utf-8")
    return load_lab(path)


def test_matrix_is_what_a_keypad_is_by_default(tmp_path: Path) -> None:
    spec = lab_with(tmp_path, "{port: virtual}").keypads["keypad-1"]
    assert isinstance(spec, MatrixSpec)
    assert spec.virtual


def test_a_gantry(tmp_path: Path) -> None:
    spec = lab_with(tmp_path, "{driver: grbl, port: /dev/ttyUSB0}").keypads["keypad-1"]
    assert isinstance(spec, GrblSpec)
    assert not spec.virtual
    assert isinstance(spec.stylus, ZStylus)
    text = "{driver: grbl, stylus: {kind: servo}, corner: [1, 2]}"
    servo = lab_with(tmp_path, text).keypads["keypad-1"]
    assert isinstance(servo, GrblSpec)
    assert isinstance(servo.stylus, ServoStylus)
    assert servo.corner == (1.0, 2.0)


@pytest.mark.parametrize(
    ("keypad", "says"),
    [
        ("{driver: grble}", "expected one of 'matrix', 'grbl' (found 'grble')"),
        ("{driver: matrix, stylus: {}}", "stylus: no such key here"),
        ("{driver: grbl, corner: [1]}", "corner"),
        ("{driver: grbl, stylus: {up: -9, down: -2}}", "down (-2.0) must be below up (-9.0)"),
        ("{driver: grbl, stylus: {kind: servo, up: 5, down: 5}}", "would never move"),
        ("{driver: grbl, stylus: {kind: laser}}", "found 'laser'"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, keypad: str, says: str) -> None:
    with pytest.raises(UsageFault) as caught:
        lab_with(tmp_path, keypad)
    told = str(caught.value).splitlines()
    assert says in told[1]
    assert "lab.yaml:" in told[1]


def test_a_mistake_inside_a_gantry_points_at_its_own_key(tmp_path: Path) -> None:
    with pytest.raises(UsageFault) as caught:
        lab_with(tmp_path, "\n    driver: grbl\n    port: virtual\n    colour: red")
    line = SHIPPED.splitlines().index(next(x for x in SHIPPED.splitlines() if FIRST in x)) + 4
    assert f"lab.yaml:{line}:5: " in str(caught.value)


POSITIONS = "{desk-7942: {corner: [-560, -225]}, desk-7962: {corner: [-285, -225]}}"


def lab_over_two(tmp_path: Path, gantry: str, **changes: str) -> Lab:
    """Both phones of the shipped lab under keypad-1."""
    text = SHIPPED.replace(FIRST, f"keypad-1: {gantry}")
    text = text.replace("keypad: keypad-2", "keypad: keypad-1")
    for old, new in changes.items():
        text = text.replace(old, new)
    (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
    return load_lab(tmp_path / "lab.yaml")


def test_a_gantry_over_two_phones_has_a_position_for_each(tmp_path: Path) -> None:
    positions = POSITIONS.replace("-225]}}", "-225], sensor: virtual}}")
    gantry = lab_over_two(tmp_path, f"{{driver: grbl, positions: {positions}}}").keypads["keypad-1"]
    assert isinstance(gantry, GrblSpec)
    assert gantry.position("desk-7942").corner == (-560.0, -225.0)
    assert (gantry.position("desk-7942").sensor, gantry.position("desk-7962").sensor) == (
        "",
        "virtual",
    )
    assert gantry.serial_ports == {"port": "virtual", "positions.desk-7962.sensor": "virtual"}


def test_a_gantry_over_one_phone_needs_none(tmp_path: Path) -> None:
    gantry = lab_with(tmp_path, "{driver: grbl, corner: [1, 2], sensor: /dev/x}").keypads[
        "keypad-1"
    ]
    assert isinstance(gantry, GrblSpec)
    assert gantry.position("desk-7942").corner == (1.0, 2.0)
    assert gantry.position("desk-7942").sensor == "/dev/x"


@pytest.mark.parametrize(
    ("keypad", "key", "says"),
    [
        ("{driver: matrix}", "phones.desk-7962.keypad", "a matrix controller has the keys of one"),
        ("{driver: grbl}", "phones.desk-7962.keypad", "keypads.keypad-1.positions"),
        (
            "{driver: grbl, positions: {desk-7942: {corner: [-560, -225]}}}",
            "keypads.keypad-1.positions",
            "add desk-7962: {corner: [X, Y]}",
        ),
        (
            f"{{driver: grbl, positions: {POSITIONS[:-1]}, desk-9: {{corner: [0, 0]}}}}}}",
            "keypads.keypad-1.positions.desk-9",
            "no phone of this name has keypad: keypad-1",
        ),
        (
            f"{{driver: grbl, positions: {POSITIONS.replace('-560', '-290')}}}",
            "keypads.keypad-1.positions.desk-7962.corner",
            "desk-7962 would lie on desk-7942: a face is 267 mm wide and 203 mm high",
        ),
        (
            f"{{driver: grbl, corner: [1, 2], positions: {POSITIONS}}}",
            "keypads.keypad-1",
            "corner and",
        ),
        ("{driver: grbl, positions: {desk-7942: {}}}", "positions.desk-7942.corner", "is required"),
    ],
)
def test_sharing_mistakes_are_told_with_their_place(
    tmp_path: Path, keypad: str, key: str, says: str
) -> None:
    with pytest.raises(UsageFault) as caught:
        lab_over_two(tmp_path, keypad)
    told = str(caught.value).splitlines()
    assert len(told) == 2
    assert "lab.yaml:" in told[1]
    assert key in told[1]
    assert says in told[1]


def test_a_line_is_one_keypads(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to("/dev/ttyACM0")
    hardware = {"kind: virtual": "kind: hardware", "keypad-2: {driver: matrix, port: virtual}":
                f"keypad-2: {{port: {tmp_path}/by-id}}"}  # fmt: skip
    with pytest.raises(UsageFault) as caught:
        lab_over_two(
            tmp_path, f"{{driver: grbl, port: /dev/ttyACM0, positions: {POSITIONS}}}", **hardware
        )
    assert "keypads.keypad-2.port" in str(caught.value)
    assert "is already used by keypads.keypad-1.port" in str(caught.value)


def test_faces_are_as_large_as_their_drawings_say() -> None:
    assert {key_layout(model).size for model in ModelName} == {_FACE}
