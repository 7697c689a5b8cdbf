"""One RTP session of the phone: a tone out, digits out, and what comes in is counted.

Digits go as RFC 4733 events, or, where no payload type was agreed on, as their tones in the audio.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections import deque
from dataclasses import dataclass

from harness.virtual.phone.media.codecs import Microphone
from harness.virtual.phone.media.statistics import StreamStatistics

__all__ = ["RtpSession"]

_TICK = 0.02
_SAMPLES = 160
_DIGITS = "0123456789*#ABCD"
#: A tap is never shorter than this on the wire, or the far end may miss it.
_SHORTEST_DIGIT = 5 * _SAMPLES
_ENDS = 3
#: Silence between two digits, in ticks.
_GAP = 3


@dataclass
class _Digit:
    event: int
    released: bool = False
    duration: int = 0
    started: int = 0
    ends: int = 0


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, statistics: StreamStatistics) -> None:
        self._statistics = statistics

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002
        self._statistics.took(data)


class RtpSession:
    """Send and receive on one even port until closed.

    ``sending`` can be switched at any time; the stream keeps its SSRC and clock.
    """

    def __init__(self, tone: int) -> None:
        self._tone = tone
        self.port = 0
        self.sending = False
        self._microphone: Microphone | None = None
        self._dtmf_type: int | None = None
        self._target: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self.statistics = StreamStatistics()
        self._receiver = _Receiver(self.statistics)
        self._task: asyncio.Task[None] | None = None
        self._sequence = secrets.randbelow(1 << 15)
        self._timestamp = secrets.randbelow(1 << 30)
        self._ssrc = secrets.randbelow(1 << 32)
        self._digits: deque[_Digit] = deque()
        self._gap = 0
        self._fresh = True

    @property
    def received(self) -> int:
        """Packets that came in."""
        return self.statistics.received

    @property
    def target(self) -> tuple[str, int] | None:
        """Where it sends; None before an answer."""
        return self._target

    async def open(self, address: str, first: int, last: int) -> None:
        """Bind the first free even port of the configured range."""
        loop = asyncio.get_running_loop()
        for port in range(first + first % 2, last + 1, 2):
            try:
                self._transport, _ = await loop.create_datagram_endpoint(
                    lambda: self._receiver, local_addr=(address, port)
                )
            except OSError:
                continue
            self.port = port
            return
        raise OSError(f"no free RTP port from {first} to {last}")

    def start(self, target: tuple[str, int], payload_type: int, dtmf_type: int | None) -> None:
        """Send to ``target`` with a codec; may be called again when an answer changes it.

        ``dtmf_type`` is the payload type of digits; None sends them in band.
        """
        self._target = target
        self._dtmf_type = dtmf_type
        if self._microphone is None or self._microphone.payload_type != payload_type:
            self._microphone = Microphone(self._tone, payload_type)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def press(self, digit: str) -> None:
        """A digit key goes down; it sounds until :meth:`release`."""
        self._digits.append(_Digit(_DIGITS.index(digit)))

    def release(self) -> None:
        """The digit key came up."""
        if self._digits:
            self._digits[-1].released = True

    def close(self) -> None:
        """Stop and free the port."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._transport is not None:
            self._transport.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._tick()
            due += _TICK
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _tick(self) -> None:
        self._timestamp = (self._timestamp + _SAMPLES) & 0xFFFFFFFF
        microphone = self._microphone
        if microphone is None:
            return
        digit = self._digits[0] if self._digits and not self._gap else None
        self._gap = max(0, self._gap - 1)
        if digit is not None and self._dtmf_type is not None:
            microphone.payload()
            self._send_event(digit, self._dtmf_type)
            return
        sound = microphone.payload(None if digit is None else _DIGITS[digit.event])
        if digit is not None:
            self._count_tone(digit)
        if self.sending:
            self._send(microphone.payload_type, self._timestamp, sound, marker=self._fresh)
            self._fresh = False

    def _count_tone(self, digit: _Digit) -> None:
        digit.duration += _SAMPLES
        if digit.released and digit.duration >= _SHORTEST_DIGIT:
            self._digits.popleft()
            self._gap = _GAP

    def _send_event(self, digit: _Digit, payload_type: int) -> None:
        """One RFC 4733 packet: the same timestamp throughout, the duration growing."""
        first = digit.duration == 0
        if first:
            digit.started = self._timestamp
        over = digit.released and digit.duration >= _SHORTEST_DIGIT
        if not over:
            digit.duration += _SAMPLES
        else:
            digit.ends += 1
        payload = struct.pack("!BBH", digit.event, (0x80 if over else 0) | 10, digit.duration)
        self._send(payload_type, digit.started, payload, marker=first)
        if digit.ends >= _ENDS:
            self._digits.popleft()
            self._gap = _GAP

    def _send(self, payload_type: int, timestamp: int, payload: bytes, *, marker: bool) -> None:
        if self._transport is None or self._target is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack(
            "!BBHII", 0x80, (0x80 if marker else 0) | payload_type, self._sequence, timestamp,
            self._ssrc,
        )  # fmt: skip
        self.statistics.gave(payload_type, len(payload))
        self._transport.sendto(header + payload, self._target)
