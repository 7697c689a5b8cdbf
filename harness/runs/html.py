"""The report: one HTML file that opens anywhere, with no outside assets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from harness.events import LampChanged, Record
from harness.evidence import redact
from harness.runs.page import page_templates
from harness.runs.results import RunResult, TestResult
from harness.runs.verdict import Verdict

__all__ = ["write_html"]

#: Rows of one test's timeline beyond this are left to timeline.jsonl.
_MOST_ROWS = 400
_FAMILIES = (
    ("pdu", "power"), ("keypad", "keypad"), ("tftp", "files"), ("http", "files"), ("pbx", "pbx"),
    ("capture", "wire"), ("twins", "twins"), ("harness", "harness"), ("pytest", "harness"),
)  # fmt: skip


def write_html(
    run: RunResult, records: Sequence[Record], path: Path, *, secrets: AbstractSet[str]
) -> None:
    """Write the report of a run next to its evidence."""
    page = (
        page_templates()
        .get_template("report.html.j2")
        .render(
            run=run,
            when=_when(run.started),
            resumed=[_when(at) for at in run.resumed],
            minutes=_length((run.ended or run.started) - run.started),
            verdicts=[(verdict.value, run.count(verdict)) for verdict in Verdict],
            tests=[_test(result, records) for result in run.results],
            virtual="virtual" in run.devices.values(),
        )
    )
    path.write_text(redact(page, secrets), encoding="utf-8")


def _test(result: TestResult, records: Sequence[Record]) -> dict[str, object]:
    # By number, for an export may hold the records of some tests only.
    first, last = (
        bisect_left(records, at, key=lambda record: record.seq)
        for at in (result.first_record, result.last_record)
    )
    own = records[first:last]
    pictures = {what: path for what, path in result.files.items() if path.endswith(".png")}
    return {
        "name": result.name,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "detail": result.detail,
        "devices": result.devices,
        "duration": _length(result.duration),
        "files": {w: p for w, p in result.files.items() if w not in pictures},
        "pictures": pictures,
        "streams": result.streams,
        "measurements": {what: f"{number:g}" for what, number in result.measurements.items()},
        "ladder": Markup(result.ladder_html),  # noqa: S704 (escaped by its maker)
        "rows": [_row(record, own[0].mono) for record in own[:_MOST_ROWS]],
        "left_out": max(0, len(own) - _MOST_ROWS),
    }


def _row(record: Record, start: float) -> dict[str, str]:
    family = next((f for prefix, f in _FAMILIES if record.source.startswith(prefix)), "peer")
    event = record.event
    return {
        "at": f"{record.mono - start:.3f}",
        "source": record.source,
        "device": record.device,
        "family": family,
        "kind": event.kind,
        "text": str(event),
        "lamp": event.colour.value if isinstance(event, LampChanged) else "",
    }


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%A %d %B %Y, %H:%M")


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
