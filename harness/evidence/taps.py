"""Several interfaces captured as if they were one: every packet once, in the order of its time.

Interfaces are captured one by one and not all together (``any``), which would leave no Ethernet
addresses, show what crosses a bridge at each of its ports, and outlive its interface unnoticed.
"""

from __future__ import annotations

import heapq
import os
import select
import time
from collections.abc import Sequence

from harness.errors import BenchFault
from harness.evidence.frames import Frame
from harness.evidence.tap import Tap

__all__ = ["Taps"]

#: Seconds a packet waits for one of another interface that was taken before it; from wire to pipe
#: are 0.2 ms, more while tcpdump waits for a processor.
_WAITS = 0.01


class Taps:
    """A tcpdump on each interface, read by one thread.

    Args:
        interfaces: network devices no packet crosses two of, like a bridge and ``lo``.
        filter_expression: BPF.

    Raises:
        OSError: tcpdump cannot be run.
    """

    def __init__(self, interfaces: Sequence[str], filter_expression: str) -> None:
        self._interfaces = interfaces
        self._taps: list[Tap] = []
        self._woken, self._wake = os.pipe()
        try:
            for interface in interfaces:
                self._taps.append(Tap(interface, filter_expression))
        except OSError:
            self.close()
            raise
        self._mute: set[int] = set()
        self._ended: Tap | None = None
        # By time of capture: when it came, by the monotonic clock.
        self._waiting: list[tuple[float, int, float, Frame]] = []
        self._count = 0

    @property
    def header(self) -> bytes:
        """The header of a pcap file for all of them, once each captures; empty until then.

        Raises:
            BenchFault: their frames do not fit into one file.
        """
        if not all(tap.header for tap in self._taps):
            return b""
        if len({tap.link_type for tap in self._taps}) > 1:
            raise BenchFault(f"{' and '.join(self._interfaces)} have frames of different kinds")
        return self._taps[0].header

    @property
    def link_type(self) -> int:
        """What their frames begin with, as soon as there is a header."""
        return self._taps[0].link_type

    def moved(self, frame: Frame, seconds: float) -> Frame:
        """Return a frame as if it had been captured so much later."""
        return self._taps[0].moved(frame, seconds)

    def read(self, within: float) -> list[Frame] | None:
        """Return the next frames; none when nothing came for so many seconds; None at the end.

        :meth:`wake` ends the wait early. The end of one is the end of all: what is left of a
        capture would be half of the truth.

        Raises:
            UsageFault: a tcpdump wrote something else than classic pcap.
        """
        until = time.monotonic() + within
        while self._ended is None:
            header = bool(self.header)
            woken = self._look(min(until - time.monotonic(), _WAITS if self._waiting else within))
            now = time.monotonic()
            until = now if woken else until
            frames = self._ripe(now)
            # That there is a header is worth telling as well.
            if frames or (not header and self.header):
                return frames
            if now >= until and not self._waiting:
                return []
        return self._ripe(float("inf")) or None

    def wake(self) -> None:
        """Let whoever reads look again at once; from any thread, until they are closed."""
        os.write(self._wake, b"x")

    def terminate(self) -> None:
        """Ask them to end; what they took so far is still read."""
        for tap in self._taps:
            tap.terminate()

    def last_words(self) -> str:
        """End all, and say why the first did."""
        self.terminate()
        for tap in self._taps:
            while tap.errors not in self._mute and tap.hear():
                pass
            self._mute.add(tap.errors)
        return (self._ended or self._taps[0]).last_words()

    @property
    def dropped(self) -> int:
        """How many packets the kernel dropped, by their closing words."""
        return sum(tap.dropped for tap in self._taps)

    def close(self) -> None:
        """End them and close their pipes."""
        self.terminate()
        for tap in self._taps:
            tap.close()
        os.close(self._woken)
        os.close(self._wake)

    def _look(self, seconds: float) -> bool:
        """Take what comes next on any pipe; whether somebody woke us."""
        errors = [tap.errors for tap in self._taps if tap.errors not in self._mute]
        pipes = [tap.pipe for tap in self._taps]
        ready = select.select([*pipes, *errors, self._woken], [], [], max(0.0, seconds))[0]
        if self._woken in ready:
            os.read(self._woken, 4096)
        for tap in self._taps:
            if tap.errors in ready and not tap.hear():
                self._mute.add(tap.errors)
            if tap.pipe in ready:
                frames = tap.read()
                if frames is None:
                    self._ended = self._ended or tap
                now = time.monotonic()
                for frame in frames or ():
                    self._count += 1
                    heapq.heappush(self._waiting, (frame.time, self._count, now, frame))
        return self._woken in ready

    def _ripe(self, now: float) -> list[Frame]:
        waits = _WAITS if len(self._taps) > 1 else 0.0
        frames = []
        while self._waiting and self._waiting[0][2] + waits <= now:
            frames.append(heapq.heappop(self._waiting)[3])
        return frames
