"""A real night, seen in a real browser while it goes on: nothing here is made up for the page."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running_station import ROOT, Station, Viewer

from harness.runs.export import run_secrets

pytestmark = pytest.mark.integration

LAB = """
name: watched
network: {interface: lo, host: 127.59.0.1}
virtual: {speed: 40, seeded: {phones: {desk: [wrong-dtmf-digit]}}}
power: {pdu-1: {address: virtual, outlets: 2}}
keypads: {keypad-1: {port: virtual}, keypad-2: {port: virtual}}
pbx: {address: 127.59.0.2}
peers:
  alice: {extension: "211", tone: 440, address: 127.59.0.3}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.59.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201"}]
  lobby:
    model: 7962G
    mac: 00:24:C4:AB:CD:F0
    address: 127.59.0.62
    outlet: pdu-1/2
    keypad: keypad-2
    tone: 1370
    lines: [{user: "202"}]
"""

#: Write down all that the page ever shows of one phone, and how its ladder grows.
WITNESS = """() => {
  const seen = window.seen = {states: [], steps: [], lamps: [], tests: [], arrows: []};
  const note = (list, what) => { if (what && list.at(-1) !== what) list.push(what); };
  const look = () => {
    const card = document.querySelector("[data-phone=desk]");
    if (!card) return;
    note(seen.states, card.dataset.state);
    note(seen.steps, card.querySelector(".step").firstChild?.textContent.trim());
    note(seen.tests, card.querySelector(".test .name")?.textContent);
    card.querySelectorAll("[data-lamp]").forEach(lamp => {
      const what = `${lamp.dataset.lamp} ${lamp.dataset.colour}`;
      if (!seen.lamps.includes(what)) seen.lamps.push(what);
    });
    const name = document.querySelector(".ladder-of h3")?.firstChild?.textContent.trim();
    note(seen.arrows, `${name}: ${document.querySelectorAll(".ladder-of svg polygon").length}`);
  };
  const every = {subtree: true, childList: true, attributes: true};
  new MutationObserver(look).observe(document.body, every);
}"""


def test_a_night_as_it_goes_on(
    tmp_path: Path,
    stations: Callable[..., Station],
    viewers: Callable[..., Viewer],
) -> None:
    runs, lab = tmp_path / "runs", tmp_path / "lab.yaml"
    lab.write_text(LAB, encoding="utf-8")
    station = stations(runs)
    first = viewers(station)
    assert "There is no run yet" in first.page.locator("#facts").inner_text()
    first.page.evaluate(WITNESS)

    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--runs-dir", str(runs), "--phones", "desk"]
    command += ["-k", "factory_reset or phone_sends_all_sixteen"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as night:
        # In the middle of it: a second viewer comes, on a phone, and reloads.
        first.wait("[data-phone=desk][data-state=UPGRADING]", 60)
        pocket = viewers(station, 390, 844)
        for _ in range(2):
            pocket.wait("[data-phone=desk] .test .name")
            card = pocket.page.locator("[data-phone=desk]")
            assert "virtual" in card.inner_text()
            assert "7942G" in card.inner_text()
            assert "factory_reset" in card.locator(".test").inner_text()
            assert pocket.page.evaluate("document.documentElement.scrollWidth") <= 390
            pocket.page.reload()
        first.wait("#facts[data-ended=true]", 90)
        told, _ = night.communicate(timeout=60)
        assert night.returncode == 1, told

    (run,) = (each for each in runs.iterdir() if each.is_dir() and not each.is_symlink())
    results = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    assert [each["verdict"] for each in results] == ["passed", "product fault"], told
    _went_as_it_went(first.page.evaluate("window.seen"))
    for viewer in (first, pocket):
        viewer.wait("#nights .product-fault")
        _says_what_the_run_says(viewer, station, run)
        secrets = run_secrets(run)
        assert secrets
        assert not [each for each in secrets if each in viewer.page.content()]
        assert viewer.wrong == []
    _reports_open(pocket, run.name)
    assert not pocket.wrong, pocket.wrong
    # Two viewers are connected at this moment.
    assert station.interrupt() == 0


def _went_as_it_went(seen: dict[str, Any]) -> None:
    """What the first viewer saw from the first step on."""
    states = [each for each in seen["states"] if each in {"BOOTING", "UPGRADING", "READY"}]
    assert states[:3] == ["BOOTING", "UPGRADING", "READY"], seen["states"]
    assert any("wait for the amber walk" in each for each in seen["steps"]), seen["steps"]
    assert any("wait for the re-flash" in each for each in seen["steps"]), seen["steps"]
    for lamp in ("line1", "line2"):
        assert {f"{lamp} amber", f"{lamp} red"} <= set(seen["lamps"]), seen["lamps"]
    assert ["factory_reset" in seen["tests"][0], "sixteen" in seen["tests"][-1]] == [True, True]
    for test in ("factory_reset", "sixteen"):
        grew = [int(each.rpartition(" ")[2]) for each in seen["arrows"] if test in each]
        assert len(grew) > 2, seen["arrows"]
        assert grew == sorted(grew)


def _says_what_the_run_says(viewer: Viewer, station: Station, run: Path) -> None:
    page = viewer.page
    assert page.locator("#counts").inner_text().split() == ["1", "passed", "1", "product", "fault"]
    failed = page.locator("#failed li")
    assert failed.count() == 1
    assert "phone_sends_all_sixteen_digits[desk]" in failed.inner_text()
    assert "product fault" in page.locator("[data-phone=desk] .last").inner_text()
    # It was left out by --phones, so it is not on the page.
    assert page.locator("[data-phone]").count() == 1
    night = page.locator(f"[data-night='{run.name}']")
    assert "1 passed" in night.inner_text()
    assert "1 product fault" in night.inner_text()
    assert "watched (virtual)" in night.inner_text()
    assert night.get_by_role("link").first.get_attribute("href") == f"/runs/{run.name}/report.html"


def _reports_open(viewer: Viewer, run: str) -> None:
    """The links lead somewhere, also from a phone, and what they lead to works."""
    page = viewer.page
    page.locator("#failed").get_by_role("link", name="evidence").click()
    page.get_by_role("link", name="ladder.txt").click()
    assert "INVITE" in page.locator("body").inner_text()
    page.go_back()
    page.go_back()
    page.locator(f"[data-night='{run}']").get_by_role("link", name="report").click()
    tests = page.locator("details.test")
    page.locator(".counts button[data-verdict='product fault']").press("Enter")
    assert [tests.nth(n).is_visible() for n in range(2)] == [False, True]
    page.go_back()
    page.locator(f"[data-night='{run}']").get_by_role("link", name="what changed").click()
    assert page.locator("h1").is_visible()
    page.go_back()
    viewer.wait("#nights .product-fault")
