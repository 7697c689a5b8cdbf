"""A run whose process was killed: finished from what it had written down, and found again.

Nothing that was recorded is lost by it: a test whose end was seen gets its verdict, the one that
was going on gets one that blames nobody's phone, and reports are written of all of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from harness.errors import UsageFault
from harness.events import Record, TestEnded, TestStarted
from harness.owners import owner_is_gone
from harness.runs.closing import close_run, name_latest
from harness.runs.export import run_secrets
from harness.runs.history import History, fingerprint
from harness.runs.results import (
    HEAD,
    RESULT_FILES,
    RESULTS,
    RunResult,
    TestResult,
    load_run,
)
from harness.runs.verdict import Verdict
from harness.timeline import TIMELINES, read_timelines

__all__ = ["CUT_SHORT", "add_ends", "finish_interrupted", "newest_interrupted"]

#: Why a test has no verdict about the phone when its run was killed or stopped under it.
CUT_SHORT = "the run was interrupted"


def finish_interrupted(
    directory: Path, history: Path, *, secrets: Collection[str] = (), why: str = "killed"
) -> RunResult | None:
    """Finish the folder of a run that was killed; harmless when that was done before.

    Args:
        directory: the run's folder; nobody may write to it any more.
        history: the file of the history.
        secrets: values to hide besides those that the run's own files tell.
        why: what ended it, for people.

    Returns:
        The run; None when it had not begun yet.

    Raises:
        UsageFault: the folder or the history cannot be read or written.
    """
    if not (directory / RESULTS).exists():
        return None
    try:
        for file in (*directory.glob(RESULT_FILES), *directory.glob(TIMELINES)):
            _drop_torn_line(file)
        run = load_run(directory)
        records = read_timelines(directory)
        cut = add_ends(run, records)
        if not run.ended:
            run.interrupted = run.interrupted or _told(why, run, cut)
        run.save_head()
        hidden = run_secrets(directory) | set(secrets)
        run.paths = close_run(run, records, hidden)
        name_latest(directory, unless_newer=True)
    except OSError as error:
        raise UsageFault(f"{directory} cannot be finished: {error}") from error
    with History(history) as kept:
        kept.record_run(run, fingerprint(records))
    return run


def newest_interrupted(runs_dir: Path, lab: str) -> Path:
    """Return the folder of the newest run of a lab that did not come to its end.

    Raises:
        UsageFault: there is none.
    """
    for head in sorted(runs_dir.glob(f"*/{HEAD}"), reverse=True):
        if head.parent.is_symlink():
            continue
        try:
            told = json.loads(head.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        killed = not told.get("ended") and owner_is_gone(told.get("owner", ""))
        if told.get("lab") == lab and (told.get("interrupted") or killed):
            return head.parent
    raise UsageFault(
        f"no run of {lab} in {runs_dir} was interrupted",
        hint="harness runs list shows the nights; begin a new one without --resume",
    )


def _drop_torn_line(file: Path) -> None:
    """Cut off a last line that was not written whole: what is appended next would be lost, too."""
    text = file.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        with file.open("r+b") as torn:
            torn.truncate(whole)


def add_ends(
    run: RunResult,
    records: list[Record],
    verdict: Verdict = Verdict.BENCH_FAULT,
    reason: str = CUT_SHORT,
) -> list[TestResult]:
    """Give each test that began, and has no result, the one that was seen or that is left to it.

    Args:
        run: the run; nobody else adds to it any more.
        records: all that was seen in it.
        verdict: of a test whose end nobody saw.
        reason: why it has none; `CUT_SHORT` says that it has to be carried out again.

    Returns:
        The results of tests whose end nobody saw.

    Raises:
        OSError: a result is not on disk yet.
    """
    known = {(result.test, result.first_record) for result in run.results}
    begun: dict[str, Record] = {}
    for record in records:
        event = record.event
        if isinstance(event, TestStarted):
            begun[event.name] = record
        elif isinstance(event, TestEnded) and event.name in begun:
            start = begun.pop(event.name)
            if (event.name, start.seq) not in known:
                told = Verdict(event.verdict)
                run.add(_result(run, start, record, told, event.reason, cut=False))
    cut = []
    for name, start in begun.items():
        if (name, start.seq) not in known:
            last = next(r for r in reversed(records) if r.test == name or r is start)
            cut.append(_result(run, start, last, verdict, reason, cut=True))
            run.add(cut[-1])
    return cut


def _result(
    run: RunResult, start: Record, last: Record, verdict: Verdict, reason: str, *, cut: bool
) -> TestResult:
    test = start.test
    folder = run.folder_of(test)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in files}
    station = test.rpartition("[")[2].rstrip("]")
    own = {station: run.devices[station]} if station in run.devices else dict(run.devices)
    return TestResult(
        test=test,
        devices=own,
        verdict=verdict,
        reason=reason,
        detail=f"last seen: {last.source}: {last.event}" if cut else "",
        started=start.wall,
        duration=max(0.0, last.wall - start.wall),
        first_record=start.seq,
        last_record=last.seq + 1,
        pcap=named.get("capture.pcap"),
        pbx=run.pbx,
        files={what: path.relative_to(run.directory).as_posix() for what, path in named.items()},
        interrupted=reason == CUT_SHORT,
    )


def _told(why: str, run: RunResult, cut: list[TestResult]) -> str:
    # Of a test that was cut in an earlier recovery of the same run, its result tells.
    cut = cut or [result for result in run.results[-1:] if result.interrupted]
    if cut:
        return f"{why} in {' and '.join(result.name for result in cut)}"
    return f"{why} between tests" if run.results else f"{why} before its first test ended"
