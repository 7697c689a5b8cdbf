"""Who hears whom: calls, transfers and conferences are proven by sound.

Each party plays a tone of its own. An assertion names, for each ear, the exact set of parties it
must hear; hearing somebody else fails as surely as not hearing the one expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

__all__ = ["Ear", "who_hears_whom"]


class Ear(Protocol):
    """Anything that can tell which tones arrive at a party."""

    def wait_hears(
        self, expected: set[str], tones: Mapping[str, int], within: float
    ) -> frozenset[str]:
        """Wait until exactly ``expected`` is heard for a full window; raise ProductFault else."""


def who_hears_whom(
    ears: Mapping[str, Ear],
    expected: Mapping[str, Iterable[str]],
    tones: Mapping[str, int],
    *,
    within: float = 6.0,
) -> None:
    """Assert the whole matrix: each named ear hears exactly the parties given for it.

    Args:
        ears: the ears to listen at, by party.
        expected: for each party, whom it must hear; an empty set means silence.
        tones: every party's tone in Hz, also of those who must not be heard.
        within: seconds each ear may take to settle.

    Raises:
        ProductFault: an ear heard somebody else, or not everybody, by its deadline.
    """
    for party, heard in expected.items():
        ears[party].wait_hears(set(heard), tones, within)
