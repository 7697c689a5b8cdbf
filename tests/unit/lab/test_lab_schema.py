"""The JSON Schema and the reference of lab.yaml: current, and of one mind with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from harness.errors import UsageFault
from harness.lab import load_lab
from harness.lab.schema import as_reference, as_schema, lab_schema

ROOT = Path(__file__).parents[3]
SHIPPED = ("lab.yaml", "lab.namespace.yaml", "lab.example-hardware.yaml")


def faults(tree: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(lab_schema()).iter_errors(tree)]


def read(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


def test_what_is_shipped_is_current() -> None:
    again = "write it again: harness schema [--markdown] > docs/reference/…"
    reference = ROOT / "docs" / "reference"
    assert (reference / "lab.schema.json").read_text(encoding="utf-8") == as_schema(), again
    assert (reference / "lab-yaml.md").read_text(encoding="utf-8") == as_reference(), again


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(lab_schema())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_lab_fits_the_schema_and_names_it(name: str) -> None:
    first = (ROOT / name).read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=docs/reference/lab.schema.json"
    assert faults(read(name)) == []


def test_no_key_is_without_a_meaning() -> None:
    schema = lab_schema()
    models = {"Lab": schema} | schema["$defs"]
    silent = [
        f"{model}.{key}"
        for model, described in models.items()
        for key, entry in described.get("properties", {}).items()
        if not entry.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("section", "device", "change"),
    [
        ("power", "pdu-1", {"drivr": "scpi"}),
        ("power", "pdu-1", {"driver": "snpm"}),
        ("power", "pdu-1", {"outlets": 65}),
        ("keypads", "keypad-1", {"driver": "grbl", "homing_s": 0}),
        ("phones", "desk-7942", {"outlet": "pdu-1"}),
        ("phones", "desk-7942", {"mac": "00:24"}),
        ("phones", "desk-7942", {"model": "7941G"}),
        ("phones", "desk-7942", {"lines": []}),
    ],
)
def test_the_loader_and_the_schema_refuse_the_same(
    tmp_path: Path, section: str, device: str, change: dict[str, Any]
) -> None:
    tree = read("lab.yaml")
    tree[section][device] |= change
    assert faults(tree)
    path = tmp_path / "lab.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(tree, file)
    with pytest.raises(UsageFault):
        load_lab(path)


def test_a_driver_of_a_file_of_its_own_fits() -> None:
    tree = read("lab.yaml")
    tree["power"]["pdu-1"] = {"driver": "tasmota", "address": "192.0.2.9", "outlets": 4}
    assert faults(tree) == []


def test_nothing_of_this_machine_is_in_it() -> None:
    assert str(Path.home()) not in as_schema() + as_reference()
