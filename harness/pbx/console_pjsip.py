"""The console of an Asterisk with chan_pjsip: its commands, parsed into types."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.pbx.console import Console, ConsoleContact

__all__ = [
    "ConsoleEndpoint",
    "PjsipChannel",
    "PjsipConsole",
    "parse_aor_contacts",
    "parse_contacts",
    "parse_endpoints",
    "parse_pjsip_channels",
]

_CONTACT = re.compile(
    r"^\s*Contact:\s+(?P<aor>[^/\s]+)/(?P<uri>\S+)(?P<gap> +)(?P<hash>[0-9a-f]{10})"
    r"\s+(?P<status>\S+)",
    re.MULTILINE,
)
_AOR_CONTACTS = re.compile(r"^ contact\s+: (?P<uris>\S.*)$", re.MULTILINE)
_URI = re.compile(r"^sips?:(?:[^@]*@)?(?P<host>[^:;@]+)(?::(?P<port>\d+))?")
_ENDPOINT = re.compile(
    r"^ Endpoint:\s+(?P<user>[^/\s<]+)(?:/\S*)?\s{2,}(?P<state>\S.*?)\s{2,}"
    r"(?P<channels>\d+) of (?P<most>\w+)",
    re.MULTILINE,
)
_PJSIP_CHANNEL = re.compile(
    r"^  Channel: (?P<name>\S+)/(?P<application>[^/\s]\S*)?\s+(?P<state>[A-Z]\S*)"
    r"\s+(?P<time>[\d:]+)[ \t]*$"
    r"(?:\n^ +Exten: (?P<exten>\S*) +CLCID: (?P<peer>.*?)[ \t]*$)?",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ConsoleEndpoint:
    """One endpoint of ``pjsip show endpoints``: ``Not in use``, ``In use``, ``Unavailable`` ..."""

    user: str
    state: str
    channels: int


@dataclass(frozen=True, slots=True)
class PjsipChannel:
    """One channel of ``pjsip show channels``; ``connected`` is the other party as it is shown."""

    name: str
    state: str
    application: str
    exten: str
    connected: str


def parse_contacts(
    text: str, whole: Callable[[str], list[str]] = lambda _: []
) -> list[ConsoleContact]:
    """Read the answer to ``pjsip show contacts``; no port means 5060 (RFC 3261, 19.1.2).

    Args:
        text: the answer.
        whole: gives all contact URIs of an address of record; asked for one that fills its
            column, because the console cuts it there (a 79x2 on 8.x or 9.x has a UUID in it).
    """
    found = []
    for line in _CONTACT.finditer(text):
        uri = line["uri"]
        if len(line["gap"]) == 1:
            uri = next((full for full in whole(line["aor"]) if full.startswith(uri)), uri)
        match = _URI.match(uri)
        if match:
            port = int(match["port"] or 5060)
            found.append(ConsoleContact(line["aor"], match["host"], port, line["status"]))
    return found


def parse_aor_contacts(text: str) -> list[str]:
    """Read the contact URIs from the answer to ``pjsip show aor``, which shows them whole."""
    match = _AOR_CONTACTS.search(text)
    return [uri.strip() for uri in match["uris"].split(",")] if match else []


def parse_endpoints(text: str) -> list[ConsoleEndpoint]:
    """Read the answer to ``pjsip show endpoints``."""
    return [
        ConsoleEndpoint(match["user"], match["state"], int(match["channels"]))
        for match in _ENDPOINT.finditer(text)
    ]


def parse_pjsip_channels(text: str) -> list[PjsipChannel]:
    """Read the answer to ``pjsip show channels``: two lines for each channel."""
    return [
        PjsipChannel(
            found["name"],
            found["state"],
            found["application"] or "",
            found["exten"] or "",
            found["peer"] or "",
        )
        for found in _PJSIP_CHANNEL.finditer(text)
    ]


class PjsipConsole(Console):
    """An open console of Asterisk 22."""

    def contacts(self) -> list[ConsoleContact]:
        """Return the contacts as ``pjsip show contacts`` lists them."""
        return parse_contacts(
            self.run("pjsip show contacts"),
            lambda aor: parse_aor_contacts(self.run(f"pjsip show aor {aor}")),
        )

    def endpoints(self) -> list[ConsoleEndpoint]:
        """Return the endpoints as ``pjsip show endpoints`` lists them."""
        return parse_endpoints(self.run("pjsip show endpoints"))

    def sip_channels(self) -> list[PjsipChannel]:
        """Return the channels as ``pjsip show channels`` lists them."""
        return parse_pjsip_channels(self.run("pjsip show channels"))

    def trace(self, address: str = "") -> None:
        """``pjsip set logger host ADDRESS``, or ``pjsip set logger off`` without one."""
        if address:
            self._confirmed(f"pjsip set logger host {address}", f"Enabled for host: {address}")
        else:
            self._confirmed("pjsip set logger off", "PJSIP Logging disabled")
