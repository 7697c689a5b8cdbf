"""The rows of the table of twin behaviours, and what a comparison says of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.virtual.fidelity import BEHAVIOURS, TEST, Behaviour

__all__ = ["VERDICT", "Row", "Standing", "concerned", "standing_of"]

#: The aspect by which a row that names a test is shown: how it ended.
VERDICT = "test.verdict"


class Standing(StrEnum):
    """What a recording says of a row of the table."""

    AGREES = "agrees"
    PARTLY = "agrees in part"
    DIFFERS = "differs"
    NOT_EXERCISED = "not exercised"


@dataclass(frozen=True, slots=True)
class Row:
    """A twin behaviour and what the recording says of it.

    ``phones`` are those that show it, or that contradict it; of a row in part, ``missing`` is what
    none of them showed besides the rest.
    """

    behaviour: Behaviour
    standing: Standing
    phones: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def concerned(aspect: str, tests: Collection[str]) -> tuple[Behaviour, ...]:
    """Return the rows that an aspect shows, as seen in these tests; none for all of them."""
    return tuple(
        row
        for row in BEHAVIOURS
        if any(
            _aspect(each) == aspect
            and (not each.startswith(TEST) or any(_names(each, test) for test in tests))
            for each in row.aspects
        )
    )


def standing_of(
    row: Behaviour,
    agreed: Mapping[str, Collection[tuple[str, str]]],
    against: Collection[str],
    unlike: Collection[tuple[str, str]],
) -> Row:
    """Say what a comparison says of a row.

    Args:
        row: the behaviour.
        agreed: phone and test of all that was the same, by aspect.
        against: the phones that show otherwise.
        unlike: phone and test where the test ended otherwise: that contradicts no row by itself,
            for a test can fail for many reasons, and shows none either.
    """
    if against:
        return Row(row, Standing.DIFFERS, tuple(dict.fromkeys(against)))
    seen: dict[str, set[str]] = {}
    for each in row.aspects:
        spoilt = {phone for phone, test in unlike if _names(each, test)}
        for phone, test in agreed.get(_aspect(each), ()):
            if phone not in spoilt and (not each.startswith(TEST) or _names(each, test)):
                seen.setdefault(phone, set()).add(each)
    # One phone has to show all of it: halves of two models are no whole.
    whole = sorted(phone for phone, aspects in seen.items() if aspects == {*row.aspects})
    if whole:
        return Row(row, Standing.AGREES, tuple(whole))
    if not seen:
        return Row(row, Standing.NOT_EXERCISED)
    shown = max(seen.values(), key=len)
    missing = tuple(each for each in row.aspects if each not in shown)
    return Row(row, Standing.PARTLY, tuple(sorted(seen)), missing)


def _aspect(shown_by: str) -> str:
    return VERDICT if shown_by.startswith(TEST) else shown_by


def _names(shown_by: str, test: str) -> bool:
    """Whether a row names this test."""
    function = test.rpartition("::")[2].partition("[")[0]
    return shown_by.startswith(TEST) and function == shown_by.removeprefix(TEST)
