"""What tests, phones and commands ask of the PBX, wherever its container runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from harness.pbx.channel_driver import ChannelDriver, Contact
from harness.pbx.console import Console
from harness.pbx.crash import Crash

__all__ = ["Pbx"]


class Pbx(Protocol):
    """The PBX of a run.

    ``driver`` is what differs between chan_pjsip and chan_sip; ``configuration`` the folder of its
    files, ``log`` the file with all its container said. ``starts`` counts how often it was started.
    Each method raises BenchFault when the PBX does not run, or does not answer.
    """

    driver: ChannelDriver
    configuration: Path
    log: Path

    @property
    def version(self) -> str:
        """Asterisk's version, as the probe saw it; empty before the start."""

    @property
    def runtime_name(self) -> str:
        """The container runtime in use."""

    @property
    def running(self) -> bool:
        """Whether it is up; false at once when it crashed."""

    @property
    def starts(self) -> int:
        """How often it was started."""

    @property
    def secrets(self) -> set[str]:
        """The manager's secret and every endpoint's password, for redaction."""

    def revive(self) -> None:
        """Start it afresh when it crashed; nothing to do while it runs."""

    def keep_crash(self, folder: Path) -> Crash | None:
        """Move what the last crash left into ``folder``; None without a crash."""

    def set_codecs(self, user: str, *names: str) -> None:
        """Allow a user exactly these codecs (RFC 3551 names); none restores the shipped ones."""

    def contacts(self, aor: str) -> list[Contact]:
        """Return the contacts of an address of record, from the manager interface."""

    def channels_of(self, user: str) -> list[str]:
        """Return the channels that belong to one user."""

    def wait_no_channels(self, user: str, *, within: float) -> None:
        """Wait until a user has no channel left; raises ProductFault when one stays."""

    def hangup_all(self) -> None:
        """End every call, of all that use this PBX by this object."""

    def command(self, command: str) -> str:
        """Run a console command through the manager interface."""

    def console(self) -> Console:
        """Open the interactive console."""
