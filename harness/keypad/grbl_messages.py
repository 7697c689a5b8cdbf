"""What a GRBL 1.1 controller says, line by line.

Source: gnea/grbl wiki "Grbl v1.1 Interface" and doc/markdown/interface.md: response messages
(``ok``, ``error:n``) and push messages (``<...>``, ``ALARM:n``, ``$n=v``, ``[...]``, the welcome).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

__all__ = [
    "Alarm",
    "Feedback",
    "GrblError",
    "GrblMessage",
    "LineReader",
    "NotGrbl",
    "Ok",
    "Setting",
    "Status",
    "Welcome",
    "parse_line",
]

#: No line of GRBL is longer; a stream without newlines must not eat all memory.
LONGEST_LINE = 256

_WELCOME = re.compile(r"Grbl (\d+\.\d+\w*) \['\$' for help\]")
_SETTING = re.compile(r"\$(\d{1,3})=(-?\d+(?:\.\d+)?)(?: \(.*\))?")
_STATES = frozenset(("Idle", "Run", "Hold", "Jog", "Alarm", "Door", "Check", "Home", "Sleep"))


@dataclass(frozen=True, slots=True)
class Ok:
    """The oldest unanswered line was taken."""


@dataclass(frozen=True, slots=True)
class GrblError:
    """The oldest unanswered line was refused."""

    code: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Motion ended in an alarm; the machine is locked."""

    code: int


@dataclass(frozen=True, slots=True)
class Welcome:
    """It has just started or was reset; whatever it knew of lines and motion is gone."""

    version: str


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to ``?``. ``position`` is machine position in mm when ``machine`` is set."""

    state: str
    substate: int | None
    position: tuple[float, float, float]
    machine: bool = True
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        """Whether nothing moves: idle, or a feed hold that is complete."""
        return self.state == "Idle" or (self.state == "Hold" and self.substate == 0)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of ``$$``."""

    number: int
    value: float


@dataclass(frozen=True, slots=True)
class Feedback:
    """Anything in brackets: ``[MSG:...]``, ``[VER:...]``, ``[OPT:...]``, ``[GC:...]``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class NotGrbl:
    """A line that GRBL 1.1 does not say."""

    line: bytes


GrblMessage = Ok | GrblError | Alarm | Welcome | Status | Setting | Feedback | NotGrbl


class LineReader:
    """Cut a stream of bytes into messages, however it was split or glued on its way."""

    def __init__(self) -> None:
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[GrblMessage]:
        """Take what came and return the messages it completed, in order."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        messages: list[GrblMessage] = []
        for line in lines:
            bare = line.strip(b"\r \0")
            if self._overlong:
                self._overlong = False
                messages.append(NotGrbl(bare[-40:]))
            elif bare:
                messages.append(parse_line(bare))
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
            self._overlong = True
        return messages


def parse_line(line: bytes) -> GrblMessage:
    """Read one line without its line end."""
    if len(line) > LONGEST_LINE or not line.isascii():
        return NotGrbl(line[:80])
    text = line.decode("ascii")
    if text == "ok":
        return Ok()
    head, colon, rest = text.partition(":")
    if head in ("error", "ALARM") and colon and rest.isdecimal() and len(rest) < 4:
        return GrblError(int(rest)) if head == "error" else Alarm(int(rest))
    if welcome := _WELCOME.fullmatch(text):
        return Welcome(welcome[1])
    if setting := _SETTING.fullmatch(text):
        return Setting(int(setting[1]), float(setting[2]))
    if text.startswith("[") and text.endswith("]"):
        kind, _, rest = text[1:-1].partition(":")
        return Feedback(kind, rest)
    if text.startswith("<") and text.endswith(">"):
        return _status(text[1:-1]) or NotGrbl(line)
    if text.startswith(">"):
        # A stored start-up line that was carried out: ">G54:ok".
        return Feedback("STARTUP", text[1:])
    return NotGrbl(line)


def _status(text: str) -> Status | None:
    head, *parts = text.split("|")
    state, _, substate = head.partition(":")
    fields = dict(part.partition(":")[::2] for part in parts)
    kind = "MPos" if "MPos" in fields else "WPos"
    try:
        x, y, z = (float(number) for number in fields.get(kind, "").split(",")[:3])
        number = int(substate) if substate else None
    except ValueError:
        return None
    if state not in _STATES or not all(map(math.isfinite, (x, y, z))):
        return None
    return Status(state, number, (x, y, z), kind == "MPos", fields)
