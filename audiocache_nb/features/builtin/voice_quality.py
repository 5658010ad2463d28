"""Quality of a voice: how much its periods differ in length and in strength from one to the next."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.builtin.derived import Derived
from audiocache_nb.features.builtin.yin import Difference, refined, vertices
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Frames, Step
from audiocache_nb.features.track import Global

SHORTEST, LONGEST = 0.8, 1.25  # of the frame's period: where its neighbours are looked for
PULSE = 0.2  # of a period, to either side of a pulse: where its amplitude is measured
MAX_PERIOD_FACTOR, MAX_AMPLITUDE_FACTOR = 1.3, 1.6  # greater steps are mistakes, or the voice breaks
PERIOD_COLUMNS = ("period [s]", "next period [s]", "amplitude", "next amplitude")
PITCHES = (
    Parameter("pitch_floor", float, 75.0, minimum=30.0, maximum=500.0, description="Lowest pitch in hertz."),
    Parameter("pitch_ceiling", float, 600.0, minimum=60.0, maximum=2000.0, description="Highest pitch in hertz."),
    Parameter(
        "threshold", float, 0.2, minimum=0.01, maximum=1.0, description="Aperiodicity (of YIN) below which it is voice."
    ),
)


@dataclasses.dataclass(frozen=True, eq=False)
class _State:
    sample_rate: int
    shortest: int
    longest: int
    threshold: float


class VoicePeriods(Calculator):
    """The periods before and after the pulse nearest to each frame's time, and the amplitudes of the pulses.

    Where YIN's ``d'(k)`` has its lowest minimum between `pitch_ceiling` and `pitch_floor`, and that is below
    `threshold`, the frame has a period `p`. The pulse `t` is the largest ``|x|`` within half a period of the frame's
    middle. The period after it is the lag within 0.8 to 1.25 `p` at which the sound around `t`, one `p` long,
    correlates best with that around ``t + lag``, to a fraction of a sample; the one before it likewise. Amplitudes are
    root mean squares under a Hann window of 0.4 `p` around the pulse and the next. Frames without a period have zeros.

    What ``voice.quality`` is added up from. Frames are as long as four of the longest periods and more; only the
    profile's hop is used. Local; blocks of any size give the same numbers to 1e-6 relative.

    Source: waveform matching as in P. Boersma, "Stemmen meten met Praat", 2004, and I. R. Titze and H. Liang,
    "Comparison of F0 extraction methods for high-precision voice perturbation measurements", JSHR 36, 1993.
    """

    id = "voice.periods"
    feature = "voice.periods"
    label = "Periods of the voice"
    version = 1
    inputs = "frames"
    locality = local(0)
    gain = ("invariant", "invariant", "linear", "linear")
    parameters = Schema(*PITCHES)
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"hop_size": profile.hop_size}

    @staticmethod
    def _periods(audio: AudioFacts, params: Mapping[str, Any]) -> tuple[int, int]:
        shortest = max(2, math.floor(audio.sample_rate / params["pitch_ceiling"]))
        longest = math.ceil(audio.sample_rate / params["pitch_floor"])
        if longest < shortest + 2:
            raise InvalidParameterError(
                f"pitch_floor is {params['pitch_floor']:g} Hz and pitch_ceiling {params['pitch_ceiling']:g} Hz.",
                hint="Choose pitch_floor below pitch_ceiling.",
                parameter="pitch_floor",
            )
        return shortest, longest

    def _framing(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Framing:
        longest = self._periods(audio, params)[1]
        return Framing(2 * math.ceil((0.5 + LONGEST + 0.5) * longest) + 4, profile.hop_size, "center")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=self._framing(audio, profile, params),
            tail=(len(PERIOD_COLUMNS),),
            axes=("frame", "value"),
            axis_coords={"value": np.array(PERIOD_COLUMNS)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        framing = self._framing(audio, profile, params)
        return Frames(framing), Difference(framing, self._periods(audio, params)[1])

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> _State:
        return _State(audio.sample_rate, *self._periods(audio, params), params["threshold"])

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        out[...] = 0
        d, relative = inputs[1][:, 0], inputs[1][:, 1, state.shortest :]
        lowest = vertices(relative)
        good = np.flatnonzero((lowest.min(axis=1) < state.threshold) & (relative < 1).any(axis=1))
        if not len(good):
            return
        # of minima that are nearly as low as each other, the first: the others are its multiples
        near = lowest[good] <= lowest[good].min(axis=1, keepdims=True) + 0.05
        lags = state.shortest + _first_minimum(lowest[good], near)
        period = np.clip(refined(d, good, lags), state.shortest, state.longest)
        frames = inputs[0][good].astype(np.float64)
        frames -= frames.mean(axis=1, keepdims=True)
        pulse = _pulses(frames, period)
        before, after = _neighbours(frames, pulse, period)
        found = (before > 0) & (after > 0)
        rows, pulse, period = good[found], pulse[found], period[found]
        out[rows, 0], out[rows, 1] = before[found] / state.sample_rate, after[found] / state.sample_rate
        out[rows, 2] = _amplitudes(frames[found], pulse, period)
        out[rows, 3] = _amplitudes(frames[found], pulse + after[found], period)


def _first_minimum(curves: NDArray[np.float64], near: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Of each row the lowest place within the first stretch that is near [shape=(n,)]."""
    first = np.argmax(near, axis=1)
    place = np.arange(curves.shape[1])
    ends = np.where(~near & (place > first[:, None]), place, curves.shape[1]).min(axis=1)
    inside = (place >= first[:, None]) & (place < ends[:, None])
    return np.argmin(np.where(inside, curves, np.inf), axis=1)


