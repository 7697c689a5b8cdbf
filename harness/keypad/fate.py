"""What became of a press, and the bench fault that says it was not what was told."""

from __future__ import annotations

from enum import StrEnum

from harness.errors import BenchFault

__all__ = ["Fate", "KeyFault"]


class Fate(StrEnum):
    """What became of one press, as far as anything on the bench can see it."""

    OK = "ok"
    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"
    WRONG = "wrong"
    UNSEEN = "not seen"


class KeyFault(BenchFault):
    """A key did not do what the keypad was told; ``fate`` says what it did."""

    def __init__(
        self,
        summary: str,
        fate: Fate,
        *,
        device: str,
        state: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        self.fate = fate
        super().__init__(summary, device=device, state=state, expected=expected, hint=hint)
