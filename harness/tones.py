"""Tell which of the parties' tones are in a piece of sound.

Each party of a test plays a sine of its own. A window of what an ear received is correlated with
every known tone (the Goertzel idea, for all tones at once); a tone counts as heard when it stands
clear above what else is in the window. Thresholds were measured on tones that went through G.711
and G.722: quantisation noise stays below -45 dBFS, a tone at a twentieth of full scale is -26.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEARD_DBFS", "heard", "levels"]

#: Level in dBFS above which a tone can count as heard.
HEARD_DBFS = -38.0
#: A tone this many dB below the loudest one in the window is its leakage or distortion.
_SPREAD_DB = 24.0
_SILENCE_DBFS = -120.0


def levels(
    samples: NDArray[np.int16] | NDArray[np.float64], rate: int, tones: Mapping[str, int]
) -> dict[str, float]:
    """Return each tone's level in dBFS over the whole window (a full-scale sine is -3 dB).

    Args:
        samples: the window, as 16-bit integers or as floats of ±1; 0.2 s or more to tell tones 20 Hz apart.
        rate: samples per second.
        tones: frequency in Hz by party.
    """
    count = len(samples)
    if count == 0:
        return dict.fromkeys(tones, _SILENCE_DBFS)
    window = np.hanning(count)
    full_scale = 32768.0 if np.issubdtype(samples.dtype, np.integer) else 1.0
    signal = samples.astype(np.float64) / full_scale * window
    times = np.arange(count) / rate
    found: dict[str, float] = {}
    for party, frequency in tones.items():
        amplitude = 2.0 * abs(np.dot(signal, np.exp(-2j * np.pi * frequency * times)))
        power = (amplitude / window.sum()) ** 2 / 2.0
        found[party] = max(_SILENCE_DBFS, 10.0 * float(np.log10(power + 1e-12)))
    return found


def heard(measured: Mapping[str, float]) -> frozenset[str]:
    """Return the parties whose tone counts as heard, from :func:`levels`."""
    loudest = max(measured.values(), default=_SILENCE_DBFS)
    floor = max(HEARD_DBFS, loudest - _SPREAD_DB)
    return frozenset(party for party, level in measured.items() if level >= floor)
