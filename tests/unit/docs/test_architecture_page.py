"""ARCHITECTURE.md names every room, and the layers as lint-imports checks them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_room_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`[a-z`/ ]+`) \|", PAGE, re.MULTILINE)
    told = {room for row in rows for room in re.findall(r"[a-z]+", row)}
    rooms = {path.stem for path in (ROOT / "harness").iterdir() if not path.name.startswith("_")}
    assert told - {"firmware"} == rooms - {"py"}


def test_the_layers_are_those_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    assert "\n".join(layers).replace("harness.", "") in PAGE
