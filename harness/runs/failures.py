"""A run, or a bundle of one, opened again: what its failed tests left to diagnose."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.diagnosis import Case, read_case
from harness.diagnosis.reading import name_from, unpack
from harness.errors import UsageFault
from harness.runs.results import RESULTS, RunResult, TestResult, load_run
from harness.runs.verdict import Verdict
from harness.timeline import TIMELINES

__all__ = ["failures", "holds_run", "opened_run"]


def holds_run(path: Path) -> bool:
    """Whether a path is a run's folder, or a bundle of one."""
    if path.is_dir():
        return (path / RESULTS).exists()
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as bundle:
        return RESULTS in bundle.namelist()


@contextmanager
def opened_run(path: Path) -> Iterator[RunResult]:
    """Open a run's folder, or a bundle of one for as long as this lasts.

    Raises:
        UsageFault: there is no run that can be read.
    """
    if path.is_dir():
        yield load_run(path)
        return
    with TemporaryDirectory(prefix="phone-bench-") as folder:
        unpack(path, Path(folder))
        try:
            run = load_run(Path(folder))
        except UsageFault as fault:
            told = fault.summary.replace(folder, str(path))
            again = "have it made again: harness evidence export"
            raise UsageFault(told, hint=fault.hint or again) from fault
        yield run


def failures(run: RunResult) -> Iterator[tuple[TestResult, Case]]:
    """Yield each test that did not pass, with all that its evidence tells.

    A passed test is no clue: some assert, exactly, a limit that a rule would name.
    """
    for result in run.results:
        if result.verdict is Verdict.PASSED:
            continue
        whole = result.files.get("timeline as JSON", "")
        paths = [(run.directory / whole).parent] if whole else sorted(run.directory.glob(TIMELINES))
        case = read_case(paths, test=result.test)
        name_from(case.files, run.directory)
        yield result, case
