"""Reservations between real processes: exclusive, fair, gone with their owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from holders import Process

from harness.errors import BenchFault, UsageFault
from harness.lab import lock_book
from harness.lab.lock_entries import LockState, Resource
from harness.lab.reservation import held, release, reserve
from harness.state import STATE_VARIABLE

Start = Callable[..., Process]
DESK, OUTLET = Resource("test:desk", "desk"), Resource("test:outlet", "outlet")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def start(state: Path) -> Iterator[Start]:
    running: list[Process] = []

    def one(names: str, **more: Any) -> Process:
        running.append(Process(state, names, **more))
        return running[-1]

    yield one
    for each in running:
        each.close()


def test_who_comes_second_is_told_who_has_it(start: Start) -> None:
    first = start("desk")
    first.says("held")
    with pytest.raises(BenchFault) as caught, reserve([DESK, OUTLET], reason="mine"):
        pass
    fault = caught.value
    assert fault.device == "desk"
    assert str(first.pid) in fault.summary
    assert fault.state.startswith("a test, held since ")
    assert "harness lock release desk --force" in fault.hint
    # All or nothing: the outlet, which was free, is free.
    assert [lock.resource.device for lock in held()] == ["desk"]
    first.let_go()
    first.says("released")
    with reserve([DESK, OUTLET], reason="mine") as mine:
        mine.check()
        assert [lock.resource.device for lock in held()] == ["desk", "outlet"]
    assert held() == []


def test_who_asked_first_is_served_first(start: Start) -> None:
    holder = start("desk")
    holder.says("held")
    line = []
    for _ in range(4):
        line.append(start("desk", within=60))
        # Said once the wish is in the book.
        line[-1].says("waiting for desk: in use by ")
    assert held()[0].waiting == 4
    for before, after in pairwise([holder, *line]):
        before.let_go()
        # If anybody else had got it, this one would not before that one let go.
        after.gets_it()


def test_a_free_thing_is_kept_for_who_waits_for_it_with_another(start: Start) -> None:
    holder = start("outlet")
    holder.says("held")
    both = start("desk,outlet", within=60)
    both.says("waiting for outlet")
    # Else one desk after the other could be taken, and its turn never come.
    with pytest.raises(BenchFault, match="kept for the next in line"), reserve([DESK], reason="x"):
        pass
    holder.let_go()
    both.gets_it()


def test_who_waited_long_enough_leaves_the_line(start: Start) -> None:
    holder = start("desk")
    holder.says("held")
    short = start("desk,outlet", within=3)
    short.says("waiting for desk")
    patient = start("outlet", within=60)
    patient.says("waiting for outlet")
    short.says("fault: desk: in use by ")
    # The outlet was kept for the other only; now it is free, and it hears of that.
    patient.gets_it()


def test_a_killed_owner_frees_everything_at_once_and_wakes_who_waits(start: Start) -> None:
    holder = start("desk,outlet")
    holder.says("held")
    waiter = start("outlet,desk", within=60)
    waiter.says("waiting for desk, outlet")
    began = time.monotonic()
    holder.signal(signal.SIGKILL)
    waiter.gets_it()
    # By the end of the process: neither its lease nor a renewal of ours comes that early.
    assert time.monotonic() - began < 15


def test_a_waiter_that_is_killed_is_passed_over(start: Start) -> None:
    holder = start("desk")
    holder.says("held")
    first = start("desk", within=60)
    first.says("waiting")
    second = start("desk", within=60)
    second.says("waiting")
    first.signal(signal.SIGKILL)
    first.process.wait()
    holder.let_go()
    second.gets_it()


def test_a_dead_owner_is_told_as_dead_and_needs_nobody(start: Start) -> None:
    holder = start("desk")
    holder.says("held")
    assert [lock.holder.state for lock in held()] == [LockState.ALIVE]
    # Not waited for by us, its parent, it stays as a zombie: that holds nothing either.
    holder.signal(signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    assert [lock.holder.state for lock in held()] == [LockState.DEAD]
    with reserve([DESK], reason="mine"):
        pass


def test_an_owner_that_is_stopped_is_overtaken_when_its_lease_ran_out(start: Start) -> None:
    # Long enough for a renewal that a busy machine holds up.
    holder = start("desk", lease=3.0)
    holder.says("held")
    waiter = start("desk", within=60)
    waiter.says("waiting")
    # It lives and renews, however short its lease is.
    with pytest.raises(BenchFault), reserve([DESK], reason="mine", within=4.0):
        pass
    holder.stop()
    waiter.gets_it()
    holder.signal(signal.SIGCONT)
    holder.says("the reservation was lost: its lease ran out, and ")
    holder.tell("check")
    lost = holder.says("fault: desk: the reservation was lost")
    assert str(waiter.pid) in lost
    # The loser's end takes nothing from who has it now.
    holder.process.wait(20)
    waiter.tell("check")
    waiter.says("still held")


def test_a_stopped_owner_nobody_missed_goes_on(start: Start) -> None:
    holder = start("desk", lease=0.5)
    holder.says("held")
    holder.stop()
    deadline = time.monotonic() + 20
    while held()[0].holder.state is not LockState.EXPIRED:
        assert time.monotonic() < deadline
    holder.signal(signal.SIGCONT)
    holder.tell("check")
    holder.says("still held")


def test_a_stopped_waiter_is_passed_over_and_keeps_its_place(start: Start) -> None:
    holder = start("desk")
    holder.says("held")
    first = start("desk", within=60, lease=0.5)
    first.says("waiting")
    second = start("desk", within=60)
    second.says("waiting")
    first.stop()
    holder.let_go()
    second.gets_it()
    third = start("desk", within=60)
    third.says("waiting")
    first.signal(signal.SIGCONT)
    first.says("waiting")
    second.let_go()
    first.gets_it()


def test_a_living_owner_is_released_by_force_only_and_told_at_once(start: Start) -> None:
    holder = start("desk,outlet")
    holder.says("held")
    with pytest.raises(UsageFault, match="in use by"):
        release(["desk"])
    with pytest.raises(UsageFault, match="nothing named lamp"):
        release(["desk", "lamp"], force=True)
    assert len(held()) == 2
    (ended,) = release(["desk"], force=True)
    assert {each.device for each in ended.resources} == {"desk", "outlet"}
    assert held() == []
    # By the bell: its lease is renewed every 20 s.
    holder.says("the reservation was lost: ", within=15)
    holder.tell("check")
    holder.says("fault: desk, outlet: the reservation was lost: ")


def test_many_who_want_many_things_never_hold_one_twice(state: Path) -> None:
    # Who enters finds nobody inside: a file made exclusively, for each thing that is held.
    program = """
