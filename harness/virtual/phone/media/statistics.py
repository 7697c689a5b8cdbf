"""What a phone counts of one RTP stream, for its streaming statistics."""

from __future__ import annotations

import struct
import time

__all__ = ["StreamStatistics"]

_CLOCK_HZ = 8000
#: Dynamic types carry telephone events here, which are no codec.
_FIRST_DYNAMIC = 96


class StreamStatistics:
    """Counters of one session; jitter as RFC 3550 6.4.1 has it, in milliseconds."""

    def __init__(self) -> None:
        self.sent = 0
        self.sent_octets = 0
        self.sent_type: int | None = None
        self.received = 0
        self.received_octets = 0
        self.received_type: int | None = None
        self.jitter_ms = 0.0
        self.max_jitter_ms = 0.0
        self._first: int | None = None
        self._highest = 0
        self._transit: float | None = None

    @property
    def lost(self) -> int:
        """Packets that the numbering says were sent and that never came."""
        if self._first is None:
            return 0
        return max(0, self._highest - self._first + 1 - self.received)

    def gave(self, payload_type: int, octets: int) -> None:
        """A packet left."""
        self.sent += 1
        self.sent_octets += octets
        if payload_type < _FIRST_DYNAMIC:
            self.sent_type = payload_type

    def took(self, packet: bytes) -> None:
        """A packet came; anything that is no RTP is not counted."""
        if len(packet) < 12 or packet[0] >> 6 != 2:
            return
        payload_type, number, stamp = packet[1] & 0x7F, *struct.unpack_from("!HI", packet, 2)
        self.received += 1
        self.received_octets += len(packet) - 12
        self._count(number)
        if payload_type < _FIRST_DYNAMIC:
            self.received_type = payload_type
            self._time(stamp)

    def _count(self, number: int) -> None:
        if self._first is None:
            self._first = self._highest = number
            return
        # The nearest number to the highest so far: 16 bits run over every 22 minutes.
        step = (number - self._highest) & 0xFFFF
        self._highest += step if step < 0x8000 else 0

    def _time(self, stamp: int) -> None:
        transit = time.monotonic() * _CLOCK_HZ - stamp
        if self._transit is not None:
            difference = abs(transit - self._transit) / _CLOCK_HZ * 1000
            # A new talker's clock is no jitter.
            if difference < 1000:
                self.jitter_ms += (difference - self.jitter_ms) / 16
                self.max_jitter_ms = max(self.max_jitter_ms, self.jitter_ms)
        self._transit = transit
