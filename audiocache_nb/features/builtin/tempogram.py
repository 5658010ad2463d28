"""Tempogram and tempo: periodicities of onset strength."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.derived import Derived, curve_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout, local, window_values
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import ROW_GROUP
from audiocache_nb.features.track import Global

BLOCK_VALUES = 1 << 18
TINY = float(np.finfo(np.float32).tiny)


class Tempogram(Derived):
    """Local autocorrelation of onset strength: how periodic it is at every lag around every frame.

    ``G[t, l] = sum_n w[n] o[t + n - W/2] w[n + l] o[t + n + l - W/2]``, ``l = 0 .. W-1``, divided by its
    maximum ``G[t, 0]``, with a periodic Hann window `w` of ``W = window`` frames. Outside the recording the
    onset strength `o` falls to zero in a straight line over half a window. A lag of `s` seconds is a
    tempo of ``60 / s`` beats per minute; the lags [s] are the coordinates of the second axis.

    Agrees with ``librosa.feature.tempogram(onset_envelope=o, win_length=window)`` to 1e-5 of the maximum.
    Where nothing happens within half a window the row is 0.

    Local with a halo of half a window, in frames of ``onset_strength``. Blocks of any size give exactly the same
    numbers.

    Source: P. Grosche, M. Müller and F. Kurth, "Cyclic tempogram - a mid-level tempo representation for
    music signals", ICASSP 2010.
    """

    id = "tempogram"
    feature = "tempogram"
    label = "Tempogram"
    inputs = ("onset_strength",)
    version = 2
    locality = local(192)
    gain = "invariant"
    parameters = Schema(
        Parameter("window", int, 384, minimum=2, maximum=8192, description="Frames of the window and number of lags."),
    )

    def layout_like(
        self, dependency: Layout, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]
    ) -> Layout:
        lags_s = np.arange(params["window"]) * (dependency.framing.hop_samples / audio.sample_rate)
        return dataclasses.replace(
            super().layout_like(dependency, audio, profile, params),
            tail=(params["window"],),
            axes=("frame", "lag"),
            axis_coords={"lag": lags_s},
        )

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return params["window"] // 2, (params["window"] - 1) // 2

    def compute(self, inputs: tuple[Any, ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        from scipy.fft import irfft

        window = state["window"]
        first = min(window // 2, context.first_frame)
        strength = curve_of(inputs[0]).astype(np.float32)
        for start, count, power in _whole_groups(strength, window, first, first + len(out)):
            context.checkpoint()
            out[start - first :][:count] = irfft(power, axis=1)[:count, :window]


class Tempo(Derived):
    """Tempo of the whole recording [BPM], and how strong the periodicity is there (0..1).

    The tempogram over windows of `window_s` seconds is averaged over time to ``g[l]``; the tempo is that
    of the lag `l` with the greatest ``log(1 + 10^6 g[l]) - (log2(b_l / start_bpm) / spread)^2 / 2``, where
    ``b_l = 60 fs / (hop l)`` is below `max_bpm`. With `interpolate`, the lag is then measured more finely than
    in whole frames, at the peaks of `g` near 1, 2, 4, 8... times itself; without, the result is that of
    ``librosa.feature.tempo(onset_envelope=o, ac_size=window_s)``.

    Silence has tempo 0 and strength 0. Needs all of ``onset_strength``.

    Source: D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36, 2007.
    """

    id = "tempo"
    feature = "tempo"
    label = "Tempo"
    unit = "BPM"
    version = 2
    inputs = ("onset_strength",)
    gain = "invariant"
    parameters = Schema(
        Parameter("start_bpm", float, 120.0, minimum=1.0, maximum=1000.0, description="The most likely tempo."),
        Parameter("spread", float, 1.0, minimum=0.01, maximum=100.0, description="Octaves of one standard deviation."),
        Parameter("max_bpm", float, 320.0, minimum=10.0, maximum=10000.0, description="No tempo beyond this."),
        Parameter("window_s", float, 8.0, minimum=0.5, maximum=120.0, description="Length of the windows in seconds."),
        Parameter("interpolate", bool, True, description="Estimate between whole frames of lag."),
    )

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Global:
        strength = curve_of(inputs[0])
        frames_per_s = context.sample_rate / context.hop_size
        window = max(2, int(state["window_s"] * context.sample_rate) // context.hop_size)
        mean = _mean_autocorrelation(strength, window, context)
        bpm = 60 * frames_per_s / np.arange(1, window)
        if not strength.any() or bpm[-1] >= state["max_bpm"]:
            return Global([0.0, 0.0], ("bpm", "strength"))
        score = np.log1p(1e6 * mean[1:]) + log_prior(bpm, state["start_bpm"], state["spread"])
        score[bpm >= state["max_bpm"]] = -np.inf
        lag = 1 + int(np.argmax(score))
        period = _finer_lag(mean, lag) if state["interpolate"] else lag
        return Global([60 * frames_per_s / period, float(np.clip(mean[lag], 0, 1))], ("bpm", "strength"))


def _mean_autocorrelation(strength: NDArray[np.float64], window: int, context: ComputeContext) -> NDArray[np.float64]:
    """Mean over time of the tempogram's rows [shape=(window,)]."""
    from scipy.fft import irfft

    total: Any = 0.0
    for start, power in local_spectra(strength, window):
        context.checkpoint()
        total = total + power.sum(axis=0)
        context.progress((start + len(power)) / len(strength))
    if not len(strength):
        return np.zeros(window)
    return np.asarray(irfft(total)[:window] / len(strength))


