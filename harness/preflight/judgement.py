"""Old and new side by side: safe, risky or breaks, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.preflight.trial import Trial
from harness.provisioning.diff import Change
from harness.provisioning.elements import Risk
from harness.provisioning.lint import Finding, Severity
from harness.runs import Verdict

__all__ = ["Judgement", "Outcome", "judge"]


class Outcome(StrEnum):
    """The verdict on a change."""

    SAFE = "safe"
    RISKY = "risky"
    BREAKS = "breaks"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with its reasons, the weightiest first."""

    outcome: Outcome
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"verdict: {self.outcome}", *(f"  - {each}" for each in self.reasons)])


def judge(
    changes: Sequence[Change], new_findings: Sequence[Finding], old: Trial | None, new: Trial | None
) -> Judgement:
    """Judge a change.

    Args:
        changes: what differs.
        new_findings: what lint says of the new files and did not say of the old.
        old: the trial of the old version; None when nothing had to be tried.
        new: the trial of the new one.
    """
    if not changes:
        return Judgement(Outcome.SAFE, ("nothing changes for any phone",))
    broken = _broken(old, new)
    doubts = [
        f"lint {finding.severity}: {finding.found} ({finding.path}:{finding.line}); "
        f"on the phone: {finding.symptom}"
        for finding in new_findings
        if finding.severity is not Severity.NOTE
    ]
    if broken:
        return Judgement(Outcome.BREAKS, (*broken, *doubts))
    doubts += _doubts(old, new)
    if not doubts:
        high = [str(change) for change in changes if change.risk is Risk.HIGH]
        tried = f"{len(new.run.results) if new else 0} tests passed as before"
        return Judgement(Outcome.SAFE, (tried, *(f"tried: {each}" for each in high)))
    return Judgement(Outcome.RISKY, tuple(doubts))


def _broken(old: Trial | None, new: Trial | None) -> list[str]:
    """Return each test that passed with the old version and not with the new, with its proof."""
    if new is None:
        return []
    before = old.verdicts if old is not None else {}
    reasons: list[str] = []
    for result in new.run.results:
        if result.verdict is Verdict.PRODUCT_FAULT and before.get(result.name) is Verdict.PASSED:
            reasons.append(f"{result.name}: {result.reason}")
            for phone in result.devices:
                usual = set(old.symptoms(phone)) if old is not None else set()
                said = [each for each in new.symptoms(phone) if each not in usual]
                label = result.devices[phone]
                reasons.append(f"{phone} ({label}) showed: {'; '.join(said) or 'nothing new'}")
    return list(dict.fromkeys(reasons))


def _doubts(old: Trial | None, new: Trial | None) -> list[str]:
    reasons: list[str] = []
    for name, trial in (("old", old), ("new", new)):
        for result in trial.run.results if trial is not None else ():
            if result.verdict is not Verdict.PASSED:
                reasons.append(f"with the {name} version {result.name}: {result.reason}")
    return reasons
