"""Files changed after they were rendered, as an administrator's editor changes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import UsageFault
from harness.reproduction.scenario import PHONE_FILE, Edit

__all__ = ["apply"]


def apply(edits: Iterable[Edit], root: Path, *, words: Mapping[str, str], beside: Path) -> None:
    """Carry edits out below a folder.

    Args:
        edits: what to change.
        root: the folder.
        beside: where files named by ``path`` are.
        words: what ``phone`` as a file's name, and ``{user}``, ``{pbx}`` and ``{password}`` in a
            text, stand for here.

    Raises:
        UsageFault: a text to replace is not in the file, or a file is not there.
    """
    for edit in edits:
        name = words["phone"] if edit.file == PHONE_FILE else edit.file
        target = root / name
        if not target.resolve().is_relative_to(root.resolve()):
            raise UsageFault(f"{edit.file} is outside the folder that is changed")
        if edit.remove:
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if edit.content is not None:
            target.write_text(edit.content, encoding="utf-8")
        elif edit.path:
            try:
                target.write_bytes((beside / edit.path).read_bytes())
            except OSError as error:
                raise UsageFault(f"cannot read {beside / edit.path}: {error.strerror}") from error
        else:
            _replace(target, edit, words)


def _replace(target: Path, edit: Edit, words: Mapping[str, str]) -> None:
    try:
        text = target.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageFault(f"there is no {edit.file} to change: {error.strerror}") from error
    after, old, new = (_spoken(text, words) for text in (edit.after, edit.replace, edit.by))
    head, found, tail = text.partition(after) if after else ("", "", text)
    if old not in tail or (after and not found):
        # In the scenario's own words: {password} may be one of them.
        where = f" after {edit.after!r}" if after else ""
        raise UsageFault(
            f"{edit.file} does not contain {edit.replace!r}{where}",
            hint="look at the rendered file: harness render --out DIR",
        )
    changed = tail.replace(old, new, 1) if after else tail.replace(old, new)
    target.write_text(head + found + changed, encoding="utf-8")


def _spoken(text: str, words: Mapping[str, str]) -> str:
    for word, meant in words.items():
        text = text.replace("{" + word + "}", meant)
    return text
