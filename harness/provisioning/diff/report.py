"""Changes as text and JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from harness.provisioning.diff.changes import ALL_PHONES, Change

__all__ = ["as_json", "as_text"]

_NAMED = 3


def as_text(
    changes: Sequence[Change], models: Mapping[str, str] | None = None, *, every: bool = False
) -> str:
    """One line per change with its risk and its phones; a value of each phone's own once.

    Args:
        changes: as from :func:`diff_trees`.
        models: the model of a phone by its host name, for the counts.
        every: name all phones instead of the first three.
    """
    if not changes:
        return "nothing changes for any phone"
    lines: list[str] = []
    by_path: dict[str, list[Change]] = {}
    for change in changes:
        by_path.setdefault(change.path, []).append(change)
    for same in by_path.values():
        named = same if every or len(same) <= _NAMED else same[:1]
        lines += [
            f"{each.risk:6} {each} on {_phones(each.phones, models or {}, every=every)}"
            for each in named
        ]
        if len(named) < len(same):
            phones = sum(len(each.phones) for each in same[1:])
            lines.append(f"{same[0].risk:6} {same[0].title}: other values on {phones} more phones")
    return "\n".join(lines)


def _phones(phones: tuple[str, ...], models: Mapping[str, str], *, every: bool) -> str:
    if phones == (ALL_PHONES,):
        return ALL_PHONES
    counts = Counter(models[phone] for phone in phones if phone in models)
    by_model = ", ".join(f"{model} {count}" for model, count in sorted(counts.items()))
    names = ", ".join(phones if every else phones[:_NAMED])
    more = "" if every or len(phones) <= _NAMED else ", …"
    plural = "s" * (len(phones) != 1)
    return f"{len(phones)} phone{plural} ({by_model + ': ' if by_model else ''}{names}{more})"


def as_json(changes: Sequence[Change]) -> str:
    """An array of objects."""
    return json.dumps(
        [
            {
                "path": each.path,
                "meaning": each.element.title,
                "old": each.old,
                "new": each.new,
                "risk": str(each.risk),
                "areas": [str(area) for area in each.element.areas],
                "phones": list(each.phones),
            }
            for each in changes
        ],
        indent=2,
        ensure_ascii=False,
    )
