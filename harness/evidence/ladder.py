"""SIP ladders: who said what to whom, as text for a terminal and as SVG for a report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from harness.events import Record, SipMessage
from harness.evidence.decoder import read_sip
from harness.evidence.sip import SipText, parse_sip

__all__ = ["LadderStep", "ladder_html", "ladder_text", "steps_from_pcap", "steps_from_records"]

_CONTACT = re.compile(r"<sips?:([^@;>]+)@([^;>]+)", re.IGNORECASE)
_COLUMN = 30
_LANE = 230
_ROW = 30
_HEAD = 44
_MARGIN = 120


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One message: ``time`` in seconds since the epoch, ends as ``ip:port``."""

    time: float
    source: str
    destination: str
    message: SipText
    resent: bool = False

    @property
    def label(self) -> str:
        """What stands on the arrow: method or code, what it says about audio, resent or not."""
        message = self.message
        if message.is_request:
            words = [message.method]
            if message.method == "INVITE" and message.to_tag:
                words = ["re-INVITE"]
        else:
            words = [str(message.status), message.reason]
            if message.method not in {"", "INVITE"}:
                words.append(f"({message.method})")
        if message.sdp is not None:
            words.append(f"[{message.sdp.codecs[0] if message.sdp.codecs else 'no codec'}")
            words[-1] += (
                f" {message.sdp.direction}]" if message.sdp.direction != "sendrecv" else "]"
            )
        if self.resent:
            words.append("(again)")
        return " ".join(word for word in words if word)


def steps_from_records(records: Iterable[Record]) -> list[LadderStep]:
    """The SIP messages among timeline records."""
    steps = []
    for record in records:
        event = record.event
        if isinstance(event, SipMessage) and (message := parse_sip(event.text.encode())):
            steps.append(LadderStep(record.wall, event.source, event.destination, message))
    return _mark_resent(steps)


def steps_from_pcap(path: Path) -> list[LadderStep]:
    """The SIP messages of a pcap file, with the capture's own times.

    Raises:
        UsageFault: the file cannot be read or is not classic pcap.
    """
    return _mark_resent(
        [
            LadderStep(packet.time, packet.source, packet.destination, message)
            for packet, message in read_sip(path)
        ]
    )


