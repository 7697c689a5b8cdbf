"""The pages in Chromium: they render on a desk and on a phone, take keys, ask nobody outside."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from harness.runs import RunResult, TestResult, Verdict, write_html
from harness.runs.history import History, morning
from harness.runs.morning_page import write_morning

pytestmark = pytest.mark.integration

OLD, NEW = "SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S"
NIGHTS = 24
DESK, POCKET = (1280, 900), (390, 844)


def _run(folder: Path, number: int, boot_s: float) -> RunResult:
    last = number == NIGHTS - 1
    facts = {"desk": {"model": "7942G", "load": NEW if last else OLD, "templates": "aaaa"}}
    run = RunResult(
        f"night-{number:02}", "lab", number * 1e5, {"desk": "virtual"}, folder,
        ended=number * 1e5 + 60, pbx="asterisk22", facts=facts,
    )  # fmt: skip
    folder.mkdir(parents=True)
    verdicts = [Verdict.PASSED, Verdict.PRODUCT_FAULT if last else Verdict.PASSED]
    for index, verdict in enumerate(verdicts):
        name = f"tests/regression/test_1.py::test_a_name_as_long_as_they_get_to_be_{index}[desk]"
        reason = (
            "<script>it</script> says 0123756789*#ABCD" if verdict is not verdict.PASSED else ""
        )
        run.add(
            TestResult(
                name, {"desk": "virtual"}, verdict, reason, "", run.started + index, 3.0, 0, 0,
                pbx="asterisk22", measurements={} if index else {"boot_s": boot_s},
            )
        )  # fmt: skip
    return run


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the last of many nights: the new load breaks a test, and boots got slower."""
    runs = tmp_path_factory.mktemp("runs")
    dice = random.Random(3)
    with History(runs / "history.sqlite") as history:
        for number in range(NIGHTS):
            boot_s = dice.gauss(60.0 if number < NIGHTS - 6 else 90.0, 2.0)
            run = _run(runs / f"night-{number:02}", number, boot_s)
            agent = f"Cisco-CP7942G/{'9.4.2' if number == NIGHTS - 1 else '9.3.1'}"
            history.record_run(run, {"desk": {"User-Agent": {agent}}})
        told = morning(history, "latest")
    folder = runs / f"night-{NIGHTS - 1:02}"
    write_morning(told, folder / "morning.html", secrets=set())
    write_html(run, [], folder / "report.html", secrets=set())
    return folder


@pytest.fixture
def opened(browser: Browser, pages: Path) -> Iterator[tuple[Page, list[str]]]:
    """A page and what went wrong on it: console errors, requests that leave the file."""
    page = browser.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    own = ("file://", "data:")
    page.on("request", lambda r: None if r.url.startswith(own) else wrong.append(r.url))
    yield page, wrong
    page.close()


@pytest.mark.parametrize("size", [DESK, POCKET], ids=["desk", "pocket"])
@pytest.mark.parametrize("name", ["morning.html", "report.html"])
def test_it_renders_without_a_fault_and_fits(
    opened: tuple[Page, list[str]], pages: Path, name: str, size: tuple[int, int]
) -> None:
    page, wrong = opened
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto((pages / name).as_uri())
    assert page.locator("h1").is_visible()
    assert page.get_by_text("0123756789*#ABCD").first.is_visible()
    # Nothing stands out at the side, so nobody has to scroll to and fro.
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.screenshot(path=pages / f"{name}-{size[0]}.png", full_page=True)
    assert wrong == []


def test_the_morning_table_filters_by_keyboard(opened: tuple[Page, list[str]], pages: Path) -> None:
    page, wrong = opened
    page.goto((pages / "morning.html").as_uri())
    rows = page.locator("#changes tbody tr")
    every = rows.count()
    kinds = {rows.nth(n).get_attribute("data-kind") for n in range(every)}
    assert {"newly failing", "on the wire", "trend"} <= kinds
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.dataset.kind || ''")
        if focused == "on the wire":
            break
    assert focused == "on the wire"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    shown = [rows.nth(n) for n in range(every) if rows.nth(n).is_visible()]
    assert [row.get_attribute("data-kind") for row in shown] == ["on the wire"]
    assert page.locator("#shown").inner_text() == f"1 of {every} changes"
    page.keyboard.press("Space")
    assert sum(rows.nth(n).is_visible() for n in range(every)) == every
    assert wrong == []


def test_the_report_filters_by_keyboard(opened: tuple[Page, list[str]], pages: Path) -> None:
    page, wrong = opened
    page.goto((pages / "report.html").as_uri())
    tests = page.locator("details.test")
    page.locator(".counts button[data-verdict='product fault']").focus()
    page.keyboard.press("Enter")
    assert [tests.nth(n).is_visible() for n in range(2)] == [False, True]
    page.keyboard.press("Enter")
    assert [tests.nth(n).is_visible() for n in range(2)] == [True, True]
    assert wrong == []


def test_the_course_is_drawn_and_can_be_read_aloud(
    opened: tuple[Page, list[str]], pages: Path
) -> None:
    page, _ = opened
    page.goto((pages / "morning.html").as_uri())
    drawing = page.locator("svg.spark")
    assert drawing.count() == 1
    points = drawing.locator("polyline").get_attribute("points") or ""
    assert len(points.split()) == NIGHTS
    assert drawing.locator(".cut").count() == 1
    label = drawing.get_attribute("aria-label") or ""
    assert label.startswith(f"boot_s over {NIGHTS} nights")
    assert page.get_by_text("since night-18").first.is_visible()


def test_a_request_outside_and_a_fault_would_be_seen(
    opened: tuple[Page, list[str]], pages: Path
) -> None:
    """The watch itself: without it, the tests above prove nothing."""
    page, wrong = opened
    spoilt = (pages / "morning.html").read_text(encoding="utf-8")
    spoilt = spoilt.replace(
        "<body>", "<body><img src='http://127.0.0.1:1/a.png'><script>x.y()</script>"
    )
    (pages / "spoilt.html").write_text(spoilt, encoding="utf-8")
    page.goto((pages / "spoilt.html").as_uri())
    assert any("127.0.0.1:1" in each for each in wrong)
    assert any("x is not defined" in each for each in wrong)
