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

__all__ = ["load_lab"]

_Key = str | int


def load_lab(path: Path) -> Lab:
    """Read and check ``path``.

    Raises:
        UsageFault: the file is missing, is not YAML, or says something it may not; the text
            lists all faults as ``file:line:column: key: what is wrong``.
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
        lab = Lab.model_validate(_plain(tree))
    except ValidationError as error:
        for item in error.errors():
            line, column = _position(tree, item["loc"])
            key = ".".join(str(part) for part in item["loc"])
            faults.append((line, column, f"{key}: {_say(item)}"))
    else:
        for loc, message in (*_references(lab), *network_faults(lab)):
            line, column = _position(tree, loc)
            faults.append((line, column, f"{'.'.join(map(str, loc))}: {message}"))
        if not faults:
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
    given = item.get("input")
    if isinstance(given, (str, int, float)) and "password" not in item["loc"]:
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
        elif not _outlet_exists(phone.outlet.outlet, lab.power[phone.outlet.pdu].outlets):
            last = lab.power[phone.outlet.pdu].outlets
            yield (*here, "outlet"), f"{phone.outlet.pdu} has outlets 1 to {last}"
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


def _outlet_exists(outlet: str, last: int) -> bool:
    return outlet.isdecimal() and 1 <= int(outlet) <= last


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
            break
        node = node[part]
    return line + 1, column + 1
