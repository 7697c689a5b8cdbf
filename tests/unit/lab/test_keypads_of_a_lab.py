from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import GrblSpec, Lab, MatrixSpec, ServoStylus, ZStylus, load_lab

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
