"""Verdicts, results and the reports made of them."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from harness.errors import BenchFault, HarnessBug, Inconclusive, ProductFault, UsageFault
from harness.events import LampChanged, LampColour, Note, PhoneStateChanged, TestEnded, TestStarted
from harness.runs import (
    LiveView,
    RunResult,
    TestResult,
    Verdict,
    classify,
    exit_code,
    load_run,
    write_html,
    write_junit,
)
from harness.timeline import Timeline

SECRET = "hunter2xyz"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ProductFault("a"), Verdict.PRODUCT_FAULT),
        (AssertionError("1 == 2"), Verdict.PRODUCT_FAULT),
        (BenchFault("a"), Verdict.BENCH_FAULT),
        (Inconclusive("a"), Verdict.INCONCLUSIVE),
        (UsageFault("a"), Verdict.USAGE_FAULT),
        (HarnessBug("a"), Verdict.HARNESS_BUG),
        (KeyError("x"), Verdict.HARNESS_BUG),
    ],
)
def test_the_class_of_an_error_says_who_must_act(error: Exception, verdict: Verdict) -> None:
    found, reason = classify(error)
    assert found is verdict
    assert reason


def test_the_product_decides_the_exit_code_first() -> None:
    assert exit_code([Verdict.PASSED]) == 0
    assert exit_code([Verdict.PASSED, Verdict.BENCH_FAULT]) == 3
    assert exit_code([Verdict.BENCH_FAULT, Verdict.PRODUCT_FAULT]) == 1
    assert exit_code([Verdict.INCONCLUSIVE, Verdict.HARNESS_BUG]) == 70
    assert exit_code([]) == 4


def made_up_run(directory: Path) -> tuple[RunResult, Timeline]:
    timeline = Timeline()
    run = RunResult("run-1", "lab & co", 1000.0, {"desk": "virtual"}, directory, ended=1090.0)
    run.pbx = "asterisk16"
    for number, (verdict, reason) in enumerate(
        [
            (Verdict.PASSED, ""),
            (Verdict.PRODUCT_FAULT, "<b>it</b> sulks"),
            (Verdict.BENCH_FAULT, "x"),
        ]
    ):
        first = timeline.mark()
        timeline.append(LampChanged("line1", LampColour.AMBER, 1), source="keypad-1", device="desk")
        timeline.append(Note(f"secret {SECRET} <script>"), source="pbx")
        run.add(
            TestResult(
                f"tests/test_a.py::test_{number}", {"desk": "virtual"}, verdict, reason,
                f"detail {SECRET}\x00", 1000.0, 1.5, first, timeline.mark(), pbx="asterisk16",
            )
        )  # fmt: skip
    return run, timeline


def test_results_survive_a_killed_run(tmp_path: Path) -> None:
    run, _ = made_up_run(tmp_path)
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"test": "torn')
    again = load_run(tmp_path)
    assert [result.verdict for result in again.results] == [r.verdict for r in run.results]
    assert again.devices == {"desk": "virtual"}
    assert {again.pbx, *(result.pbx for result in again.results)} == {"asterisk16"}


def test_junit_tells_faults_apart_and_hides_secrets(tmp_path: Path) -> None:
    run, _ = made_up_run(tmp_path)
    path = tmp_path / "junit.xml"
    write_junit(run, path, secrets={SECRET})
    suite = ET.parse(path).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert cases[1].find("failure") is not None
    error = cases[2].find("error")
    assert error is not None
    assert error.get("type") == "bench fault"
    properties = {p.get("name"): p.get("value") for p in cases[0].iter("property")}
    assert properties == {"verdict": "passed", "pbx": "asterisk16", "device desk": "virtual"}
    assert SECRET not in path.read_text()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.scripts = 0
        self.tests = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.scripts += tag == "script"
        self.tests += tag == "details" and values.get("class") == "test"
        for name in ("src", "href"):
            value = values.get(name) or ""
            if "//" in value:
                self.outside.append(value)


def test_the_page_is_whole_by_itself_and_escaped(tmp_path: Path) -> None:
    run, timeline = made_up_run(tmp_path)
    path = tmp_path / "report.html"
    write_html(run, timeline.records(), path, secrets={SECRET})
    text = path.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert (page.tests, page.scripts, page.outside) == (3, 1, [])
    assert SECRET not in text
    assert "&lt;b&gt;it&lt;/b&gt; sulks" in text
    assert "lab &amp; co" in text
    assert 'class="dot amber"' in text
    assert text.count('class="label virtual"') >= 4


def test_plain_lines_where_there_is_no_terminal() -> None:
    timeline = Timeline()
    out = io.StringIO()
    with LiveView(timeline, {"desk": "virtual"}, console=Console(file=out, width=200)):
        timeline.append(TestStarted("a.py::test_x"), source="pytest")
        timeline.append(PhoneStateChanged("READY", "registered"), source="harness", device="desk")
        with timeline.step("dial 211", device="desk"):
            pass
        timeline.append(TestEnded("a.py::test_x", "product fault", "[odd] text"), source="pytest")
    timeline.append(TestStarted("later"), source="pytest")
    told = out.getvalue()
    assert "desk: ready (registered)" in told
    assert "desk: dial 211" in told
    assert "product fault: [odd] text" in told
    assert "later" not in told


def test_the_live_view_shows_state_step_and_counts() -> None:
    timeline = Timeline()
    console = Console(file=io.StringIO(), force_terminal=True, width=120, record=True)
    view = LiveView(timeline, {"desk": "virtual"}, console=console)
    with view:
        timeline.append(TestStarted("a.py::test_x"), source="pytest")
        timeline.append(PhoneStateChanged("BOOTING", "on"), source="harness", device="desk")
        timeline.append(TestEnded("a.py::test_w", "passed"), source="pytest")
        with timeline.step("wait for registration", device="desk"):
            console.print(view._draw())
    told = console.export_text()
    for part in ("desk", "virtual", "BOOTING", "wait for registration", "1 passed", "test_x"):
        assert part in told
