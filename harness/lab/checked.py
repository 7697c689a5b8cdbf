"""A YAML file read into a model, every fault of it at once, each as file:line:column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from harness.errors import UsageFault

__all__ = ["Fault", "Place", "load_checked"]

M = TypeVar("M", bound=BaseModel)
_NOTHING = object()

#: Where in the file: the keys that lead there.
Place = tuple[str | int, ...]
Fault = tuple[Place, str]


def load_checked(
    path: Path,
    model: type[M],
    what: str,
    *,
    hint: str = "",
    context: dict[str, Any] | None = None,
    rules: Callable[[M], Iterable[Fault]] = lambda _: (),
) -> M:
    """Read and check a file.

    Args:
        path: the file.
        model: what it must be.
        what: what to call it, like ``lab file``.
        hint: what to do when it cannot be read.
        context: handed to the model's validators.
        rules: what single values cannot show; run when each of them is well.

    Raises:
        UsageFault: the file is missing, is not YAML, or says something it may not; the text
            lists all faults as ``file:line:column: key: what is wrong``.
    """
    tree = _read(path, what, hint)
    try:
        plain = _plain(tree)
    except RecursionError as error:
        raise UsageFault(f"{path}:1:1: an alias in it leads back into itself") from error
    faults: list[tuple[int, int, str]] = []
    try:
        found = model.model_validate(plain, context=context)
    except ValidationError as error:
        for item in _causes(error.errors()):
            place = _as_written(tree, item["loc"], missing=item["type"] == "missing")
            faults.append((*_position(tree, place), f"{_dotted(place)}: {_say(item)}"))
    else:
        for place, message in rules(found):
            faults.append((*_position(tree, place), f"{_dotted(place)}: {message}"))
        if not faults:
            return found
    lines = [f"{path}:{line}:{column}: {text}" for line, column, text in sorted(faults)]
    raise UsageFault("\n".join([f"{len(lines)} fault(s) in {path}", *lines]))


def _read(path: Path, what: str, hint: str) -> CommentedMap:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(f"cannot read the {what} {path}: {error}", hint=hint) from error
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageFault(f"{where}: not YAML: {error.problem}") from error
    except (YAMLError, ValueError) as error:
        # A control character, or a tag its value is not: there is no mark to point at.
        raise UsageFault(f"{path}:1:1: not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(tree, CommentedMap):
        raise UsageFault(f"{path}:1:1: a {what} is a mapping of keys")
    return tree


def _causes(items: Iterable[Any]) -> Iterator[Any]:
    """Leave out that a list is too short when it is so only for want of its faulty items."""
    told = list(items)
    places = [item["loc"] for item in told]
    for item in told:
        loc = item["loc"]
        below = any(len(place) > len(loc) and place[: len(loc)] == loc for place in places)
        if item["type"] != "too_short" or not below:
            yield item


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)


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
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return "keys and values are expected here"
    if kind == "string_type" and isinstance(given, (int, float)):
        # YAML reads 0201 as a number and yes as true: what was meant cannot be told any more.
        message = "text is expected, put it in quotes"
    secret = {"password", "credentials"} & set(item["loc"])
    if isinstance(given, (str, int, float)) and not secret and "password" not in message:
        return f"{message} (found {given!r})"
    return message


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return node


def _as_written(tree: CommentedMap, place: Place, *, missing: bool) -> Place:
    """Drop from a place the names pydantic puts in for the kind of a device: no key has them.

    Only a key that is missing is not in the tree and yet what the fault is about.
    """
    node: Any = tree
    kept: list[str | int] = []
    for index, part in enumerate(place):
        found = _child(node, part)
        if found is _NOTHING and not (missing and index == len(place) - 1):
            continue
        kept.append(part)
        node = found
    return tuple(kept)


def _child(node: Any, part: str | int) -> Any:
    if isinstance(node, CommentedMap):
        return node.get(part, _NOTHING)
    if isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
        return node[part]
    return _NOTHING


def _position(tree: CommentedMap, place: Place) -> tuple[int, int]:
    """Find the nearest line and column (from 1) for a path of keys."""
    node: Any = tree
    line, column = 0, 0
    for part in place:
        if isinstance(node, CommentedMap) and part in node:
            line, column = node.lc.key(part)
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
        else:
            break
        node = node[part]
    return line + 1, column + 1
