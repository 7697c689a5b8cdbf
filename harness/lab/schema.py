"""lab.yaml described for programs and people: its JSON Schema, and a page with every key.

Both are made from the models that read the file, so they cannot say anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.lab.inventory import Lab

__all__ = ["as_reference", "as_schema", "lab_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def lab_schema() -> dict[str, Any]:
    """Return the JSON Schema of lab.yaml, without what depends on this machine."""
    schema = Lab.model_json_schema()
    # By default our own interpreter: a path of this machine.
    schema["$defs"]["LabgridPowerSpec"]["properties"]["python"].pop("default", None)
    return {"$schema": _DIALECT, **schema, "title": "lab.yaml"}


def as_schema() -> str:
    """Return the schema as text."""
    return json.dumps(lab_schema(), indent=2) + "\n"


_HEAD = """\
# lab.yaml

Every key, made from the models that read the file by `harness schema --markdown`. As JSON Schema:
[lab.schema.json](lab.schema.json); editors that know YAML's language server use it by the first
line of the shipped lab files. What single values cannot show (names that point nowhere, an outlet
or an address used twice) the loader checks as well, and says all faults at once with line and
column. PDUs have a page of their own: [power.md](power.md).
"""


def as_reference() -> str:
    """Return the page, in Markdown."""
    schema = lab_schema()
    parts = [_HEAD, _section("Top level", schema)]
    seen: set[str] = set()
    todo = list(_references(schema["properties"]))
    while todo:
        name = todo.pop(0)
        if name in seen:
            continue
        seen.add(name)
        model = schema["$defs"][name]
        if model.get("properties"):
            parts.append(_section(name.removesuffix("Spec"), model))
        todo += _references(model)
    return "\n".join(parts)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield _referred(node)
        for key, value in node.items():
            if key != "$defs":
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _referred(node: dict[str, Any]) -> str:
    return str(node["$ref"]).rpartition("/")[2]


def _section(title: str, model: dict[str, Any]) -> str:
    required = model.get("required", ())
    lines = [f"## {title}", ""]
    if described := model.get("description", ""):
        lines += [described.replace("``", "`"), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, entry in model["properties"].items():
        default = "required" if key in required else _default(entry)
        meaning = entry.get("description", "").replace("``", "`")
        cells = [f"`{key}`", _type(entry), default, " ".join(meaning.split())]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if extra := model.get("additionalProperties"):
        lines.append(f"| any other name | {_type(extra)} | | an environment variable's name |")
    return "\n".join(lines) + "\n"


def _default(entry: dict[str, Any]) -> str:
    value = entry.get("default")
    if value is None or value in ("", {}, []) or isinstance(value, dict):
        return ""
    return f"`{json.dumps(value)}`"


def _type(entry: dict[str, Any]) -> str:
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in entry:
            kinds = [_type(one) for one in entry[joined] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "$ref" in entry:
        name = _referred(entry)
        plain = {"ModelName": "`7942G` or `7962G`", "OutletRef": "text, like `pdu-1/3`"}
        named = name.removesuffix("Spec")
        return plain.get(
            name, "any value" if name == "JsonValue" else f"[{named}](#{named.lower()})"
        )
    if "const" in entry:
        return f"`{entry['const']}`"
    if "enum" in entry:
        return " or ".join(f"`{value}`" for value in entry["enum"])
    return _plain(entry)


def _plain(entry: dict[str, Any]) -> str:
    kind = entry.get("type", "any value")
    if kind == "array":
        items = entry.get("items") or entry.get("prefixItems", [{}])[0]
        return f"list of {_type(items)}"
    if kind == "object":
        named = entry.get("patternProperties", {})
        values = next(iter(named.values()), entry.get("additionalProperties"))
        return f"mapping of names to {_type(values) if isinstance(values, dict) else 'values'}"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true/false",
    }
    text: str = {"ipv4": "IPv4 address", "path": "path", "password": "text, secret"}.get(
        entry.get("format", ""), words.get(kind, kind)
    )
    low = entry.get("minimum", entry.get("exclusiveMinimum"))
    high = entry.get("maximum", entry.get("exclusiveMaximum"))
    if low is None and high is None:
        return text
    above = "above " if "exclusiveMinimum" in entry else ""
    return f"{text}, {above}{low} to {high}"
