"""The codecs of the bench decoded to samples: G.711 by table, G.722 by its library."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from G722 import G722

__all__ = ["AUDIO_PAYLOADS", "RATE", "decode"]

#: Samples per second of everything decoded here. G.722 carries 16000, but no tone of the bench
#: lies above 3000 Hz; its RTP clock is 8000 as well (RFC 3551 section 4.5.2).
RATE = 8000

_PCMU, _PCMA, _G722 = 0, 8, 9
#: Payload types this module decodes, with their names (RFC 3551 table 4).
AUDIO_PAYLOADS = MappingProxyType({_PCMU: "PCMU", _PCMA: "PCMA", _G722: "G722"})


def _mu_law() -> npt.NDArray[np.float64]:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude) / 32768.0


def _a_law() -> npt.NDArray[np.float64]:
    code = np.arange(256) ^ 0x55
    exponent = (code >> 4) & 7
    mantissa = ((code & 0x0F) << 4) + 8
    magnitude = np.where(exponent > 0, (mantissa + 0x100) << np.maximum(exponent - 1, 0), mantissa)
    return np.where(code & 0x80, magnitude, -magnitude) / 32768.0


_TABLES = MappingProxyType({_PCMU: _mu_law(), _PCMA: _a_law()})


def decode(payload_type: int, payloads: Sequence[bytes]) -> npt.NDArray[np.float64]:
    """Decode payloads of one codec, in order, to samples of ±1.0 at 8000 Hz.

    All three codecs yield one sample per byte at that rate.
    """
    data = b"".join(payloads)
    if payload_type == _G722:
        pcm = np.asarray(G722(RATE, 64000).decode(data), dtype=np.float64)
        return pcm / 32768.0
    return _TABLES[payload_type][np.frombuffer(data, dtype=np.uint8)]
