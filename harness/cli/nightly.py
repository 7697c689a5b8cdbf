"""``harness nightly``: the regression suite on the bench of lab.yaml, watched live.

``--pbx both`` is two nights, one after the other, each with a report of its own. With
``--firmware`` every phone is brought on a new release first; in the end a table says what changed
since the last good night of another load.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli import INTERRUPTED
from harness.cli.morning import send, tell_morning
from harness.cli.options import add_lab_option, add_wait_option
from harness.cli.resuming import NEWEST, as_it_began
from harness.deadlines import Patience
from harness.disk import check_room
from harness.errors import BenchFault, HarnessBug, UsageFault
from harness.lab import PBX_KINDS, Lab, PbxKind, load_lab
from harness.lab.reservation import reserve
from harness.lab.resources import bench_resources
from harness.provisioning.firmware import load_in
from harness.runs import LiveView, RunResult, Verdict, exit_code
from harness.runs.history import FILE_NAME, Morning
from harness.timeline import Timeline

__all__ = ["configure", "run"]

#: Seconds that a test may take with twins of this speed.
_TEST_S, _TEST_SPEED = 120.0, 40.0


class _Watch:
    """A pytest plug-in that opens the live view once the run has a timeline."""

    def __init__(self, console: Console, *, plain: bool) -> None:
        self._console = console
        self._plain = plain
        self.errors: list[str] = []
        self._view: LiveView | None = None
        self.run: RunResult | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Silence pytest's own reporter: the view and the closing lines tell it by verdict."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)

    def pytest_phone_bench_run_started(self, timeline: Timeline, run: RunResult) -> None:
        """Called by the plug-in when the recorder is ready."""
        self.run = run
        self._view = LiveView(timeline, run.devices, plain=self._plain, console=self._console)
        self._view.__enter__()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong before any test could run."""
        if report.failed:
            self.errors.append(str(report.longrepr))

    def close(self) -> None:
        if self._view is not None:
            self._view.__exit__(None, None, None)
            self._view = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("--phones", default="", help="comma-separated names; default: all")
    parser.add_argument(
        "--pbx", default="", choices=[*PBX_KINDS, "both"], help="the Asterisk; default: the lab's"
    )
    parser.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs are kept")
    parser.add_argument("--suite", default="tests/regression", metavar="PATH")
    parser.add_argument("-k", dest="keyword", default="", help="only tests that match")
    parser.add_argument(
        "--parallel",
        default="",
        metavar="N",
        help="test phones at the same time, on N sides; auto: on one for each phone",
    )
    parser.add_argument("--max-failures", type=int, default=0, metavar="N", help="then stop")
    parser.add_argument("--firmware", default="", metavar="DIR", help="a new release to try")
    parser.add_argument("--history", default="", metavar="FILE", help="default: beside the runs")
    parser.add_argument("--notify-command", default="", metavar="CMD", help="gets JSON on stdin")
    parser.add_argument("--notify-webhook", default="", metavar="URL", help="JSON is posted there")
    parser.add_argument(
        "--resume",
        nargs="?",
        const=NEWEST,
        default="",
        metavar="RUN",
        help="go on with a run that was interrupted; default: the newest of this lab",
    )
    add_wait_option(parser)
    parser.add_argument("--plain", action="store_true", help="plain lines, no live view")


def run(options: argparse.Namespace) -> int:
    """Run the suite; the exit code tells the worst verdict.

    The bench is reserved for all of it: between the nights of ``--pbx both`` nobody gets in.

    Raises:
        UsageFault: the lab file, the suite or the firmware is not usable.
        BenchFault: the disk has no room for a run, or another harness has a part of the bench
            still after ``--wait``.
    """
    check_room(Path(options.runs_dir))
    # Read once here so that a mistake in lab.yaml is told before pytest starts.
    lab = load_lab(Path(options.lab))
    if options.resume:
        as_it_began(options, lab)
    for suite in options.suite.split("\n"):
        if not Path(suite.partition("::")[0]).exists():
            raise UsageFault(
                f"there is no test suite at {suite}",
                hint="run it from the project's folder, or give --suite PATH",
            )
    if options.firmware:
        print(f"trying {load_in(Path(options.firmware))}")
    os.environ.setdefault("PYTEST_TIMEOUT", _limit(lab))
    kinds = PBX_KINDS if options.pbx == "both" else (options.pbx or lab.pbx.kind,)
    for kind in kinds:
        lab.with_pbx(kind)
    patience = Patience(options.wait)
    try:
        with reserve(
            bench_resources(lab),
            reason=f"a night on {lab.name}",
            within=patience.left,
            say=_say,
        ):
            return _nights(options, lab, kinds, patience)
    except BenchFault:
        # Nobody looks at a screen at night; whoever is told in the morning hears of it, too.
        send(
            [],
            BenchFault.exit_code,
            lab,
            command=options.notify_command,
            webhook=options.notify_webhook,
        )
        raise


def _limit(lab: Lab) -> str:
    """Return pytest-timeout's limit in seconds, which is set for the shipped lab; 0: none.

    A real phone that formats its flash takes a quarter of an hour, a slow twin its part of that,
    and every wait has a deadline of its own.
    """
    return f"{_TEST_S * max(1.0, _TEST_SPEED / lab.virtual.speed):.0f}" if lab.is_virtual else "0"


def _say(text: str) -> None:
    print(text, flush=True)


