"""Faults the TFTP server can be told to make: for one phone, one file, and seen to fire."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.errors import UsageFault

__all__ = [
    "Delay",
    "DropBlock",
    "DuplicateBlock",
    "ErrorAnswer",
    "Fault",
    "Injection",
    "Silence",
    "Truncate",
    "WrongTid",
]


@dataclass(frozen=True, slots=True)
class DropBlock:
    """The Nth block (from 1) is lost once on its way."""

    number: int = 1


@dataclass(frozen=True, slots=True)
class DuplicateBlock:
    """The Nth block (from 1) arrives twice."""

    number: int = 1


@dataclass(frozen=True, slots=True)
class Delay:
    """The first block comes so many seconds late; longer than the phone waits is a loss."""

    seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The request is answered with an ERROR packet: 1 not found, 2 access, 3 disk, 0 other."""

    code: int = 1


@dataclass(frozen=True, slots=True)
class Truncate:
    """Only the first so many bytes are served, as if that were the file."""

    size: int = 100


@dataclass(frozen=True, slots=True)
class Silence:
    """The request is never answered."""


@dataclass(frozen=True, slots=True)
class WrongTid:
    """Before the Nth block, the same block comes from a port that is not the transfer's."""

    number: int = 1


Fault = DropBlock | DuplicateBlock | Delay | ErrorAnswer | Truncate | Silence | WrongTid


@dataclass(slots=True)
class Injection:
    """A fault, for which phone's address (empty: any) and which file; ``fired`` counts."""

    fault: Fault
    file: str
    address: str = ""
    fired: int = field(default=0)

    def __post_init__(self) -> None:
        """Refuse a fault that could never come about.

        Raises:
            UsageFault: a block below 1, a code that fits no packet, a negative size or time.
        """
        match self.fault:
            case DropBlock(number) | DuplicateBlock(number) | WrongTid(number):
                possible = number >= 1
            case ErrorAnswer(code):
                possible = 0 <= code <= 0xFFFF
            case Delay(least) | Truncate(least):
                possible = least >= 0
            case Silence():
                possible = True
        if not possible:
            raise UsageFault(
                f"{self.fault} can never come about",
                expected="blocks from 1, codes from 0 to 65535, sizes and seconds from 0",
            )

    def meets(self, address: str, file: str) -> bool:
        """Whether a request is the one to spoil."""
        return file == self.file and self.address in {"", address}
