"""Old and new side by side: safe, risky or breaks, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.errors import UsageFault
from harness.preflight.trial import Trial
from harness.provisioning.diff import Change
from harness.provisioning.elements import Risk
from harness.provisioning.firmware import Release, known_loads, plan_upgrade
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
    evidence: tuple[Path, ...] = ()

    def __str__(self) -> str:
        lines = [f"verdict: {self.outcome}", *(f"  - {each}" for each in self.reasons)]
        return "\n".join([*lines, *(f"evidence: {each}" for each in self.evidence)])


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
    evidence = tuple(trial.evidence for trial in (old, new) if trial is not None)
    doubts = [
        f"lint {finding.severity}: {finding.found} ({finding.path}:{finding.line}); "
        f"on the phone: {finding.symptom}"
        for finding in new_findings
        if finding.severity is not Severity.NOTE
    ]
    if broken:
        return Judgement(Outcome.BREAKS, (*broken, *doubts), evidence)
    untried = [change for change in changes if not _is_tried(change)]
    doubts += [f"no test can see it: {each}" for each in untried if each.risk is not Risk.LOW]
    doubts += [*_steps(changes), *_doubts(old, new)]
    if not doubts:
        high = [str(change) for change in changes if change.risk is Risk.HIGH]
        reasons = [f"{len(new.run.results) if new else 0} tests passed as before"]
        reasons += [f"tried: {each}" for each in high]
        reasons += [f"no test can see it, and little hangs on it: {each}" for each in untried]
        return Judgement(Outcome.SAFE, tuple(reasons), evidence)
    return Judgement(Outcome.RISKY, tuple(doubts), evidence)


def _is_tried(change: Change) -> bool:
    # XMLDefault.cnf.xml is for phones without a file of their own: none on a bench is.
    return bool(change.element.areas) and not change.path.startswith("XMLDefault.cnf.xml")


def _steps(changes: Sequence[Change]) -> list[str]:
    """Return what is to be known of another load; the bench may hold it, the phones do not yet."""
    reasons: list[str] = []
    for change in changes:
        if not (change.element.path.startswith("loadInformation") and change.old and change.new):
            continue
        try:
            now, goal = Release.parse(change.old), Release.parse(change.new)
            plan = plan_upgrade(now, goal, known_loads())
        except UsageFault as fault:
            reasons.append(f"{change}: {fault.summary}")
            continue
        reasons += [f"{change}: go through {each.release}: {each.why}" for each in plan.steps[:-1]]
        reasons += [f"{change}: {note}" for note in plan.notes]
    return reasons


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
