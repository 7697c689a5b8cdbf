"""The console of a phone: SSH with the configured login, then the shell's own second login.

The outer login is sshUserId and sshPassword of the SEP file; the shell then asks again, for
``log``/``log`` (logs), ``debug``/``debug`` or ``default``/``user`` (users' notes on 7942). The
server of these loads knows only algorithms that today's ssh leaves out unless asked [remembered].
Its prompt is not published, so it is learned from the shell.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pexpect

from harness.errors import BenchFault, ProductFault
from harness.phone.windows.fetch import WindowClosed

__all__ = ["ConsoleLogin", "PhoneConsole", "RegisterLine", "parse_register"]

_OPTIONS = (
    "KexAlgorithms=+diffie-hellman-group1-sha1,diffie-hellman-group14-sha1",
    "HostKeyAlgorithms=+ssh-rsa",
    "Ciphers=+aes128-cbc,3des-cbc",
    "MACs=+hmac-sha1",
    # A phone makes a new host key at each factory reset; the lab's own wire is trusted.
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    "PubkeyAuthentication=no",
    "PreferredAuthentications=password,keyboard-interactive",
    "NumberOfPasswordPrompts=1",
    "LogLevel=ERROR",
)
_LOGIN = r"(?i)(?:log ?in|user ?name)[^\r\n]{0,20}: ?$"
_HIDDEN_INPUT = r"(?i)pass(?:word|code)[^\r\n]{0,60}: ?$"
_PROMPT = r"(?:^|[\r\n])([^\r\n]{0,60}[>$#%])[ ]?$"
_REFUSED = r"(?i)login incorrect|permission denied|access denied"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CLOSED = ("refused", "timed out", "No route", "unreachable", "reset by peer", "closed by")
_REGISTER = re.compile(
    r"^\s*(?P<line>\d+)\s+(?P<apr>[.1x]{3})\s+(?P<state>[A-Z_]+)\s+(?P<timer>-?\d+)\s+"
    r"(?P<expires>-?\d+)\s+(?P<server>\S+):(?P<port>\d+)\s*$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ConsoleLogin:
    """The second login: ``log`` reads logs, ``debug`` shows the SIP stack's state."""

    user: str = "debug"
    password: str = "debug"  # noqa: S105 (the same on every phone, and published)


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One line of ``show register``: SIPCC prints number, A-P-R flags, state, seconds, server."""

    line: int
    authenticated: bool
    provisioned: bool
    registered: bool
    state: str
    expires: int
    server: str


def parse_register(text: str) -> list[RegisterLine]:
    """Read the LINE REGISTRATION TABLE of ``show register`` (format: SIPCC ccsip_register.c)."""
    return [
        RegisterLine(
            int(match["line"]),
            match["apr"][0] == "1",
            match["apr"][1] == "1",
            match["apr"][2] == "1",
            match["state"],
            int(match["expires"]),
            f"{match['server']}:{match['port']}",
        )
        for match in _REGISTER.finditer(text.replace("\r", ""))
    ]


class PhoneConsole:
    """An open console; a context manager.

    Args:
        name: the phone's name in lab.yaml.
        address: its IP address.
        user: sshUserId of its SEP file.
        password: sshPassword of its SEP file.
        login: the second login.
        within: seconds for each step of the login and each command.
        port: TCP port.

    Raises:
        WindowClosed: nobody listens (sshAccess 1, booting, no power).
        ProductFault: a login is refused, or the shell does not answer in time.
        BenchFault: this host has no ssh, or one that cannot speak with so old a server.
    """

    def __init__(
        self,
        name: str,
        address: str,
        user: str,
        password: str,
        login: ConsoleLogin = ConsoleLogin(),
        *,
        within: float = 10.0,
        port: int = 22,
        program: Sequence[str] = ("ssh",),
    ) -> None:
        self._name = name
        self._address = f"{address}:{port}"
        self._within = within
        options = [part for option in _OPTIONS for part in ("-o", option)]
        command = [*program, "-F", "/dev/null", "-tt", *options]
        command += ["-o", f"ConnectTimeout={max(1, round(within))}"]
        command += ["-p", str(port), "-l", user, address]
        try:
            self._child: Any = pexpect.spawn(
                command[0], command[1:], encoding="utf-8", codec_errors="replace",
                # A night started by a timer has no TERM; a console asked for without one is silent.
                env={**os.environ, "TERM": "vt100"}, timeout=within, dimensions=(200, 500),
            )  # fmt: skip
        except pexpect.ExceptionPexpect as error:
            raise BenchFault(
                f"this host has no {command[0]!r} to open the console with",
                device=name,
                hint="apt-get install openssh-client",
            ) from error
        try:
            self._log_in(password, login)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> PhoneConsole:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, command: str) -> str:
        """Type a command and return what it answers.

        Raises:
            ProductFault: the prompt did not come back in time.
        """
        self._child.send(f"{command}\r")
        answer = self._expect(rf"[\r\n]{re.escape(self._prompt)} ?$", command)
        lines = _ESCAPES.sub("", answer).replace("\r", "").split("\n")
        # The terminal echoes what was typed; the first line is ours.
        return "\n".join(lines[1:] if command in lines[0] else lines).strip("\n")

    def registrations(self) -> list[RegisterLine]:
        """Return what ``show register`` says of each line; needs the ``debug`` login."""
        return parse_register(self.run("show register"))

    def close(self) -> None:
        """Hang up."""
        self._child.close(force=True)

    def _log_in(self, password: str, login: ConsoleLogin) -> None:
        self._expect(_HIDDEN_INPUT, "ask for the password")
        self._child.waitnoecho(timeout=2)
        self._child.send(f"{password}\r")
        self._expect(_LOGIN, "ask for the second login", _REFUSED, _HIDDEN_INPUT)
        self._child.send(f"{login.user}\r")
        self._expect(_HIDDEN_INPUT, "ask for the second password")
        self._child.send(f"{login.password}\r")
        self._expect(_PROMPT, "show a prompt", _REFUSED, _LOGIN)
        self._prompt = str(self._child.match.group(1))

    def _expect(self, pattern: str, doing: str, *refused: str) -> str:
        """Wait for ``pattern``; any of ``refused``, like being asked again, is a refused login."""
        child = self._child
        try:
            found = child.expect([pattern, *refused], timeout=self._within)
        except (pexpect.TIMEOUT, pexpect.EOF, OSError) as error:
            raise self._fault(doing, ended=not isinstance(error, pexpect.TIMEOUT)) from error
        if found:
            raise ProductFault(
                "its console refuses the login",
                device=self._name,
                state=_tail(f"{child.before}{child.after}"),
                expected=f"it to {doing}",
                hint="compare sshUserId and sshPassword in the SEP file as served; the second "
                "login is log/log or debug/debug",
            )
        return str(child.before)

    def _fault(self, doing: str, *, ended: bool) -> WindowClosed | ProductFault | BenchFault:
        shown = _tail(str(self._child.before or ""))
        if ended and any(word in shown for word in _CLOSED):
            return WindowClosed(
                f"its console is closed: {shown}",
                device=self._name,
                expected=f"SSH at {self._address} open (sshAccess 0 means on)",
                hint="set sshAccess to 0 and sshUserId, sshPassword in the SEP file as served",
            )
        if ended and ("negotiate" in shown or "Bad " in shown or "bad configuration" in shown):
            return BenchFault(
                f"this host's ssh cannot speak with it: {shown}",
                device=self._name,
                hint="these phones need diffie-hellman-group1-sha1 and ssh-rsa; use an OpenSSH "
                "that still has them",
            )
        return ProductFault(
            f"its console {'hung up' if ended else 'did not answer'}",
            device=self._name,
            state=shown or "silent",
            expected=f"it to {doing} within {self._within:.0f} s",
        )


def _tail(shown: str) -> str:
    return " ".join(_ESCAPES.sub("", shown).split())[-200:]
