from __future__ import annotations

import cmath
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running_gantry import LAYOUT

from harness.errors import UsageFault
from harness.keypad import KEYS
from harness.keypad.calibration import fit, read_calibration, shifted, write_calibration
from harness.keypad.layout import Point, key_layout
from harness.models import PHONE_MODELS, ModelName


def posed(face: Point, at: Point, degrees: float, scale: float = 1.0) -> Point:
    place = complex(*at) + scale * complex(*face) * cmath.exp(1j * cmath.pi * degrees / 180)
    return place.real, place.imag


@pytest.mark.parametrize("model", list(ModelName))
def test_layouts_are_whole_and_marked_as_estimates(model: ModelName) -> None:
    layout = key_layout(model)
    lines = PHONE_MODELS[model].lines
    assert set(layout.keys) <= KEYS
    assert [key for key in layout.keys if key.startswith("line")] == [
        f"line{number}" for number in range(1, lines + 1)
    ]
    assert set("0123456789*#") <= set(layout.keys)
    assert not layout.measured
    for key, (x, y) in layout.keys.items():
        assert 0 < x < layout.size[0]
        assert 0 < y < layout.size[1]
        near = [
            other
            for other, place in layout.keys.items()
            if other != key and abs(complex(x, y) - complex(*place)) < 2 * layout.cap
        ]
        assert near == [], f"{key} overlaps"


@given(
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    st.floats(-20, 20),
    st.floats(0.9, 1.1),
    st.lists(st.sampled_from(list(LAYOUT.keys)), max_size=4),
)
def test_three_keys_give_all_others(
    at: Point, degrees: float, scale: float, more: list[str]
) -> None:
    keys = {*LAYOUT.references, *more}
    points = {key: posed(LAYOUT.keys[key], at, degrees, scale) for key in keys}
    made = fit(LAYOUT, points)
    for face in LAYOUT.keys.values():
        assert made.machine(face) == pytest.approx(posed(face, at, degrees, scale), abs=1e-6)


def test_without_a_calibration_the_phone_lies_straight() -> None:
    assert shifted((-285.0, -225.0)).machine((117.0, 60.0)) == (-168.0, -165.0)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ({"1": (0, 0), "2": (21, 0)}, "2 key\\(s\\) do not say"),
        ({"1": (0, 0), "2": (21, 0), "3": (42, 0)}, "lie in one line"),
        ({"1": (0, 0), "5": (21, -14), "9": (42, -28)}, "lie in one line"),
        ({"1": (0, 0), "line9": (21, 0), "3": (42, 0)}, "no key 'line9'"),
        ({"1": (0, 0), "3": (84, 0), "#": (84, -84)}, "fit no phone"),
        ({"1": (0, 0), "3": (-42, 0), "#": (-42, -42)}, "fit no phone"),
        ({"1": (0, 0), "3": (42, 0), "#": (42, -42), "*": (9, -42)}, "fit no phone"),
    ],
)
def test_points_that_say_nothing(points: dict[str, Point], says: str) -> None:
    with pytest.raises(UsageFault, match=says) as caught:
        fit(LAYOUT, points, "keypad-1")
    assert caught.value.device == "keypad-1"
    assert caught.value.expected


def test_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "keypad-1.calibration.yaml"
    points = {key: posed(LAYOUT.keys[key], (-270, -210), 3) for key in LAYOUT.references}
    made = write_calibration(path, "keypad-1", LAYOUT, points)
    assert made == read_calibration(path, "keypad-1", LAYOUT)
    assert made.machine(LAYOUT.keys["5"]) == pytest.approx(
        posed(LAYOUT.keys["5"], (-270, -210), 3), abs=0.01
    )


def test_another_phones_calibration(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    points = {key: posed(LAYOUT.keys[key], (-270, -210), 0) for key in LAYOUT.references}
    write_calibration(path, "keypad-1", LAYOUT, points)
    with pytest.raises(UsageFault, match="is of keypad-1 over a 7942G"):
        read_calibration(path, "keypad-2", LAYOUT)
    with pytest.raises(UsageFault, match="is of keypad-1 over a 7942G"):
        read_calibration(path, "keypad-1", key_layout(ModelName.CP7962G))


@pytest.mark.parametrize("text", ["", "[", "keypad: x", "points: {1: [a, b]}", "\x00"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UsageFault, match="cannot be read") as caught:
        read_calibration(path, "keypad-1", LAYOUT)
    assert "harness keypad calibrate keypad-1" in caught.value.hint
