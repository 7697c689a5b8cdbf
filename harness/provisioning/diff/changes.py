"""Two trees compared: each change once, with all the phones it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.provisioning.diff.settings import UNREADABLE, Settings, meant, read_settings
from harness.provisioning.elements import (
    Area,
    Element,
    Kind,
    Risk,
    element_of,
    meaning_of,
    without_credentials,
)

__all__ = ["ALL_PHONES", "Change", "diff_trees"]

#: Stands for every phone where a file all of them share has changed.
ALL_PHONES = "all phones"
_PHONE = re.compile(r"(?:^|/)(SEP[0-9A-Fa-f]+)\.cnf\.xml$")
_ORDER = list(Risk)
_MASKED = "•••"


@dataclass(frozen=True, slots=True)
class Change:
    """One meaning that differs, for one set of phones; ``old`` and ``new`` hide secrets."""

    element: Element
    path: str
    old: str
    new: str
    phones: tuple[str, ...]

    @property
    def risk(self) -> Risk:
        """What a wrong value could cost."""
        return self.element.risk

    @property
    def title(self) -> str:
        """What changes, in words."""
        where = re.search(r"line\[(\d+)\]", self.path)
        return self.element.title + (f" of line {where[1]}" if where else "")

    def __str__(self) -> str:
        if self.element.kind is Kind.SECRET:
            return f"{self.title}: changed"
        return f"{self.title}: {self.old or '(empty)'} → {self.new or '(empty)'}"


def diff_trees(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Change]:
    """Return what changes between two trees of files by name, the riskiest first."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name in sorted({*old, *new}):
        match = _PHONE.search(name)
        phone = match[1] if match else ALL_PHONES
        prefix = "" if match else f"{name}: "
        if name not in old or name not in new:
            states = ("absent", "present") if name in new else ("present", "absent")
            groups.setdefault((prefix + "(the file)", *states), []).append(phone)
            continue
        before, after = read_settings(name, old[name]), read_settings(name, new[name])
        for path, values in _differences(before, after):
            secret = meaning_of(path).kind is Kind.SECRET
            was, now = map(without_credentials, values)
            shown = (_MASKED, _MASKED) if secret else (was, now)
            groups.setdefault((prefix + path, *shown), []).append(phone)
    changes = [_change(path, was, now, phones) for (path, was, now), phones in groups.items()]
    return sorted(changes, key=lambda each: (_ORDER.index(each.risk), each.path, each.old))


def _differences(before: Settings, after: Settings) -> list[tuple[str, tuple[str, str]]]:
    if UNREADABLE in before or UNREADABLE in after:
        was, now = before.get(UNREADABLE, "readable"), after.get(UNREADABLE, "readable")
        return [] if was == now else [(UNREADABLE, (was, now))]
    found = []
    for path in {**before, **after}:
        was = before.get(path, meant(path, ""))
        now = after.get(path, meant(path, ""))
        if was != now:
            found.append((path, (was, now)))
    return found


def _change(path: str, old: str, new: str, phones: list[str]) -> Change:
    bare = path.rsplit(": ", 1)[-1]
    element = meaning_of(bare)
    if bare == UNREADABLE:
        every = tuple(Area)
        element = Element(path, Kind.TEXT, "", path, Risk.HIGH, every)
    elif path != bare:
        areas = (Area.CALLS,) if "TEMPLATE[" in bare else (Area.PROVISIONING, Area.REGISTRATION)
        risk = element.risk if element_of(bare) else Risk.MEDIUM
        element = Element(path, element.kind, "", path, risk, areas)
    return Change(element, path, old, new, tuple(sorted(phones)))
