"""A peer's ear: the recording of its call, read while it grows.

pjmedia flushes the recording every 4000 bytes, an eighth of a second at 16 kHz, and writes the
length into the header only at the end; so the header's own lengths are not believed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import ProductFault
from harness.events import ToneHeard
from harness.timeline import Observer
from harness.tones import heard, levels

__all__ = ["RECORDING_RATE", "CallEar"]

RECORDING_RATE = 16000
_HEADER = 44
_WINDOW_SECONDS = 0.4
#: How often a growing file is looked at again; a file offers nothing to wait on.
_LOOK_SECONDS = 0.05


class CallEar:
    """What one peer hears in one call."""

    def __init__(self, party: str, observe: Observer) -> None:
        self._party = party
        self._observe = observe
        self._path: Path | None = None
        self._recording = threading.Event()

    def open(self, path: Path) -> None:
        """The peer says where it records."""
        self._path = path
        self._recording.set()

    def _samples(self) -> int:
        if self._path is None or not self._path.exists():
            return 0
        return max(0, self._path.stat().st_size - _HEADER) // 2

    def _window(self, end: int) -> NDArray[np.int16]:
        count = int(RECORDING_RATE * _WINDOW_SECONDS)
        start = max(0, end - count)
        if self._path is None:
            return np.zeros(0, dtype=np.int16)
        with self._path.open("rb") as file:
            file.seek(_HEADER + 2 * start)
            return np.frombuffer(file.read(2 * (end - start)), dtype="<i2").astype(np.int16)

    def wait_hears(
        self, expected: set[str], tones: Mapping[str, int], within: float
    ) -> frozenset[str]:
        """Wait until exactly ``expected`` is heard for a full window that began after the call.

        A recording stands still while a call is held; no new sound for a window is silence.

        Raises:
            ProductFault: with who was heard instead, at what levels.
        """
        deadline = time.monotonic() + within
        self._recording.wait(within)
        pause = threading.Event()
        start = self._samples()
        last_growth, seen = time.monotonic(), start
        now: frozenset[str] = frozenset()
        measured: dict[str, float] = dict.fromkeys(tones, -120.0)
        window = int(RECORDING_RATE * _WINDOW_SECONDS)
        while time.monotonic() < deadline:
            pause.wait(_LOOK_SECONDS)
            end = self._samples()
            if end > seen:
                seen, last_growth = end, time.monotonic()
            standstill = time.monotonic() - last_growth > _WINDOW_SECONDS
            if end - start < window and not standstill:
                continue
            if standstill:
                measured = dict.fromkeys(tones, -120.0)
            else:
                measured = levels(self._window(end), RECORDING_RATE, tones)
            now = heard(measured)
            if now == expected:
                self._note(now, measured)
                return now
        self._note(now, measured)
        strongest = ", ".join(f"{name} {level:.0f} dBFS" for name, level in measured.items())
        raise ProductFault(
            f"{self._party} hears {_names(now)} instead of {_names(expected)}",
            device=self._party,
            state=f"levels: {strongest}",
            expected=f"exactly {_names(expected)} within {within:.0f} s",
            hint="look for hold, direction attributes and RTP in the SIP ladder of this test",
        )

    def _note(self, now: frozenset[str], measured: Mapping[str, float]) -> None:
        rounded = {name: round(level, 1) for name, level in measured.items()}
        self._observe(ToneHeard(self._party, tuple(sorted(now)), rounded))


def _names(parties: frozenset[str] | set[str]) -> str:
    return " and ".join(sorted(parties)) or "silence"
