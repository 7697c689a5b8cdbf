"""From a point on the phone's face to where the stylus has to go: an affine map from three keys.

A phone lies shifted, turned a little, and the estimated drawing may be a few per cent off: six
numbers describe all of that, and three keys that are not in one line give them. More keys than
three are fitted, and what is left over tells whether they were pointed at well.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harness.errors import UsageFault
from harness.keypad.layout import Layout, Point
from harness.models import ModelName

__all__ = ["Calibration", "fit", "read_calibration", "shifted", "write_calibration"]

#: A phone is neither stretched nor skewed: a fit that says so has a wrong point in it.
_LARGEST_STRETCH = 0.15
#: Millimetres the keys must span across their longest line, or a small slip would tilt the phone.
_NARROWEST = 15.0
#: Millimetres by which a key may lie beside the fit of more than three.
_LARGEST_RESIDUAL = 1.5


@dataclass(frozen=True, slots=True)
class Calibration:
    """``machine = matrix @ face + offset``; ``points`` are the keys it was made from."""

    matrix: tuple[Point, Point]
    offset: Point
    points: tuple[tuple[str, Point], ...] = ()

    def machine(self, face: Point) -> Point:
        """Return machine coordinates of a point on the face."""
        (a, b), (c, d) = self.matrix
        x, y = face
        return a * x + b * y + self.offset[0], c * x + d * y + self.offset[1]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keypad: str
    phone: str = ""
    model: ModelName
    points: dict[str, Point]


def shifted(corner: Point) -> Calibration:
    """Return the map of a phone that lies straight, with its lower left corner at ``corner``."""
    return Calibration(((1.0, 0.0), (0.0, 1.0)), corner)


def fit(layout: Layout, points: Mapping[str, Point], device: str = "") -> Calibration:
    """Find the map that brings keys of the layout to the machine coordinates given for them.

    Args:
        layout: where the keys are on the face.
        points: machine coordinates of three or more keys.
        device: the keypad's name in lab.yaml, for faults.

    Raises:
        UsageFault: too few keys, an unknown one, all in one line, or points that fit no phone.
    """
    for key in points:
        if key not in layout.keys:
            raise UsageFault(
                f"there is no key {key!r} on a {layout.model} within reach of a stylus",
                device=device,
                expected="one of " + " ".join(layout.keys),
            )
    if len(points) < 3:
        raise UsageFault(
            f"{len(points)} key(s) do not say how the phone lies",
            device=device,
            expected="the machine coordinates of three keys",
            hint=f"take {', '.join(layout.references)}",
        )
    face = np.array([(*layout.keys[key], 1.0) for key in points])
    seen = np.array(list(points.values()), dtype=float)
    spread = np.linalg.svd(face[:, :2] - face[:, :2].mean(axis=0), compute_uv=False)
    if spread.min() < _NARROWEST:
        raise UsageFault(
            f"{', '.join(points)} lie in one line",
            device=device,
            expected="three keys that span the phone's face",
            hint=f"take {', '.join(layout.references)}",
        )
    solved = np.linalg.lstsq(face, seen, rcond=None)[0]
    worst = float(np.abs(face @ solved - seen).max())
    matrix = solved[:2].T
    stretch = np.linalg.svd(matrix, compute_uv=False)
    if (
        worst > _LARGEST_RESIDUAL
        or np.abs(stretch - 1).max() > _LARGEST_STRETCH
        or np.linalg.det(matrix) < 0
    ):
        raise UsageFault(
            "these points fit no phone: one of them is at another key",
            device=device,
            state=f"stretched to {stretch.min():.0%} and {stretch.max():.0%}, "
            f"{worst:.1f} mm beside the fit" + (", mirrored" if np.linalg.det(matrix) < 0 else ""),
            expected=f"less than {_LARGEST_STRETCH:.0%} stretch and {_LARGEST_RESIDUAL:g} mm",
            hint="point at each key again, at the middle of its cap",
        )
    return Calibration(
        ((float(matrix[0, 0]), float(matrix[0, 1])), (float(matrix[1, 0]), float(matrix[1, 1]))),
        (float(solved[2, 0]), float(solved[2, 1])),
        tuple((key, (float(x), float(y))) for key, (x, y) in points.items()),
    )


def write_calibration(
    path: Path, keypad: str, layout: Layout, points: Mapping[str, Point], phone: str = ""
) -> Calibration:
    """Check the points, write them to ``path`` and return what reading them back gives.

    ``phone`` says which one it is under a gantry that serves several.

    Raises:
        UsageFault: the points are not usable, or the file cannot be written.
    """
    fit(layout, points, keypad)
    tree = {
        "keypad": keypad,
        **({"phone": phone} if phone else {}),
        "model": layout.model.value,
        "points": {key: [round(x, 3), round(y, 3)] for key, (x, y) in points.items()},
    }
    text = io.StringIO()
    text.write("# Machine coordinates in mm of keys, written by: harness keypad calibrate\n")
    YAML(typ="safe", pure=True).dump(tree, text)
    try:
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise UsageFault(f"cannot write {path}: {error}", device=keypad) from error
    return read_calibration(path, keypad, layout, phone)


def read_calibration(path: Path, keypad: str, layout: Layout, phone: str = "") -> Calibration:
    """Read what `write_calibration` wrote.

    Raises:
        UsageFault: it cannot be read, is another keypad's, phone's or model's, or does not fit.
    """
    of_phone = f" --phone {phone}" if phone else ""
    hint = f"make it again: harness keypad calibrate {keypad}{of_phone}"
    try:
        written = _File.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, YAMLError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise UsageFault(
            f"the calibration {path} cannot be read: {first}", device=keypad, hint=hint
        ) from error
    if (written.keypad, written.phone, written.model) != (keypad, phone, layout.model):
        over = f"{written.phone}, " if written.phone else ""
        wanted = f"{phone}, " if phone else ""
        raise UsageFault(
            f"the calibration {path} is of {written.keypad} over {over}a {written.model}",
            device=keypad,
            expected=f"{keypad} over {wanted}a {layout.model}",
            hint=hint,
        )
    return fit(layout, written.points, keypad)
