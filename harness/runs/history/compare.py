"""Two nights held against each other: what fails newly, what passes newly, what became slower."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.runs.history.records import Entry, Night
from harness.runs.verdict import Verdict

__all__ = ["Comparison", "Slower", "TestChange", "compare", "higher_is_better"]

#: A number is worse only beyond this share of what it was ...
_LEAST_SHARE = 0.2
#: ... and, where too few nights tell how it scatters, beyond this.
_BLIND_SHARE = 1.0
_FEWEST_NIGHTS = 5
_RECENT = 9
#: Robust standard deviations (1.4826 times the median absolute deviation) a number may stray.
_SIGMAS = 4.0
_MAD_TO_SIGMA = 1.4826
#: What nobody would call slower, by the unit a measurement's name ends in.
_LEAST = {"s": 0.5, "ms": 20.0, "duration_s": 3.0}


@dataclass(frozen=True, slots=True)
class TestChange:
    """A test that ended otherwise, or is new and did not pass (``before`` is None).

    ``retries`` is how often it was tried again in the new night.
    """

    __test__ = False

    test: str
    before: Verdict | None
    after: Verdict
    reason: str
    retries: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Slower:
    """A number that became worse: of a test, from, to, and how far it strays without a cause."""

    test: str
    name: str
    before: float
    after: float
    noise: float

    def __str__(self) -> str:
        noise = f", strays by {self.noise:.3g}" if self.noise else ""
        return f"{self.name} {self.before:.4g} → {self.after:.4g}{noise}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one night to another; tests by their whole name."""

    before: Night
    after: Night
    newly_failing: tuple[TestChange, ...]
    newly_passing: tuple[TestChange, ...]
    otherwise: tuple[TestChange, ...]
    slower: tuple[Slower, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    still_failing: tuple[str, ...]
    retried: dict[str, int]


def compare(before: Night, after: Night, earlier: Iterable[Night] = ()) -> Comparison:
    """Compare two nights by the last attempt of each test.

    Newly failing is a product fault where none was; a test that became a bench fault or
    inconclusive, or ceases to be one without passing, is told as ended otherwise.

    Args:
        before: the night to compare with.
        after: the night in question.
        earlier: more nights; those with a result of the same key as ``before`` tell how much
            a number strays by itself.
    """
    old, new = before.last, after.last
    both = [test for test in new if test in old]
    was = {test: old[test].verdict if test in old else None for test in new}
    changes = {
        test: TestChange(
            test, was[test], new[test].verdict, new[test].reason,
            after.attempts(test) - 1, new[test].evidence,
        )
        for test in new
        if new[test].verdict is not was[test]
        and not (was[test] is None and new[test].verdict is Verdict.PASSED)
    }  # fmt: skip
    failing = [c for c in changes.values() if c.after is Verdict.PRODUCT_FAULT]
    passing = [c for c in changes.values() if c.after is Verdict.PASSED]
    nights = [*earlier, before]
    return Comparison(
        before=before,
        after=after,
        newly_failing=tuple(failing),
        newly_passing=tuple(passing),
        otherwise=tuple(c for c in changes.values() if c not in failing and c not in passing),
        slower=tuple(s for test in both for s in _slower(old[test], new[test], nights)),
        missing=tuple(test for test in old if test not in new),
        added=tuple(test for test in new if test not in old),
        still_failing=tuple(
            test for test in both
            if old[test].verdict is new[test].verdict is not Verdict.PASSED
        ),
        retried={t: n for t in new if (n := after.attempts(t) - 1)},
    )  # fmt: skip


def higher_is_better(name: str) -> bool:
    """Whether more of a measurement is good: speech quality, levels and rates, not times."""
    return name.partition("_")[0] == "mos" or name.endswith(("_mos", "_r", "_dbfs"))


def _slower(old: Entry, new: Entry, nights: Sequence[Night]) -> list[Slower]:
    if not old.verdict is new.verdict is Verdict.PASSED:
        # How long a failing test took tells of its deadlines, not of the phone.
        return []
    found = []
    for name, value in new.numbers.items():
        if name not in old.numbers:
            continue
        known = _known(old, name, nights)
        middle = statistics.median(known)
        noise = _scatter(known) if len(known) >= _FEWEST_NIGHTS else 0.0
        share = _LEAST_SHARE if len(known) >= _FEWEST_NIGHTS else _BLIND_SHARE
        # A MOS goes from 1 to 4.5: a fifth of it is already another class of sound.
        share = share / 4 if higher_is_better(name) else share
        worse = middle - value if higher_is_better(name) else value - middle
        least = _LEAST.get(name if name == "duration_s" else name.rpartition("_")[2], 0.0)
        if worse > max(_SIGMAS * noise, share * abs(middle), least):
            found.append(Slower(new.key.test, name, middle, value, noise))
    return found


def _known(old: Entry, name: str, nights: Sequence[Night]) -> list[float]:
    """What the number was in the last nights of the same key, once a night.

    Only the last: what became slower weeks ago is not the new release's.
    """
    same = {
        night.run_id: night.last[old.key.test].numbers[name]
        for night in nights
        if old.key.test in night.last
        and night.last[old.key.test].key == old.key
        and night.last[old.key.test].verdict is Verdict.PASSED
        and name in night.last[old.key.test].numbers
    }
    return list({**same, old.run_id: old.numbers[name]}.values())[-_RECENT:]


def _scatter(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return _MAD_TO_SIGMA * statistics.median(abs(value - middle) for value in values)
