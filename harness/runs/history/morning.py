"""The morning table: a night held against the last good one, or the last good firmware's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.runs.history.compare import Comparison, TestChange, compare
from harness.runs.history.fingerprint import WireChange, wire_changes
from harness.runs.history.records import Night
from harness.runs.history.store import History
from harness.runs.history.trend import Trend, trends
from harness.runs.verdict import Verdict

__all__ = ["Morning", "Row", "morning"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what kind of change, of what, and how."""

    kind: str
    subject: str
    told: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Morning:
    """What a person reads first.

    ``comparison`` is None when there is no night of another load to compare with; ``notes`` say how
    far the comparison carries; ``trends`` are the measurements of all nights of this bench and PBX.
    """

    night: Night
    comparison: Comparison | None
    wire: tuple[WireChange, ...]
    quarantined: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    trends: tuple[Trend, ...]

    @property
    def rows(self) -> list[Row]:
        """The table, the worst first."""
        rows: list[Row] = []
        last = self.night.last
        told = self.comparison
        if told is not None:
            rows += [_test("newly failing", change) for change in told.newly_failing]
            rows += [_test("ended otherwise", change) for change in told.otherwise]
            rows += [
                Row("slower" if not each.name.startswith("mos") else "worse sound",
                    _short(each.test), str(each))
                for each in told.slower
            ]  # fmt: skip
            rows += [Row("on the wire", w.phone, f"{w.aspect}: {w}") for w in self.wire]
        rows += [Row("quarantined", name, why) for name, why in self.quarantined]
        if told is not None:
            rows += [_test("newly passing", change) for change in told.newly_passing]
            rows += [
                Row("still failing", _short(test), last[test].verdict, last[test].evidence)
                for test in told.still_failing
            ]
            rows += [Row("not run", _short(test), "") for test in told.missing]
            rows += [
                Row("retried", _short(test), f"carried out {times + 1} times")
                for test, times in told.retried.items()
            ]
        name = self.night.run_id
        rows += [
            Row("trend", _short(trend.test), trend.told(change))
            for trend in self.trends
            for change in trend.changes
            # A change is certain some nights after it came; older ones were told in their time.
            if name in [entry.run_id for entry in trend.entries[change.index :]][:6]
        ]
        return rows

    @property
    def headline(self) -> str:
        """What is compared with what."""
        loads = ", ".join(self.night.loads)
        if self.comparison is None:
            return f"{self.night.run_id} ({loads})"
        before = self.comparison.before
        return (
            f"{loads} in {self.night.run_id}, compared with {', '.join(before.loads)} in "
            f"{before.run_id}"
        )

    @property
    def changed_tests(self) -> list[tuple[str, TestChange]]:
        """Every test that ended otherwise, with the word for it."""
        told = self.comparison
        if told is None:
            return []
        return [
            *(("newly failing", change) for change in told.newly_failing),
            *(("newly passing", change) for change in told.newly_passing),
            *(("ended otherwise", change) for change in told.otherwise),
        ]

    def summary(self) -> dict[str, Any]:
        """The same as plain values, for whoever is notified."""
        told = self.comparison
        return {
            "run": self.night.run_id,
            "lab": self.night.lab,
            "bench": self.night.benches,
            "pbx": self.night.pbx,
            "loads": self.night.loads,
            "compared_with": told.before.run_id if told is not None else None,
            "verdicts": {v.value: n for v in Verdict if (n := self.night.count(v))},
            "changes": [{"kind": r.kind, "of": r.subject, "told": r.told} for r in self.rows],
            "notes": list(self.notes),
        }


def morning(
    history: History,
    run_id: str,
    quarantined: Sequence[tuple[str, str]] = (),
    *,
    release: bool = True,
) -> Morning:
    """Compare a night with the last good one on the same bench with the same PBX.

    Args:
        history: where both are.
        run_id: the night.
        quarantined: stations that took no part, and why.
        release: whether the night tries a release: then a night of another load it must be.

    Raises:
        UsageFault: the history has no such night, or cannot be read.
    """
    night = history.night(run_id)
    earlier = [
        other
        for other in history.nights(lab=night.lab, pbx=night.pbx, before=night.started)
        if other.benches == night.benches and other.entries
    ]
    good, notes = _last_good(night, earlier, release=release)
    comparison = compare(good, night, earlier) if good is not None else None
    wire: list[WireChange] = []
    if good is not None:
        prints = history.fingerprints(good.run_id), history.fingerprints(night.run_id)
        if all(prints):
            wire = wire_changes(*prints)
        else:
            notes.append("the wire was not compared: one of the nights kept no fingerprint")
        if wire and good.last.keys() - night.last.keys():
            notes.append("tests of then were not run now; the wire may differ for that alone")
    return Morning(
        night, comparison, tuple(wire), tuple(quarantined), tuple(notes),
        tuple(trends([*earlier, night])),
    )  # fmt: skip


def _last_good(
    night: Night, earlier: Sequence[Night], *, release: bool
) -> tuple[Night | None, list[str]]:
    """The last night without a product fault; if there is none, the last.

    Among those, one that ran all the tests of this night goes before one that did not.
    """
    models = {(entry.phones, entry.key.model) for entry in night.entries}
    others = [
        other
        for other in earlier
        if (other.loads != night.loads or not release)
        and models & {(entry.phones, entry.key.model) for entry in other.entries}
    ]
    which = "night of another load" if release else "earlier night"
    if not others:
        told = f"there is no {which} on this bench with this PBX: nothing to compare with"
        return None, [told]

    def worth(number: int) -> tuple[bool, int, int]:
        other = others[number]
        whole = bool(other.ended and other.count(Verdict.PASSED))
        clean = whole and not other.count(Verdict.PRODUCT_FAULT)
        return clean, len(other.last.keys() & night.last.keys()), number

    best = others[max(range(len(others)), key=worth)]
    notes = []
    if failed := best.count(Verdict.PRODUCT_FAULT):
        notes.append(f"no {which} is without product faults; {best.run_id} has {failed}")
    before, after = best.versions.get("harness", ""), night.versions.get("harness", "")
    if before != after:
        notes.append(f"the harness is another, too: {before or '?'} → {after or '?'}")
    digests = [{e.phones: e.key.templates for e in each.entries} for each in (best, night)]
    changed = [
        name for name, digest in digests[1].items() if digests[0].get(name, digest) != digest
    ]
    if changed:
        notes.append(f"the templates changed, too, for {', '.join(sorted(changed))}")
    return best, notes


def _test(kind: str, change: TestChange) -> Row:
    again = f", after {change.retries} retries" if change.retries else ""
    reason = f": {change.reason}" if change.reason else ""
    told = f"{change.before or 'not run'} → {change.after}{again}{reason}"
    return Row(kind, _short(change.test), told, change.evidence)


def _short(test: str) -> str:
    return test.rpartition("/")[2]
