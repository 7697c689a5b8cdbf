"""Ears and mouths on the wire: which tones a device receives, and which it sends, right now."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from harness.errors import ProductFault
from harness.events import Note, ToneHeard
from harness.evidence.capture import Capture
from harness.evidence.rtp import KEPT_SECONDS, RtpStream
from harness.evidence.speech import RATE
from harness.steady import RUN_CLOCK
from harness.tones import heard, levels

__all__ = ["WINDOW", "WireEar", "WireMouth"]

#: Seconds of audio a verdict is made from.
WINDOW = 0.5
#: Seconds between two looks while waiting.
_STRIDE = 0.1
#: Seconds a packet may be under way from the wire to the decoder.
_LATE = 0.03


class _Listener:
    """Measure the tones in the RTP at one end of the wire."""

    _verb = ""

    def __init__(self, capture: Capture, address: str) -> None:
        self._capture = capture
        self.address = str(address)

    @property
    def name(self) -> str:
        """The device's name, or its address when the capture knows none."""
        return self._capture.device(self.address) or self.address

    def hears(self, tones: Mapping[str, int], window_s: float = WINDOW) -> frozenset[str]:
        """Measure the last ``window_s`` seconds: which of ``tones`` (name to Hz) are in them.

        Writes a ToneHeard event. ``window_s`` is from 0.1 to 2.5.

        Raises:
            BenchFault: the capture is not running.
        """
        self._capture.check()
        found, measured = self._measure(tones, RUN_CLOCK.now() - _LATE, window_s)
        self._tell(found, measured)
        return found

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
            within: seconds until the window must have been found.
            window_s: length of the window, 0.1 to 2.5 seconds.

        Raises:
            ProductFault: something else was heard until the deadline; the text gives the levels.
            BenchFault: the capture died meanwhile.
        """
        began = RUN_CLOCK.now()
        deadline = time.monotonic() + max(within, window_s + 2 * _LATE)
        due = time.monotonic() + window_s + _LATE
        while True:
            self._wait_until(min(due, deadline))
            self._capture.check()
            end = RUN_CLOCK.now() - _LATE
            found, measured = self._measure(tones, end, min(window_s, end - began))
            if end - began >= window_s and found == expected:
                self._tell(found, measured)
                return found
            if time.monotonic() >= deadline:
                break
            due = time.monotonic() + _STRIDE
        self._tell(found, measured)
        wanted = ", ".join(sorted(expected)) or "silence"
        raise ProductFault(
            f"{self._verb} {', '.join(sorted(found)) or 'silence'}, not {wanted}",
            device=self.name,
            state=self._state(measured),
            expected=f"{wanted} for {window_s:.1f} s, within {within:.1f} s",
            hint="the ladder of this test shows the ports and directions agreed on; "
            "compare them with the RTP streams in its pcap",
        )

    def _wait_until(self, moment: float) -> None:
        """Wait on the capture; only its death ends this early."""
        changed = self._capture.rtp.changed
        with changed:
            while (left := moment - time.monotonic()) > 0 and self._capture.running:
                changed.wait(left)

    def _streams(self, since: float) -> list[RtpStream]:
        raise NotImplementedError

    def _end(self, stream: RtpStream) -> str:
        raise NotImplementedError

    def _measure(
        self, tones: Mapping[str, int], end: float, window_s: float
    ) -> tuple[frozenset[str], dict[str, float]]:
        start = end - min(window_s, KEPT_SECONDS - 0.5)
        samples: npt.NDArray[np.float64] = np.zeros(max(1, round((end - start) * RATE)))
        newest: dict[str, RtpStream] = {}
        for stream in self._streams(start):
            newest[self._end(stream)] = stream
        for stream in newest.values():
            # What arrives at several ports at once is played together.
            samples = samples + self._capture.rtp.audio(stream.key, start, end)
        pcm = (samples * 32768.0).clip(-32768, 32767).astype(np.int16)
        measured = levels(pcm, RATE, tones)
        return frozenset(heard(measured)), measured

    def _state(self, measured: Mapping[str, float]) -> str:
        now = RUN_CLOCK.now()
        active = self._streams(now - 1.0)
        said = [
            f"{stream.key.source} > {stream.key.destination} payload type "
            f"{', '.join(map(str, stream.payload_types))}, {stream.packets} packets, "
            f"{stream.lost} lost"
            for stream in active
        ]
        wire = "; ".join(said) or "no RTP in the last second"
        levels_said = ", ".join(
            f"{name} {level:.0f} dBFS" if math.isfinite(level) else f"{name} none"
            for name, level in measured.items()
        )
        return f"{levels_said or 'no tones to look for'} ({wire})"

    def _tell(self, found: frozenset[str], measured: Mapping[str, float]) -> None:
        rounded = {
            name: round(level, 1) if math.isfinite(level) else -120.0
            for name, level in measured.items()
        }
        event = ToneHeard(heard_by=self.name, heard=tuple(sorted(found)), levels=rounded)
        self._capture.observe(self._event(event), device=self._capture.device(self.address))

    def _event(self, event: ToneHeard) -> ToneHeard | Note:
        return event


class WireEar(_Listener):
    """What the device at an address receives: the newest stream to each of its ports.

    On hardware nobody sits at the handset, so what reaches the phone is what it plays.

    Args:
        capture: a running capture.
        address: the device's IP address, or ``ip:port`` for one of several at an address.
    """

    _verb = "receives"

    def _streams(self, since: float) -> list[RtpStream]:
        return self._capture.rtp.streams(destination=self.address, since=since)

    def _end(self, stream: RtpStream) -> str:
        return stream.key.destination


class WireMouth(_Listener):
    """What the device at an address sends: the newest stream from each of its ports."""

    _verb = "sends"

    def _streams(self, since: float) -> list[RtpStream]:
        return self._capture.rtp.streams(source=self.address, since=since)

    def _end(self, stream: RtpStream) -> str:
        return stream.key.source

    def _event(self, event: ToneHeard) -> ToneHeard | Note:
        # Nobody heard this: an event that says so would count as hearing in the timeline.
        return Note(text=f"{self.name} sends {', '.join(event.heard) or 'silence'}")
