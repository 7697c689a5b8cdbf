"""The console of an Asterisk with chan_sip: the commands of the how-tos, parsed into types.

Columns are cut where chan_sip cuts them, at fixed widths, so they are read by the positions of
the headings above them, which hold whatever stands (or is missing) below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.pbx.console import Console, ConsoleContact

__all__ = [
    "SipChannel",
    "SipConsole",
    "SipPeer",
    "SipPeerDetail",
    "SipUser",
    "parse_sip_channels",
    "parse_sip_peer",
    "parse_sip_peers",
    "parse_sip_users",
]

_PAIR = re.compile(r"^\s{2}(?:\* )?(?P<key>\S.*?)\s*: ?(?P<value>.*?)\s*$", re.MULTILINE)
_NOT_SET = {"", "(null)", "<Not set>", "(none)", "N/A"}
_ADDRESS = re.compile(r"^(?P<host>[^:]+):(?P<port>\d+)$")
_UNREGISTERED = "(Unspecified)"


@dataclass(frozen=True, slots=True)
class SipPeer:
    """One line of ``sip show peers``; no host and port 0 while nobody is registered.

    ``username`` is what the phone gave, ``force_rport`` and ``comedia`` the two halves of nat,
    ``status`` what qualify says: ``Unmonitored``, ``OK (12 ms)``, ``UNREACHABLE``, ``UNKNOWN``.
    The console cuts name and username at 25 characters together.
    """

    name: str
    username: str
    host: str
    port: int
    dynamic: bool
    force_rport: bool
    comedia: bool
    status: str

    @property
    def registered(self) -> bool:
        """Whether it has an address."""
        return bool(self.host)


@dataclass(frozen=True, slots=True)
class SipUser:
    """One line of ``sip show users``.

    The console shows the secret in clear, at most 15 characters of it; ``repr`` does not.
    """

    username: str
    secret: str = field(repr=False)
    context: str
    force_rport: bool


@dataclass(frozen=True, slots=True)
class SipPeerDetail:
    """The answer to ``sip show peer``; empty where it says nothing.

    ``expires`` is in seconds, -1 when not registered; ``settings`` has every line it showed.
    """

    name: str
    has_secret: bool
    context: str
    host: str
    port: int
    contact: str
    expires: int
    codecs: tuple[str, ...]
    force_rport: bool
    user_agent: str
    status: str
    settings: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SipChannel:
    """One line of ``sip show channels``: a dialog, also one without a call.

    ``call_id`` is cut at 15 characters; ``peer`` is empty for a guest.
    """

    address: str
    user: str
    call_id: str
    codecs: tuple[str, ...]
    on_hold: bool
    last_message: str
    peer: str


def parse_sip_peers(text: str) -> list[SipPeer]:
    """Read the answer to ``sip show peers``."""
    found = []
    for row in _table(text, "Name/username"):
        name, _, username = row["Name/username"].partition("/")
        host = row["Host"]
        found.append(
            SipPeer(
                name,
                username,
                "" if host == _UNREGISTERED else host,
                int(row["Port"]) if row["Port"].isdecimal() else 0,
                "D" in row["Dyn"].split(),
                row["Forcerport"].startswith(("Yes", "Auto (Yes)")),
                row["Comedia"].startswith(("Yes", "Auto (Yes)")),
                row["Status"],
            )
        )
    return found


def parse_sip_users(text: str) -> list[SipUser]:
    """Read the answer to ``sip show users``."""
    return [
        SipUser(
            row["Username"], row["Secret"], row["Def.Context"], row["Forcerport"].startswith("Yes")
        )
        for row in _table(text, "Username")
    ]


def parse_sip_channels(text: str) -> list[SipChannel]:
    """Read the answer to ``sip show channels``."""
    return [
        SipChannel(
            row["Peer"],
            "" if row["User/ANR"] == "(None)" else row["User/ANR"],
            row["Call ID"],
            _codecs(row["Format"]),
            row["Hold"] == "Yes",
            row["Last Message"],
            "" if row["Peer#2"] == "<guest>" else row["Peer#2"],
        )
        for row in _table(text, "Peer")
    ]


def parse_sip_peer(text: str) -> SipPeerDetail | None:
    """Read the answer to ``sip show peer NAME``; None when there is no such peer."""
    settings = {pair["key"]: pair["value"] for pair in _PAIR.finditer(text)}
    if "Name" not in settings:
        return None

    def told(key: str) -> str:
        value = settings.get(key, "")
        return "" if value in _NOT_SET else value

    address = _ADDRESS.match(told("Addr->IP"))
    return SipPeerDetail(
        name=settings["Name"],
        has_secret=settings.get("Secret") == "<Set>",
        context=told("Context"),
        host=address["host"] if address else "",
        port=int(address["port"]) if address else 0,
        contact=told("Reg. Contact"),
        expires=int(told("Expire") or -1),
        codecs=_codecs(told("Codecs")),
        force_rport=told("Force rport").startswith("Yes"),
        user_agent=told("Useragent"),
        status=told("Status"),
        settings=settings,
    )


def _codecs(text: str) -> tuple[str, ...]:
    inside = text.strip("()")
    return () if inside in {"nothing", ""} else tuple(inside.split("|"))


def _table(text: str, first: str) -> Iterator[dict[str, str]]:
    """Yield the rows below the line of headings that begins with ``first``.

    A heading that comes twice is told apart by ``#2``. A line that counts what was listed ends the
    table (``2 sip peers [...]``); empty lines are those the terminal drew its prompt on.
    """
    spans: list[tuple[str, int, int | None]] = []
    for line in text.splitlines():
        if not spans:
            if line.startswith(first):
                spans = _spans(line)
            continue
        if re.match(r"\d+ (sip peers|active SIP)", line):
            return
        if line.strip():
            yield {name: line[start:end].strip() for name, start, end in spans}


def _spans(header: str) -> list[tuple[str, int, int | None]]:
    # One space is inside a heading ("Call ID"), two or more are between two; the narrow columns
    # of "sip show peers" have one between, and are known.
    words = re.finditer(r"ACL(?= )|Dyn(?= )|Forcerport(?= )|\S+(?: \S+)*?(?=\s{2,}|\s*$)", header)
    starts: list[tuple[str, int]] = []
    for word in words:
        name = word[0]
        seen = sum(known.partition("#")[0] == name for known, _ in starts)
        starts.append((f"{name}#{seen + 1}" if seen else name, word.start()))
    ends: list[int | None] = [start for _, start in starts[1:]]
    return [(name, start, end) for (name, start), end in zip(starts, [*ends, None], strict=True)]


class SipConsole(Console):
    """An open console of Asterisk 16."""

    def peers(self) -> list[SipPeer]:
        """Return the peers as ``sip show peers`` lists them."""
        return parse_sip_peers(self.run("sip show peers"))

    def users(self) -> list[SipUser]:
        """Return the users as ``sip show users`` lists them: who may call in."""
        return parse_sip_users(self.run("sip show users"))

    def peer(self, name: str) -> SipPeerDetail | None:
        """Return what ``sip show peer`` says of a peer; None when it knows none of that name."""
        return parse_sip_peer(self.run(f"sip show peer {name}"))

    def dialogs(self) -> list[SipChannel]:
        """Return the SIP dialogs as ``sip show channels`` lists them."""
        return parse_sip_channels(self.run("sip show channels"))

    def contacts(self) -> list[ConsoleContact]:
        """Return the peers that are registered."""
        return [
            ConsoleContact(peer.name, peer.host, peer.port, peer.status)
            for peer in self.peers()
            if peer.registered
        ]

    def trace(self, address: str = "") -> None:
        """``sip set debug ip ADDRESS``, or ``sip set debug off`` without one."""
        if address:
            self._confirmed(f"sip set debug ip {address}", f"Enabled for IP: {address}")
        else:
            self._confirmed("sip set debug off", "SIP Debugging Disabled")
