"""What a rule concludes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.diagnosis.case import Clue

__all__ = ["Confidence", "Diagnosis"]


class Confidence(StrEnum):
    """How far the clues carry: shown by them, fits all of them, or fits and others would too."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One cause, of which device, how sure, its cure, and the clues that prove it."""

    rule: str
    device: str
    cause: str
    fix: str
    confidence: Confidence
    proof: tuple[Clue, ...]
    source: str
