"""The interactive console (``asterisk -rvvv``) through pexpect, as a person at the PBX uses it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pexpect

from harness.errors import BenchFault

__all__ = [
    "Console",
    "ConsoleChannel",
    "ConsoleContact",
    "ConsoleEndpoint",
    "parse_aor_contacts",
    "parse_channels",
    "parse_contacts",
    "parse_endpoints",
    "plain_output",
]

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]")
_PROMPT = re.compile(r"^\S*\*CLI> ?")
#: A line of the log that got between, in the date format of our logger.conf.
_LOG_LINE = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\] ")
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
_CHANNEL = re.compile(
    r"^(?P<name>\S+/\S+)\s+(?P<location>\S+)\s+(?P<state>\S+)\s+(?P<application>\S.*)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ConsoleContact:
    """One line of ``pjsip show contacts``."""

    aor: str
    host: str
    port: int
    status: str = ""


@dataclass(frozen=True, slots=True)
class ConsoleEndpoint:
    """One endpoint of ``pjsip show endpoints``: ``Not in use``, ``In use``, ``Unavailable`` ..."""

    user: str
    state: str
    channels: int


@dataclass(frozen=True, slots=True)
class ConsoleChannel:
    """One line of ``core show channels``; the console cuts long names short."""

    name: str
    location: str
    state: str
    application: str


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


def parse_channels(text: str) -> list[ConsoleChannel]:
    """Read the answer to ``core show channels``."""
    return [
        ConsoleChannel(match["name"], match["location"], match["state"], match["application"])
        for match in _CHANNEL.finditer(text)
    ]


def plain_output(raw: str) -> str:
    """Return what a command wrote, of all that the terminal showed.

    Colours, cursor movements, redrawn prompts and lines of the log in between are taken out.
    """
    lines = []
    for line in _ESCAPES.sub("", raw).replace("\r", "").split("\n"):
        # The line editor draws its prompt, then writes the answer over it.
        bare = line
        while _PROMPT.match(bare):
            bare = _PROMPT.sub("", bare, count=1)
        if (bare or not _PROMPT.match(line)) and not _LOG_LINE.match(bare):
            lines.append(bare)
    return "\n".join(lines).strip("\n")


class Console:
    """An open console; a context manager.

    Args:
        command: the command line that opens it.
        within: seconds to open, and for each command to be answered.

    Raises:
        BenchFault: on opening or on a command: no answer within the deadline, or it ended.
    """

    def __init__(self, command: Sequence[str], within: float = 10.0) -> None:
        self._within = within
        program, *arguments = command
        self._child: Any = pexpect.spawn(
            program, arguments, encoding="utf-8", codec_errors="replace", timeout=within,
            echo=False, dimensions=(50, 250),
        )  # fmt: skip
        try:
            self._expect(r"\*CLI> ", "open the console")
        except BenchFault:
            self.close()
            raise

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, command: str) -> str:
        """Type a command and return what it answers, as plain text.

        The prompt cannot tell where an answer begins or ends: it is drawn again at any time, and
        a command without output draws none. So two commands that no Asterisk knows go around it,
        and their refusals are the brackets. All three are typed in one go: the line editor reads
        all that was typed before it shows more of what Asterisk says, so the echo of the typing
        tears no line of the answer.
        """
        token = secrets.token_hex(4)
        self._child.send(f"begin-{token}\r{command}\rend-{token}\r")
        self._expect(rf"No such command 'begin-{token}'[^\n]*\n", command)
        answer = self._expect(rf"No such command 'end-{token}'[^\n]*\n", command)
        return plain_output(answer)

    def contacts(self) -> list[ConsoleContact]:
        """Return the contacts as ``pjsip show contacts`` lists them."""
        return parse_contacts(
            self.run("pjsip show contacts"),
            lambda aor: parse_aor_contacts(self.run(f"pjsip show aor {aor}")),
        )

    def endpoints(self) -> list[ConsoleEndpoint]:
        """Return the endpoints as ``pjsip show endpoints`` lists them."""
        return parse_endpoints(self.run("pjsip show endpoints"))

    def channels(self) -> list[ConsoleChannel]:
        """Return the channels as ``core show channels`` lists them."""
        return parse_channels(self.run("core show channels"))

    def close(self) -> None:
        """Leave the console; Asterisk runs on."""
        self._child.close(force=True)

    def _expect(self, pattern: str, doing: str) -> str:
        try:
            self._child.expect(pattern, timeout=self._within)
        except (pexpect.TIMEOUT, pexpect.EOF, OSError) as error:
            ended = not isinstance(error, pexpect.TIMEOUT)
            shown = plain_output(str(self._child.before or ""))
            raise BenchFault(
                f"the Asterisk console {'ended' if ended else 'gave no answer'} "
                f"while asked to {doing!r}",
                device="pbx",
                state=shown[-200:].strip() or "silent",
                expected=f"an answer within {self._within:.0f} s",
                hint="is the container still running? read the PBX log of this run",
            ) from error
        return str(self._child.before)
