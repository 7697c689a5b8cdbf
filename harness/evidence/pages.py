"""Evidence as pages of HTML that open anywhere: no style, script or address outside them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape

from harness.events import LampChanged, Record, SipMessage

__all__ = ["lamps_text", "page", "timeline_html", "timeline_text"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 84rem;
  padding: 0 1rem; }
h1 { font-size: 1.15rem; } table { border-collapse: collapse; width: 100%; }
td { padding: .15rem .7rem .15rem 0; vertical-align: top; border-top: 1px solid #8883;
  overflow-wrap: anywhere; }
td:nth-child(-n+4) { white-space: nowrap; font-variant-numeric: tabular-nums; }
pre { background: #8881; padding: .5rem; white-space: pre-wrap; }
svg { max-width: 100%; height: auto; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em;
  border: 1px solid #8886; }
.amber { background: #f5a623; } .red { background: #e5484d; } .green { background: #30a46c; }
.dark { background: #333; }
""".strip()


def page(title: str, body: str) -> str:
    """Return a whole page; ``body`` is HTML already."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )


def timeline_text(records: Iterable[Record]) -> str:
    """The records as lines for a person: wall time, source, device, what happened."""
    lines = []
    for record in records:
        said = " ".join(str(record.event).split())
        lines.append(
            f"{_clock(record)}  {record.source:<12} {record.device:<14} {record.event.kind}: {said}"
        )
    return "\n".join(lines) + ("\n" if lines else "")


def timeline_html(records: Iterable[Record], title: str) -> str:
    """The records as a page: a row each, SIP messages and long texts to unfold."""
    rows = []
    for record in records:
        event = record.event
        dot = ""
        if isinstance(event, LampChanged):
            dot = f'<span class="dot {event.colour}" role="img" aria-label="{event.colour}"></span>'
        said = escape(" ".join(_printable(str(event)).split()))
        if isinstance(event, SipMessage):
            whole = escape(_printable(event.text))
            said = f"<details><summary>{said}</summary><pre>{whole}</pre></details>"
        cells = (
            _clock(record), escape(record.source), escape(record.device), dot + escape(event.kind),
            said,
        )  # fmt: skip
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return page(title, "<table>\n" + "\n".join(rows) + "\n</table>\n")


def lamps_text(records: Iterable[Record]) -> str:
    """Who showed what when: a line for each lamp that changed; empty when none did."""
    lines = [
        f"{_clock(record)}  {record.device:<14} {record.event.lamp:<6} {record.event.colour}"
        for record in records
        if isinstance(record.event, LampChanged)
    ]
    return "\n".join(lines) + ("\n" if lines else "")


def _clock(record: Record) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(record.wall))
    return f"{clock}.{int(record.wall * 1000) % 1000:03d}"


def _printable(text: str) -> str:
    """Drop control characters, which HTML may not hold."""
    return "".join(c for c in text.replace("\\r\n", "\n") if c in "\n\\t" or c.isprintable())
