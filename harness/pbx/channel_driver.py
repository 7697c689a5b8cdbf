"""What the bench asks of Asterisk's SIP channel driver, whichever it is.

Asterisk 22 speaks SIP by chan_pjsip, Asterisk 16 here by chan_sip. They differ in configuration
file, modules, manager actions and console commands; all of that stands in the two classes that
are one of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.pbx.ami import AmiClient
from harness.pbx.console import Console

__all__ = ["ChannelDriver", "Contact", "contact_of"]

_URI = re.compile(r"sips?:(?:[^@]+@)?(?P<host>[^:;>]+)(?::(?P<port>\d+))?")


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the PBX would send a request for an address of record.

    ``expires_at`` is when it forgets the contact, in seconds since the epoch; 0 when not told.
    """

    aor: str
    uri: str
    host: str
    port: int
    expires_at: int = 0


def contact_of(aor: str, uri: str, expires_at: int) -> list[Contact]:
    """Return the contact a URI names; no port means 5060 (RFC 3261, 19.1.2)."""
    match = _URI.match(uri)
    if match is None:
        return []
    return [Contact(aor, uri, match["host"], int(match["port"] or 5060), expires_at)]


class ChannelDriver(Protocol):
    """One way of Asterisk to speak SIP."""

    @property
    def technology(self) -> str:
        """What its channels' names begin with: ``PJSIP`` or ``SIP``."""

    @property
    def call_id(self) -> str:
        """The channel variable or function that tells a channel's Call-ID."""

    @property
    def endpoint_file(self) -> str:
        """The configuration file that holds the endpoints."""

    @property
    def module(self) -> str:
        """The module to reload when that file changed."""

    @property
    def required(self) -> Sequence[str]:
        """Modules without which Asterisk must not start."""

    @property
    def optional(self) -> Sequence[str]:
        """Modules some builds lack, or that serve people at the console."""

    def unbound(self, ami: AmiClient, says: Callable[[str], bool]) -> list[str]:
        """Return which of ``udp`` and ``tcp`` it has no socket for; ``says`` searches the log."""

    def users(self, ami: AmiClient) -> set[str]:
        """Return every user it took from its configuration."""

    def listen_closely(self, ami: AmiClient) -> None:
        """Switch on what tells of registrations and is off by default."""

    def allows(self, ami: AmiClient, user: str, codecs: Sequence[str]) -> bool:
        """Whether a user may have exactly these codecs, in this order."""

    def contacts(self, ami: AmiClient, aor: str) -> list[Contact]:
        """Return the contacts of an address of record."""

    def console(self, command: Sequence[str]) -> Console:
        """Open the console by a command line, as one that knows this driver's commands."""
