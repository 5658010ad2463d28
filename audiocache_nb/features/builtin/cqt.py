"""Constant-Q transform: as many cycles under the window at every pitch."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import row_products
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Mono, Span, Step

C1_HZ = 32.70319566257483
HANN_BANDWIDTH = 1.5  # bins
MAX_HALVINGS = 6
OVERSAMPLING = 2.2
ALIASING_DB = 120.0


@dataclasses.dataclass(frozen=True, eq=False)
class Octave:
    """Neighbouring bins.

    Attributes
    ----------
    columns : slice
    reach : int
        Samples, of those that are used, before and after the middle of a frame.
    kernel : ndarray of float32 [shape=(2 * reach + 1, 2 * bins)]
        Real parts of the bins' filters, then imaginary parts.
    """

    columns: slice
    reach: int
    kernel: NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """Octaves that are computed from every ``2^i``-th sample in the i-th stage, and how to get to these samples.

    Attributes
    ----------
    low_pass : ndarray of float32 [shape=(2 * p + 1,)]
        Applied to the samples of the stage before, of which every other one is kept; `p` is even. In the
        first stage it is empty.
    octaves : tuple of Octave
    reach : int
        Samples of this stage before and after the middle of a frame that this and later stages need.
    """

    low_pass: NDArray[np.float32]
    octaves: tuple[Octave, ...]
    reach: int


def frequencies_hz(params: Mapping[str, Any]) -> NDArray[np.float64]:
    """Centres of the bins [Hz, shape=(n_bins,)]."""
    steps = np.arange(params["n_bins"]) / params["bins_per_octave"]
    return np.asarray(params["fmin"] * 2.0**steps)


@functools.lru_cache(maxsize=16)
def stages(sample_rate: int, hop: int, fmin: float, n_bins: int, bins_per_octave: int) -> tuple[Stage, ...]:
    """The filters; those that would reach beyond half the sample rate are left out."""
    centres = frequencies_hz({"fmin": fmin, "n_bins": n_bins, "bins_per_octave": bins_per_octave})
    ratio = 2.0 ** (2 / bins_per_octave)
    quality = (ratio + 1) / (ratio - 1)
    usable = int((centres * (1 + 0.5 * HANN_BANDWIDTH / quality) <= sample_rate / 2).sum())
    groups: dict[int, list[slice]] = {0: []}
    for stop in range(usable, 0, -bins_per_octave):
        halvings = _halvings(sample_rate, hop, _top_hz(centres[stop - 1], quality))
        groups.setdefault(halvings, []).append(slice(max(0, stop - bins_per_octave), stop))
    low_passes, passed = [np.empty(0)], np.ones(n_bins)
    octaves: list[tuple[Octave, ...]] = []
    for number in range(max(groups) + 1):
        rate = sample_rate / 2**number
        if number:
            top_hz = max(_top_hz(centres[part.stop - 1], quality) for n in groups if n >= number for part in groups[n])
            low_passes.append(_low_pass(2 * rate, top_hz))
            position = np.arange(len(low_passes[-1])) - len(low_passes[-1]) // 2
            passed *= low_passes[-1] @ np.cos(np.pi / rate * position[:, None] * centres)
        parts = groups.get(number, [])
        octaves.append(tuple(_octave(part, centres, quality, rate, 2**number, passed) for part in parts))
    found: list[Stage] = []
    needed = 1
    for number in range(max(groups), -1, -1):
        reach = max([needed, *(octave.reach for octave in octaves[number])])
        found.append(Stage(low_passes[number].astype(np.float32), octaves[number], reach))
        needed = 2 * reach + len(low_passes[number]) // 2
    return tuple(found[::-1])


def _top_hz(centre_hz: float, quality: float) -> float:
    """Where the main lobe of a bin's filter ends: two cycles more than at its centre fit into the window."""
    return centre_hz * (1 + 2 / quality)


def _halvings(sample_rate: int, hop: int, top_hz: float) -> int:
    """How often the rate can be halved: the hop stays whole and frequencies up to `top_hz` stay well inside."""
    number = 0
    while (
        number < MAX_HALVINGS and hop % 2 ** (number + 1) == 0 and sample_rate / 2**number >= 4 * OVERSAMPLING * top_hz
    ):
        number += 1
    return number


def _octave(
    columns: slice,
    centres: NDArray[np.float64],
    quality: float,
    rate: float,
    factor: int,
    passed: NDArray[np.float64],
) -> Octave:
    """The filters of some bins at a rate, where `passed` is left of each bin's frequency."""
    hz = centres[columns]
    lengths = quality * rate / hz
    reach = int(lengths[0] / 2)
    offsets = np.arange(-reach, reach + 1)[:, None]
    taper = np.where(np.abs(offsets) <= lengths / 2, 0.5 + 0.5 * np.cos(2 * np.pi * offsets / lengths), 0)
    taper *= np.sqrt(lengths * factor) / taper.sum(axis=0) / passed[columns]
    phase = 2 * np.pi / rate * offsets * hz
    kernel = np.concatenate([taper * np.cos(phase), -taper * np.sin(phase)], axis=1)
    return Octave(columns, reach, kernel.astype(np.float32))


