"""The end of a run: its reports written, its secrets taken out of what was written as it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from pathlib import Path

from harness.events import Record
from harness.evidence import redact_file
from harness.provisioning.transfer_log import as_table, transfers
from harness.runs.html import write_html
from harness.runs.junit import write_junit
from harness.runs.results import RunResult
from harness.timeline import TIMELINES

__all__ = ["close_run", "name_latest"]


def close_run(
    run: RunResult,
    records: Sequence[Record],
    secrets: AbstractSet[str],
    attempt: Callable[[str, Callable[[], object]], object] = lambda _, write: write(),
) -> list[Path]:
    """Write transfers and reports of a run, and redact its timelines. Twice is as good as once.

    Args:
        run: the run; nobody may write to its timelines any more.
        records: all that was seen in it.
        secrets: what must not be in what is written.
        attempt: writes one thing by its name; it may let a full disk pass.

    Returns:
        The report and JUnit's file, as far as there was room.
    """
    report, junit = run.directory / "report.html", run.directory / "junit.xml"
    attempt("transfers", lambda: _write_transfers(run, records))
    attempt(report.name, lambda: write_html(run, records, report, secrets=secrets))
    attempt(junit.name, lambda: write_junit(run, junit, secrets=secrets))
    for timeline in sorted(run.directory.glob(TIMELINES)):
        # Written as things happened, before anybody could look for secrets in it.
        attempt(timeline.name, partial(redact_file, timeline, secrets))
    return [path for path in (report, junit) if path.exists()]


def _write_transfers(run: RunResult, records: Sequence[Record]) -> None:
    for name in run.devices:
        log = run.directory / "transfers" / f"{name}.txt"
        log.parent.mkdir(exist_ok=True)
        log.write_text(as_table(transfers(records, name)) + "\n", encoding="utf-8")


def name_latest(directory: Path, *, unless_newer: bool = False) -> None:
    """Let ``latest`` lead to a run; ``unless_newer``: not when it leads to one that began later."""
    latest = directory.parent / "latest"
    # A file system without links (a mounted share) just has no short name.
    with suppress(OSError):
        # The names of runs begin with the time.
        newer = latest.exists() and latest.is_symlink() and latest.readlink().name > directory.name
        if not (unless_newer and newer):
            latest.unlink(missing_ok=True)
            latest.symlink_to(directory.name)
