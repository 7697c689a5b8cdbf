"""A disk that fills up: what has no room waits, in order; nothing is torn, nobody's thread ends.

The disk is a limit on the size of files, which the kernel enforces as it does a full one.
"""

from __future__ import annotations

import errno
import json
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import disk
from harness.appending import AppendOnlyFile
from harness.disk import Disk, is_full
from harness.errors import BenchFault, ProductFault, UsageFault
from harness.events import Note, PartBack, PartLost
from harness.evidence.frames import read_frames
from harness.evidence.pcap_file import PcapFile
from harness.runs import Verdict, classify
from harness.timeline import DISK, Timeline, read_timeline

Room = Callable[[int], None]


@pytest.fixture
def room() -> Iterator[Room]:
    """Set how many bytes a file may have; the kernel then says EFBIG instead of ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def set_room(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield set_room
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_line_that_is_torn_is_completed_when_there_is_room(tmp_path: Path, room: Room) -> None:
    file = AppendOnlyFile(tmp_path / "lines")
    assert file.write("first\n") is None
    room(10)
    trouble = file.write("second\n")
    assert trouble is not None
    assert trouble.errno == errno.EFBIG
    assert file.write("third\n") is not None
    assert file.path.read_text() == "first\nseco"
    assert file.owed == len("nd\nthird\n")
    room(1000)
    assert file.write("fourth\n") is None
    assert file.path.read_text() == "first\nsecond\nthird\nfourth\n"
    assert file.owed == 0


def test_closing_writes_what_is_owed(tmp_path: Path, room: Room) -> None:
    file = AppendOnlyFile(tmp_path / "lines")
    room(3)
    file.write("first\n")
    room(1000)
    assert file.close() is None
    assert file.path.read_text() == "first\n"


def test_an_observer_s_thread_lives_on_and_waiters_are_told_at_once(
    tmp_path: Path, room: Room
) -> None:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.append(Note("kept"), source="x")
    room((tmp_path / "timeline.jsonl").stat().st_size + 20)
    timeline.append(Note("no room"), source="x")
    timeline.append(Note("nor for this"), source="x")
    (lost,) = timeline.events(PartLost)
    assert lost.part == DISK
    assert str(tmp_path) in lost.reason
    with pytest.raises(BenchFault, match="File too large"):
        timeline.wait_for(Note, within=10.0, where=lambda note: note.text == "never")
    assert [r.event.kind for r in read_timeline(tmp_path / "timeline.jsonl")] == ["note"]
    assert timeline.owed > 0
    room(100_000)
    timeline.append(PartBack(DISK), source="harness")
    assert timeline.owed == 0
    timeline.close()
    lines = (tmp_path / "timeline.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(5))


def record(number: int) -> bytes:
    head = number.to_bytes(4, "little") + bytes(4) + (8).to_bytes(4, "little") * 2
    return head + bytes([number] * 8)


HEADER = bytes.fromhex("d4c3b2a1") + bytes([2, 0, 4, 0]) + bytes(12) + (1).to_bytes(4, "little")


def test_a_capture_has_whole_packets_only(tmp_path: Path, room: Room) -> None:
    pcap = PcapFile(tmp_path / "x.pcap", HEADER)
    assert pcap.write(record(1)) is None
    room(24 + 24 + 10)
    assert pcap.write(record(2) + record(3)) is not None
    assert (tmp_path / "x.pcap").stat().st_size == 24 + 24
    room(1000)
    assert pcap.write(record(4)) is None
    pcap.close()
    splitter, frames = read_frames(tmp_path / "x.pcap")
    assert splitter.header == HEADER
    assert [frame.data[0] for frame in frames] == [1, 4]


def test_a_capture_begun_on_a_full_disk_gets_its_header_later(tmp_path: Path, room: Room) -> None:
    room(5)
    pcap = PcapFile(tmp_path / "x.pcap", HEADER)
    assert pcap.write(b"") is not None
    room(1000)
    assert pcap.write(record(7)) is None
    pcap.close()
    assert [frame.data[0] for frame in read_frames(tmp_path / "x.pcap")[1]] == [7]


def test_a_full_disk_is_the_bench_s_fault_whatever_came_of_it() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/runs/x")
    assert is_full(full)
    assert classify(full)[0] is Verdict.BENCH_FAULT
    for kind in (UsageFault, ProductFault, ValueError):
        error = kind("cannot write")
        error.__cause__ = full
        assert classify(error)[0] is Verdict.BENCH_FAULT
    assert classify(OSError(errno.EACCES, "no"))[0] is Verdict.HARNESS_BUG


def test_a_test_is_not_begun_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = Timeline()
    part = Disk(tmp_path, timeline)
    assert not part.gone
    monkeypatch.setattr(disk, "_LEAST_FREE", 1 << 62)
    assert "MB free in" in part.gone
    with pytest.raises(BenchFault, match="the disk is full") as caught:
        part.mend()
    assert "MB free in" in caught.value.state
    assert "make room" in caught.value.hint
    monkeypatch.setattr(disk, "_LEAST_FREE", 1)
    timeline.append(PartLost(DISK, "it was full"), source="x")
    assert part.gone == "it was full"
    part.mend()
    assert not part.gone
    assert not timeline.lost()


def test_an_error_raised_from_itself_is_looked_at_once() -> None:
    fault = ProductFault("no answer")
    fault.__cause__ = fault
    assert not is_full(fault)
    assert classify(fault)[0] is Verdict.PRODUCT_FAULT
    other = ProductFault("another")
    fault.__cause__, other.__cause__ = other, fault
    assert not is_full(fault)
