"""Run the rules over a case."""

from __future__ import annotations

from harness.diagnosis import (  # noqa: F401 (importing a rule registers it)
    rules_calls,
    rules_files,
    rules_firmware,
    rules_registration,
)
from harness.diagnosis.case import Case
from harness.diagnosis.diagnosis import Confidence, Diagnosis
from harness.diagnosis.rule import RULES, Rule

__all__ = ["all_rules", "diagnose"]

_ORDER = list(Confidence)


def all_rules() -> list[Rule]:
    """Return every rule, in the order of the catalogue."""
    return list(RULES.values())


def diagnose(case: Case) -> list[Diagnosis]:
    """Return every cause the clues show, the surest first; what only slows a phone comes last."""
    found = [diagnosis for rule in all_rules() for diagnosis in rule.look(case)]

    def rank(each: Diagnosis) -> tuple[bool, int]:
        return RULES[each.rule].only_slows, _ORDER.index(each.confidence)

    return sorted(found, key=rank)
