"""A small drawing of numbers, as SVG inside the page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from markupsafe import Markup

__all__ = ["sparkline"]

_WIDTH, _HEIGHT, _EDGE = 220.0, 40.0, 5.0


def sparkline(values: Sequence[float], label: str, changes: Collection[int] = ()) -> Markup:
    """Draw values from left to right; a dashed upright line stands before each change.

    Args:
        values: one at least, oldest first.
        label: what it shows, for those who cannot see it.
        changes: indices from which on the values are others.
    """
    least, most = min(values), max(values)
    span = (most - least) or 1.0
    step = (_WIDTH - 2 * _EDGE) / max(1, len(values) - 1)
    points = [
        (_EDGE + step * n, _HEIGHT - _EDGE - (value - least) / span * (_HEIGHT - 2 * _EDGE))
        for n, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = "".join(
        f'<line class="cut" x1="{_EDGE + step * (n - 0.5):.1f}" '
        f'x2="{_EDGE + step * (n - 0.5):.1f}" y1="0" y2="{_HEIGHT:.0f}"/>'
        for n in changes
    )
    x, y = points[-1]
    return Markup(  # noqa: S704 (numbers and an escaped label)
        f'<svg class="spark" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="{escape(label)}">{marks}<polyline points="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
    )