def ladder_text(records: Iterable[Record] | Path, names: Mapping[str, str]) -> str:
    """Draw a ladder for a terminal: one column per actor, elapsed seconds in front.

    Args:
        records: timeline records, or the path of a pcap file.
        names: actor by ``ip`` or ``ip:port``; others get their address.
    """
    steps = _steps(records)
    if not steps:
        return "no SIP message was seen\n"
    cast = _Cast(steps, names)
    width = _COLUMN
    centre = [10 + width // 2 + width * index for index in range(len(cast.actors))]
    lines = [" " * 10 + "".join(actor[: width - 2].center(width) for actor in cast.actors)]
    lines[0] = lines[0].rstrip()
    for step in steps:
        row = [" "] * (10 + width * len(cast.actors))
        for at in centre:
            row[at] = "|"
        row[:9] = f"{step.time - steps[0].time:9.3f}"
        start, stop = centre[cast.lane(step.source)], centre[cast.lane(step.destination)]
        if start == stop:
            text = f"<> {step.label}"
            row[start + 1 : start + 1 + len(text)] = text
        else:
            left, right = min(start, stop) + 1, max(start, stop)
            row[left:right] = "-" * (right - left)
            row[right - 1 if stop > start else left] = ">" if stop > start else "<"
            text = f" {step.label} "[: right - left - 4]
            at = left + (right - left - len(text)) // 2
            row[at : at + len(text)] = text
        lines.append("".join(row).rstrip())
    return "\n".join(lines) + "\n"


def ladder_html(records: Iterable[Record] | Path, names: Mapping[str, str]) -> str:
    """Draw a ladder as a fragment of HTML: an SVG, below it each message to unfold.

    Self-contained: no style sheet, script or address outside it; all text is escaped. Arguments
    as for :func:`ladder_text`. Empty when there is no SIP message.
    """
    steps = _steps(records)
    if not steps:
        return ""
    cast = _Cast(steps, names)
    first = steps[0].time
    wide = _MARGIN * 2 + _LANE * max(len(cast.actors) - 1, 1)
    high = _HEAD + _ROW * (len(steps) + 1)
    parts = [
        f'<svg class="ladder" role="img" aria-label="SIP ladder" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" font-family="monospace" font-size="12" fill="currentColor">'
    ]
    for index, actor in enumerate(cast.actors):
        x = _MARGIN + _LANE * index
        parts.append(
            f'<text x="{x}" y="18" text-anchor="middle" font-weight="bold">{escape(actor)}</text>'
            f'<line x1="{x}" y1="28" x2="{x}" y2="{high - 6}" stroke="currentColor" '
            'stroke-opacity=".3"/>'
        )
    for index, step in enumerate(steps):
        parts.append(_arrow(step, cast, _HEAD + _ROW * index + 14, step.time - first))
    parts.append("</svg>")
    for step in steps:
        ends = f"{cast.actor(step.source)} → {cast.actor(step.destination)}"
        title = f"{step.time - first:9.3f}  {ends}  {step.message.start_line}"
        parts.append(
            f'<details class="sip"><summary><code>{escape(title)}</code></summary>'
            f"<pre>{escape(_printable(step.message.text))}</pre></details>"
        )
    return "\n".join(parts) + "\n"


def _arrow(step: LadderStep, cast: _Cast, y: int, elapsed: float) -> str:
    start = _MARGIN + _LANE * cast.lane(step.source)
    stop = _MARGIN + _LANE * cast.lane(step.destination)
    colour = "currentColor"
    if step.message.status >= 400:
        colour = "#c0392b"
    dash = ' stroke-dasharray="4 3"' if step.resent else ""
    if start == stop:
        stop = start + 30
    back = 8 if stop < start else -8
    tip = f"{stop},{y} {stop + back},{y - 4} {stop + back},{y + 4}"
    return (
        f"<g><title>{escape(_printable(step.message.text))}</title>"
        f'<text x="4" y="{y + 4}" opacity=".7">{elapsed:.3f}</text>'
        f'<line x1="{start}" y1="{y}" x2="{stop}" y2="{y}" stroke="{colour}"{dash}/>'
        f'<polygon points="{tip}" fill="{colour}"/>'
        f'<text x="{(start + stop) // 2}" y="{y - 5}" text-anchor="middle" fill="{colour}">'
        f"{escape(step.label)}</text></g>"
    )


class _Cast:
    """Which column each ``ip:port`` belongs to."""

    def __init__(self, steps: list[LadderStep], names: Mapping[str, str]) -> None:
        self._names = names
        self._users: dict[str, str] = {}
        for step in steps:
            # Peers share one address and differ by port only; their Contact says who they are.
            found = _CONTACT.search(step.message.contact)
            if found and found[2] == step.source:
                self._users.setdefault(step.source, found[1])
        self.actors: list[str] = []
        for step in steps:
            for end in (step.source, step.destination):
                if self.actor(end) not in self.actors:
                    self.actors.append(self.actor(end))

    def actor(self, end: str) -> str:
        named = self._names.get(end) or self._names.get(end.rpartition(":")[0])
        if named:
            return named
        user = self._users.get(end)
        return f"{user} {end}" if user else end

    def lane(self, end: str) -> int:
        return self.actors.index(self.actor(end))


def _steps(records: Iterable[Record] | Path) -> list[LadderStep]:
    return steps_from_pcap(records) if isinstance(records, Path) else steps_from_records(records)


def _mark_resent(steps: list[LadderStep]) -> list[LadderStep]:
    seen: set[tuple[str, str, str]] = set()
    marked = []
    for step in steps:
        key = (step.source, step.destination, step.message.text)
        resent = key in seen
        seen.add(key)
        marked.append(
            LadderStep(step.time, step.source, step.destination, step.message, resent=resent)
        )
    return marked


def _printable(text: str) -> str:
    """Drop control characters, which neither HTML nor XML may hold."""
    return "".join(c for c in text.replace("\r\n", "\n") if c in "\n\t" or c.isprintable())
