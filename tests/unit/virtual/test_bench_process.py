"""The bench-twin process as the assembly starts it, driven by the real drivers."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.events import LampChanged, LampColour, Note
from harness.keypad import MatrixKeypad, wait_for_walk
from harness.lab import ScpiPowerSpec
from harness.power import SwitchedOutlets, open_power
from harness.timeline import Timeline

ROOT = Path(__file__).parents[3]
STUB = Path(__file__).with_name("stub_phone.py")


def spec_of(state_dir: Path, **changes: Any) -> dict[str, Any]:
    phone = {
        "outlet": "pdu-1/1",
        "keypad": "keypad-1",
        "model": "7942G",
        "mac": "0024C4ABCDEF",
        "address": "127.43.1.42",
        "lease": {"tftp": ["127.43.1.1"], "tftp_port": 69},
        "load": "SIP42.8-5-2S",
        "tone": 1090,
        "defects": [],
    }
    return {
        "state_dir": str(state_dir / "state"),
        "speed": 40.0,
        "pdus": {"pdu-1": {"outlets": 8, "faults": {}}},
        "keypads": {"keypad-1": {"faults": {}}},
        "phones": {"desk": phone},
        "phone_command": [sys.executable, "-S", str(STUB)],
    } | changes


class Bench:
    """The process, its endpoints and what it said; its log goes to the timeline as notes."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.timeline = Timeline()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.virtual"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._log = threading.Thread(target=self._read_log, daemon=True)
        self._log.start()
        self.process.stdin.write(json.dumps(spec) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        self.endpoints: dict[str, dict[str, str]] = json.loads(answer) if answer else {}
        self.drivers: list[SwitchedOutlets | MatrixKeypad] = []

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.timeline.append(Note(line.rstrip()), source="twins")

    def power(self) -> SwitchedOutlets:
        address = self.endpoints["pdus"]["pdu-1"]
        self.drivers.append(
            power := open_power(ScpiPowerSpec(), "pdu-1", self.timeline.observer("pdu-1"), address)
        )
        return power

    def keypad(self) -> MatrixKeypad:
        port, observe = self.endpoints["keypads"]["keypad-1"], self.timeline.observer("keypad-1")
        self.drivers.append(keypad := MatrixKeypad(port, "keypad-1", "desk", observe))
        return keypad

    def said(self, pattern: str, since: int = 0) -> re.Match[str]:
        note = self.timeline.wait_for(
            Note, within=5.0, since=since, where=lambda n: bool(re.search(pattern, n.text))
        )
        found = re.search(pattern, note.text)
        assert found is not None
        return found

    def lamp(self, lamp: str, colour: LampColour, since: int = 0) -> None:
        self.timeline.wait_for(
            LampChanged,
            within=5.0,
            device="desk",
            since=since,
            where=lambda e: (e.lamp, e.colour) == (lamp, colour),
        )

    def end(self) -> int:
        """Close its standard input and wait."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(5.0)

    def clean_up(self) -> None:
        for driver in self.drivers:
            driver.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.join(5.0)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def start() -> Iterator[Callable[[dict[str, Any]], Bench]]:
    benches: list[Bench] = []

    def begin(spec: dict[str, Any]) -> Bench:
        benches.append(Bench(spec))
        return benches[-1]

    yield begin
    for bench in benches:
        bench.clean_up()


def wait_gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], 5.0)
    finally:
        os.close(handle)
    assert ready, f"process {pid} is still there"


def test_outlet_keys_and_lamps_are_one_world(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    bench = start(spec_of(tmp_path))
    power, keypad, timeline = bench.power(), bench.keypad(), bench.timeline
    assert keypad.lamps()["line1"] is LampColour.DARK
    keypad.tap("5", ms=1)
    assert timeline.events(LampChanged) == [], "a phone without power feels no keys"

    keypad.press("#")
    power.set("1", on=True)
    walk = wait_for_walk(timeline, device="desk", colour="amber", lines=2, within=5.0)
    assert walk.lamps[0] == walk.lamps[2]
    said = bench.said(r"desk: boot 1 pid (\d+) held \['#'\] speed 40.0 7942G")
    keypad.release("#")
    bench.lamp("line1", LampColour.GREEN)
    assert power.current("1") == 0.12
    assert power.current("2") == 0.0

    keypad.press("5")
    bench.lamp("mwi", LampColour.RED)

    since = timeline.mark()
    power.set("1", on=False)
    bench.lamp("line1", LampColour.DARK, since)
    bench.lamp("mwi", LampColour.DARK, since)
    wait_gone(int(said[1]))
    assert set(keypad.lamps().values()) == {LampColour.DARK}
    assert power.current("1") == 0.0

    power.set("1", on=True)
    bench.said(r"boot 2 pid \d+ held \['5'\]", since)
    assert bench.end() == 0


def test_phone_that_ends_by_itself_is_told_and_its_lamps_are_dark(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    bench = start(spec_of(tmp_path))
    power, keypad = bench.power(), bench.keypad()
    power.set("1", on=True)
    bench.lamp("line1", LampColour.GREEN)
    keypad.tap("*", ms=1)
    bench.said("desk: not understood: b'no JSON")
    bench.said('desk: not understood: .*"blue"')
    since = bench.timeline.mark()
    keypad.tap("0", ms=1)
    bench.said("desk: about to crash")
    bench.said("desk: its process ended by itself with status 3")
    bench.lamp("line1", LampColour.DARK, since)
    assert power.current("1") == 0.0
    power.set("1", on=False)
    power.set("1", on=True)
    bench.said("boot 2")


def test_phone_that_cannot_be_started_is_told(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    bench = start(spec_of(tmp_path, phone_command=["/no/such/phone"]))
    power = bench.power()
    power.set("1", on=True)
    bench.said("desk: cannot be started: .*No such file")
    power.set("1", on=False)


@pytest.mark.parametrize("how", ["end of input", "SIGTERM", "SIGKILL"])
def test_no_phone_outlives_the_bench(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path, how: str
) -> None:
    bench = start(spec_of(tmp_path))
    power = bench.power()
    power.set("1", on=True)
    pid = int(bench.said(r"boot 1 pid (\d+)")[1])
    if how == "end of input":
        assert bench.end() == 0
    else:
        bench.process.send_signal(signal.Signals[how])
        assert bench.process.wait(5.0) == (0 if how == "SIGTERM" else -signal.SIGKILL)
    wait_gone(pid)


def test_phone_deaf_to_its_end_of_input_dies_with_a_killed_bench(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    deaf = (
        "import json, os, signal\n"
        "print(json.dumps({'log': f'pid {os.getpid()}'}), flush=True)\n"
        "signal.pause()"
    )
    bench = start(spec_of(tmp_path, phone_command=[sys.executable, "-S", "-c", deaf]))
    bench.power().set("1", on=True)
    pid = int(bench.said(r"desk: pid (\d+)")[1])
    bench.process.kill()
    wait_gone(pid)


def test_interrupt_at_the_terminal_is_left_to_the_parent(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    bench = start(spec_of(tmp_path))
    power = bench.power()
    bench.process.send_signal(signal.SIGINT)
    bench.said("interrupt left to the parent")
    power.set("1", on=True)
    bench.said("boot 1")
    assert bench.end() == 0


def test_seeded_fault_says_that_it_fired(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    pdus = {"pdu-1": {"outlets": 8, "faults": {"lie": True}}}
    bench = start(spec_of(tmp_path, pdus=pdus))
    bench.power().set("1", on=True)
    bench.said("fault fired: pdu-1 lie: outlet 1 is said to be on")


def test_bad_spec_ends_with_a_sentence(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    bench = start(spec_of(tmp_path, sped=3))
    assert bench.process.wait(5.0) == 2
    bench.said("the spec of the virtual bench: sped: Extra inputs are not permitted")


def test_only_the_owner_looks_into_a_flash_which_holds_a_password(
    start: Callable[[dict[str, Any]], Bench], tmp_path: Path
) -> None:
    start(spec_of(tmp_path))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
