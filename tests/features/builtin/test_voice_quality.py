"""Jitter and shimmer: pulses that are known to vary, and Praat."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from support.families import compute, named
from support.passes import held, noise

from audiocache_nb.audio import examples
from audiocache_nb.errors import CalculatorError

RATE = 44100
# what numbers of a normal distribution differ by on the average, in their deviation
MEAN_DIFFERENCE = 2 / np.sqrt(np.pi)


def voice(jitter: float, shimmer: float, f0_hz: float = 140.0, seconds: float = 3.0) -> np.ndarray:
    """A vowel whose periods and pulses vary by this much on the average from one to the next."""
    rng = np.random.default_rng(0)
    count = int(f0_hz * seconds)
    starts_s = np.cumsum((1 + jitter / MEAN_DIFFERENCE * rng.normal(size=count)) / f0_hz)
    sound, reach = np.zeros(round(RATE * (seconds + 0.1))), np.arange(-200, 200)
    for start_s, gain in zip(starts_s, 1 + shimmer / MEAN_DIFFERENCE * rng.normal(size=count), strict=True):
        place = start_s * RATE
        near = round(place) + reach
        inside = (near >= 0) & (near < len(sound))
        pulse = np.sinc(0.5 * (near - place)) * np.hanning(400)
        sound[near[inside]] += gain * pulse[inside]
    for hz, width in ((700, 80), (1200, 90), (2600, 120)):
        radius = np.exp(-np.pi * width / RATE)
        sound = scipy.signal.lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * hz / RATE), radius**2], sound)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def praat(samples: np.ndarray, rate: int) -> tuple[float, float]:
    pytest.importorskip("parselmouth")
    import parselmouth
    from parselmouth.praat import call

    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    pulses = call(sound, "To PointProcess (periodic, cc)", 75, 600)
    jitter = call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
    return jitter, call([sound, pulses], "Get shimmer (local)", 0, 0, 0.0001, 0.02, 1.3, 1.6)


@pytest.mark.parametrize(("jitter", "shimmer"), [(0.0, 0.0), (0.01, 0.0), (0.0, 0.05), (0.005, 0.02), (0.02, 0.05)])
def test_they_are_what_was_put_in_and_what_praat_finds(jitter, shimmer):
    samples = voice(jitter, shimmer)
    found = named(compute(held(samples, RATE), "voice.quality"))
    assert found["voiced_share"] > (0.9 if jitter < 0.02 else 0.6)
    assert found["jitter"] == pytest.approx(jitter, rel=0.35, abs=0.002)
    # neighbours whose distance varies overlap by other parts of themselves, and so differ in strength, too
    assert found["shimmer"] == pytest.approx(shimmer, rel=0.35, abs=0.005)
    theirs = praat(samples, RATE)
    assert found["jitter"] == pytest.approx(theirs[0], rel=0.33, abs=0.002)
    assert found["shimmer"] == pytest.approx(theirs[1], rel=0.33, abs=0.004)


def test_praat_agrees_on_vowels():
    samples, rate = examples.load("vowels")
    found, theirs = named(compute(held(samples, rate), "voice.quality")), praat(samples, rate)
    assert found["jitter"] == pytest.approx(theirs[0], rel=0.1)
    assert found["shimmer"] == pytest.approx(theirs[1], rel=0.1)


@pytest.mark.parametrize("hz", [80.0, 140.0, 333.3, 590.0])
def test_periods_and_amplitudes_are_known(hz):
    data = compute(held(voice(0, 0, hz, 1.0), RATE), "voice.periods").data[10:-20]
    assert (data[:, 0] > 0).mean() > 0.95
    voiced = data[data[:, 0] > 0]
    np.testing.assert_allclose(voiced[:, :2], 1 / hz, rtol=3e-3)
    np.testing.assert_allclose(voiced[:, 2], voiced[:, 3], rtol=0.01)


def test_neither_noise_nor_silence_is_a_voice():
    assert named(compute(held(noise(40_000)), "voice.quality"))["voiced_share"] < 0.05
    for quiet in (np.zeros(40_000), np.full(40_000, 0.3), np.zeros((0, 1)), np.zeros(1)):
        assert compute(held(quiet), "voice.quality").data[0, :2].tolist() == [0, 0]


def test_the_range_is_checked():
    with pytest.raises(CalculatorError, match="pitch_floor is 500 Hz"):
        compute(held(noise(4000)), "voice.quality", pitch_floor=500.0, pitch_ceiling=400.0)
