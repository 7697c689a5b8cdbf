"""The morning table as a page: what changed, and how measurements go, with no outside assets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

from harness.evidence import redact
from harness.runs.history.morning import Morning
from harness.runs.history.trend import Trend
from harness.runs.page import page_templates
from harness.runs.sparkline import sparkline
from harness.runs.verdict import Verdict

__all__ = ["write_morning"]


def write_morning(told: Morning, path: Path, *, secrets: AbstractSet[str]) -> None:
    """Write the page next to the night's report."""
    rows = told.rows
    page = (
        page_templates()
        .get_template("morning.html.j2")
        .render(
            night=told.night,
            headline=told.headline,
            compared=told.comparison is not None,
            when=datetime.fromtimestamp(told.night.started)
            .astimezone()
            .strftime("%d %B %Y, %H:%M"),
            counts=[(verdict, n) for verdict in Verdict if (n := told.night.count(verdict))],
            virtual=any("virtual" in bench for bench in told.night.benches),
            notes=told.notes,
            rows=rows,
            kinds=list(Counter(row.kind for row in rows).items()),
            trends=[_trend(trend) for trend in told.trends if len(trend.values) > 1],
        )
    )
    path.write_text(redact(page, secrets), encoding="utf-8")


def _trend(trend: Trend) -> dict[str, object]:
    values = trend.values
    label = (
        f"{trend.name} over {len(values)} nights: first {values[0]:.4g}, last {values[-1]:.4g}, "
        f"least {min(values):.4g}, most {max(values):.4g}"
    )
    return {
        "test": trend.test.rpartition("/")[2],
        "name": trend.name,
        "last": f"{values[-1]:.4g}",
        "nights": len(values),
        "svg": sparkline(values, label, [change.index for change in trend.changes]),
        "changes": [trend.told(change) for change in trend.changes],
    }