def local_spectra(strength: NDArray[Any], window: int, every: int = 1) -> Iterator[tuple[int, NDArray[Any]]]:
    """Power spectra of windowed stretches around every frame, whose inverse transform is 1 at lag 0.

    Parameters
    ----------
    strength : ndarray [shape=(n,)]
    window : int [frames]
    every : int
        Only every so many frames.

    Yields
    ------
    start : int
        Number of the first row.
    power : ndarray [shape=(rows, bins)]
    """
    for start, count, power in _whole_groups(strength, window, 0, len(strength), every):
        yield start, power[:count]


def _whole_groups(
    strength: NDArray[Any], window: int, first: int, end: int, every: int = 1
) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """As `local_spectra`, of the frames ``first .. end - 1``.

    Yields
    ------
    start, count : int
        Number of the first row, and how many there are.
    power : ndarray [shape=(rows, bins)]
        Further rows fill it up to whole groups: transforms take several at once, which round otherwise than
        single ones do, and with groups the numbers do not depend on how many rows are asked for.
    """
    from scipy.fft import next_fast_len, rfft

    if end <= first:
        return
    padded = np.pad(strength, window // 2, mode="linear_ramp", end_values=0)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[first:end:every]
    taper = window_values("hann", window, periodic=True).astype(strength.dtype)
    size = 2 * next_fast_len(window, real=True)  # even, as the inverse takes it to be
    rows = max(1, BLOCK_VALUES // size // ROW_GROUP) * ROW_GROUP
    for start in range(0, len(frames), rows):
        count = min(rows, len(frames) - start)
        tapered = np.empty((-(-count // ROW_GROUP) * ROW_GROUP, window), strength.dtype)
        np.multiply(frames[start : start + count], taper, out=tapered[:count])
        tapered[count:] = 0
        spectrum = rfft(tapered, size, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        energy = _energy(power, size)
        power *= np.where(energy > TINY, 1 / np.maximum(energy, TINY), 0)
        yield first + start, count, power


def _energy(power: NDArray[Any], size: int) -> NDArray[Any]:
    """The autocorrelation at lag 0 [shape=(rows, 1)]; `size` is even."""
    total = 2 * power.sum(axis=1, keepdims=True) - power[:, :1] - power[:, -1:]
    return np.asarray(total / size)


def log_prior(bpm: NDArray[np.float64], start_bpm: float, spread: float) -> NDArray[np.float64]:
    """Logarithm of a normal distribution over the logarithm of the tempo, up to a constant."""
    return np.asarray(-0.5 * (np.log2(bpm / start_bpm) / spread) ** 2)


def _finer_lag(mean: NDArray[np.float64], lag: int) -> float:
    """A lag between whole frames, from the peaks at its multiples; each halves the error of the last.

    Parameters
    ----------
    mean : ndarray [shape=(window,)]
        Averaged tempogram. The window's taper pulls peaks to smaller lags; it is divided out.
    lag : int
    """
    taper = np.abs(np.fft.rfft(window_values("hann", len(mean), periodic=True), 2 * len(mean))) ** 2
    overlap = np.fft.irfft(taper)[: len(mean)]
    curve = mean / np.maximum(overlap / overlap[0], 1e-3)
    period, times = lag + _parabolic_shift(curve, lag), 1
    while 2 * times * period < 0.6 * len(mean):  # beyond, hardly anything overlaps
        times *= 2
        near = max(1, round(times * period) - 2)
        peak = near + int(np.argmax(curve[near : near + 5]))
        if abs(peak - times * period) > 1.5 or not curve[peak - 1] < curve[peak] > curve[peak + 1]:
            break
        period = (peak + _parabolic_shift(curve, peak)) / times
    return float(period)


def _parabolic_shift(curve: NDArray[np.float64], at: int) -> float:
    """Where the parabola through a peak and its neighbours has its vertex, -0.5 .. 0.5 from the peak."""
    if not 0 < at < len(curve) - 1:
        return 0.0
    left, middle, right = curve[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


CALCULATORS = (Tempogram, Tempo)
