"""Encode the microphone: G.711 by table, G.722 by its library."""

from __future__ import annotations

import numpy as np
from G722 import G722
from numpy.typing import NDArray

__all__ = ["Microphone"]

_FRAME = 0.02
_LEVEL = 6000
#: ITU-T Q.23: each key is a tone of its row and one of its column, in Hz.
_ROWS = dict(zip(("123A", "456B", "789C", "*0#D"), (697, 770, 852, 941), strict=True))
_COLUMNS = (1209, 1336, 1477, 1633)


def _mu_law(samples: NDArray[np.int16]) -> bytes:
    """ITU-T G.711, mu-law, by its segments."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    code: NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return code.tobytes()


def _a_law(samples: NDArray[np.int16]) -> bytes:
    """ITU-T G.711, A-law, by its segments."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32767) >> 3
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = np.where(exponent > 0, magnitude >> exponent, magnitude >> 1) & 0x0F
    sign = np.where(samples >= 0, 0x80, 0)
    code: NDArray[np.uint8] = ((sign | (exponent << 4) | mantissa) ^ 0x55).astype(np.uint8)
    return code.tobytes()


def _pair(digit: str) -> tuple[int, int]:
    row = next(keys for keys in _ROWS if digit in keys)
    return _ROWS[row], _COLUMNS[row.index(digit)]


class Microphone:
    """A tone, cut into 20 ms payloads of one codec; a pressed key's two tones in its place.

    Args:
        tone: frequency in Hz.
        payload_type: 0 PCMU, 8 PCMA or 9 G.722.
    """

    def __init__(self, tone: int, payload_type: int) -> None:
        self.payload_type = payload_type
        self._rate = 16000 if payload_type == 9 else 8000
        self._frames = self._cut(tone)
        self._keys: dict[str, list[NDArray[np.int16]]] = {}
        self._g722 = G722(16000, 64000)
        self._next = 0

    def _cut(self, *tones: int) -> list[NDArray[np.int16]]:
        # A second holds a whole number of periods, so the loop has no seam.
        times = np.arange(self._rate) / self._rate
        sines = np.sum([np.sin(2 * np.pi * tone * times) for tone in tones], axis=0)
        wave = (_LEVEL * sines).astype(np.int16)
        size = int(self._rate * _FRAME)
        return [wave[start : start + size] for start in range(0, self._rate, size)]

    def payload(self, digit: str | None = None) -> bytes:
        """Return the next 20 ms, 160 bytes in any of the three codecs.

        Args:
            digit: the key whose two tones go out instead of the microphone's own.
        """
        frames = self._frames
        if digit is not None:
            if digit not in self._keys:
                self._keys[digit] = self._cut(*_pair(digit))
            frames = self._keys[digit]
        frame = frames[self._next]
        self._next = (self._next + 1) % len(self._frames)
        if self.payload_type == 9:
            return bytes(self._g722.encode(frame))
        return _mu_law(frame) if self.payload_type == 0 else _a_law(frame)
