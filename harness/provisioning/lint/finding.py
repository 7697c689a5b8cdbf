"""What a rule says about one place in one file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How sure a phone is to suffer: ``error`` breaks it, ``warning`` may, ``note`` is to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake: where, what was found, what the phone will do, and the cure."""

    path: str
    line: int
    rule: str
    severity: Severity
    key: str
    found: str
    symptom: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity}: {self.found} [{self.rule}]"
