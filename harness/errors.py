"""Every error the harness raises on purpose; the base class says who must act.

::

    HarnessError
    ├── ProductFault          the phone, its firmware or its configuration: red for the firmware
    ├── BenchFault            PDU, keypad, cable, PBX host, capture: mend the bench, run again
    │   ├── BenchFaults       several at once, printed as a tree
    │   └── InUse             somebody else has a part of it: wait, or ask them
    ├── Inconclusive          the evidence a verdict needs is missing
    │   └── WindowClosed      a window of the phone is shut (harness.phone)
    ├── UsageFault            lab.yaml, arguments, a file the user gave
    └── HarnessBug            our own mistake: please report

A message names the object, its state, what was expected by when, and the next thing to try.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BenchFault",
    "BenchFaults",
    "HarnessBug",
    "HarnessError",
    "InUse",
    "Inconclusive",
    "ProductFault",
    "UsageFault",
]


class HarnessError(Exception):
    """Base of all errors meant for a person.

    Args:
        summary: one sentence: what happened, in the field's words.
        device: the name in lab.yaml of the object concerned.
        state: what state that object was last known to be in.
        expected: what should have happened, with its deadline.
        hint: the next thing to try.
    """

    #: What the process exits with when this ends a command; documented in docs/reference.
    exit_code = 70

    def __init__(
        self,
        summary: str,
        *,
        device: str = "",
        state: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        self.summary = summary
        self.device = device
        self.state = state
        self.expected = expected
        self.hint = hint
        super().__init__(summary)

    def __str__(self) -> str:
        head = f"{self.device}: {self.summary}" if self.device else self.summary
        lines = [head]
        if self.state:
            lines.append(f"  state:    {self.state}")
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.hint:
            lines.append(f"  try:      {self.hint}")
        return "\n".join(lines)


class ProductFault(HarnessError):
    """The phone, its firmware or its configuration did not do what it should."""

    exit_code = 1


class BenchFault(HarnessError):
    """The bench (PDU, keypad, cable, PBX host, capture) is at fault, not the phone."""

    exit_code = 3


class BenchFaults(BenchFault):
    """All bench faults found at once, printed as one tree."""

    def __init__(self, faults: Sequence[HarnessError]) -> None:
        self.faults = tuple(faults)
        first = faults[0] if faults else None
        told = f", first {first.device}: {first.summary}" if first is not None else ""
        super().__init__(f"{len(self.faults)} faults on the bench{told}")

    def __str__(self) -> str:
        lines = [f"{len(self.faults)} faults on the bench"]
        for index, fault in enumerate(self.faults):
            last = index == len(self.faults) - 1
            first, *rest = str(fault).splitlines()
            lines.append(f"{'└──' if last else '├──'} {first}")
            lines.extend(f"{'   ' if last else '│  '} {line}" for line in rest)
        return "\n".join(lines)


class InUse(BenchFault):
    """Somebody else has a part of the bench, and nobody knows for how long."""


class Inconclusive(HarnessError):
    """The evidence that a verdict needs is missing, so there is no verdict."""

    exit_code = 4


class UsageFault(HarnessError):
    """The user's lab.yaml, arguments or files cannot be used as given."""

    exit_code = 2


class HarnessBug(HarnessError):
    """A mistake of the harness itself."""

    exit_code = 70
