"""What a reproduction says to the one who answers the report."""

from __future__ import annotations

from harness.diagnosis import as_text as diagnoses_as_text
from harness.reproduction.run import Outcome, Reproduction

__all__ = ["as_text"]


def as_text(result: Reproduction) -> str:
    """Return verdict, proof, cause, fix, and what each advice came to."""
    scenario = result.scenario
    lines = [
        f"{scenario.name}: {scenario.title}",
        f"on a {scenario.model} ({result.label}) with {scenario.pbx}",
        "",
        f"reproduced: {'yes' if result.reproduced else 'NO'}",
    ]
    rule = scenario.expect.diagnosis
    shown = result.broken.shown(rule)
    if shown is not None:
        lines += ["", diagnoses_as_text([shown])]
    else:
        lines += ["", f"expected: {rule}", "instead:", diagnoses_as_text(result.broken.diagnoses)]
        lines += [result.broken.fault] if result.broken.fault else []
    lines.append(f"  registered: {_yes(result.broken.registered)}")
    for each in result.advice:
        still = (
            "fails all the same" if each in result.useless else "does NOT fail this way any more"
        )
        lines += ["", f"{each.name} ({each.side.does}): {still}"]
        if (proof := each.shown(rule)) is not None:
            lines += [f"    {clue}" for clue in proof.proof[:3]]
    if result.fixed is not None:
        lines += ["", f"fixed by: {result.fixed.side.does or (shown and shown.fix)}"]
        lines.append(f"verified: {'yes' if result.cured else 'NO'}{_what_now(result.fixed)}")
    lines += ["", f"evidence: {result.broken.folder.parent}"]
    return "\n".join(lines)


def _what_now(outcome: Outcome) -> str:
    if outcome.fault:
        return f"; {outcome.fault}"
    return f"; registered: {_yes(outcome.registered)}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
