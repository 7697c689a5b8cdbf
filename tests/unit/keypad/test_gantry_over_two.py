"""One gantry over two phones: where the stylus stands decides which of them feels it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BenchFault, UsageFault
from harness.events import KeyPressed, PartBack, PartLost
from harness.keypad import GrblKeypad, Keypad, build_keypad
from harness.keypad.build import gantry_twin, phones_under
from harness.lab import GrblSpec, Lab, load_lab
from harness.recovery import WrittenKeypad
from harness.timeline import Timeline
from harness.virtual.grbl import GrblTwin
from harness.virtual.spec import BenchSpec
from harness.virtual.world import World

LAB = """
name: two
network: {host: 127.56.3.1}
power: {pdu-1: {address: virtual, outlets: 2}}
keypads:
  gantry-1:
    driver: grbl
    port: virtual
    positions: {left: {corner: [-560, -225]}, right: {corner: [-285, -225]}}
peers: {}
phones:
  left: {model: 7942G, mac: 00:24:C4:AB:CD:EF, address: 127.56.3.42, outlet: pdu-1/1,
         keypad: gantry-1, tone: 1090, lines: [{user: "201"}]}
  right: {model: 7962G, mac: 00:24:C4:AB:CD:F0, address: 127.56.3.62, outlet: pdu-1/1,
          keypad: gantry-1, tone: 1370, lines: [{user: "202"}]}
"""


@dataclass
class Rig:
    """The twin in a loop of its own; ``felt`` is place, key and edge, as the world was told."""

    lab: Lab
    twin: GrblTwin
    port: str
    loop: asyncio.AbstractEventLoop
    felt: list[str]
    timeline: Timeline

    def keypad(self) -> GrblKeypad:
        observe = self.timeline.observer("gantry-1")
        keypad = build_keypad(self.lab, "gantry-1", self.port, observe)
        assert isinstance(keypad, GrblKeypad)
        return keypad


def start(tmp_path: Path, **faults: Any) -> Iterator[Rig]:
    (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    lab = load_lab(tmp_path / "lab.yaml")
    spec = lab.keypads["gantry-1"]
    assert isinstance(spec, GrblSpec)
    twin_spec = gantry_twin(spec, "gantry-1", phones_under(lab, "gantry-1"), faults)
    bench = BenchSpec.model_validate({"state_dir": tmp_path, "gantries": {"gantry-1": twin_spec}})
    world, felt = World(bench, lambda _: None), list[str]()

    def feel(place: str, key: str, *, down: bool) -> None:
        felt.append(f"{place} {key}{'+' if down else '-'}")

    world.key = feel  # type: ignore[method-assign]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> tuple[GrblTwin, str]:
        twin = GrblTwin("gantry-1", bench.gantries["gantry-1"], world, lambda _: None, 40.0)
        return twin, twin.start()

    async def end() -> None:
        twin.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 2.0)

    twin, port = asyncio.run_coroutine_threadsafe(begin(), loop).result(5.0)
    yield Rig(lab, twin, port, loop, felt, Timeline())
    asyncio.run_coroutine_threadsafe(end(), loop).result(5.0)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(2.0)
    loop.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    yield from start(tmp_path)


@pytest.fixture
def one_place_off(tmp_path: Path) -> Iterator[Rig]:
    """Both phones lie where lab.yaml has the one to the left of them."""
    yield from start(tmp_path, offset=[-275.0, 0.0])


def pressed(rig: Rig) -> list[tuple[str, str]]:
    return [
        (record.device, record.event.key)
        for record in rig.timeline.records()
        if isinstance(record.event, KeyPressed)
    ]


def test_the_place_of_the_stylus_decides_who_feels_it(rig: Rig) -> None:
    keypad = rig.keypad()
    try:
        left, right = keypad.over("left"), keypad.over("right")
        left.tap("1", ms=1)
        right.tap("line6", ms=1)
        left.press("1")
        left.release("1")
    finally:
        keypad.close()
    assert rig.felt == [
        *("gantry-1/left 1+", "gantry-1/left 1-"),
        *("gantry-1/right line6+", "gantry-1/right line6-"),
        *("gantry-1/left 1+", "gantry-1/left 1-"),
    ]
    assert pressed(rig) == [("left", "1"), ("right", "line6"), ("left", "1")]


def test_a_wrong_place_meets_the_other_phone_or_none(one_place_off: Rig) -> None:
    keypad = one_place_off.keypad()
    try:
        keypad.over("left").tap("1", ms=1)
        keypad.over("right").tap("1", ms=1)
    finally:
        keypad.close()
    assert one_place_off.felt == ["gantry-1/right 1+", "gantry-1/right 1-"]


def test_each_has_the_keys_of_its_model(rig: Rig) -> None:
    keypad = rig.keypad()
    try:
        with pytest.raises(UsageFault, match="cannot press line6 on a 7942G"):
            keypad.over("left").tap("line6")
    finally:
        keypad.close()


def test_one_stylus_holds_one_key_whosever_it_is(rig: Rig) -> None:
    keypad = rig.keypad()
    try:
        left, right = keypad.over("left"), keypad.over("right")
        left.press("#")
        with pytest.raises(UsageFault, match="1 cannot be pressed while # of left is down"):
            right.press("1")
        # The other one's # is not this one.
        right.release("#")
        assert rig.felt == ["gantry-1/left #+"]
        right.release_all()
        assert rig.felt == ["gantry-1/left #+", "gantry-1/left #-"]
    finally:
        keypad.close()


def test_both_lose_it_and_both_have_it_back(rig: Rig) -> None:
    keypad = rig.keypad()
    try:
        right = keypad.over("right")

        async def pull() -> None:
            rig.twin._port.pull_for(0.5)

        asyncio.run_coroutine_threadsafe(pull(), rig.loop).result(2.0)
        lost = rig.timeline.wait_for(PartLost, within=3.0)
        assert (lost.needed_by("left"), lost.needed_by("right")) == (True, True)
        assert (lost.needed_by("third"), lost.needed_by("")) == (False, False)
        for phone in ("left", "right"):
            with pytest.raises(BenchFault):
                rig.timeline.check(phone)
        assert keypad.gone
        assert right.gone
        back = threading.Event()
        for _ in range(50):
            try:
                right.mend()
                break
            except BenchFault:
                back.wait(0.1)
        assert not keypad.gone
        assert len(rig.timeline.events(PartBack)) == 1
        rig.timeline.check("left")
        keypad.over("left").tap("1", ms=1)
    finally:
        keypad.close()
    assert rig.felt == ["gantry-1/left 1+", "gantry-1/left 1-"]


def test_what_is_pressed_over_either_is_in_the_journal(rig: Rig) -> None:
    class Book:
        lines: list[tuple[str, list[str], bool]] = []  # noqa: RUF012

        def keys(self, name: str, keys: Any, *, down: bool) -> None:
            self.lines.append((name, list(keys), down))

    keypad = rig.keypad()
    try:
        written: Keypad = WrittenKeypad(keypad, Book())  # type: ignore[arg-type]
        written.over("right").tap("1", ms=1)
    finally:
        keypad.close()
    assert Book.lines == [("gantry-1", ["1"], True), ("gantry-1", ["1"], False)]
    assert pressed(rig) == [("right", "1")]
