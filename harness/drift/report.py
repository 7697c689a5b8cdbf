"""A comparison as text for an engineer: what differs, where it is seen, which row it is about."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from harness.drift.comparison import Difference
from harness.drift.drift import Drift
from harness.drift.masks import MASKED
from harness.drift.rows import Standing
from harness.virtual.fidelity import UNSHOWN

__all__ = ["as_text"]

_WIDTH = 100
#: Places and tests named in full; there may be a hundred.
_SHOWN = 3
_WORDS = {
    True: {
        Standing.AGREES: "confirmed by this recording",
        Standing.PARTLY: "confirmed in part",
        Standing.DIFFERS: "CONTRADICTED by this recording",
        Standing.NOT_EXERCISED: "not exercised",
    },
    False: {
        Standing.AGREES: "the same in this recording",
        Standing.PARTLY: "the same in part",
        Standing.DIFFERS: "otherwise in this recording",
        Standing.NOT_EXERCISED: "not exercised",
    },
}


def as_text(found: Drift) -> str:
    """Return the whole report."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Drift) -> Iterator[str]:
    labels = {station.label or "unknown" for station in found.stations.values()}
    yield f"recording: {found.recording} ({', '.join(sorted(labels))})"
    for name, station in found.stations.items():
        yield f"  {name}: {station.model} with {station.load}, {station.label or 'label unknown'}"
    yield f"twin: {found.twin} (virtual)"
    if not found.confirms:
        why = "this is no recording of hardware alone"
        yield ""
        yield f"NOTHING IS CONFIRMED: {'the twin is a faulty one' if found.hardware else why}."
    yield ""
    compared = found.comparison
    count = len(compared.differences)
    told = "1 difference" if count == 1 else f"{count or 'no'} differences"
    yield f"{told}, {compared.agreed} things the same"
    for number, each in enumerate(compared.differences, start=1):
        yield ""
        yield from _difference(number, each)
    if compared.not_replayed or found.missing:
        yield ""
        yield "in the recording, and not made to happen on the virtual bench:"
        yield from (f"  {each}" for each in (*compared.not_replayed, *found.missing))
    if found.caveats:
        yield ""
        yield "may be why something differs:"
        yield from (f"  {each}" for each in found.caveats)
    yield ""
    yield from _rows(found)
    yield ""
    yield from _wrapped("left out before comparing: ", MASKED)
    yield from _wrapped("", str(found.tolerance))


def _difference(number: int, each: Difference) -> Iterator[str]:
    yield from _wrapped(f"{number}. ", f"{each.title} ({', '.join(each.phones)})")
    yield from _wrapped("   phone: ", each.phone)
    yield from _wrapped("   twin:  ", each.twin)
    if each.tests:
        names = [test.rpartition("::")[2] for test in each.tests]
        yield from _wrapped("   in:    ", _some(names))
    if each.follows:
        yield from _wrapped("   not seen there on one side: ", ", ".join(each.follows))
    for place in each.places[:_SHOWN]:
        yield f"   seen:  {place}"
    if len(each.places) > _SHOWN:
        yield f"          and at {len(each.places) - _SHOWN} places more"
    for row in each.behaviours:
        yield from _wrapped("   row:   ", f"{row.key} ({row.grade}): {row.does}")
    if not each.behaviours:
        yield "   row:   none; no row of the table says anything about it"


def _rows(found: Drift) -> Iterator[str]:
    words = _WORDS[found.confirms]
    yield "twin behaviours (docs/explanation/fidelity.md):"
    for standing in (Standing.DIFFERS, Standing.AGREES, Standing.PARTLY):
        for row in found.comparison.rows:
            if row.standing is standing:
                lacks = ", ".join(_plain(each) for each in row.missing)
                left = f"; not seen: {lacks}" if lacks else ""
                yield from _wrapped(
                    f"  {words[standing]}: ", f"{row.behaviour.key}, {row.behaviour.does}{left}"
                )
    rest = [r for r in found.comparison.rows if r.standing is Standing.NOT_EXERCISED]
    names = ", ".join(row.behaviour.key for row in rest)
    yield from _wrapped(f"  {words[Standing.NOT_EXERCISED]}, {len(rest)}: ", names or "none")


def _plain(aspect: str) -> str:
    words = aspect.removeprefix(UNSHOWN)
    return aspect if words == aspect else words.replace("-", " ")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * min(len(head), 10),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [head.rstrip()]