def _pulses(frames: NDArray[np.float64], period: NDArray[np.float64]) -> NDArray[np.intp]:
    """The largest magnitude of each row within half a period of its middle [shape=(n,)]."""
    middle = frames.shape[1] // 2
    away = np.abs(np.arange(frames.shape[1]) - middle)
    return np.argmax(np.where(away <= period[:, None] / 2, np.abs(frames), -1), axis=1)


def _neighbours(
    frames: NDArray[np.float64], pulse: NDArray[np.intp], period: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances to the pulses before and after, 0 where nothing correlates [samples, shape=(n,)]."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = frames.shape[1]
    half = np.maximum(2, np.round(period / 2).astype(np.intp))[:, None]
    away = np.arange(size) - pulse[:, None]
    around = np.where(np.abs(away) <= half, frames, 0)
    fft_size = next_fast_len(2 * size, real=True)
    products = irfft(rfft(frames, fft_size, axis=1) * np.conj(rfft(around, fft_size, axis=1)), fft_size, axis=1)
    energy = np.zeros((len(frames), size + 1))
    np.cumsum(np.square(frames), axis=1, out=energy[:, 1:])
    longest = math.ceil(LONGEST * float(np.max(period))) + 1
    lags = np.arange(1, longest + 2)
    found = []
    for sign in (-1, 1):
        start, stop = pulse[:, None] + sign * lags - half, pulse[:, None] + sign * lags + half + 1
        inside = (start >= 0) & (stop <= size)
        power = np.take_along_axis(energy, np.clip(stop, 0, size), 1) - np.take_along_axis(
            energy, np.clip(start, 0, size), 1
        )
        usable = inside & (power > 1e-9 * energy[:, -1:])
        r = np.where(usable, products[:, sign * lags] / np.sqrt(np.where(usable, power, 1)), -np.inf)
        wanted = (lags >= SHORTEST * period[:, None]) & (lags <= LONGEST * period[:, None]) & usable
        best = np.argmax(np.where(wanted, r, -np.inf), axis=1)
        rows = np.arange(len(r))
        height = r[rows, best]
        lag = refined(-np.where(np.isfinite(r), r, 0), rows, best) + 1
        found.append(np.where(wanted.any(axis=1) & (height > 0), lag, 0))
    return found[0], found[1]


def _amplitudes(
    frames: NDArray[np.float64], centre: NDArray[np.floating] | NDArray[np.intp], period: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Root mean square of each row under a Hann window of 0.4 periods around a place in it [shape=(n,)]."""
    reach = np.maximum(2.0, PULSE * period)[:, None]
    away = (np.arange(frames.shape[1]) - np.asarray(centre)[:, None]) / reach
    taper = np.where(np.abs(away) < 1, 0.5 + 0.5 * np.cos(np.pi * away), 0)
    total = np.maximum(taper.sum(axis=1), 1e-12)
    return np.asarray(np.sqrt(np.einsum("ij,ij,ij->i", frames, frames, taper) / total))


class VoiceQuality(Derived):
    """How steady the voice of the whole recording is.

    - ``jitter`` (0..1): mean of ``|T' - T|`` over the mean of ``(T + T') / 2``, for every voiced frame with the period
      `T` before its pulse and ``T'`` after it: "local jitter". Pairs whose lengths differ by more than a factor of 1.3
      are left out.
    - ``shimmer`` (0..1): the same of the amplitudes of its pulse and the next, up to a factor of 1.6: "local shimmer".
    - ``voiced_share`` (0..1): share of the frames that have a period.

    A steady vowel has jitter below 0.01 and shimmer below 0.04. As every frame counts, not every period, numbers
    are those of Praat, from all of its pulses, only on the average: within a third of the value, or 0.002, on
    sustained vowels. A recording without voice has zeros. Needs all of ``voice.periods``.

    Source: the manual of Praat, "Voice 2. Jitter" and "Voice 3. Shimmer".
    """

    id = "voice.quality"
    feature = "voice.quality"
    label = "Steadiness of the voice"
    inputs = ("voice.periods",)
    gain = "invariant"
    parameters = Schema(*PITCHES)

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        return (Descriptor("voice.periods", "voice.periods", profile, dict(params)),)

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Global:
        rows = inputs[0].data.astype(np.float64)
        voiced = rows[rows[:, 0] > 0]
        jitter = _perturbation(voiced[:, 0], voiced[:, 1], MAX_PERIOD_FACTOR)
        shimmer = _perturbation(voiced[:, 2], voiced[:, 3], MAX_AMPLITUDE_FACTOR)
        share = len(voiced) / max(1, len(rows))
        return Global([jitter, shimmer, share], ("jitter", "shimmer", "voiced_share"))


def _perturbation(one: NDArray[np.float64], other: NDArray[np.float64], factor: float) -> float:
    """Mean difference over the mean, of pairs that differ by up to a factor; 0 without any."""
    kept = (np.maximum(one, other) <= factor * np.minimum(one, other)) & (one > 0)
    if not kept.any():
        return 0.0
    return float(np.abs(other - one)[kept].mean() / ((one + other)[kept].mean() / 2))


CALCULATORS = (VoicePeriods, VoiceQuality)
