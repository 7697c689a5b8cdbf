"""What each phone was given: one row for each file, from the events of both servers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import ProductFault
from harness.events import FileRefused, FileServed, Record

__all__ = ["Transfer", "as_table", "assert_order", "transfers"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """One file asked for: bytes, blocks, blocks sent again, seconds, and how it ended."""

    name: str
    protocol: str
    size: int
    blocks: int
    resent: int
    duration: float
    outcome: str


def transfers(records: Iterable[Record], phone: str) -> list[Transfer]:
    """Return a phone's transfers in the order they ended."""
    found: list[Transfer] = []
    for record in records:
        event = record.event
        if record.device != phone:
            continue
        if isinstance(event, FileServed):
            numbers = (event.size, event.blocks, event.resent, event.duration)
            found.append(Transfer(event.name, event.protocol, *numbers, "served"))
        elif isinstance(event, FileRefused):
            outcome = f"error {event.code}: {event.reason}"
            found.append(Transfer(event.name, event.protocol, 0, 0, 0, 0.0, outcome))
    return found


def as_table(rows: Iterable[Transfer]) -> str:
    """Return the rows as text, a line each, under a head."""
    head = f"{'file':44} {'by':4} {'bytes':>9} {'blocks':>6} {'again':>5} {'s':>8}  outcome"
    return "\n".join(
        [
            head,
            *(
                f"{row.name:44} {row.protocol:4} {row.size:9} {row.blocks:6} {row.resent:5} "
                f"{row.duration:8.3f}  {row.outcome}"
                for row in rows
            ),
        ]
    )


def assert_order(asked: list[str], expected: list[str], *, phone: str) -> None:
    """Make sure a phone asked for these files in this order.

    Raises:
        ProductFault: it did not; both lists are told side by side.
    """
    if asked == expected:
        return
    rows = max(len(asked), len(expected))
    pairs = zip([*expected, *[""] * rows], [*asked, *[""] * rows], range(rows), strict=False)
    told = "\n".join(
        f"  {'  ' if want == got else '≠ '}{want or '(nothing)':44} {got or '(nothing)'}"
        for want, got, _ in pairs
    )
    raise ProductFault(
        f"it asked for other files than it should, or in another order (expected, asked):\n{told}",
        device=phone,
    )
