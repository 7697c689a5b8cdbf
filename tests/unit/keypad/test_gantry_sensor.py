"""A gantry and the controller that sees the lamps for it: lost together, and had again together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running_gantry import gantries

from harness.errors import BenchFault
from harness.events import PartBack
from harness.keypad import MatrixKeypad
from harness.timeline import Timeline


@pytest.mark.parametrize("key", ["sensor", "positions.desk.sensor"])
def test_both_are_opened_where_they_are_now(
    tmp_path: Path, timeline: Timeline, keypad_twin: Any, key: str
) -> None:
    # Both twins are one name of a device; behind it there are two.
    before, now = (str(Path(keypad_twin().port).resolve()) for _ in range(2))
    with gantries(tmp_path / "gantry") as start:
        gantry = start(None)
        observe = timeline.observer("sensor")
        sensor = MatrixKeypad(before, "keypad-1 sensor", "desk", observe)
        with gantry.driver(timeline, sensor=sensor) as keypad:
            assert keypad.parts == {"keypad-1", "keypad-1 sensor"}
            keypad.lose("place desk-1 is lost: somebody released it")
            with pytest.raises(BenchFault, match="place desk-1 is lost"):
                keypad.lamps()
            keypad.regain({"port": gantry.port, key: now})
            assert keypad.gone
            keypad.mend()
            assert not keypad.gone
            assert sensor._link._port == now
            keypad.tap("1", ms=1)
            assert keypad.lamps()
    back = [event.part for event in timeline.events(PartBack)]
    assert back == ["keypad-1 sensor", "keypad-1"]
