"""Voice: formants, harmonicity and intensity."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.linear_prediction import CROSSINGS, burg, resampling_matrix, resonances
from audiocache_nb.features.builtin.products import FilterBank
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Frames, Step

FORMANTS = 3
FORMANT_WINDOW_S = 0.05
INTENSITY_PERIODS = 6.4
INTENSITY_BETA = 20.24
REFERENCE = 4e-10  # (20 micropascals)^2, where a sample of 1 is a pascal
FINE_HZ = 96000  # harmonicity is looked for between samples, at least at this rate
LOWEST_DB, HIGHEST_DB = -20.0, 80.0


@dataclasses.dataclass(frozen=True, eq=False)
class _State:
    resample: FilterBank
    order: int
    rate: float
    max_bandwidth: float
    taper: NDArray[np.float64]
    first: int
    shortest: int
    longest: int
    finer: int


class Voice(Calculator):
    """The first three formants [Hz], the harmonics-to-noise ratio [dB] and the intensity [dB] of every frame.

    - ``F1``, ``F2``, ``F3``: the frame is resampled to ``2 max_formant``, pre-emphasised from 50 Hz on and put under a
      Gaussian window of 50 ms; the poles of a filter with two per formant by Burg's method are the
      resonances, the lowest three of which, from 50 Hz on, are given. Those broader than
      `max_bandwidth` are left out; 0 where there are fewer than three.
    - ``HNR``: ``10 log10(r / (1 - r))`` (-20 to 80) with the greatest local maximum `r` of ``r(k) = sum x[n] x[n + k] /
      sqrt(sum x[n]^2 sum x[n + k]^2)`` over lags up to one period of `pitch_floor`, summed over as much, looked for
      between the samples.
    - ``intensity``: ``10 log10(sum w (x - mean)^2 / (sum w 4e-10))``, at least 0, over 6.4 periods of 100 Hz under a
      Kaiser window: decibels re 20 micropascals if a sample of 1 is a pascal; a full-scale sine reads 91.

    Agrees with Praat (through parselmouth), on vowels: formants to 1 %, intensity to 0.1 dB, harmonicity
    (cross-correlation) to 2 dB. Frames are 64 ms long or more, whatever the profile's window; only its
    hop is used. Local; blocks of any size give the same numbers. Silence gives zeros.

    Source: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
    ratio of a sampled sound", 1993; N. Andersen, "On the calculation of filter coefficients for maximum entropy
    spectral analysis", Geophysics 39, 1974; the manual of Praat.
    """

    id = "voice"
    feature = "voice"
    label = "Voice"
    version = 1
    inputs = "frames"
    locality = local(0)
    gain = ("invariant", "invariant", "invariant", "invariant", "decibels")
    parameters = Schema(
        Parameter(
            "max_formant",
            float,
            5500.0,
            minimum=1000.0,
            maximum=20000.0,
            description="Highest formant in hertz: 5500 for women's voices, 5000 for men's.",
        ),
        Parameter("n_formants", int, 5, minimum=3, maximum=12, description="Formants up to that frequency."),
        Parameter(
            "max_bandwidth", float, None, minimum=10.0, maximum=20000.0, description="Broader resonances are left out."
        ),
        Parameter("pitch_floor", float, 75.0, minimum=30.0, maximum=500.0, description="Lowest pitch in hertz."),
    )
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"hop_size": profile.hop_size}

    @staticmethod
    def _rate(audio: AudioFacts, params: Mapping[str, Any]) -> float:
        return float(min(audio.sample_rate, 2 * params["max_formant"]))

    def _framing(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Framing:
        formants_s = FORMANT_WINDOW_S + 2 * (CROSSINGS + 2) / self._rate(audio, params)
        length_s = max(formants_s, INTENSITY_PERIODS / 100, 2 / params["pitch_floor"])
        return Framing(2 * math.ceil(length_s * audio.sample_rate / 2) + 2, profile.hop_size, "center")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=self._framing(audio, profile, params),
            tail=(5,),
            axes=("frame", "value"),
            axis_coords={"value": np.array(["F1 [Hz]", "F2 [Hz]", "F3 [Hz]", "HNR [dB]", "intensity [dB]"])},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Frames(self._framing(audio, profile, params)),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> _State:
        window = self._framing(audio, profile, params).window_samples
        rate = self._rate(audio, params)
        resample = _resampler(audio.sample_rate, window, rate)
        count = round(INTENSITY_PERIODS / 100 * audio.sample_rate) // 2 * 2 + 1
        taper = np.zeros(window)
        taper[window // 2 - count // 2 : window // 2 + count // 2 + 1] = np.kaiser(count, INTENSITY_BETA)
        longest = max(4, math.ceil(audio.sample_rate / params["pitch_floor"]))
        return _State(
            resample=resample,
            order=min(2 * params["n_formants"], resample.count - 2),
            rate=rate,
            max_bandwidth=params["max_bandwidth"] or math.inf,
            taper=taper / taper.sum(),
            first=window // 2 - longest,
            shortest=max(1, audio.sample_rate // 2000),
            longest=longest,
            finer=math.ceil(FINE_HZ / audio.sample_rate),
        )

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        out[...] = 0
        sounding = np.flatnonzero(inputs[0].any(axis=1))
        if len(sounding):
            frames = np.ascontiguousarray(inputs[0][sounding])
            out[sounding, :FORMANTS] = _formants(frames, state)
            exact = frames.astype(np.float64)
            out[sounding, 3] = _harmonicity_db(exact, state)
            out[sounding, 4] = _intensity_db(exact, state.taper)


@functools.lru_cache(maxsize=4)  # takes longer to make than a second of sound to analyse
def _resampler(sample_rate: int, window_samples: int, rate: float) -> FilterBank:
    return FilterBank(
        resampling_matrix(sample_rate=sample_rate, window_samples=window_samples, rate=rate, length_s=FORMANT_WINDOW_S)
    )


def _formants(frames: NDArray[np.float32], state: _State) -> NDArray[np.float64]:
    """The lowest resonances of each frame, 0 where there are fewer [Hz, shape=(n, 3)]."""
    samples = np.empty((len(frames), state.resample.count), np.float32)
    state.resample.apply(frames, samples)
    hz, width = resonances(burg(samples.astype(np.float64), state.order), state.rate)
    hz = np.sort(np.where(width <= state.max_bandwidth, hz, np.inf), axis=1)[:, :FORMANTS]
    found = np.zeros((len(frames), FORMANTS))
    found[:, : hz.shape[1]] = np.where(np.isfinite(hz), hz, 0)
    return found


def _harmonicity_db(frames: NDArray[np.float64], state: _State) -> NDArray[np.float64]:
    from scipy.fft import irfft, next_fast_len, rfft

    length = state.longest
    part = frames[:, state.first : state.first + 2 * length]
    part = part - part.mean(axis=1, keepdims=True)
    size = next_fast_len(2 * length, real=True)
    power = np.zeros((len(part), 2 * length + 1))
    np.cumsum(np.square(part), axis=1, out=power[:, 1:])
    spectrum = rfft(part, size, axis=1) * np.conj(rfft(part[:, :length], size, axis=1))
    fine = irfft(spectrum, size * state.finer, axis=1)[:, : length * state.finer + 1] * state.finer
    lags = np.arange(length * state.finer + 1) / state.finer
    whole = np.minimum(lags.astype(np.intp), length - 1)
    energies = power[:, length:] - power[:, : length + 1]
    later = energies[:, whole] + (lags - whole) * (energies[:, whole + 1] - energies[:, whole])
    scale = np.sqrt(np.maximum(energies[:, :1] * later, 0))
    r = np.divide(fine, scale, out=np.zeros_like(fine), where=scale > 1e-12 * power[:, -1:])
    left, middle, right = r[:, :-2], r[:, 1:-1], r[:, 2:]
    bend = left + right - 2 * middle
    peak = (middle > left) & (middle >= right) & (bend < 0)
    peak[:, : state.shortest * state.finer] = False
    height = np.where(peak, middle - np.square(right - left) / (8 * np.where(peak, bend, -1)), 0)
    best = np.max(height, axis=1)
    best = np.where(best > 1, 1 / np.maximum(best, 1), best)  # interpolation may reach a little too high
    best = np.clip(best, 10 ** (LOWEST_DB / 10), 1 - 10 ** (-HIGHEST_DB / 10))
    ratio_db = np.clip(10 * np.log10(best / (1 - best)), LOWEST_DB, HIGHEST_DB)
    return np.asarray(np.where(power[:, -1] > 0, ratio_db, 0))


def _intensity_db(frames: NDArray[np.float64], taper: NDArray[np.float64]) -> NDArray[np.float64]:
    used = np.flatnonzero(taper)
    part = frames[:, used[0] : used[-1] + 1]
    part = part - part.mean(axis=1, keepdims=True)
    power = np.einsum("ij,ij,j->i", part, part, taper[used[0] : used[-1] + 1])
    return np.asarray(10 * np.log10(np.maximum(power / REFERENCE, 1)))


CALCULATORS = (Voice,)
