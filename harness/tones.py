"""Tell which of the parties' tones are in a piece of sound.

Each party of a test plays a sine of its own. A window of what an ear received is correlated with
every known tone (Goertzel's idea, for all tones at once). A tone counts as heard when it stands
clear of the noise around it and of the loudest tone's leakage *all the time* in the window: what
is there for a part of it only (a DTMF burst, a call just put on hold) is unsettled, not heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessBug

__all__ = ["HEARD_DBFS", "SILENCE_DBFS", "TONES_APART_HZ", "Sound", "heard", "levels", "listen"]

#: Level in dBFS from which a tone can count as heard. G.711's quantisation noise stays below
#: -60 in one tone's band, and a tone at a twentieth of full scale is at -29.
HEARD_DBFS = -38.0
#: What silence is given as.
SILENCE_DBFS = -120.0
#: A tone this many dB below the loudest one is its leakage or distortion.
_SPREAD_DB = 24.0
#: White noise in one tone's band exceeds its own mean by this many dB about once in 10^8 windows.
_ABOVE_NOISE_DB = 13.0
#: A tone heard before stays heard until it is this much below what it had to reach.
_HYSTERESIS_DB = 3.0
#: Tones nearer to each other than this leak into one another in a part of a window.
TONES_APART_HZ = 50
#: A window is judged in parts this long: longer than the gaps of DTMF (RFC 4733 digits at 40 ms
#: or more), and long enough to tell tones `TONES_APART_HZ` apart.
_PART_SECONDS = 0.1

_Samples = NDArray[np.int16] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sound:
    """What a window holds.

    Attributes:
        heard: the parties whose tone is there all the time.
        unsettled: those whose tone is there for a part of the window.
        levels: each party's tone in dBFS over the whole window (a full-scale sine is -3).
        noise: what is left without the tones, in one tone's band, in dBFS.
    """

    heard: frozenset[str]
    unsettled: frozenset[str]
    levels: dict[str, float]
    noise: float

    def is_exactly(self, expected: frozenset[str] | set[str]) -> bool:
        """Tell whether these parties, and no others, are heard throughout the window."""
        return self.heard == expected and not self.unsettled


def levels(samples: _Samples, rate: int, tones: Mapping[str, int]) -> dict[str, float]:
    """Return each tone's level in dBFS over the whole window (a full-scale sine is -3 dB).

    Args:
        samples: the window, as 16-bit integers or as floats of ±1; 0.1 s or more to tell tones
            50 Hz apart.
        rate: samples per second.
        tones: frequency in Hz by party, each below half the rate.

    Raises:
        HarnessBug: a tone cannot exist at this rate.
    """
    return _measure(_scaled(samples)[np.newaxis], rate, tones)[0][0]


def heard(measured: Mapping[str, float], noise: float = SILENCE_DBFS) -> frozenset[str]:
    """Return the parties whose tone counts as heard, by :func:`levels` alone.

    :func:`listen` knows more: it also asks whether a tone was there all the time.
    """
    return _above(measured, noise, frozenset())


def listen(
    samples: _Samples,
    rate: int,
    tones: Mapping[str, int],
    before: frozenset[str] = frozenset(),
) -> Sound:
    """Judge a window: whose tones are in it throughout, and whose only in part.

    Args:
        samples: the window, as 16-bit integers or as floats of ±1; 0.3 s or more to see through
            a DTMF burst.
        rate: samples per second.
        tones: frequency in Hz by party, each below half the rate.
        before: who was heard in the window before this one, for hysteresis.

    Raises:
        HarnessBug: a tone cannot exist at this rate.
    """
    signal = _scaled(samples)
    ((measured, noise),) = _measure(signal[np.newaxis], rate, tones)
    count = max(1, int(len(signal) / (rate * _PART_SECONDS)))
    # Equal parts; fewer samples than there are parts may be left over.
    parts = signal[: len(signal) // count * count].reshape(count, -1)
    there = [_above(*part, before) for part in _measure(parts, rate, tones)]
    always = frozenset(tones).intersection(*there)
    return Sound(
        heard=always,
        unsettled=frozenset().union(*there) - always,
        levels=measured,
        noise=noise,
    )


def _scaled(samples: _Samples) -> NDArray[np.float64]:
    full_scale = 32768.0 if np.issubdtype(samples.dtype, np.integer) else 1.0
    return samples.astype(np.float64) / full_scale


def _above(measured: Mapping[str, float], noise: float, before: frozenset[str]) -> frozenset[str]:
    loudest = max(measured.values(), default=SILENCE_DBFS)
    floor = max(HEARD_DBFS, loudest - _SPREAD_DB, noise + _ABOVE_NOISE_DB)
    return frozenset(
        party
        for party, level in measured.items()
        if level >= floor - (_HYSTERESIS_DB if party in before else 0.0)
    )


def _measure(
    signals: NDArray[np.float64], rate: int, tones: Mapping[str, int]
) -> list[tuple[dict[str, float], float]]:
    """Return the tones' levels and the noise in a tone's band, in dBFS, of each row."""
    for party, frequency in tones.items():
        if not 0 < frequency < rate / 2:
            raise HarnessBug(
                f"a tone of {frequency} Hz cannot be in sound of {rate} samples a second",
                device=party,
                expected=f"a tone below {rate // 2} Hz",
            )
    rows, length = signals.shape
    if length < 3:
        return [(dict.fromkeys(tones, SILENCE_DBFS), SILENCE_DBFS)] * rows
    # Two parties may share a tone.
    frequencies = tuple(dict.fromkeys(tones.values()))
    probe = _probe(length, rate, frequencies)
    both = (signals @ probe.waves).reshape(rows, 2, -1)
    powers = (both**2).sum(axis=1)
    # They may also be so near that each holds the other's power: then the rest comes out negative,
    # which means no noise to speak of.
    rest = signals**2 @ probe.weights - powers.sum(axis=1)
    found = _decibels(powers).tolist()
    noises = _decibels(rest * probe.band).tolist()
    places = {frequency: place for place, frequency in enumerate(frequencies)}
    return [
        ({party: row[places[frequency]] for party, frequency in tones.items()}, noise)
        for row, noise in zip(found, noises, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Probe:
    """What windows of one length are multiplied with to find the power of some frequencies.

    ``waves`` has a column for the cosine and one for the sine of each, all cosines first;
    ``weights`` gives the power of the whole window, ``band`` what part of white noise falls into
    the correlation with one frequency.
    """

    waves: NDArray[np.float64]
    weights: NDArray[np.float64]
    band: float


# Ears measure windows of few lengths, a thousand times each.
@lru_cache(maxsize=16)
def _probe(length: int, rate: int, frequencies: tuple[int, ...]) -> _Probe:
    window = np.hanning(length)
    times = np.arange(length)[:, np.newaxis] / rate
    angles = 2 * np.pi * times * np.array(frequencies, dtype=np.float64)
    # A sine of amplitude a comes out as a * sum / 2, and has the power a * a / 2.
    whole, squares = float(window.sum()), window**2
    waves = np.hstack([np.cos(angles), np.sin(angles)]) * window[:, np.newaxis]
    energy = float(squares.sum())
    return _Probe(waves * (np.sqrt(2.0) / whole), squares / energy, 2.0 * energy / whole**2)


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float64]:
    decibels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 1e-12))
    return np.maximum(SILENCE_DBFS, decibels)
