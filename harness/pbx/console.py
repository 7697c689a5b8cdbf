"""The interactive console (``asterisk -r``) through pexpect, as the article's reader uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pexpect

from harness.errors import BenchFault
from harness.pbx.runtime import ContainerRuntime

__all__ = ["Console", "ConsoleContact", "parse_contacts"]

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]")
_CONTACT = re.compile(
    r"^\s*Contact:\s+(?P<aor>[^/\s]+)/sips?:(?P<user>[^@]+)@(?P<host>[^:;\s]+):(?P<port>\d+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ConsoleContact:
    """One line of ``pjsip show contacts``."""

    aor: str
    host: str
    port: int


def parse_contacts(text: str) -> list[ConsoleContact]:
    """Read the answer to ``pjsip show contacts``."""
    return [
        ConsoleContact(match["aor"], match["host"], int(match["port"]))
        for match in _CONTACT.finditer(text)
    ]


class Console:
    """An open console; a context manager.

    Raises:
        BenchFault: on opening or on a command, when no prompt comes within the deadline.
    """

    def __init__(self, runtime: ContainerRuntime, container: str, within: float = 10.0) -> None:
        self._within = within
        arguments = [
            *runtime.global_options,
            "exec",
            "-i",
            "-t",
            "-e",
            "TERM=dumb",
            container,
            "asterisk",
            "-n",
            "-r",
        ]
        self._child: Any = pexpect.spawn(
            runtime.program, arguments, encoding="utf-8", timeout=within, echo=False,
            dimensions=(50, 250),
        )  # fmt: skip
        self._expect(r"\*CLI> ", "open the console")

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, command: str) -> str:
        """Type a command and return what came before the next prompt, without colours."""
        # Seen on 22.10: the line editor echoes the line, draws a fresh prompt, erases that line and
        # writes the answer over it; only then comes the prompt that ends the answer.
        self._child.sendline(command)
        self._expect(re.escape(command) + r"\s*\r\n", command)
        self._expect(r"\*CLI> \r\x1b\[0?K", command)
        return self._expect(r"\r\r\n[^\r\n]*\*CLI> ", command).strip("\n")

    def contacts(self) -> list[ConsoleContact]:
        """Return the contacts as ``pjsip show contacts`` lists them."""
        return parse_contacts(self.run("pjsip show contacts"))

    def close(self) -> None:
        """Leave the console; Asterisk runs on."""
        self._child.close(force=True)

    def _expect(self, pattern: str, doing: str) -> str:
        try:
            self._child.expect(pattern, timeout=self._within)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            raise BenchFault(
                f"the Asterisk console gave no prompt while asked to {doing!r}",
                device="pbx",
                state=str(self._child.before or "")[-200:].strip() or "silent",
                expected=f"a prompt within {self._within:.0f} s",
                hint="is the container still running? read the PBX log of this run",
            ) from error
        return _ESCAPES.sub("", str(self._child.before)).replace("\r", "")
