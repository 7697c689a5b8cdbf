"""How flaky a test is: how often its verdict turns while nothing we know of changes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from harness.runs.history.records import Entry, Key, Night

__all__ = ["Flips", "flips", "wilson"]

#: Standard normal quantile of a two-sided 95 % interval.
_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Flips:
    """Of one key: in ``pairs`` of results next to each other in time, ``turned`` differ."""

    key: Key
    turned: int
    pairs: int

    @property
    def rate(self) -> float:
        """Share of the pairs that differ."""
        return self.turned / self.pairs

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return wilson(self.turned, self.pairs)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), which is of use from the first night on.

    Raises:
        ValueError: more hits than trials, or no trial.
    """
    if not 0 <= hits <= of or of < 1:
        raise ValueError(f"{hits} of {of}")
    share, square = hits / of, _Z95 * _Z95
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z95 * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    # Rounding must not put the share itself outside.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def flips(nights: Iterable[Night]) -> list[Flips]:
    """Return every key with two results or more, the worst first.

    Every attempt counts, a retry too: hidden retries are hidden flakiness. Only results of one and
    the same key are compared, and only those that say something about the phone. One key's results
    under a changed harness still count as the same: a test that turns with every version of the
    harness is no less flaky for that.
    """
    series: dict[Key, list[Entry]] = {}
    for night in nights:
        for entry in night.entries:
            if entry.judged:
                series.setdefault(entry.key, []).append(entry)
    found = []
    for key, entries in series.items():
        entries.sort(key=lambda entry: entry.started)
        pairs = list(pairwise(entries))
        if pairs:
            turned = sum(a.verdict is not b.verdict for a, b in pairs)
            found.append(Flips(key, turned, len(pairs)))
    return sorted(found, key=lambda each: (-each.interval[0], -each.rate, each.key.test))
