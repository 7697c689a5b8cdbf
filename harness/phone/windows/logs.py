"""The two logs of a phone as it hands them out: status messages for people, console for support.

Status messages are a page of HTML, one table row each in its main cell (the layout of the other
pages of this server, as dumped by users; scrapers take the text after that cell). Console log
lines are ``<seq>: <NOT|WRN|ERR|DEB> <hh:mm:ss.us> <task>: <text>`` under a banner (console logs of
a 7942 and a 7945 on a public pastebin).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

__all__ = ["LogLine", "StatusMessage", "parse_console_log", "parse_status"]

_CLOCK = re.compile(r"^(\d{1,2}:\d\d(?::\d\d)?[ap]?m?)(?: \d\d/\d\d/\d\d(?:\d\d)?)?\s+(?=\S)")
_LOG_LINE = re.compile(
    r"^(?P<seq>\d+): (?P<level>NOT|WRN|ERR|DEB|[A-Z]{3}) (?P<time>\d\d:\d\d:\d\d\.\d+) "
    r"(?P<task>[^:]{1,64}): ?(?P<text>.*)$"
)


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """One line of Settings > Status > Status Messages; ``time`` is empty when it shows none."""

    time: str
    text: str

    def __str__(self) -> str:
        return f"{self.time} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the console log; lines of another form have only ``text``."""

    text: str
    task: str = ""
    level: str = ""
    time: str = ""
    sequence: int | None = None


class _Rows(HTMLParser):
    """Collect the text of each innermost table row of the main cell, and of the whole page."""

    def __init__(self) -> None:
        super().__init__()
        self.main: list[str] = []
        self.all: list[str] = []
        self._row = ""
        self._in_main = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "div" and ("align", "center") in [(k, (v or "").lower()) for k, v in attrs]:
            self._in_main = True
        if tag in ("tr", "br", "li", "p"):
            self._end_row()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("tr", "table", "li", "div"):
            self._end_row()
        if tag == "div":
            self._in_main = False

    def handle_data(self, data: str) -> None:
        self._row += data

    def close(self) -> None:
        super().close()
        self._end_row()

    def _end_row(self) -> None:
        row, self._row = " ".join(self._row.split()), ""
        if row:
            self.all.append(row)
            if self._in_main:
                self.main.append(row)


def parse_status(content: bytes) -> list[StatusMessage]:
    """Read the status messages page, oldest first as the phone lists them.

    Never fails: of a page in an unknown layout every row is a message.
    """
    rows = _Rows()
    rows.feed(content.decode("utf-8", "replace"))
    rows.close()
    messages = []
    for row in rows.main or rows.all:
        clock = _CLOCK.match(row)
        messages.append(
            StatusMessage(clock[1], row[clock.end() :]) if clock else StatusMessage("", row)
        )
    return messages


def parse_console_log(content: bytes) -> list[LogLine]:
    """Read a console log; banners, stack traces and whatever else are lines with text only."""
    lines = []
    for raw in content.decode("utf-8", "replace").split("\n"):
        line = raw.rstrip("\r\0 ")
        match = _LOG_LINE.match(line)
        if match:
            lines.append(
                LogLine(
                    match["text"],
                    match["task"],
                    match["level"],
                    match["time"],
                    int(match["seq"][:18]),
                )
            )
        elif line:
            lines.append(LogLine(line))
    return lines
