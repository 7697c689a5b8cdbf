"""Log lines that say something: TFTP servers, Asterisk, the phone itself.

Forms as the programs print them: tftpd-hpa 5.2, atftpd 0.8, dnsmasq 2.89 (from their own
format strings), Asterisk's logger, and the console log of a 7942 (``== Syslogd TNP==``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from harness.events import Event, FileRefused, FileRequested, FileServed, LogLine

__all__ = ["LogReader"]

_SYSLOG = re.compile(r"^(?:<\d+>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)\s")
_ISO = re.compile(r"^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?)")
_BRACKET = re.compile(r"^\[([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)")
_ASTERISK = re.compile(r"\b(?:NOTICE|WARNING|ERROR|VERBOSE|DEBUG|SECURITY)\[\d+\]")
_PHONE = re.compile(r"^\d+: (?:NOT|WRN|ERR|DEB|INF) \d\d:\d\d:\d\d")

_ADDRESS = r"(?:::ffff:)?(?P<address>\d+\.\d+\.\d+\.\d+)"
_HPA_RRQ = re.compile(rf"tftpd(?:\[\d+\])?: RRQ from {_ADDRESS} filename (?P<name>\S+)")
_HPA_NAK = re.compile(
    rf"tftpd(?:\[\d+\])?: sending NAK \((?P<code>\d+), (?P<why>.*)\) to {_ADDRESS}"
)
_ATFTPD_SERVING = re.compile(rf"Serving (?P<name>\S+) to {_ADDRESS}:(?P<port>\d+)")
_ATFTPD_MISSING = re.compile(r"atftpd\S*: File (?P<name>\S+) not found")
_DNSMASQ_SENT = re.compile(rf"dnsmasq-tftp\S*: sent (?P<name>\S+) to {_ADDRESS}")
_DNSMASQ_MISSING = re.compile(rf"dnsmasq-tftp\S*: file (?P<name>\S+) not found(?: for {_ADDRESS})?")


class LogReader:
    """Read one log, a line at a time; some lines explain the one before.

    Args:
        root: folder the TFTP server serves: atftpd and dnsmasq log whole paths. Without it the
            usual ones are tried.
    """

    def __init__(self, root: str = "") -> None:
        self._roots = [root] if root else ["/srv/tftp", "/tftpboot", "/var/lib/tftpboot"]
        #: The file each address asked for last: tftpd-hpa does not name it when it refuses.
        self._last: dict[str, str] = {}
        self._last_address = ""
        self._forms: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], list[Event]]], ...] = (
            (_HPA_RRQ, self._requested),
            (_HPA_NAK, self._refused),
            (_ATFTPD_SERVING, self._requested),
            (_ATFTPD_MISSING, self._missing),
            (_DNSMASQ_SENT, self._sent),
            (_DNSMASQ_MISSING, self._missing),
        )

    def events(self, line: str) -> Iterator[Event]:
        """Yield what a line says, always ending with the line itself."""
        for pattern, told in self._forms:
            if found := pattern.search(line):
                yield from told(found)
                yield LogLine("tftp", line)
                return
        if _ASTERISK.search(line):
            yield LogLine("asterisk", line)
        elif _PHONE.match(line):
            yield LogLine("phone", line)
        else:
            yield LogLine("other", line)

    @staticmethod
    def time(line: str) -> float:
        """Return the line's time in seconds since the epoch, 0 when it has none.

        Syslog leaves the year out; the present one is taken, which serves for intervals.
        """
        # What looks like a time need not be one: 2026-13-45.
        try:
            if found := _ISO.match(line):
                return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()
            if found := _SYSLOG.match(line) or _BRACKET.match(line):
                year = datetime.now(UTC).year
                moment = datetime.strptime(f"{year} {found[1]} +0000", "%Y %b %d %H:%M:%S %z")
                return moment.timestamp()
        except ValueError:
            return 0.0
        return 0.0

    def _name(self, path: str) -> str:
        for root in self._roots:
            if path.startswith(root.rstrip("/") + "/"):
                return path[len(root.rstrip("/")) + 1 :]
        return path

    def _requested(self, found: re.Match[str]) -> list[Event]:
        address, name = found["address"], self._name(found["name"])
        self._last[address], self._last_address = name, address
        port = int(found.groupdict().get("port") or 0)
        return [FileRequested(name, address, port)]

    def _refused(self, found: re.Match[str]) -> list[Event]:
        address = found["address"]
        name = self._last.get(address, "")
        return [FileRefused(name, address, 0, int(found["code"]), found["why"])]

    def _missing(self, found: re.Match[str]) -> list[Event]:
        # atftpd says who asked in the line before only.
        name = self._name(found["name"])
        address = found.groupdict().get("address") or self._last_address
        request: list[Event] = [FileRequested(name, address, 0)]
        asked = self._last.get(address) == name
        self._last[address] = name
        refusal = FileRefused(name, address, 0, 1, "not found")
        return [refusal] if asked else [*request, refusal]

    def _sent(self, found: re.Match[str]) -> list[Event]:
        name, address = self._name(found["name"]), found["address"]
        self._last[address] = name
        return [FileRequested(name, address, 0), FileServed(name, address, 0, 0, 0, 0, 0.0)]
