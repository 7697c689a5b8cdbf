"""Verdicts: what a test says about the phone, the bench and ourselves."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from harness.disk import is_full
from harness.errors import (
    BenchFault,
    HarnessBug,
    HarnessError,
    Inconclusive,
    ProductFault,
    UsageFault,
)

__all__ = ["Verdict", "classify", "exit_code"]


class Verdict(StrEnum):
    """How a test ended, by who must act."""

    PASSED = "passed"
    PRODUCT_FAULT = "product fault"
    BENCH_FAULT = "bench fault"
    INCONCLUSIVE = "inconclusive"
    USAGE_FAULT = "usage fault"
    HARNESS_BUG = "harness bug"


_OF_ERROR: tuple[tuple[type[BaseException], Verdict], ...] = (
    (ProductFault, Verdict.PRODUCT_FAULT),
    (BenchFault, Verdict.BENCH_FAULT),
    (Inconclusive, Verdict.INCONCLUSIVE),
    (UsageFault, Verdict.USAGE_FAULT),
    (HarnessBug, Verdict.HARNESS_BUG),
    (AssertionError, Verdict.PRODUCT_FAULT),
)
#: Exit code by verdict, the one that decides first; documented in docs/reference/exit-codes.md.
_EXIT_CODES = {
    Verdict.PRODUCT_FAULT: 1,
    Verdict.USAGE_FAULT: 2,
    Verdict.BENCH_FAULT: 3,
    Verdict.HARNESS_BUG: 70,
    Verdict.INCONCLUSIVE: 4,
    Verdict.PASSED: 0,
}


def classify(error: BaseException) -> tuple[Verdict, str]:
    """Return the verdict an error means and its first sentence.

    A failed ``assert`` in a test is an expectation the phone did not meet; a full disk is the
    bench's, whatever came of it; anything else that is not one of ours is a bug of the harness.
    """
    if is_full(error):
        # Whatever it stopped, and whoever met it.
        return Verdict.BENCH_FAULT, f"disk: full: {_sentence(error)}"
    for kind, verdict in _OF_ERROR:
        if isinstance(error, kind):
            return verdict, _sentence(error)
    return Verdict.HARNESS_BUG, f"{type(error).__name__}: {_sentence(error)}"


def _sentence(error: BaseException) -> str:
    text = str(error).strip()
    if isinstance(error, HarnessError):
        device = f"{error.device}: " if error.device else ""
        return f"{device}{error.summary}"
    return text.splitlines()[0] if text else type(error).__name__


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """Return the exit code of a run; no verdict at all is inconclusive."""
    found = set(verdicts)
    return next((code for verdict, code in _EXIT_CODES.items() if verdict in found), 4)
