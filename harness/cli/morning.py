"""The morning table at the end of a night: printed, written as a page, sent to whoever waits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.errors import UsageFault
from harness.lab import Lab
from harness.runs import RunResult, write_junit
from harness.runs.history import History, Morning, morning
from harness.runs.morning_page import write_morning
from harness.runs.notify import notify

__all__ = ["send", "tell_morning"]


def tell_morning(
    run: RunResult, path: Path, secrets: AbstractSet[str], *, release: bool
) -> list[Morning]:
    """Compare a night with the last good one, print what changed and write it down.

    ``release`` says that it tried a release, and is held against a night of another load.

    Returns:
        The comparison; nothing when the history could not be read, which is said.
    """
    try:
        with History(path) as history:
            told = morning(history, run.run_id, _quarantined(run), release=release)
    except UsageFault as fault:
        print(fault, file=sys.stderr)
        return []
    page = run.directory / "morning.html"
    changed = {change.test: kind for kind, change in told.changed_tests}
    try:
        write_morning(told, page, secrets=secrets)
        write_junit(run, run.directory / "junit.xml", secrets=secrets, changes=changed)
        print(page)
    except OSError as error:
        print(f"{page} could not be written: {error.strerror}", file=sys.stderr)
    if told.comparison is not None or release:
        _print(told)
    return [told]


def _quarantined(run: RunResult) -> list[tuple[str, str]]:
    stations: dict[str, str] = getattr(run, "quarantined", {})
    return list(stations.items())


def _print(told: Morning) -> None:
    print(f"\n{told.headline}")
    for note in told.notes:
        print(f"note: {note}")
    rows = told.rows
    if not rows:
        print("nothing changed" if told.comparison is not None else "")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("change", "of", "from → to"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row.kind, row.subject, row.told)
    console = Console(markup=False, highlight=False)
    wide = None if console.is_terminal else 400
    Console(markup=False, highlight=False, width=wide).print(table)


def send(told: Sequence[Morning], code: int, lab: Lab, *, command: str, webhook: str) -> None:
    """Tell whoever lab.yaml or the options name; what could not be told is said here."""
    command = command or lab.notify.command
    webhook = webhook or lab.notify.webhook.get_secret_value()
    if not command and not webhook:
        return
    summary = {"exit_code": code, "nights": [each.summary() for each in told]}
    for fault in notify(summary, command=command, webhook=webhook, secrets=lab.secrets()):
        print(fault, file=sys.stderr)
