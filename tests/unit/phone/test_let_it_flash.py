"""Power is not taken from a phone that writes its flash, whatever failed on the bench meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from harness.deadlines import Deadlines
from harness.events import FileRequested, OutletSwitched, PartBack, PartLost
from harness.lab import PhoneSpec
from harness.phone import Phone
from harness.timeline import Timeline

ENTRY = {
    "model": "7942G", "mac": "0024C4ABCDEF", "kind": "virtual", "address": "127.0.0.9",
    "outlet": "pdu-1/1", "keypad": "keypad-1", "lines": [{"user": "201"}],
}  # fmt: skip


class Outlet:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.cut_after: list[str] = []

    def set(self, outlet: str, on: bool) -> None:
        self.cut_after.append(str(self.timeline.records()[-2].event))
        self.timeline.append(OutletSwitched(f"pdu-1/{outlet}", on, "read-back"), source="pdu-1")


@pytest.fixture
def bench() -> Any:
    timeline = Timeline()
    outlet = Outlet(timeline)
    keypad = SimpleNamespace(name="keypad-1")
    spec = PhoneSpec.model_validate(ENTRY)
    deadlines = Deadlines(device_speed=100.0)
    phone = Phone("desk", spec, "virtual", outlet, keypad, timeline, deadlines)  # type: ignore[arg-type]
    timeline.append(OutletSwitched("pdu-1/1", on=True, confirmed_by="read-back"), source="pdu-1")
    return SimpleNamespace(timeline=timeline, outlet=outlet, phone=phone)


def asks(bench: Any, name: str) -> None:
    event = FileRequested(name, "127.0.0.9", 1024)
    bench.timeline.append(event, source="tftp", device="desk")


def test_the_flash_is_waited_for(bench: Any) -> None:
    asks(bench, "term42.default.loads")
    bench.timeline.append(PartLost("alice", "its process is gone"), source="alice")
    bench.timeline.append(PartBack("alice"), source="alice")
    assert bench.phone.state == "UPGRADING"
    done = threading.Timer(0.1, asks, (bench, "SEP0024C4ABCDEF.cnf.xml"))
    done.start()
    bench.phone.power_off()
    done.join()
    kinds = [record.event.kind for record in bench.timeline.records()]
    assert kinds.index("outlet switched", 1) > kinds.index("phone state", 4)
    assert "SEP0024C4ABCDEF.cnf.xml" in str(
        [r.event for r in bench.timeline.records() if r.event.kind == "file requested"]
    )
    assert bench.phone.state == "OFF"


def test_a_phone_that_never_comes_back_is_cut_in_the_end(bench: Any) -> None:
    bench.phone._deadlines = Deadlines(device_speed=10_000.0)
    asks(bench, "term42.default.loads")
    bench.phone.power_off()
    assert bench.phone.state == "OFF"
