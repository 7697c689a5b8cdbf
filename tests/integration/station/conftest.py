"""A running station, and browsers whose every fault is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from running_station import Station, Viewer, start

from tests.unit.station.made_up_run import make_run

__all__ = ["make_run", "stations", "viewers"]


@pytest.fixture
def stations() -> Iterator[Callable[..., Station]]:
    """Start stations; all of them end by Ctrl-C in the end, with exit code 0."""
    started: list[Station] = []

    def begin(runs: Path, *words: str) -> Station:
        started.append(start(runs, *words))
        return started[-1]

    yield begin
    for station in started:
        if station.process.poll() is None:
            assert station.interrupt() == 0
        if station.process.stdout is not None:
            station.process.stdout.close()


@pytest.fixture
def viewers(browser: Browser) -> Iterator[Callable[..., Viewer]]:
    """Open the station in a new tab."""
    opened: list[Page] = []

    def look(station: Station, width: int = 1280, height: int = 900) -> Viewer:
        page = browser.new_page(viewport={"width": width, "height": height})
        opened.append(page)
        viewer = Viewer(page)
        viewer.watch(station.address)
        page.goto(station.address)
        viewer.wait("#link:text-is('live')")
        viewer.wait("#facts[data-run]")
        return viewer

    yield look
    for page in opened:
        page.close()
