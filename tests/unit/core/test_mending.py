"""Parts that failed are waited for once, and what they stop is told at once."""

from __future__ import annotations

import threading
import time

import pytest

from harness import mending
from harness.errors import BenchFault, InUse
from harness.events import Note, PartBack, PartLost
from harness.mending import Mender
from harness.timeline import Timeline


class Device:
    """A part that comes back after some tries."""

    def __init__(self, tries: int) -> None:
        self.name = "pdu-1"
        self.gone = "no answer"
        self.tries = tries
        self.fault: type[BenchFault] = BenchFault

    def mend(self) -> None:
        self.tries -= 1
        if self.tries > 0:
            raise self.fault("still no answer", device=self.name)
        self.gone = ""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending, "_PAUSE_S", 0.01)


def test_it_is_waited_for_until_it_is_back() -> None:
    timeline = Timeline()
    device = Device(tries=5)
    Mender(timeline).mend([(device, 5.0)])
    assert not device.gone
    (step,) = {r.event.name for r in timeline.records() if hasattr(r.event, "name")}
    assert step == "bring pdu-1 back: no answer"


def test_who_waited_in_vain_only_looks_again() -> None:
    mender = Mender(Timeline())
    device = Device(tries=10_000)
    with pytest.raises(BenchFault, match="still no answer"):
        mender.mend([(device, 0.1)])
    before = device.tries
    with pytest.raises(BenchFault, match="still no answer"):
        mender.mend([(device, 0.1)])
    assert device.tries == before - 1
    # Back, and lost another time: there is patience again.
    device.gone = ""
    mender.mend([(device, 0.1)])
    device.gone, device.tries = "no answer", 3
    mender.mend([(device, 5.0)])
    assert not device.gone


def test_what_was_lost_while_another_was_brought_back_is_brought_back_too() -> None:
    first, second = Device(tries=1), Device(tries=1)
    first.gone, mend = "", second.mend

    def mend_and_lose() -> None:
        mend()
        first.gone = "its place was lost"

    second.mend = mend_and_lose  # type: ignore[method-assign]
    Mender(Timeline()).mend([(first, 1.0), (second, 1.0)])
    assert (first.gone, second.gone) == ("", "")


def test_what_somebody_else_has_is_not_waited_for() -> None:
    device, mender = Device(tries=10_000), Mender(Timeline())
    device.fault = InUse
    began = time.monotonic()
    with pytest.raises(InUse, match="still no answer"):
        mender.mend([(device, 10.0)])
    assert time.monotonic() - began < 5.0
    assert device.tries == 9_999


def lose_soon(timeline: Timeline, lost: PartLost) -> threading.Timer:
    timer = threading.Timer(0.05, lambda: timeline.append(lost, source="x"))
    timer.start()
    return timer


@pytest.mark.parametrize("phone", ["", "desk"])
@pytest.mark.parametrize("how", ["for", "until"])
def test_a_wait_ends_with_the_part_it_needs(phone: str, how: str) -> None:
    timeline = Timeline()
    timer = lose_soon(timeline, PartLost("keypad-1", "its port is gone", phone, "plug it in"))
    began = time.monotonic()

    def wait() -> object:
        if how == "for":
            return timeline.wait_for(Note, within=10.0, device="desk")
        return timeline.wait_until(lambda _: False, within=10.0, device="desk")

    with pytest.raises(BenchFault, match="keypad-1: its port is gone") as caught:
        wait()
    assert time.monotonic() - began < 5.0
    assert caught.value.hint == "plug it in"
    timer.join()


def test_what_several_meet_is_lost_once() -> None:
    timeline = Timeline()
    for where in ("a", "b"):
        timeline.append(PartLost("disk", f"{where} is full"), source="x")
    assert [event.kind for event in (r.event for r in timeline.records())] == ["part lost", "note"]
    timeline.append(PartBack("disk"), source="x")
    timeline.append(PartLost("disk", "full again"), source="x")
    assert len(timeline.events(PartLost)) == 2


def test_another_phone_s_keypad_stops_nobody() -> None:
    timeline = Timeline()
    timeline.append(PartLost("keypad-2", "its port is gone", "other"), source="x")
    timeline.append(Note("seen"), source="x", device="desk")
    assert timeline.wait_for(Note, within=0.1, device="desk").text == "seen"
    assert not timeline.wait_until(lambda _: False, within=0.01, device="desk")
    timeline.check("desk")
    with pytest.raises(BenchFault):
        timeline.check("other")
    timeline.append(PartBack("keypad-2"), source="x")
    timeline.check("other")
