"""How a measurement goes over the nights, and in which night it changed for good.

The test is the largest standardised Mann-Whitney statistic over all places to cut the series in
two (Pettitt 1979; Hawkins and Deng 2010, "A nonparametric change-point control chart", Journal of
Quality Technology 42). Ranks do not care how a measurement is distributed or for one wild night.
Its significance is found by shuffling the series (Phipson and Smyth 2010), so that the share of
false alarms is the level, also of short series. A change must besides be large enough to matter.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.runs.history.records import Entry, Key, Night
from harness.runs.verdict import Verdict

__all__ = ["Change", "Trend", "change_in", "trends"]

#: One series in a hundred without a change is said to have one.
_LEVEL = 0.01
_SHUFFLES = 1999
#: Nights there must be on either side of a change.
_FEWEST = 3
#: Share of the value before by which a change matters.
_LEAST_SHARE = 0.1

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """From ``index`` on the values are others: medians before and after, and how likely by chance.

    ``p`` is the share of shuffled series with as clear a cut.
    """

    index: int
    before: float
    after: float
    p: float


@dataclass(frozen=True, slots=True)
class Trend:
    """A measurement of a test on one bench with one PBX, oldest first; ``changes`` likewise.

    A new load or template does not break the series: that is what changes are looked for across.
    """

    test: str
    name: str
    bench: str
    pbx: str
    entries: tuple[Entry, ...]
    values: tuple[float, ...]
    changes: tuple[Change, ...]

    def told(self, change: Change) -> str:
        """A change for a person: the night, from what to what, and what else is new that night."""
        before, night = self.entries[change.index - 1].key, self.entries[change.index]
        new = [
            f"{word} {getattr(before, name)} → {getattr(night.key, name)}"
            for name, word in (("load", "firmware"), ("templates", "templates"))
            if getattr(before, name) != getattr(night.key, name)
        ]
        with_it = f", with {' and '.join(new)}" if new else ""
        return (
            f"{self.name} {change.before:.4g} → {change.after:.4g} since {night.run_id}{with_it} "
            f"(p {change.p:.4f})"
        )


def change_in(values: Sequence[float]) -> Change | None:
    """Return the clearest change of a series, or None when chance would do as well."""
    if len(values) < 2 * _FEWEST:
        return None
    ranks = _ranks(np.asarray(values, dtype=np.float64))
    statistic = _cuts(ranks[None, :])[0]
    clearest = float(statistic.max())
    # The same series gets the same answer every morning.
    random = np.random.default_rng(20100406)
    shuffled = random.permuted(np.tile(ranks, (_SHUFFLES, 1)), axis=1)
    as_clear = int((_cuts(shuffled).max(axis=1) >= clearest - 1e-9).sum())
    p = (as_clear + 1) / (_SHUFFLES + 1)
    index = _best_cut(values)
    before, after = statistics.median(values[:index]), statistics.median(values[index:])
    if p > _LEVEL or abs(after - before) < _LEAST_SHARE * abs(before) or after == before:
        return None
    return Change(index, before, after, p)


def _best_cut(values: Sequence[float]) -> int:
    """Where two levels explain the values best: ranks tell that it changed, not quite where."""
    rows = np.asarray(values, dtype=np.float64)

    def left_over(cut: int) -> float:
        parts = rows[:cut], rows[cut:]
        return float(sum(np.abs(part - np.median(part)).sum() for part in parts))

    return min(range(_FEWEST, len(values) - _FEWEST + 1), key=left_over)


def changes_in(values: Sequence[float], offset: int = 0) -> list[Change]:
    """Return every change of a series: the clearest, then those on either side of it."""
    found = change_in(values)
    if found is None:
        return []
    cut = found.index
    moved = Change(cut + offset, found.before, found.after, found.p)
    return [
        *changes_in(values[:cut], offset), moved, *changes_in(values[cut:], offset + cut),
    ]  # fmt: skip


def _ranks(values: _Floats) -> _Floats:
    """Ranks from 1, equal values sharing their middle one."""
    less = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return np.asarray(less + (equal + 1) / 2, dtype=np.float64)


def _cuts(ranks: _Floats) -> _Floats:
    """The standardised statistic of each cut, a row per series."""
    nights = ranks.shape[1]
    before = np.arange(_FEWEST, nights - _FEWEST + 1)
    total = np.cumsum(ranks, axis=1)[:, before - 1]
    expected = before * (nights + 1) / 2
    deviation = np.sqrt(before * (nights - before) * (nights + 1) / 12)
    return np.asarray(np.abs(total - expected) / deviation, dtype=np.float64)


def trends(nights: Iterable[Night], *, test: str = "", name: str = "") -> list[Trend]:
    """Return the series of every measurement, of passed tests, once a night.

    Args:
        nights: oldest first.
        test: only tests whose name has this in it.
        name: only this measurement; without it all that are measured, but not how long tests took.
    """
    series: dict[tuple[str, str, str, str], list[tuple[Entry, float]]] = {}
    for night in nights:
        for entry in night.last.values():
            if entry.verdict is not Verdict.PASSED or test not in entry.key.test:
                continue
            numbers = entry.numbers if name else entry.measurements
            for each, value in numbers.items():
                if name in {"", each}:
                    series.setdefault(_where(entry.key, each), []).append((entry, value))
    return [
        Trend(
            *where,
            entries=tuple(entry for entry, _ in points),
            values=tuple(value for _, value in points),
            changes=tuple(changes_in([value for _, value in points])),
        )
        for where, points in series.items()
    ]


def _where(key: Key, name: str) -> tuple[str, str, str, str]:
    return key.test, name, key.bench, key.pbx
