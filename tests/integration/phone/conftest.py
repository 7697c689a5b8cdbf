from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from phone_station import HOST, LAB, Station

from harness.bench import open_stations
from harness.lab import load_lab
from harness.timeline import Timeline


@pytest.fixture
def open_station(tmp_path: Path) -> Iterator[Callable[..., Station]]:
    """Open a station; ``flash`` is what the phone's flash holds at first."""
    with ExitStack() as stack:

        def open_(*, model: str = "7942G", boot_loader_s: float = 40, flash: str = "") -> Station:
            path = tmp_path / "lab.yaml"
            path.write_text(
                LAB.format(host=HOST, model=model, boot_loader_s=boot_loader_s), encoding="utf-8"
            )
            timeline = Timeline()
            state = tmp_path / "twins" / "desk.flash.json"
            if flash:
                state.parent.mkdir()
                state.write_text(flash, encoding="utf-8")
            bench = stack.enter_context(open_stations(load_lab(path), tmp_path, timeline))
            bench.provisioning.start()
            stack.callback(bench.provisioning.stop)
            return Station(bench, timeline, state)

        yield open_
