"""A run as it writes itself down, without a bench."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from harness.events import (
    Event,
    LampChanged,
    LampColour,
    PhoneStateChanged,
    SipMessage,
    TestEnded,
    TestStarted,
)
from harness.runs import RunResult, TestResult, Verdict
from harness.runs.history import FILE_NAME, History
from harness.timeline import Timeline

MODELS = {"desk": "7942G", "lobby": "7962G"}


def message(number: int, text: str = "", *, source: str = "127.0.0.42:5060") -> SipMessage:
    lines = [
        "INVITE sip:211@127.0.0.2 SIP/2.0", f"Call-ID: call-{number}", f"CSeq: {number} INVITE",
        "From: <sip:201@127.0.0.2>;tag=a", "To: <sip:211@127.0.0.2>", f"X-Said: {text}",
        "Content-Length: 0", "", "",
    ]  # fmt: skip
    return SipMessage(
        source, "127.0.0.2:5060", lines[0], f"call-{number}", f"{number} INVITE", "\r\n".join(lines)
    )


class MadeUpRun:
    """The folder of a run that goes on."""

    def __init__(
        self, runs: Path, run_id: str = "night-1", phones: Mapping[str, str] = MODELS
    ) -> None:
        self.runs = runs
        self.directory = runs / run_id
        self.directory.mkdir(parents=True)
        self.timelines = {"timeline": Timeline(self.directory / "timeline.jsonl")}
        self.head = RunResult(
            run_id, "lab", time.time(), dict.fromkeys(phones, "virtual"), self.directory,
            pbx="asterisk22", facts={n: {"model": m, "load": "L1"} for n, m in phones.items()},
        )  # fmt: skip
        self.head.save_head()

    def say(self, event: Event, device: str = "", timeline: str = "timeline") -> None:
        if timeline not in self.timelines:
            first = 1_000_000 * len(self.timelines)
            self.timelines[timeline] = Timeline(self.directory / f"{timeline}.jsonl", first=first)
        self.timelines[timeline].append(event, source="made up", device=device)

    def state(self, device: str, state: str, timeline: str = "timeline") -> None:
        self.say(PhoneStateChanged(state, "it says so"), device, timeline)

    def lamp(self, device: str, lamp: str, colour: LampColour) -> None:
        self.say(LampChanged(lamp, colour, 0), device)

    def begin(self, test: str, timeline: str = "timeline") -> str:
        nodeid = f"tests/regression/test_1.py::{test}"
        self.say(TestStarted(nodeid), timeline=timeline)
        self.timelines[timeline].test = nodeid
        return nodeid

    def end(
        self, test: str, verdict: Verdict = Verdict.PASSED, reason: str = "",
        timeline: str = "timeline", phones: tuple[str, ...] = ("desk",),
    ) -> None:  # fmt: skip
        nodeid = f"tests/regression/test_1.py::{test}"
        self.say(TestEnded(nodeid, verdict.value, reason), timeline=timeline)
        self.timelines[timeline].test = ""
        result = TestResult(
            nodeid, dict.fromkeys(phones, "virtual"), verdict, reason, "", time.time(), 2.0, 0, 0
        )
        self.head.add(result)
        with History(self.runs / FILE_NAME) as history:
            history.record(self.head, result)

    def finish(self) -> None:
        self.head.ended = time.time()
        self.head.save_head()
        with History(self.runs / FILE_NAME) as history:
            history.record_run(self.head, {})
        (self.directory / "report.html").write_text("<!DOCTYPE html><title>r</title>")
        self.close()

    def close(self) -> None:
        for timeline in self.timelines.values():
            timeline.close()


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[Callable[..., MadeUpRun]]:
    """Make runs in ``tmp_path``."""
    made: list[MadeUpRun] = []

    def make(*words: str, **phones: dict[str, str]) -> MadeUpRun:
        made.append(MadeUpRun(tmp_path, *words, **phones))
        return made[-1]

    yield make
    for run in made:
        run.close()
