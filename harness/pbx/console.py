"""The interactive console (``asterisk -r``) through pexpect, as a person at the PBX uses it.

What both Asterisks answer stands here; the commands of a channel driver are in console_pjsip and
console_sip.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pexpect

from harness.errors import BenchFault

__all__ = [
    "Console",
    "ConsoleChannel",
    "ConsoleContact",
    "parse_channels",
    "plain_output",
]

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]")
_PROMPT = re.compile(r"^\S*\*CLI> ?")
#: A line of the log that got between, in the date format of our logger.conf.
_LOG_LINE = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\] ")
_CHANNEL = re.compile(
    r"^(?P<name>\S+/\S+)\s+(?P<location>\S+)\s+(?P<state>\S+)\s+(?P<application>\S.*)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ConsoleContact:
    """Where the console says a user is registered; ``status`` is what qualify made of it."""

    aor: str
    host: str
    port: int
    status: str = ""


@dataclass(frozen=True, slots=True)
class ConsoleChannel:
    """One line of ``core show channels``; the console cuts long names short."""

    name: str
    location: str
    state: str
    application: str


def parse_channels(text: str) -> list[ConsoleChannel]:
    """Read the answer to ``core show channels``."""
    return [
        ConsoleChannel(
            match["name"], match["location"], match["state"], match["application"].strip()
        )
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
        """Return where users are registered."""
        raise NotImplementedError

    def trace(self, address: str = "") -> None:
        """Show the SIP messages from and to an address, or no more of them.

        Raises:
            BenchFault: the console did not confirm it.
        """
        raise NotImplementedError

    def channels(self) -> list[ConsoleChannel]:
        """Return the channels as ``core show channels`` lists them."""
        return parse_channels(self.run("core show channels"))

    def _confirmed(self, command: str, confirmation: str) -> None:
        answer = self.run(command)
        if confirmation not in answer:
            raise BenchFault(
                f"the Asterisk console did not confirm {command!r}",
                device="pbx",
                state=answer.strip()[:200] or "no answer",
                expected=confirmation,
                hint="is the module of this command loaded? module show like sip",
            )

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
