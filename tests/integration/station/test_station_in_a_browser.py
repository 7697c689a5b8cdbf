"""The page in Chromium before runs that are written line by line: what a night rarely shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from running_station import Station, Viewer

from harness.events import LampColour, StepEnded, StepStarted
from harness.runs import Verdict
from tests.unit.station.made_up_run import MadeUpRun, message

pytestmark = pytest.mark.integration

Stations = Callable[..., Station]
MakeRun = Callable[..., MadeUpRun]
Viewers = Callable[..., Viewer]
MANY = {f"floor-{n:02}": ("7942G", "7962G")[n % 2] for n in range(24)}


def test_the_same_state_whoever_comes_when(
    tmp_path: Path, make_run: MakeRun, stations: Stations, viewers: Viewers
) -> None:
    """A page that saw it all, one that came late and one reloaded show the same."""
    run = make_run()
    early = viewers(stations(tmp_path))
    run.begin("test_a[desk]")
    for device in ("desk", "lobby"):
        run.state(device, "BOOTING")
    run.lamp("desk", "line1", LampColour.AMBER)
    run.lamp("lobby", "line6", LampColour.RED)
    run.lamp("desk", "mwi", LampColour.RED)
    run.say(StepStarted(1, "factory reset"), "desk")
    run.say(StepStarted(2, "wait for amber"), "desk")
    run.say(message(1))
    run.end("test_b[lobby]", Verdict.BENCH_FAULT, "pdu-1: does not <answer>", phones=("lobby",))
    early.wait("#failed li")
    early.wait("[data-phone=desk] [data-lamp=mwi][data-colour=red]")
    late = viewers(Station(tmp_path, *_same(early)))
    for viewer in (early, late):
        viewer.wait("[data-ladder] polygon")
    assert _text(early) == _text(late)
    late.page.reload()
    late.wait("[data-ladder] polygon")
    assert _text(early) == _text(late)
    desk = late.page.locator("[data-phone=desk]")
    assert "factory reset › wait for amber" in desk.locator(".step").inner_text()
    assert desk.locator("[data-lamp=line1]").inner_text() == "line1 amber"
    assert late.page.locator("[data-phone]").count() == 2
    assert "pdu-1: does not <answer>" in late.page.locator("#failed").inner_text()
    run.say(StepEnded(2, "wait for amber", 1.0, "done"), "desk")
    late.wait("[data-phone=desk] .step:has-text('factory reset'):not(:has-text('amber'))")
    assert early.wrong == late.wrong == []


def _same(viewer: Viewer) -> tuple[None, str]:
    return None, viewer.page.url


def _text(viewer: Viewer) -> str:
    """All that stands on the page, without what counts seconds."""
    script = """() => { const all = document.body.cloneNode(true);
      all.querySelectorAll(".since").forEach(each => each.remove()); return all.innerHTML; }"""
    return str(viewer.page.evaluate(script))


def test_two_dozen_phones_and_two_workers_fit_a_pocket(
    tmp_path: Path, make_run: MakeRun, stations: Stations, viewers: Viewers
) -> None:
    run = make_run(phones=MANY)
    for worker in ("timeline-gw0", "timeline-gw1"):
        run.begin(f"test_as_long_as_names_of_tests_can_ever_become[floor-0{worker[-1]}]", worker)
        run.say(message(1), timeline=worker)
    station = stations(tmp_path)
    for width in (390, 1280):
        viewer = viewers(station, width)
        viewer.wait("[data-phone=floor-23]")
        viewer.wait("[data-ladder=timeline-gw1] polygon")
        names = [card.get_attribute("data-phone") for card in viewer.page.locator(".card").all()]
        assert names == list(MANY)
        assert viewer.page.evaluate("document.documentElement.scrollWidth") <= width
        for number in (0, 1):
            test = viewer.page.locator(f"[data-phone=floor-0{number}] .test").inner_text()
            assert f"[floor-0{number}]" in test
        assert viewer.page.locator("[data-phone=floor-05] .test").inner_text() == ""
        assert viewer.page.locator(".ladder-of").count() == 2
        assert viewer.wrong == []


def test_a_message_unfolded_by_keyboard_stays_so_while_the_ladder_grows(
    tmp_path: Path, make_run: MakeRun, stations: Stations, viewers: Viewers
) -> None:
    run = make_run()
    run.begin("test_a[desk]")
    for number in range(3):
        run.say(message(number, f"number {number}"))
    viewer = viewers(stations(tmp_path))
    page = viewer.page
    viewer.wait("details.sip >> nth=2")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    assert page.get_by_text("X-Said: number 0").nth(-1).is_visible()
    for number in range(3, 9):
        run.say(message(number, f"number {number}"))
    viewer.wait("details.sip >> nth=8")
    assert page.locator("details.sip").first.get_attribute("open") is not None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert viewer.wrong == []


def test_the_next_run_takes_the_page_over(
    tmp_path: Path, make_run: MakeRun, stations: Stations, viewers: Viewers
) -> None:
    first = make_run("night-1")
    first.begin("test_a[desk]")
    first.say(message(1))
    first.end("test_a[desk]")
    first.finish()
    viewer = viewers(stations(tmp_path))
    viewer.wait("#facts[data-run=night-1][data-ended=true]")
    viewer.wait("[data-night=night-1] a:text-is('report')")
    second = make_run("a-name-that-sorts-before", phones={"hall": "7942G"})
    second.begin("test_a[hall]")
    viewer.wait("#facts[data-run=a-name-that-sorts-before]")
    viewer.wait("[data-phone=hall] .test .name")
    assert viewer.page.locator("[data-phone]").count() == 1
    assert viewer.page.locator("polygon").count() == 0
    assert "no test has ended yet" in viewer.page.locator("#counts").inner_text()
    second.end("test_a[hall]", phones=("hall",))
    viewer.wait("[data-night=a-name-that-sorts-before]")
    nights = viewer.page.locator("[data-night]")
    assert "going on" in nights.first.inner_text()
    assert nights.count() == 2
    assert viewer.wrong == []


def test_a_page_finds_its_station_again(
    tmp_path: Path, make_run: MakeRun, stations: Stations, viewers: Viewers
) -> None:
    run = make_run()
    station = stations(tmp_path)
    viewer = viewers(station)
    run.state("desk", "BOOTING")
    viewer.wait("[data-phone=desk][data-state=BOOTING]")
    assert station.interrupt() == 0
    viewer.wait("#link.lost")
    run.state("desk", "READY")
    port = station.address.rpartition(":")[2].strip("/")
    stations(tmp_path, "--port", port)
    viewer.wait("[data-phone=desk][data-state=READY]")
    assert viewer.page.locator("#link").inner_text() == "live"


def test_what_a_phone_sends_is_text_and_a_report_is_a_stranger(
    tmp_path: Path, make_run: MakeRun, stations: Stations, viewers: Viewers
) -> None:
    """Nothing a phone sent runs on the page, and a spoilt report can ask the station nothing."""
    run = make_run()
    run.begin("test_a[desk]")
    run.say(message(1, "<img src=x onerror='window.hit=1'><script>window.hit=1</script>"))
    run.say(StepStarted(1, "<b onmouseover='window.hit=1'>step</b>"), "desk")
    run.finish()
    spoilt = "<!DOCTYPE html><title>r</title><body><script>fetch('/events').then(" \
        "() => document.title = 'read', () => document.title = 'refused')</script>"  # fmt: skip
    (run.directory / "report.html").write_text(spoilt)
    viewer = viewers(stations(tmp_path))
    viewer.wait("details.sip")
    assert "<b onmouseover" in viewer.page.locator("[data-phone=desk] .step").inner_text()
    assert viewer.page.evaluate("window.hit") is None
    assert viewer.wrong == []
    viewer.page.locator("#facts").get_by_role("link", name="report").click()
    expect(viewer.page).to_have_title("refused")


def test_a_fault_of_the_page_would_be_seen(
    tmp_path: Path, stations: Stations, viewers: Viewers
) -> None:
    """The watch itself: without it, the tests above prove nothing."""
    viewer = viewers(stations(tmp_path))
    viewer.page.evaluate("""() => {
      setTimeout(() => { nothing.there(); });
      document.body.append(Object.assign(new Image(), {src: "http://127.0.0.1:1/a.png"}));
    }""")
    viewer.page.locator("body > img").wait_for(state="attached")
    with viewer.page.expect_event("console", lambda m: m.type == "error", timeout=5000):
        viewer.page.evaluate("console.error('the last one')")
    assert any("nothing is not defined" in each for each in viewer.wrong)
    assert any("img-src" in each or "127.0.0.1:1" in each for each in viewer.wrong)