import os, random, sys
from harness.lab import lock_book
from harness.lab.lock_entries import Resource
from harness.lab.reservation import reserve
place, seed = sys.argv[1], int(sys.argv[2])
chance = random.Random(seed)
for _ in range(12):
    names = chance.sample(["a", "b", "c"], chance.randint(1, 3))
    with reserve([Resource(n, n) for n in names], reason="test", within=90.0):
        for name in names:
            os.close(os.open(f"{place}/{name}", os.O_CREAT | os.O_EXCL))
        for name in names:
            os.unlink(f"{place}/{name}")
"""
    place = state / "inside"
    place.mkdir()
    crowd = [
        subprocess.Popen([sys.executable, "-c", program, str(place), str(seed)])
        for seed in range(6)
    ]
    assert [each.wait(110) for each in crowd] == [0] * 6
    assert held() == []


def test_what_the_parent_reserved_its_children_may_use(
    start: Start,
) -> None:
    with reserve([DESK, OUTLET], reason="a night") as night:
        with reserve([DESK], reason="a part of it") as part:
            part.check()
        child = start("desk")
        child.says("held")
        stranger = start("desk", stranger=True)
        stranger.says("fault: desk: in use by ")
        night.check()
    # The child still uses what the night reserved.
    with pytest.raises(BenchFault) as caught, reserve([OUTLET], reason="mine"):
        pass
    assert str(child.pid) in str(caught.value)
    child.let_go()
    child.says("released")
    assert held() == []


def test_a_book_that_is_none_is_told_with_the_way_out(state: Path) -> None:
    (state / "locks").mkdir()
    (state / "locks" / "locks.sqlite").write_text("no database at all, but long enough" * 40)
    with pytest.raises(BenchFault, match="book of locks") as caught, reserve([DESK], reason="x"):
        pass
    assert "move that file away" in caught.value.hint


def test_one_that_stopped_while_it_wrote_is_named(
    start: Start, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_book, "_BUSY_S", 0.1)
    with reserve([DESK], reason="mine"):
        pass
    program = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    program += "d.execute('BEGIN EXCLUSIVE'); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(state / "locks" / "locks.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(BenchFault, match="database is locked") as caught:
            held()
        assert f"process {writer.pid} has had it" in caught.value.hint
        writer.communicate(b"")
    assert held() == []


def test_the_next_user_can_write_there_whatever_the_umask(state: Path) -> None:
    before = os.umask(0o077)
    try:
        with reserve([DESK], reason="mine"):
            (bell,) = (state / "locks").glob("*.bell")
            assert bell.stat().st_mode & 0o777 == 0o666
    finally:
        os.umask(before)
    assert (state / "locks" / "locks.sqlite").stat().st_mode & 0o777 == 0o666
    assert (state / "locks").stat().st_mode & 0o1777 == 0o777
    assert list((state / "locks").glob("*.bell")) == []
