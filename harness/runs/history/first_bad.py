"""Since when a test fails, and what of that night was not so before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.runs.history.records import Entry, Night
from harness.runs.verdict import Verdict

__all__ = ["FirstBad", "by_pbx", "first_bad"]

#: What can have broken a test, in a person's words.
_WHAT = {
    "load": "firmware", "templates": "templates", "pbx": "PBX", "asterisk": "Asterisk's version",
    "harness": "harness",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FirstBad:
    """The last night a test passed in, the first it failed in since, and what differs.

    ``differs`` has the two values of all that is not the same; ``suspects`` are those of it that no
    other night acquits; ``between`` are nights without a verdict on the phone. ``answer`` is the
    sentence for a person.
    """

    test: str
    last_good: Entry | None
    first_bad: Entry | None
    differs: Mapping[str, tuple[str, str]]
    suspects: tuple[str, ...]
    between: tuple[Entry, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class _Seen:
    entry: Entry
    facts: Mapping[str, str]

    @property
    def good(self) -> bool:
        return self.entry.verdict is Verdict.PASSED


def first_bad(test: str, nights: Iterable[Night]) -> FirstBad:
    """Find what broke a test.

    Args:
        test: its whole name.
        nights: of one bench, oldest first; of one PBX, unless the PBX is to be a suspect.
    """
    every = [
        _Seen(entry, _facts(entry, night))
        for night in nights
        for entry in night.entries
        if entry.key.test == test
    ]
    judged = [seen for seen in every if seen.entry.judged]
    if not judged:
        return _no(test, f"no night judged {test}")
    if judged[-1].good:
        failed = [seen for seen in judged if not seen.good]
        then = f"; it last failed in {failed[-1].entry.run_id}" if failed else ", and never failed"
        return _no(test, f"it passes: last in {judged[-1].entry.run_id}{then}", judged[-1].entry)
    bad_from = max((n for n, seen in enumerate(judged) if seen.good), default=-1) + 1
    bad = judged[bad_from]
    if bad_from == 0:
        sentence = f"it failed in every night kept here, first in {bad.entry.run_id}"
        return _no(test, f"{sentence}: nothing tells since when", first=bad.entry)
    good = judged[bad_from - 1]
    differs = {
        name: (good.facts[name], bad.facts[name])
        for name in _WHAT
        if good.facts[name] != bad.facts[name]
    }
    suspects = tuple(n for n in differs if not _acquitted(n, differs, judged))
    between = tuple(
        seen.entry
        for seen in every
        if not seen.entry.judged and good.entry.started < seen.entry.started < bad.entry.started
    )
    answer = _answer(good, bad, differs, suspects, judged)
    return FirstBad(test, good.entry, bad.entry, differs, suspects, between, answer)


def by_pbx(test: str, nights: Iterable[Night]) -> dict[str, FirstBad]:
    """Find what broke a test, for each PBX by itself; nights on both would hide one another.

    Where it fails on one and passes on another with the same load and templates, that is said too.
    """
    every = list(nights)
    entries = [entry for night in every for entry in night.entries if entry.key.test == test]
    found = {}
    for pbx in sorted({entry.key.pbx for entry in entries}):
        told = first_bad(test, [night for night in every if night.pbx == pbx])
        failing = [e for e in entries if e.key.pbx == pbx and e.judged]
        if told.first_bad is not None and failing:
            key = failing[-1].key
            passes = {
                e.key.pbx: e.run_id
                for e in entries
                if e.verdict is Verdict.PASSED and replace(e.key, pbx=pbx) == key
            }
            beside = [
                f"on {name} it passed in {run}" for name, run in passes.items() if name != pbx
            ]
            if beside:
                same = f"; with the same load and templates {' and '.join(beside)}"
                told = replace(told, answer=told.answer + same)
        found[pbx] = told
    return found


def _no(test: str, answer: str, last: Entry | None = None, first: Entry | None = None) -> FirstBad:
    return FirstBad(test, last, first, {}, (), (), answer)


def _facts(entry: Entry, night: Night) -> dict[str, str]:
    return {
        "load": entry.key.load,
        "templates": entry.key.templates,
        "pbx": entry.key.pbx,
        "asterisk": night.versions.get("asterisk", ""),
        "harness": night.versions.get("harness", ""),
    }


def _acquitted(name: str, differs: Mapping[str, tuple[str, str]], judged: Sequence[_Seen]) -> bool:
    """Whether a night passed with the new value of this, or failed with its old one."""
    old, new = differs[name]
    return any(
        (seen.facts[name] == new and seen.good) or (seen.facts[name] == old and not seen.good)
        for seen in judged
    )


def _answer(
    good: _Seen,
    bad: _Seen,
    differs: Mapping[str, tuple[str, str]],
    suspects: Sequence[str],
    judged: Sequence[_Seen],
) -> str:
    head = f"passed last in {good.entry.run_id}, fails since {bad.entry.run_id}: "
    if not differs:
        return head + (
            "nothing kept here differs between the two nights (see harness runs flips); the phone "
            "itself, a cable or chance"
        )
    told = [f"{_WHAT[name]} {differs[name][0] or '?'} → {differs[name][1] or '?'}" for name in
            (suspects or differs)]  # fmt: skip
    if not suspects:
        return head + (
            f"{' and '.join(told)} differ, but other nights passed with the new or failed with the "
            "old of each: flaky, or only both together"
        )
    if len(suspects) > 1:
        return (
            head
            + f"the data cannot tell between {' and '.join(told)}; a night with only one \
of them would"
        )
    (name,) = suspects
    others = [_WHAT[other] for other in differs if other != name]
    beside = f" ({' and '.join(others)} changed too, and other nights acquit it)" if others else ""
    failed = sum(seen.facts[name] == differs[name][1] and not seen.good for seen in judged)
    passed = sum(seen.facts[name] == differs[name][0] and seen.good for seen in judged)
    return head + f"{told[0]}{beside}; {passed} passed with the old, {failed} failed with the new"
