"""A case: all the clues there are, in order, and the questions rules ask of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from harness.events import (
    ConnectionRefused,
    Event,
    FileRefused,
    FileRequested,
    FileServed,
    LogLine,
    Record,
    SipMessage,
    StatusLogRead,
)
from harness.evidence import SipText, parse_sip
from harness.provisioning.lint import Document, Kind, Tree

__all__ = ["Case", "Clue", "Exchange"]

E = TypeVar("E", bound=Event)
_ADDRESSED = (SipMessage, ConnectionRefused, FileRequested, FileServed, FileRefused)
_URI_USER = re.compile(r"sips?:([^@;>]*)@")
_SEP = re.compile(r"(SEP[0-9A-F]{12})")
_CREDENTIAL = re.compile(r'(\w+)="?([^",]*)"?')


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing seen, and where: a file with its line or frame, or the timeline.

    ``time`` is in seconds since the epoch, 0 when the source does not tell it.
    """

    where: str
    event: Event
    time: float = 0.0
    device: str = ""

    @property
    def who(self) -> str:
        """The device it is about: its name in lab.yaml, else the address it speaks from."""
        event = self.event
        if self.device or not isinstance(event, _ADDRESSED):
            return self.device
        if isinstance(event, SipMessage):
            asks = not event.start_line.startswith("SIP/2.0")
            return event.source.rpartition(":")[0] if asks else ""
        if isinstance(event, ConnectionRefused):
            return event.source.rpartition(":")[0]
        return event.address

    def __str__(self) -> str:
        return f"{self.where}: {' '.join(str(self.event).split())}"


@dataclass(slots=True)
class Exchange:
    """The REGISTER requests of one Call-ID, each with the answers that came for its CSeq."""

    call_id: str
    requests: list[tuple[Clue, SipText]] = field(default_factory=list)
    answers: list[tuple[Clue, SipText]] = field(default_factory=list)

    @property
    def user(self) -> str:
        """The user part of the address that is registered."""
        return uri_user(self.requests[0][1].header("to")) if self.requests else ""

    @property
    def succeeded(self) -> bool:
        """Whether any answer was a 2xx."""
        return any(200 <= answer.status < 300 for _, answer in self.answers)

    def answers_to(self, request: SipText) -> list[tuple[Clue, SipText]]:
        """Return the answers to one request."""
        return [(clue, answer) for clue, answer in self.answers if answer.cseq == request.cseq]


@dataclass
class Case:
    """Clues in the order they were seen, and the configuration files that came along."""

    clues: list[Clue] = field(default_factory=list)
    files: Tree = field(default_factory=Tree)

    @classmethod
    def of_records(cls, records: Iterable[Record], files: Tree | None = None) -> Case:
        """Make a case of a timeline."""
        first: float | None = None
        clues = []
        for record in records:
            first = record.mono if first is None else first
            where = f"{record.source} at {record.mono - first:.3f} s"
            clues.append(Clue(where, record.event, record.wall, record.device))
        return cls(clues, files or Tree())

    def of(self, kind: type[E]) -> Iterator[tuple[Clue, E]]:
        """Yield the clues of one kind with their events."""
        for clue in self.clues:
            if isinstance(clue.event, kind):
                yield clue, clue.event

    @cached_property
    def sip(self) -> list[tuple[Clue, SipText]]:
        """Every SIP message, parsed."""
        return [
            (clue, message)
            for clue, event in self.of(SipMessage)
            if (message := parse_sip(event.text.encode())) is not None
        ]

    @cached_property
    def registrations(self) -> list[Exchange]:
        """Every REGISTER dialogue, one per Call-ID."""
        found: dict[str, Exchange] = {}
        for clue, message in self.sip:
            if message.method == "REGISTER":
                exchange = found.setdefault(message.call_id, Exchange(message.call_id))
                (exchange.requests if message.is_request else exchange.answers).append(
                    (clue, message)
                )
        return [exchange for exchange in found.values() if exchange.requests]

    def lines(self, pattern: str, log: str = "") -> list[tuple[Clue, re.Match[str]]]:
        """Return the log lines (and the phone's status messages) that match.

        Args:
            pattern: a regular expression, searched without regard to case.
            log: only lines of this log.
        """
        wanted = re.compile(pattern, re.IGNORECASE)
        found = []
        for clue in self.clues:
            event = clue.event
            # A file nobody could name may be anybody's log.
            if isinstance(event, LogLine) and (log in {"", event.log} or event.log == "other"):
                texts = [event.text]
            elif isinstance(event, StatusLogRead) and log in {"", "phone"}:
                texts = event.text.splitlines()
            else:
                continue
            for text in texts:
                if match := wanted.search(text):
                    said = Clue(clue.where, LogLine("phone", text), clue.time, clue.device)
                    found.append((clue if len(texts) == 1 else said, match))
        return found

    def asked(self, pattern: str) -> list[tuple[Clue, FileRequested]]:
        """Return the requests for files whose whole name matches."""
        wanted = re.compile(pattern, re.IGNORECASE)
        return [each for each in self.of(FileRequested) if wanted.fullmatch(each[1].name)]

    def refused(self, pattern: str) -> list[tuple[Clue, FileRefused]]:
        """Return the refusals of files whose whole name matches."""
        wanted = re.compile(pattern, re.IGNORECASE)
        return [each for each in self.of(FileRefused) if wanted.fullmatch(each[1].name)]

    def configurations(self) -> list[Document]:
        """Return the phones' configuration files."""
        return self.files.of(Kind.PHONE)


def uri_user(header: str) -> str:
    """Return the user part of the URI in a header."""
    found = _URI_USER.search(header)
    return found[1] if found else ""


def sep_name(name: str) -> str:
    """Return the ``SEP<MAC>`` in a file name, or an empty string."""
    found = _SEP.search(name)
    return found[1] if found else ""


def credentials(header: str) -> dict[str, str]:
    """Return the parameters of a WWW-Authenticate or Authorization header."""
    return {name.lower(): value for name, value in _CREDENTIAL.findall(header)}
