"""Read lab.yaml and report every fault in it at once, each as file:line:column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from harness.errors import UsageFault
from harness.lab.inventory import Lab
from harness.lab.network_rules import network_faults
from harness.lab.passwords import with_passwords
from harness.lab.power_spec import POWER_TAGS

__all__ = ["load_lab"]

_Key = str | int


def load_lab(path: Path) -> Lab:
    """Read and check ``path``.

    Raises:
        UsageFault: the file is missing, is not YAML, or says something it may not; the text
            lists all faults as ``file:line:column: key: what is wrong``. Or the key of the
            passwords lab.yaml leaves out cannot be kept.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(
            f"cannot read the lab file {path}: {error}",
            hint="give another one with --lab FILE, or copy lab.yaml from the project",
        ) from error
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageFault(f"{where}: not YAML: {error.problem}") from error
    except YAMLError as error:
        # A control character: the reader stops before there is any mark to point at.
        raise UsageFault(f"{path}:1:1: not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(tree, CommentedMap):
        raise UsageFault(f"{path}:1:1: a lab file is a mapping of keys (power, phones, ...)")

    faults: list[tuple[int, int, str]] = []
    try:
        lab = Lab.model_validate(_plain(tree), context={"folder": path.parent})
    except ValidationError as error:
        for item in error.errors():
            loc = _as_written(item["loc"])
            line, column = _position(tree, loc)
            key = ".".join(str(part) for part in loc)
            faults.append((line, column, f"{key}: {_say(item)}"))
    else:
        for loc, message in (*_references(lab), *network_faults(lab)):
            line, column = _position(tree, loc)
            faults.append((line, column, f"{'.'.join(map(str, loc))}: {message}"))
        if not faults:
            lab = with_passwords(lab)
            lab._path = path
            return lab
    lines = [f"{path}:{line}:{column}: {text}" for line, column, text in sorted(faults)]
    raise UsageFault("\n".join([f"{len(lines)} fault(s) in {path}", *lines]))


def _say(item: Any) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    kind = item["type"]
    if kind == "extra_forbidden":
        return "no such key here"
    if kind == "missing":
        return "this key is required and missing"
    if kind == "union_tag_invalid":
        return f"expected one of {item['ctx']['expected_tags']} (found {item['ctx']['tag']!r})"
    given = item.get("input")
    secret = {"password", "credentials"} & set(item["loc"])
    if isinstance(given, (str, int, float)) and not secret and "password" not in message:
        return f"{message} (found {given!r})"
    return message


def _references(lab: Lab) -> Iterator[tuple[tuple[_Key, ...], str]]:
    """Yield what single values cannot show: names that point nowhere, things used twice."""
    outlets: dict[str, str] = {}
    keypads: dict[str, str] = {}
    seen: dict[str, str] = {}
    for name, phone in lab.phones.items():
        here: tuple[_Key, ...] = ("phones", name)
        if phone.outlet.pdu not in lab.power:
            known = ", ".join(lab.power)
            yield (*here, "outlet"), f"no PDU named {phone.outlet.pdu!r}; power has: {known}"
        elif phone.outlet.outlet not in lab.power[phone.outlet.pdu].outlet_names:
            pdu = lab.power[phone.outlet.pdu]
            known = f"1 to {pdu.outlets}" if not pdu.lists_outlets else ", ".join(pdu.outlet_names)
            yield (*here, "outlet"), f"{phone.outlet.pdu} has outlets {known}"
        if phone.keypad not in lab.keypads:
            known = ", ".join(lab.keypads)
            yield (*here, "keypad"), f"no keypad named {phone.keypad!r}; there are: {known}"
        for registry, key, value in (
            (outlets, "outlet", str(phone.outlet)),
            (keypads, "keypad", phone.keypad),
            (seen, "mac", phone.mac),
            (seen, "address", str(phone.address)),
        ):
            if value in registry:
                yield (*here, key), f"{value} is already used by {registry[value]}"
            registry.setdefault(value, name)
    extensions: dict[str, str] = {lab.pbx.conference: "pbx.conference"}
    for name, phone in lab.phones.items():
        for index, line in enumerate(phone.lines):
            if line.user in extensions:
                loc = ("phones", name, "lines", index, "user")
                yield loc, f"extension {line.user} is already used by {extensions[line.user]}"
            extensions.setdefault(line.user, f"phones.{name}")
    tones: dict[int, str] = {}
    for name, phone in lab.phones.items():
        if phone.tone in tones:
            yield ("phones", name, "tone"), f"{phone.tone} Hz is already {tones[phone.tone]}'s tone"
        tones.setdefault(phone.tone, name)
    for name, peer in lab.peers.items():
        if peer.extension in extensions:
            taken = extensions[peer.extension]
            yield ("peers", name, "extension"), f"{peer.extension} is already used by {taken}"
        extensions.setdefault(peer.extension, f"peers.{name}")
        if peer.tone in tones:
            yield ("peers", name, "tone"), f"{peer.tone} Hz is already {tones[peer.tone]}'s tone"
        tones.setdefault(peer.tone, name)


def _as_written(loc: tuple[_Key, ...]) -> tuple[_Key, ...]:
    """Drop from a place what pydantic puts in for the kind of PDU: no such key is in the file."""
    tagged = loc[0] == "power" and len(loc) > 2 and loc[2] in POWER_TAGS
    return (*loc[:2], *loc[3:]) if tagged else loc


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return node


def _position(tree: CommentedMap, loc: tuple[_Key, ...]) -> tuple[int, int]:
    """Find the nearest line and column (from 1) for a path of keys."""
    node: Any = tree
    line, column = 0, 0
    for part in loc:
        if isinstance(node, CommentedMap) and part in node:
            line, column = node.lc.key(part)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
        else:
            # A driver's name, which pydantic puts into the path of what belongs to that driver.
            continue
        node = node[part]
    return line + 1, column + 1
