"""Parts of files that pages show: lab.yaml's fit its schema, a scenario is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from harness.lab.schema import as_schema
from harness.reproduction import load_scenario
from tools.doc_pages import PAGES, ROOT, Block, blocks

SCHEMA = json.loads(as_schema())
#: What is no part of a lab.yaml: recipes and scenarios.
ELSEWHERE = {"docs/how-to/run-nightly-in-ci.md", "docs/how-to/write-a-scenario.md"}


def yaml(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def lab_parts() -> list[Block]:
    """The blocks with whole entries of lab.yaml; what is indented is a part of one."""
    found = (block for page in PAGES for block in blocks(page) if block.language == "yaml")
    return [
        block for block in found if block.page not in ELSEWHERE and not block.text.startswith(" ")
    ]


def merged(into: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    both = dict(into)
    for key, value in part.items():
        known = both.get(key)
        nested = isinstance(known, dict) and isinstance(value, dict)
        both[key] = merged(known, value) if nested else value
    return both


def faults(text: str) -> list[str]:
    shipped = yaml((ROOT / "lab.yaml").read_text(encoding="utf-8"))
    whole = merged(shipped, yaml(text))
    return [each.message for each in Draft202012Validator(SCHEMA).iter_errors(whole)]


@pytest.mark.parametrize("block", lab_parts(), ids=lambda each: f"{each.page}: {each.section}")
def test_a_part_of_lab_yaml_fits_the_schema(block: Block) -> None:
    assert faults(block.text) == []


def test_parts_are_found_and_mistakes_in_them_too() -> None:
    assert len(lab_parts()) >= 12
    assert faults("pbx: {kind: asterisk23}") != []
    assert faults("network: {interfaces: eth1}") != []


def test_the_scenario_of_the_page_is_one(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "write-a-scenario.md"
    (text,) = (block.text for block in blocks(page) if block.text.startswith("title:"))
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert load_scenario(tmp_path / "mine.yaml").title == yaml(text)["title"]
