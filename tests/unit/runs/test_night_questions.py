"""What is asked of the history: compare, since when, how flaky, since which night slower."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_nights import NEW, OLD, TEST, a_night

from harness.runs import Verdict
from harness.runs.history import by_pbx, change_in, compare, first_bad, flips, trends, wilson

P, F, B = Verdict.PASSED, Verdict.PRODUCT_FAULT, Verdict.BENCH_FAULT


def test_compare_tells_new_failures_from_the_benchs() -> None:
    told = compare(a_night(1, P), a_night(2, F, load=NEW))
    assert [change.test for change in told.newly_failing] == [TEST]
    told = compare(a_night(1, P), a_night(2, B))
    assert not told.newly_failing
    assert [change.after for change in told.otherwise] == [B]
    told = compare(a_night(1, F), a_night(2, P))
    assert [change.before for change in told.newly_passing] == [F]
    assert compare(a_night(1, F), a_night(2, F)).still_failing == (TEST,)


def test_compare_counts_retries_and_tells_what_was_not_run() -> None:
    told = compare(a_night(1, P), a_night(2, B, F))
    assert told.newly_failing[0].retries == 1
    assert told.retried == {TEST: 1}
    told = compare(a_night(1, P), a_night(2, P, test="tests/b.py::test_other"))
    assert (told.missing, told.added) == ((TEST,), ("tests/b.py::test_other",))


def test_slower_means_beyond_what_the_number_strays_by_itself() -> None:
    noisy = [a_night(n, P, boot_s=60.0 + 8 * (n % 3)) for n in range(9)]
    assert not compare(noisy[-1], a_night(10, P, boot_s=78.0), noisy).slower
    calm = [a_night(n, P, boot_s=60.0 + n % 2) for n in range(9)]
    (slower,) = compare(calm[-1], a_night(10, P, boot_s=78.0), calm).slower
    assert (slower.name, slower.after) == ("boot_s", 78.0)
    assert slower.before == pytest.approx(60.0, abs=1)
    assert "boot_s 60 → 78" in str(slower)


def test_what_became_slower_long_before_is_not_the_releases() -> None:
    old = [a_night(n, P, boot_s=60.0 + n % 2) for n in range(20)]
    old += [a_night(n, P, boot_s=90.0 + n % 2) for n in range(20, 28)]
    assert not compare(old[-1], a_night(30, P, load=NEW, boot_s=91.0), old).slower


def test_slower_knows_which_way_is_worse() -> None:
    good = [a_night(n, P, mos=4.2 + n % 2 * 0.01) for n in range(6)]
    assert compare(good[-1], a_night(9, P, mos=3.1), good).slower
    assert not compare(good[-1], a_night(9, P, mos=4.4), good).slower
    # A test that fails runs into its deadlines: that is no measurement.
    assert not compare(a_night(1, P, boot_s=60.0), a_night(2, F, boot_s=600.0)).slower


def test_first_bad_names_the_load() -> None:
    nights = [a_night(n, P) for n in range(3)] + [a_night(n, F, load=NEW) for n in range(3, 5)]
    found = first_bad(TEST, nights)
    assert found.last_good is not None
    assert found.first_bad is not None
    assert (found.last_good.run_id, found.first_bad.run_id) == ("run-2", "run-3")
    assert (found.suspects, dict(found.differs)) == (("load",), {"load": (OLD, NEW)})
    assert f"firmware {OLD} → {NEW}; 3 passed with the old, 2 failed with the new" in found.answer


def test_first_bad_names_the_template_when_another_night_acquits_the_load() -> None:
    nights = [a_night(0, P), a_night(1, F, load=NEW, templates="bbbb"), a_night(2, P, load=NEW),
              a_night(3, F, load=NEW, templates="bbbb")]  # fmt: skip
    assert first_bad(TEST, nights).suspects == ("templates",)
    nights = [a_night(0, P, load=NEW), a_night(1, P), a_night(2, F, load=NEW, templates="bbbb")]
    found = first_bad(TEST, nights)
    assert found.suspects == ("templates",)
    assert "firmware changed too, and other nights acquit it" in found.answer


def test_first_bad_names_the_pbx() -> None:
    nights = [a_night(1, P), a_night(2, F, pbx="asterisk16")]
    assert "PBX asterisk22 → asterisk16" in first_bad(TEST, nights).answer


def test_each_pbx_is_asked_by_itself() -> None:
    """Nights on both PBX, one after the other: only one of them fails, since the new load."""
    nights = [a_night(1, P, pbx="asterisk16"), a_night(2, P),
              a_night(3, P, pbx="asterisk16", load=NEW), a_night(4, F, load=NEW)]  # fmt: skip
    found = by_pbx(TEST, nights)
    assert found["asterisk16"].first_bad is None
    assert found["asterisk22"].suspects == ("load",)
    same = "with the same load and templates on asterisk16 it passed in run-3"
    assert found["asterisk22"].answer.endswith(same)


def test_first_bad_is_honest() -> None:
    both = first_bad(TEST, [a_night(1, P), a_night(2, F, load=NEW, harness="2")])
    assert set(both.suspects) == {"load", "harness"}
    assert "cannot tell between" in both.answer
    assert "nothing kept here differs" in first_bad(TEST, [a_night(1, P), a_night(2, F)]).answer
    assert "nothing tells since when" in first_bad(TEST, [a_night(1, F), a_night(2, F)]).answer
    assert "it passes: last in run-2" in first_bad(TEST, [a_night(1, F), a_night(2, P)]).answer
    assert "no night judged" in first_bad(TEST, [a_night(1, B)]).answer
    flaky = [a_night(1, P), a_night(2, F), a_night(3, P), a_night(4, P, load=NEW),
             a_night(5, P), a_night(6, F, load=NEW)]  # fmt: skip
    assert "flaky" in first_bad(TEST, flaky).answer


def test_first_bad_tells_the_nights_without_a_verdict_in_between() -> None:
    found = first_bad(TEST, [a_night(1, P), a_night(2, B, load=NEW), a_night(3, F, load=NEW)])
    assert [entry.run_id for entry in found.between] == ["run-2"]


def test_flips_only_within_one_key_and_with_every_retry() -> None:
    nights = [a_night(1, P), a_night(2, F, load=NEW), a_night(3, P), a_night(4, F, load=NEW)]
    assert [each.turned for each in flips(nights)] == [0, 0]
    (found,) = flips([a_night(1, P), a_night(2, F, P), a_night(3, B), a_night(4, P)])
    assert (found.turned, found.pairs) == (2, 3)
    low, high = found.interval
    assert low < found.rate < high


def test_wilson_as_published() -> None:
    # Newcombe 1998, table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share(hits: tuple[int, int]) -> None:
    low, high = wilson(*hits)
    assert 0 <= low <= hits[0] / hits[1] <= high <= 1


def test_a_change_is_found_and_its_night_named() -> None:
    dice = random.Random(5)
    nights = [a_night(n, P, boot_s=dice.gauss(60, 2)) for n in range(20)]
    nights += [a_night(n, P, load=NEW, boot_s=dice.gauss(75, 2)) for n in range(20, 28)]
    (trend,) = trends(nights)
    (change,) = trend.changes
    assert trend.entries[change.index].run_id == "run-20"
    told = trend.told(change)
    assert "since run-20" in told
    assert f"firmware {OLD} → {NEW}" in told


def test_changes_up_and_down_again_are_both_found() -> None:
    dice = random.Random(7)
    levels = [60.0] * 15 + [80.0] * 15 + [60.0] * 15
    nights = [a_night(n, P, boot_s=dice.gauss(level, 2)) for n, level in enumerate(levels)]
    (trend,) = trends(nights)
    assert [change.index for change in trend.changes] == [15, 30]


def test_a_change_too_small_to_matter_or_of_one_night_is_none() -> None:
    assert (
        change_in([60.0 + n * 0.001 for n in range(20)] + [61.0 + n * 0.001 for n in range(20)])
        is None
    )
    assert change_in([60.0, 61.0] * 10 + [600.0]) is None
    assert change_in([60.0] * 30) is None
    assert change_in([60.0, 90.0, 90.0]) is None


@pytest.mark.parametrize("kind", ["gauss", "heavy", "coarse"])
def test_false_alarms_are_as_rare_as_said(kind: str) -> None:
    """Series without a change, scattered so widely that the least effect holds nothing back.

    At a level of 1 % two hundred series give 2 false alarms; more than 7 has a chance below 0.1 %.
    """
    dice = random.Random(20261125)
    draw = {
        "gauss": lambda: dice.gauss(100, 40),
        "heavy": lambda: 20 + dice.paretovariate(1.2) * 30,
        "coarse": lambda: float(dice.randrange(1, 6)),
    }[kind]
    alarms = sum(change_in([draw() for _ in range(30)]) is not None for _ in range(200))
    assert alarms <= 7
