"""What the windows may see and do of the phone behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.virtual.phone.config import PhoneConfig
from harness.virtual.phone.defects import Defects
from harness.virtual.phone.flash import Flash
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.media.statistics import StreamStatistics
from harness.virtual.phone.spec import TwinSpec

__all__ = ["Handset", "LineView", "Picture", "StreamView", "Viewed"]


@dataclass(frozen=True, slots=True)
class StreamView:
    """One RTP session: where to, whether it is up, and its counters."""

    local: tuple[str, int]
    remote: tuple[str, int] | None
    active: bool
    statistics: StreamStatistics


@dataclass(frozen=True, slots=True)
class LineView:
    """One line's registration."""

    button: int
    name: str
    registered: bool
    authenticated: bool
    expires: int
    server: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the display shows, as text."""

    title: str
    lines: tuple[str, ...]
    line_labels: tuple[str, ...]
    soft_keys: tuple[str, ...]


class Handset(Protocol):
    """The telephone, as far as its windows go."""

    @property
    def idle(self) -> bool:
        """No call and no dial tone."""

    def key(self, name: str, *, down: bool) -> None:
        """Move a key."""

    async def send_digits(self, digits: str) -> bool:
        """Send digits in the active call; False when there is none."""

    def dial(self, number: str) -> None:
        """Call a number on line 1."""

    def streams(self) -> Sequence[StreamView]:
        """The sessions of all calls, the active one first."""

    def line_views(self) -> Sequence[LineView]:
        """The registrations."""

    def picture(self) -> Picture:
        """What the display shows now."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """All that the windows look at."""

    handset: Handset
    spec: TwinSpec
    config: PhoneConfig
    flash: Flash
    logs: Logs
    defects: Defects = Defects(())  # noqa: RUF009 (never changed)
