from __future__ import annotations

import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BenchFault, ProductFault
from harness.events import ToneHeard
from harness.sip import CallEar, hearing
from harness.sip.hearing import Recording
from harness.timeline import Timeline

#: Whole periods in 50 ms, so that pieces join without a click.
TONES = {"bob": 620, "carol": 860}
RATE = 16000


def header(rate: int = RATE, channels: int = 1, extra: bytes = b"") -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, 2 * rate, 2, 16)
    return b"RIFF\0\0\0\0WAVE" + form + extra + b"data\0\0\0\0"


def sine(hertz: int, seconds: float) -> bytes:
    times = np.arange(int(RATE * seconds)) / RATE
    return (6000 * np.sin(2 * np.pi * hertz * times)).astype("<i2").tobytes()


class Call:
    """An ear with a recording that grows by itself, in real time, with what is to be heard."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = "confirmed"
        self.timeline = Timeline()
        self.hertz = 620
        self.growing = True
        self._stop = threading.Event()
        self.ear = CallEar(
            "alice", self.timeline.observer("alice"), threading.Condition(), lambda: self.state,
            lambda: None,
        )  # fmt: skip
        path.write_bytes(header() + sine(620, 0.5))
        self.ear.open(path)
        self._thread = threading.Thread(target=self._grow)
        self._thread.start()

    def _grow(self) -> None:
        while not self._stop.wait(0.05):
            if self.growing:
                with self.path.open("ab") as file:
                    file.write(sine(self.hertz, 0.05) if self.hertz else bytes(1600))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def call(tmp_path: Path):  # noqa: ANN201
    made = Call(tmp_path / "call.wav")
    yield made
    made.close()


def test_the_window_begins_after_the_question(call: Call) -> None:
    call.hertz = 860
    started = time.monotonic()
    assert call.ear.wait_hears({"carol"}, TONES, 3.0) == {"carol"}
    assert time.monotonic() - started >= hearing.WINDOW
    assert call.timeline.events(ToneHeard)[-1].heard == ("carol",)


def test_what_was_heard_before_the_question_does_not_count(call: Call) -> None:
    call.hertz = 0
    with pytest.raises(ProductFault, match="alice: hears silence instead of bob"):
        call.ear.wait_hears({"bob"}, TONES, 1.2)


def test_silence_is_recorded_not_assumed(call: Call) -> None:
    call.hertz = 0
    assert call.ear.wait_hears(set(), TONES, 3.0) == frozenset()


def test_a_recording_that_stands_still_is_no_silence(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "_STALLED_SECONDS", 0.3)
    call.growing = False
    with pytest.raises(BenchFault, match="stands still"):
        call.ear.wait_hears(set(), TONES, 3.0)


def test_the_message_names_who_was_heard_and_how_loud(call: Call) -> None:
    with pytest.raises(ProductFault, match="hears bob instead of silence") as caught:
        call.ear.wait_hears(set(), TONES, 0.9)
    assert "bob -18 dBFS" in caught.value.state


def test_after_the_end_there_is_silence_at_once(call: Call) -> None:
    call.growing, call.state = False, "ended"
    assert call.ear.wait_hears(set(), TONES, 1.0) == frozenset()
    started = time.monotonic()
    with pytest.raises(ProductFault, match="instead of bob"):
        call.ear.wait_hears({"bob"}, TONES, 5.0)
    assert time.monotonic() - started < 1.0


def test_a_call_without_audio_hears_nothing_at_all() -> None:
    ear = CallEar(
        "alice", Timeline().observer("a"), threading.Condition(), lambda: "calling", lambda: None
    )
    with pytest.raises(ProductFault, match="the call has no audio"):
        ear.wait_hears(set(), TONES, 0.1)
    assert ear.hears(TONES) == frozenset()


def test_a_header_with_more_chunks_and_another_rate_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    more = struct.pack("<4sI", b"LIST", 6) + b"abcdef"
    path.write_bytes(header(8000, extra=more) + struct.pack("<3h", 1, -2, 3) + b"\x07")
    recording = Recording(path)
    assert (recording.rate, recording.samples) == (8000, 3)
    assert recording.read(1, 9).tolist() == [-2, 3]


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not a recording at all", header(channels=2)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(BenchFault, match="no recording of mono 16-bit sound"):
        Recording(path)
