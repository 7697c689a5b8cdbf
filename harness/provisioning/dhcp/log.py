"""What dnsmasq says with ``log-dhcp``, as events: both sides of each exchange."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.events import DhcpMessage

__all__ = ["DnsmasqLog"]

_LINE = re.compile(r"dnsmasq-dhcp(?:\[\d+\])?: (?P<xid>\d+) (?P<said>.*)")
_MESSAGE = re.compile(
    r"DHCP(?P<message>[A-Z]+)\([^)]*\) (?:(?P<address>[\d.]+) )?"
    r"(?P<mac>(?:[0-9a-f]{2}:){5}[0-9a-f]{2}) ?(?P<remark>.*)"
)
_SENT = re.compile(r"sent size: *\d+ option: *(?P<code>\d+) (?:\S+ *)(?P<value>.*)")
_ASKED = re.compile(r"(\d+):[\w-]+")
#: A line that belongs to the next message of a phone, by its first words.
_BEFORE = ("available DHCP", "DHCP range", "vendor class: ", "client provides name: ")
_ANSWERS = {"OFFER", "ACK", "NAK"}


@dataclass(slots=True)
class _Said:
    message: str
    mac: str
    address: str
    remark: str
    options: dict[str, str] = field(default_factory=dict)

    def event(self) -> DhcpMessage:
        return DhcpMessage(self.message, self.mac, self.address, dict(self.options), self.remark)


class DnsmasqLog:
    """Put lines together to messages.

    A message is known to be whole only when the next begins or nothing more comes, so whoever
    reads the log calls :meth:`flush` when it falls silent.
    """

    def __init__(self) -> None:
        self._xid = ""
        self._facts: dict[str, str] = {}
        self._asked: list[str] = []
        self._question: _Said | None = None
        self._answer: _Said | None = None

    def feed(self, line: str) -> list[DhcpMessage]:
        """Take one line; return the messages that are whole now."""
        match = _LINE.match(line)
        if match is None:
            return []
        said = match["said"]
        spoken = _MESSAGE.match(said)
        opens = said.startswith(_BEFORE) or (spoken and spoken["message"] not in _ANSWERS)
        done: list[DhcpMessage] = []
        begun = self._question is not None or self._answer is not None
        if match["xid"] != self._xid or (opens and begun):
            done = self.flush()
            self._xid = match["xid"]
        if spoken:
            self._speak(spoken)
        else:
            self._note(said)
        return done

    def flush(self) -> list[DhcpMessage]:
        """Return what was begun; nothing more belongs to it."""
        if self._question is not None:
            self._question.options |= self._facts
            if self._asked:
                self._question.options["55"] = ",".join(self._asked)
        messages = [one.event() for one in (self._question, self._answer) if one is not None]
        self._facts, self._asked = {}, []
        self._question = self._answer = None
        return messages

    def _speak(self, spoken: re.Match[str]) -> None:
        mac = spoken["mac"].replace(":", "").upper()
        said = _Said(spoken["message"], mac, spoken["address"] or "", spoken["remark"])
        if said.message in _ANSWERS:
            self._answer = said
        else:
            self._question = said

    def _note(self, said: str) -> None:
        sent = _SENT.match(said)
        if sent:
            if self._answer is not None:
                self._answer.options[sent["code"]] = sent["value"].strip()
        elif said.startswith("next server: "):
            if self._answer is not None:
                self._answer.options["siaddr"] = said.removeprefix("next server: ")
        elif said.startswith("requested options: "):
            self._asked += _ASKED.findall(said)
        elif said.startswith("vendor class: "):
            self._facts["60"] = said.removeprefix("vendor class: ")
        elif said.startswith("client provides name: "):
            self._facts["12"] = said.removeprefix("client provides name: ")
