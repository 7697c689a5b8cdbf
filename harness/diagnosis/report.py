"""Diagnoses for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.diagnosis.diagnosis import Diagnosis
from harness.diagnosis.rule import RULES

__all__ = ["as_catalogue", "as_json", "as_text"]


def as_text(diagnoses: Sequence[Diagnosis]) -> str:
    """Return each cause with its cure and the lines that prove it."""
    if not diagnoses:
        return "no known failure is shown by these clues"
    return "\n\n".join(_paragraph(each) for each in diagnoses)


def _paragraph(diagnosis: Diagnosis) -> str:
    device = f"{diagnosis.device}: " if diagnosis.device else ""
    lines = [
        f"{diagnosis.confidence}: {device}{diagnosis.cause} [{diagnosis.rule}]",
        f"  on the phone: {RULES[diagnosis.rule].symptom}",
        f"  fix: {diagnosis.fix}",
    ]
    if diagnosis.proof:
        lines += ["  shown by:", *(f"    {clue}" for clue in diagnosis.proof)]
    return "\n".join(lines)


def as_json(diagnoses: Sequence[Diagnosis]) -> str:
    """Return them as a JSON list."""
    plain = [
        {
            "rule": each.rule,
            "device": each.device,
            "confidence": each.confidence.value,
            "cause": each.cause,
            "symptom": RULES[each.rule].symptom,
            "fix": each.fix,
            "source": each.source,
            "proof": [str(clue) for clue in each.proof],
        }
        for each in diagnoses
    ]
    return json.dumps(plain, indent=2, ensure_ascii=False)


def as_catalogue() -> str:
    """Return the page of docs/reference that lists every rule."""
    parts = [
        "# Diagnosis rules",
        "",
        "What `harness diagnose` knows. Written by `harness diagnose --catalogue`.",
    ]
    for rule in RULES.values():
        doc = (type(rule).__doc__ or "").strip().splitlines()[0]
        parts += [
            "",
            f"## {rule.id}",
            "",
            doc,
            "",
            f"- On the phone: {rule.symptom}",
            f"- Fix: {rule.fix}",
            f"- Source: {rule.source}",
        ]
    return "\n".join(parts) + "\n"
