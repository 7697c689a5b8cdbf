from __future__ import annotations

import numpy as np
import pytest
from G722 import G722
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.errors import HarnessBug
from harness.tones import heard, levels, listen

TONES = {"alice": 440, "bob": 620, "carol": 850, "desk": 1090, "lobby": 1370}
#: RFC 4733 names the digits; ITU-T Q.23 gives their frequencies.
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


def sines(
    hertz: list[int], rate: int = 8000, seconds: float = 0.4, peak: float = 0.18
) -> NDArray[np.int16]:
    times = np.arange(int(rate * seconds)) / rate
    mixed = sum((peak * np.sin(2 * np.pi * f * times + f) for f in hertz), np.zeros(len(times)))
    return (mixed * 32767).astype(np.int16)


def a_law(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """There and back through G.711 A-law (ITU-T G.711, table 1a), as 13 segments."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32767) >> 4
    segment = np.maximum(0, np.floor(np.log2(np.maximum(magnitude, 1))).astype(int) - 4)
    step = np.maximum(0, segment - 1)
    coarse = ((magnitude >> (step + 1)) << (step + 1)) + (1 << step)
    return (np.sign(samples) * (coarse << 4)).clip(-32768, 32767).astype(np.int16)


def mu_law(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """There and back through 8 bits on the logarithmic curve that G.711 mu-law approximates."""
    x = samples.astype(np.float64) / 32768
    y = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)
    y = np.round(y * 127) / 127
    back = np.sign(y) * (256 ** np.abs(y) - 1) / 255
    return (back * 32768).clip(-32768, 32767).astype(np.int16)


def g722(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    codec = G722(16000, 64000)
    return np.asarray(codec.decode(codec.encode(samples)), dtype=np.int16)


@given(st.sets(st.sampled_from(sorted(TONES)), max_size=3), st.floats(0.03, 0.3))
@settings(max_examples=60, deadline=None)
def test_a_mixture_through_g711_is_told_apart(parties: set[str], peak: float) -> None:
    sound = sines([TONES[p] for p in parties], peak=peak)
    for codec in (a_law, mu_law):
        judged = listen(codec(sound), 8000, TONES)
        assert judged.is_exactly(parties)
        assert heard(judged.levels, judged.noise) == parties


@pytest.mark.parametrize("parties", [[], ["alice"], ["bob", "desk"], ["alice", "carol", "lobby"]])
def test_a_mixture_through_g722_is_told_apart(parties: list[str]) -> None:
    sound = g722(sines([TONES[p] for p in parties], rate=16000, seconds=0.5))[1600:]
    assert listen(sound, 16000, TONES).is_exactly(set(parties))


def test_levels_are_dbfs_of_the_sine() -> None:
    measured = levels(sines([620], peak=1.0), 8000, TONES)
    assert measured["bob"] == pytest.approx(-3.0, abs=0.1)
    assert max(level for name, level in measured.items() if name != "bob") < -70
    as_float = sines([620], peak=0.5).astype(np.float64) / 32768
    assert levels(as_float, 8000, TONES)["bob"] == pytest.approx(-9.0, abs=0.1)


@given(st.integers(0, 2**32 - 1), st.floats(-50, -12))
@settings(max_examples=80, deadline=None)
def test_noise_alone_is_nobody(seed: int, dbfs: float) -> None:
    noise = np.random.default_rng(seed).normal(0, 10 ** (dbfs / 20), 3200)
    judged = listen(noise, 8000, TONES)
    assert judged.heard == frozenset()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_a_tone_in_noise_is_heard(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 10 ** (-30 / 20), 3200)
    sound = sines([850]).astype(np.float64) / 32768 + noise
    assert listen(sound, 8000, TONES).heard == {"carol"}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("at", [0.0, 0.1, 0.22])
def test_a_dtmf_burst_is_nobody(row: int, column: int, at: float) -> None:
    sound = sines([440])
    start = int(at * 8000)
    burst = sines([row, column], seconds=0.16, peak=0.3)
    sound[start : start + len(burst)] += burst
    judged = listen(sound, 8000, TONES)
    assert judged.heard <= {"alice"}
    assert "carol" not in judged.heard


def test_a_tone_in_half_the_window_is_unsettled() -> None:
    sound = sines([440])
    sound[len(sound) // 2 :] = 0
    judged = listen(sound, 8000, TONES)
    assert judged.heard == frozenset()
    assert judged.unsettled == {"alice"}
    assert not judged.is_exactly(set())


def test_a_lost_packet_does_not_hide_a_tone() -> None:
    sound = sines([440, 1090])
    sound[1000:1160] = 0
    assert listen(sound, 8000, TONES).is_exactly({"alice", "desk"})


def test_hysteresis_keeps_who_was_heard_before() -> None:
    quiet = sines([440], peak=10 ** ((-38 + 3 - 1.5) / 20))
    assert listen(quiet, 8000, TONES).heard == frozenset()
    assert listen(quiet, 8000, TONES, before=frozenset({"alice"})).heard == {"alice"}
    gone = sines([440], peak=10 ** ((-38 + 3 - 5) / 20))
    assert listen(gone, 8000, TONES, before=frozenset({"alice"})).heard == frozenset()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_little_sound_is_silence(count: int) -> None:
    assert listen(np.zeros(count, dtype=np.int16), 8000, TONES).is_exactly(set())


def test_a_tone_above_half_the_rate_is_our_mistake() -> None:
    with pytest.raises(HarnessBug, match="4200 Hz"):
        levels(sines([440]), 8000, {"odd": 4200})
