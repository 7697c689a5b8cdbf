"""The rule: one class for each known failure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from harness.diagnosis.case import Case, Clue
from harness.diagnosis.diagnosis import Confidence, Diagnosis

__all__ = ["RULES", "Rule"]

#: Every rule by its identifier, in the order of definition.
RULES: dict[str, Rule] = {}

#: Clues shown of each proof: the first ones show the pattern, forty more would only repeat it.
_SHOWN = 6


class Rule(ABC):
    """One failure. A subclass says what a user sees and recognises it; defining it registers it."""

    id: ClassVar[str]
    symptom: ClassVar[str]
    fix: ClassVar[str]
    source: ClassVar[str]
    #: The phone works all the same: told last, for it is seldom what the report is about.
    only_slows: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        RULES[cls.id] = cls()

    @abstractmethod
    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Yield what a case shows of this failure."""

    def found(
        self,
        cause: str,
        confidence: Confidence,
        proof: Iterable[Clue],
        *,
        device: str = "",
        fix: str = "",
    ) -> Diagnosis:
        """Make a diagnosis of this rule."""
        clues = tuple(proof)
        return Diagnosis(
            rule=self.id,
            device=device or next((who for clue in clues if (who := clue.who)), ""),
            cause=cause,
            fix=fix or self.fix,
            confidence=confidence,
            proof=clues[:_SHOWN],
            source=self.source,
        )