def _nights(options: argparse.Namespace, lab: Lab, kinds: Sequence[PbxKind], wait: Patience) -> int:
    """Run a night for each kind of Asterisk and tell what came of them."""
    codes: list[int] = []
    told: list[Morning] = []
    runs: list[RunResult] = []
    for kind in kinds:
        watch, status = _night(options, kind, wait)
        if watch.run is None or not watch.run.is_told:
            codes.append(_nothing_ran(watch.errors, status))
        else:
            codes.append(_close(watch.run))
            runs.append(watch.run)
            release = bool(options.firmware)
            told += tell_morning(watch.run, _history(options), lab.secrets(), release=release)
        if status == pytest.ExitCode.INTERNAL_ERROR:
            # It ended before its tests did, whatever those said that had their turn.
            codes.append(HarnessBug.exit_code)
        if (
            status == pytest.ExitCode.INTERRUPTED
            and watch.run is not None
            and watch.run.interrupted
        ):
            # Whatever was found until then, it is not what this night was to find.
            return INTERRUPTED
        if status in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR}:
            break
    if len(runs) > 1:
        _compare(runs)
    code = exit_code(verdict for run in runs for verdict in run.verdicts)
    code = max(codes) if len(runs) < len(codes) else code
    send(told, code, lab, command=options.notify_command, webhook=options.notify_webhook)
    return code


def _history(options: argparse.Namespace) -> Path:
    return Path(options.history or Path(options.runs_dir) / FILE_NAME).resolve()


def _night(options: argparse.Namespace, pbx: PbxKind, wait: Patience) -> tuple[_Watch, int]:
    """Run the suite once, against one Asterisk; returns what was watched and pytest's status.

    Of a parallel night, what needs the whole bench comes after the rest, in the same run.
    """
    watch, status = _run(options, pbx, wait, options.resume, parallel=options.parallel)
    if watch.run is None or not watch.run.alone:
        return watch, status
    rest, status_of_rest = _run(options, pbx, wait, watch.run.run_id, parallel="")
    return rest, status_of_rest or status


def _run(
    options: argparse.Namespace, pbx: PbxKind, wait: Patience, resume: str, *, parallel: str
) -> tuple[_Watch, int]:
    """Let pytest carry out the suite, or what is left of it in a run that is gone on with."""
    arguments = [
        *options.suite.split("\n"),
        f"--lab={Path(options.lab).resolve()}",
        f"--runs-dir={Path(options.runs_dir).resolve()}",
        f"--phones={options.phones}",
        f"--pbx={pbx}",
        f"--history={_history(options)}",
        f"--bench-wait={wait.left:.1f}",
        "-p",
        "no:cacheprovider",
        # This command has imported us before pytest could; no assert of ours needs rewriting.
        "-W",
        "ignore:Module already imported so cannot be rewritten",
    ]
    if options.firmware:
        arguments.append(f"--firmware={Path(options.firmware).resolve()}")
    if options.max_failures:
        arguments.append(f"--maxfail={options.max_failures}")
    if options.keyword:
        arguments += ["-k", options.keyword]
    if resume:
        arguments += [f"--resume={resume}", "-m", getattr(options, "markers", "")]
    if parallel:
        arguments.append(f"--parallel={parallel}")
    # pytest captures standard output while a test runs; the view writes to a copy of it.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as screen:
        watch = _Watch(Console(file=screen), plain=options.plain)
        try:
            return watch, pytest.main(arguments, plugins=[watch])
        finally:
            watch.close()


def _nothing_ran(errors: list[str], status: int) -> int:
    """Say why there is no result: a suite that cannot be collected, or nothing that matches."""
    for error in errors:
        print(error, file=sys.stderr)
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        print("no test matches", file=sys.stderr)
    return 2 if status == pytest.ExitCode.USAGE_ERROR or errors else 4


def _close(run: RunResult) -> int:
    """Print every test that did not pass, the counts, and where the reports are."""
    for result in run.counted:
        if result.verdict is not Verdict.PASSED:
            print(f"\n{result.verdict}: {result.name}\n{result.detail or result.reason}")
    print()
    for name, label in run.devices.items():
        out = f", quarantined: {run.quarantined[name]}" if name in run.quarantined else ""
        print(f"{name}: {label}{out}")
    failed = len(run.counted) - run.count(Verdict.PASSED)
    left = f", {len(run.not_run)} not run" if run.not_run else ""
    print(f"{run.pbx}: {run.count(Verdict.PASSED)} passed, {failed} failed{left}")
    for note in dict.fromkeys(run.notes):
        print(note)
    if run.interrupted:
        print(run.how_to_go_on)
    for path in run.paths:
        print(path)
    return exit_code(run.verdicts)


def _compare(runs: list[RunResult]) -> None:
    """Print the tests that ended differently from one Asterisk to the other."""
    verdicts: dict[str, dict[str, Verdict]] = {}
    for run in runs:
        for result in run.results:
            verdicts.setdefault(result.name, {})[run.pbx] = result.verdict
    differ = {name: told for name, told in verdicts.items() if len(set(told.values())) > 1}
    for name, told in differ.items():
        print(f"{name}: " + ", ".join(f"{verdict} on {pbx}" for pbx, verdict in told.items()))
    if not differ:
        print(f"the same verdicts on {' and '.join(run.pbx for run in runs)}")
