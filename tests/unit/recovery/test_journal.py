"""The journal says what may have been done, before it is done, and is gone when all is well."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.errors import BenchFault
from harness.keypad import Senses
from harness.lab import Lab, load_lab
from harness.owners import boot_id, owned_name
from harness.power import OutletState, SideEffect
from harness.recovery import (
    OWNER_VARIABLE,
    Journal,
    WrittenKeypad,
    WrittenPower,
    leftover_processes,
    lost_journals,
    put_at_rest,
    read_journal,
)
from harness.recovery.leftovers import end_processes
from harness.state import STATE_VARIABLE

ROOT = Path(__file__).parents[3]
ON, OFF, UNKNOWN = OutletState.ON, OutletState.OFF, OutletState.UNKNOWN


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load_lab(ROOT / "lab.yaml")


class Strip:
    """Outlets in memory that look into the journal when they are switched."""

    name = "pdu-1"
    identity = "strip"

    def __init__(self, journal: Journal, *, blind: bool = False) -> None:
        self.outlets = {"1": OFF}
        self.journal = journal
        self.seen_first: list[OutletState] = []
        self.sent = 0
        self.blind = blind

    def set(self, outlet: str, on: bool) -> None:
        told = read_journal(self.journal.path).outlets.get((self.name, outlet))
        if told is not None:
            self.seen_first.append(told.told)
        self.outlets[outlet] = ON if on else OFF
        self.sent += 1
        if self.blind:
            raise BenchFault("nothing confirms it", device=self.name)

    def state(self, outlet: str) -> OutletState:
        return UNKNOWN if self.blind else self.outlets[outlet]

    def current(self, outlet: str) -> float | None: ...

    def watch(self, outlet: str, effect: SideEffect) -> None: ...

    def close(self) -> None: ...


class Robot:
    name = "keypad-1"
    identity = "robot"
    senses = Senses(keys=True, lamps=False)

    def __init__(self, journal: Journal, *, stuck: bool = False) -> None:
        self.journal, self.stuck = journal, stuck
        self.held: list[set[str]] = []

    def press(self, *_: object) -> None:
        self.held.append(set(read_journal(self.journal.path).keys.get(self.name, ())))
        if self.stuck:
            raise BenchFault("it stays down", device=self.name)

    release = tap = type = press

    def release_all(self) -> None: ...

    def lamps(self) -> dict[str, object]:
        return {}

    def close(self) -> None: ...


def test_an_outlet_is_in_the_journal_before_it_is_switched(lab: Lab) -> None:
    journal = Journal(lab)
    strip = Strip(journal)
    power = WrittenPower(strip, journal)
    power.set("1", on=True)
    power.set("1", on=False)
    assert strip.seen_first == [ON, OFF]
    (outlet,) = read_journal(journal.path).outlets.values()
    # What it was before the bench, not before its last command.
    assert (outlet.before, outlet.told) == (OFF, OFF)
    journal.close()
    assert not journal.path.exists()


def test_keys_are_held_in_the_journal_for_as_long_as_they_may_be_down(lab: Lab) -> None:
    journal = Journal(lab)
    robot = Robot(journal)
    keypad = WrittenKeypad(robot, journal)  # type: ignore[arg-type]
    keypad.press("#")
    keypad.type("12")
    keypad.release("#")
    assert robot.held == [{"#"}, {"#", "1", "2"}, {"#"}]
    assert read_journal(journal.path).keys == {"keypad-1": set()}
    robot.stuck = True
    with pytest.raises(BenchFault):
        keypad.tap("5")
    assert read_journal(journal.path).keys == {"keypad-1": {"5"}}
    robot.stuck = False
    keypad.release_all()
    assert read_journal(journal.path).keys == {}
    journal.close()


def test_containers_and_networks_are_told_before_there_are_any(lab: Lab) -> None:
    journal = Journal(lab)
    name = owned_name("bench", kind="namespace")
    assert read_journal(journal.path).things == [("namespace", name)]
    journal.settled()
    assert read_journal(journal.path).things == []
    journal.close()
    owned_name("later", kind="namespace")


def test_a_kept_journal_stays(lab: Lab) -> None:
    journal = Journal(lab)
    journal.outlet("pdu-1", "1", ON, OFF)
    journal.keep()
    journal.settled()
    journal.close()
    assert read_journal(journal.path).outlets
    # Its owner still runs: nobody recovers it.
    assert lost_journals() == []


def test_a_line_cut_short_is_left_out(lab: Lab) -> None:
    journal = Journal(lab)
    journal.outlet("pdu-1", "1", ON, OFF)
    with journal.path.open("a") as file:
        file.write('{"what": "outlet", "pdu": "pdu-1", "outl')
    written = read_journal(journal.path)
    assert list(written.outlets) == [("pdu-1", "1")]
    assert written.lab_file == ROOT / "lab.yaml"
    journal.close()


def test_a_journal_of_another_start_of_the_machine_is_lost(lab: Lab) -> None:
    journal = Journal(lab)
    text = journal.path.read_text()
    journal.path.write_text(text.replace(boot_id(), "00000000-another"))
    assert [each.path for each in lost_journals()] == [journal.path]
    assert lost_journals(ROOT / "lab.namespace.yaml") == []
    journal.close()


def test_what_cannot_be_written_is_not_switched(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(lab)
    strip = Strip(journal)
    original = os.write

    def half(file: int, text: bytes) -> int:
        return original(file, text[:10])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(BenchFault, match=os.strerror(errno.ENOSPC)):
        WrittenPower(strip, journal).set("1", on=True)
    assert strip.sent == 0
    monkeypatch.undo()
    monkeypatch.setenv(STATE_VARIABLE, str(journal.path.parent))
    WrittenPower(strip, journal).set("1", on=True)
    assert strip.seen_first == [ON]
    journal.close()


@pytest.mark.parametrize(
    ("rest", "before", "found", "after", "sent"),
    [
        ("on", OFF, OFF, ON, 1),
        ("on", OFF, ON, ON, 0),
        ("off", ON, ON, OFF, 1),
        ("as-found", OFF, ON, OFF, 1),
        ("as-found", ON, ON, ON, 0),
        ("as-found", UNKNOWN, OFF, OFF, 0),
    ],
)
def test_outlets_are_put_at_rest(
    lab: Lab, rest: str, before: OutletState, found: OutletState, after: OutletState, sent: int
) -> None:
    journal = Journal(lab)
    strip = Strip(journal)
    strip.outlets["1"] = found
    put_at_rest(strip, "1", rest, before)  # type: ignore[arg-type]
    assert (strip.outlets["1"], strip.sent) == (after, sent)
    journal.close()


def test_a_device_that_cannot_confirm_is_told_and_that_is_said(lab: Lab) -> None:
    journal = Journal(lab)
    strip = Strip(journal, blind=True)
    assert "cannot confirm" in put_at_rest(strip, "1", "on", OFF)
    assert strip.outlets["1"] is ON
    # What it was last told stands where it cannot say.
    put_at_rest(strip, "1", "on", OFF, ON)
    assert strip.sent == 1
    journal.close()


def test_only_processes_started_under_the_journal_are_ended(lab: Lab) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    journal = Journal(lab)
    script = textwrap.dedent(
        """
        import subprocess
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        child = subprocess.Popen(["sleep", "60"], start_new_session=True, **quiet)
        print(child.pid, flush=True)
        """
    )
    command = [sys.executable, "-W", "ignore", "-c", script]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    journal.close()
    grandchild = int(told.stdout)
    assert leftover_processes(journal.name) == {grandchild: "sleep"}
    assert end_processes(journal.name) == [f"sleep (process {grandchild})"]
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert OWNER_VARIABLE not in os.environ