def _low_pass(rate: float, top_hz: float) -> NDArray[np.float64]:
    """Kaiser's window on a sinc, so that at half the rate nothing folds onto frequencies up to `top_hz`."""
    transition = 2 * math.pi * (rate / 2 - 2 * top_hz) / rate
    half = 2 * math.ceil((ALIASING_DB - 8) / (2.285 * transition) / 4)
    position = np.arange(-half, half + 1)
    values = np.sinc(position / 2) * np.kaiser(2 * half + 1, 0.1102 * (ALIASING_DB - 8.7))
    return np.asarray(values / values.sum())


class ConstantQ(Calculator):
    """Magnitude of the constant-Q transform.

    ``C[t, k] = sqrt(N_k) |sum_n w_k[n] x[t hop + n] exp(-2 pi i f_k n / fs)| / sum_n w_k[n]`` with the centres
    ``f_k = fmin 2^(k / b)``, ``b = bins_per_octave``, and Hann windows of ``N_k = Q fs / f_k`` samples around the
    middle of the frame, ``Q = (2^(2/b) + 1) / (2^(2/b) - 1)``: 17.3 cycles for semitones. A steady sine of amplitude
    `a` at a centre reads ``a sqrt(N_k) / 2``. Octave by octave the rate is halved, behind low-pass filters of 120 dB,
    as long as the hop stays a whole number. Bins whose band reaches beyond half the sample rate are 0.

    Agrees with ``|librosa.cqt(y, sr, hop_length, fmin, n_bins, bins_per_octave, tuning=0, sparsity=0,
    pad_mode="constant")|`` to 1 % of the largest value: librosa moves windows of odd length by half a
    sample, and rounds their lengths. Local: the frames are as long as the longest window, 0.53 s for C1.
    Blocks of any size give the same numbers. Silence gives zeros.

    Source: J. C. Brown, "Calculation of a constant Q spectral transform", JASA 89, 1991; C. Schörkhuber and
    A. Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010: octaves at falling rates.
    """

    id = "cqt"
    feature = "cqt"
    label = "Constant-Q spectrum"
    version = 1
    inputs = "samples"
    locality = local(0)
    gain = "linear"
    parameters = Schema(
        Parameter("fmin", float, C1_HZ, minimum=16.0, maximum=5000.0, description="Lowest centre in hertz (C1)."),
        Parameter("n_bins", int, 84, minimum=1, maximum=480, description="Number of bins (seven octaves)."),
        Parameter("bins_per_octave", int, 12, minimum=6, maximum=48, description="12: semitones."),
    )
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"hop_size": profile.hop_size}

    @staticmethod
    def _stages(audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Stage, ...]:
        return stages(audio.sample_rate, profile.hop_size, params["fmin"], params["n_bins"], params["bins_per_octave"])

    def _framing(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Framing:
        return Framing(2 * self._stages(audio, profile, params)[0].reach + 2, profile.hop_size, "center")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=self._framing(audio, profile, params),
            tail=(params["n_bins"],),
            axes=("frame", "pitch"),
            axis_coords={"pitch": frequencies_hz(params)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Mono(), self._framing(audio, profile, params)),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        return self._stages(audio, profile, params), profile.hop_size

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        from scipy.signal import upfirdn

        rows, (used, hop) = len(out), state
        samples, reach = inputs[0][1:], used[0].reach  # frames have a sample less after their middle than before
        out[...] = 0  # of bins that are left out
        for number, stage in enumerate(used):
            step = hop >> number
            if number:
                half = len(stage.low_pass) // 2
                samples = samples[reach - 2 * stage.reach - half :]
                reach = stage.reach
                count = 2 * reach + 1 + step * (rows - 1)
                samples = upfirdn(stage.low_pass, samples[: 2 * (count + half) - 1], 1, 2)[half : half + count]
            for octave in stage.octaves:
                windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * octave.reach + 1)
                frames = np.ascontiguousarray(windows[reach - octave.reach :: step][:rows], np.float32)
                parts = np.empty((rows, octave.kernel.shape[1]), np.float32)
                row_products(frames, octave.kernel, parts)
                np.square(parts, out=parts)
                bins = parts.shape[1] // 2
                np.sqrt(parts[:, :bins] + parts[:, bins:], out=out[:, octave.columns])


CALCULATORS = (ConstantQ,)
