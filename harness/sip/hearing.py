"""A peer's ear: the recording of its call, read while it grows.

The peer's process keeps a hush of one quantisation step under every recording, so that silence is
recorded as silence and a recording that stands still is a fault of the bench. pjmedia writes the
lengths into the header only at the end, so they are not believed.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import BenchFault, ProductFault
from harness.events import ToneHeard
from harness.timeline import Observer
from harness.tones import Sound, listen

__all__ = ["WINDOW", "CallEar", "Recording"]

#: Seconds of sound a verdict is made from.
WINDOW = 0.4
#: pjmedia collects 4000 bytes of a recording and the C library up to 4096 more, together a quarter
#: of a second at 16 kHz; the conference bridge adds a tick of 20 ms. What reaches the file may be
#: that old.
_LAG_SECONDS = 0.28
#: How often a growing file is looked at again; a file offers nothing to wait on.
_LOOK_SECONDS = 0.04
#: A recording that did not grow for so long, while its call is up, is dead.
_STALLED_SECONDS = 2.0
_HEADER_BYTES = 128


class Recording:
    """A mono 16-bit WAV file that is still being written.

    Raises:
        BenchFault: what is there so far is not such a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rate, self._start = self._read_header()

    def _read_header(self) -> tuple[int, int]:
        with self.path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        position, rate = 12, 0
        while header[:4] == b"RIFF" and position + 8 <= len(header):
            name, length = struct.unpack_from("<4sI", header, position)
            position += 8
            if name == b"data" and rate:
                return rate, position
            if name == b"fmt " and position + 16 <= len(header):
                _, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header, position)
                if (channels, bits) != (1, 16):
                    break
            position += length
        raise BenchFault(
            f"{self.path} is no recording of mono 16-bit sound",
            state=f"{len(header)} bytes of header: {header[:44].hex()}",
            hint="was it written by this pjsua2? read pjsua.log next to it",
        )

    @property
    def samples(self) -> int:
        """How many samples have been written."""
        return max(0, self.path.stat().st_size - self._start) // 2

    def read(self, start: int, end: int) -> NDArray[np.int16]:
        """Return the samples from ``start`` to ``end``."""
        with self.path.open("rb") as file:
            file.seek(self._start + 2 * start)
            found = file.read(2 * (end - start))
        return np.frombuffer(found[: len(found) // 2 * 2], dtype="<i2").astype(np.int16)


class CallEar:
    """What one peer hears in one call.

    Args:
        party: the peer's name.
        observe: writes what was heard.
        changed: is notified when the recording starts, the call ends or the process dies.
        state: tells the call's state.
        check: raises BenchFault when the peer's process is gone.
    """

    def __init__(
        self,
        party: str,
        observe: Observer,
        changed: threading.Condition,
        state: Callable[[], str],
        check: Callable[[], None],
    ) -> None:
        self._party = party
        self._observe = observe
        self._changed = changed
        self._state = state
        self._check = check
        self._path: Path | None = None
        self._recording: Recording | None = None
        self._before: frozenset[str] = frozenset()

    def open(self, path: Path) -> None:
        """Take note of where the peer records; it may begin to write a moment later."""
        self._path = path

    @property
    def path(self) -> Path | None:
        """The recording, for a person to listen to; None before there is one."""
        return self._path

    def hears(self, tones: Mapping[str, int], window_s: float = WINDOW) -> frozenset[str]:
        """Measure the last ``window_s`` seconds: whose of ``tones`` (Hz) are in all of them.

        Writes a ToneHeard event. After the call has ended, and before it has sound, that is
        nobody.

        Raises:
            BenchFault: the peer's process is gone.
        """
        self._check()
        sound = self._measure(tones, window_s)
        self._tell(sound)
        return sound.heard

    def wait_hears(
        self,
        expected: set[str],
        tones: Mapping[str, int],
        within: float,
        window_s: float = WINDOW,
    ) -> frozenset[str]:
        """Wait until exactly ``expected`` fills a whole window that began after this call.

        Args:
            expected: names from ``tones``; empty means silence.
            tones: every party's tone in Hz, also of those who must not be heard.
            within: seconds until such a window must have been heard.
            window_s: length of the window, 0.3 to 5 seconds.

        Raises:
            ProductFault: something else was heard until the deadline; the text gives the levels.
            BenchFault: the peer's process is gone, or its recording stands still.
        """
        deadline = time.monotonic() + within
        recording = self._wait_recording(expected, deadline)
        fresh = recording.samples + int(recording.rate * (_LAG_SECONDS + window_s))
        seen, grown = 0, time.monotonic()
        sound = self._measure(tones, window_s)
        while True:
            self._check()
            ended = self._state() == "ended"
            end = recording.samples
            if end > seen:
                seen, grown = end, time.monotonic()
            elif not ended and time.monotonic() - grown > _STALLED_SECONDS:
                raise BenchFault(
                    f"its recording stands still: {recording.path}",
                    device=self._party,
                    state=f"call {self._state()}, {end / recording.rate:.1f} s recorded",
                    expected="sound or silence, written as it comes",
                    hint="is the disk full? is the machine overloaded?",
                )
            sound = self._measure(tones, window_s)
            if (ended or end >= fresh) and sound.is_exactly(expected):
                self._tell(sound)
                return sound.heard
            if time.monotonic() >= deadline or (ended and expected):
                break
            with self._changed:
                self._changed.wait(_LOOK_SECONDS)
        self._tell(sound)
        raise ProductFault(
            f"hears {_names(sound.heard)} instead of {_names(expected)}",
            device=self._party,
            state=self._describe(sound),
            expected=f"exactly {_names(expected)} for {window_s:.1f} s, within {within:.1f} s",
            hint="look for hold, direction attributes and RTP in the SIP ladder of this test; "
            f"listen to {recording.path}",
        )

    def _wait_recording(self, expected: set[str], deadline: float) -> Recording:
        while (recording := self._open_recording()) is None and self._state() != "ended":
            self._check()
            if time.monotonic() >= deadline:
                break
            with self._changed:
                self._changed.wait(_LOOK_SECONDS)
        if recording is None:
            raise ProductFault(
                f"hears nothing at all instead of {_names(expected)}: the call has no audio",
                device=self._party,
                state=f"call {self._state()}",
                expected=f"exactly {_names(expected)}",
                hint="was the call answered, with a common codec? read its SIP ladder",
            )
        return recording

    def _open_recording(self) -> Recording | None:
        path = self._path
        if self._recording is None and path is not None and path.exists():
            # The header is in the C library's buffer until there is sound enough to fill it.
            if path.stat().st_size < _HEADER_BYTES:
                return None
            self._recording = Recording(path)
        return self._recording

    def _measure(self, tones: Mapping[str, int], window_s: float) -> Sound:
        recording = self._open_recording()
        if recording is None or self._state() == "ended":
            sound = listen(
                np.zeros(0, dtype=np.int16), 2 * max(tones.values(), default=1) + 2, tones
            )
        else:
            end = recording.samples
            start = max(0, end - int(recording.rate * window_s))
            sound = listen(recording.read(start, end), recording.rate, tones, self._before)
        self._before = sound.heard
        return sound

    def _describe(self, sound: Sound) -> str:
        said = [f"{name} {level:.0f} dBFS" for name, level in sound.levels.items()]
        said.append(f"noise {sound.noise:.0f} dBFS")
        partly = f"; for a part only: {_names(sound.unsettled)}" if sound.unsettled else ""
        return f"call {self._state()}; {', '.join(said)}{partly}"

    def _tell(self, sound: Sound) -> None:
        rounded = {name: round(level, 1) for name, level in sound.levels.items()}
        self._observe(ToneHeard(self._party, tuple(sorted(sound.heard)), rounded))


def _names(parties: frozenset[str] | set[str]) -> str:
    return " and ".join(sorted(parties)) or "silence"
