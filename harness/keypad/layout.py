"""Where the keys of a model are: configs/keypads as types, in millimetres on the phone's face."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML

from harness.errors import HarnessBug
from harness.models import ModelName

__all__ = ["Layout", "Point", "key_layout"]

#: x to the right and y up, in millimetres.
Point = tuple[float, float]


class Layout(BaseModel):
    """The face of one model; the origin is its lower left corner.

    ``cap`` is the radius within which a key is surely met, ``references`` are keys far apart to
    calibrate with, ``measured`` tells numbers taken from a phone from estimates.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelName
    measured: bool
    size: Point
    cap: Annotated[float, Field(gt=0, le=20)]
    references: Annotated[tuple[str, ...], Field(min_length=3)]
    keys: dict[str, Point]


@cache
def key_layout(model: ModelName) -> Layout:
    """Return the layout of a model.

    Raises:
        HarnessBug: the shipped file is not usable.
    """
    path = files("configs") / "keypads" / f"{model.value}.yaml"
    try:
        return Layout.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (OSError, ValidationError) as error:
        raise HarnessBug(f"the key coordinates of the {model} cannot be read: {error}") from error
