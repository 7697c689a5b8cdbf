"""End the harness at an exact step: by a signal to itself, in the moment the step is on record.

``END_AT`` is the name of a step, ``END_BY`` the signal. Each record that was seen is told to
``WATCHED`` first, a file of the test's own, and so is the end: a step that was not reached ends
nothing, and the test that wanted it fails.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Generator
from typing import Any

import pytest

import harness.bench
import harness.pbx.asterisk
import harness.runs.closing
from harness.events import (
    FileServed,
    KeyPressed,
    OutletSwitched,
    PbxStarted,
    Record,
    TestEnded,
)
from harness.runs import RunResult
from harness.timeline import Timeline

STEP = os.environ.get("END_AT", "")
_SIGNAL = signal.Signals[os.environ.get("END_BY", "SIGKILL")]
_WATCHED = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
_done = False


def _tell(what: dict[str, Any]) -> None:
    os.write(_WATCHED, (json.dumps(what) + "\n").encode())


def end() -> None:
    global _done  # noqa: PLW0603 (once in a process)
    if not _done:
        _done = True
        _tell({"ended at": STEP, "pid": os.getpid()})
        os.kill(os.getpid(), _SIGNAL)


def _call_begins(record: Record) -> bool:
    return "test_call" in record.test and "confirmed" in str(record.event)


RECORDS: dict[str, Callable[[Record], bool]] = {
    "container started": lambda r: isinstance(r.event, PbxStarted),
    "key down": lambda r: isinstance(r.event, KeyPressed) and r.event.key == "#",
    "outlet cut": lambda r: (
        isinstance(r.event, OutletSwitched) and not r.event.on and "test_reset" in r.test
    ),
    "in flash": lambda r: isinstance(r.event, FileServed) and r.event.name.endswith(".sbn"),
    "in a call": _call_begins,
    "verdict told": lambda r: isinstance(r.event, TestEnded) and "test_reset" in r.event.name,
}


def pytest_phone_bench_run_started(timeline: Timeline, run: RunResult) -> None:
    wanted = RECORDS.get(STEP, lambda _: False)

    def watch(record: Record) -> None:
        _tell(record.as_dict())
        if wanted(record):
            end()

    timeline.listen(watch)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    # Before the plug-in's own, which begins the next test.
    if STEP == "between tests" and "test_call" in item.name:
        end()
    return (yield)


def _after(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = getattr(owner, name)

    def then_end(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        end()
        return result

    monkeypatch.setattr(owner, name, then_end)


@pytest.fixture(scope="session", autouse=True)
def ends_at_a_step() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        if STEP == "capture started":
            _after(harness.bench.Capture, "start", patch)
        elif STEP == "container starting":
            # Made right after podman was told to start, long before Asterisk is there.
            _after(harness.pbx.asterisk.ContainerLog, "__init__", patch)
        elif STEP == "stations connected":
            _after(harness.bench, "build_phones", patch)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    if STEP == "writing the report":
        original = harness.runs.closing.write_html

        def half(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            end()

        harness.runs.closing.write_html = half
