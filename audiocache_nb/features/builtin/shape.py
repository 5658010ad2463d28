"""The shape of the spectrum: centroid, bandwidth, roll-off, flatness."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import row_products, row_sums, row_totals
from audiocache_nb.features.builtin.spectra import (
    LogPower,
    SpectralCalculator,
    clamp_low,
    magnitude_of,
    power_of,
)
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, bin_frequencies
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Magnitude, Power, RowStep, Step

BLOCK_BINS = 32


@functools.lru_cache(maxsize=32)
def _mass_and_moment(bins: int) -> NDArray[np.float32]:
    matrix = np.ones((bins, 2), np.float32)
    matrix[:, 1] = np.linspace(0, 1, bins)
    return matrix


@dataclasses.dataclass(frozen=True, slots=True)
class Mass(RowStep):
    """Sum of the magnitudes and their centre of mass, in units of the highest bin, float32 [shape=(frames, 2)].

    Silence has its centre at 0.
    """

    of: Magnitude

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        out = scratch.array(self, (len(inputs[0]), 2))
        row_products(inputs[0], _mass_and_moment(inputs[0].shape[1]), out)
        np.divide(out[:, 1], out[:, 0], out=out[:, 1], where=out[:, 0] > 0)
        return out


def highest_hz(audio: AudioFacts, profile: AnalysisProfile) -> float:
    """Frequency of the highest bin: half the sample rate, or a little less for odd transforms."""
    return float(bin_frequencies(audio.sample_rate, profile.transform_size)[-1])


class Centroid(SpectralCalculator):
    """Centre of mass of the magnitude spectrum.

    ``c[t] = sum_k f_k S[t, k] / sum_k S[t, k]`` with ``S = |X|``; 0 Hz for silence
    (G. Peeters, A large set of audio features, CUIDADO, 2004).

    Agrees with ``librosa.feature.spectral_centroid(y, sr, pad_mode="constant")``.
    """

    id = "centroid"
    feature = "centroid"
    label = "Spectral centroid"
    unit = "Hz"
    promises_finite = True
    gain = "invariant"

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Mass(magnitude_of(profile)),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> float:
        return highest_hz(audio, profile)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        np.multiply(inputs[0][:, 1], np.float32(state), out=out[:, 0])


class Bandwidth(SpectralCalculator):
    """Spread of the magnitude spectrum around its centroid.

    ``b[t] = (sum_k |f_k - c[t]|^p S[t, k] / sum_k S[t, k])^(1/p)`` with ``S = |X|`` and the centroid `c`;
    0 Hz for silence.

    Agrees with ``librosa.feature.spectral_bandwidth(y, sr, p=p, pad_mode="constant")``.
    """

    id = "bandwidth"
    feature = "bandwidth"
    label = "Spectral bandwidth"
    unit = "Hz"
    gain = "invariant"
    parameters = Schema(
        Parameter("p", float, 2.0, 1.0, 8.0, description="Power of the deviations; 2: standard deviation.")
    )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return magnitude_of(profile), Mass(magnitude_of(profile))

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[float, float]:
        return highest_hz(audio, profile), params["p"]

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        (magnitude, mass), (unit_hz, p) = inputs, state
        position = _mass_and_moment(magnitude.shape[1])[:, 1]
        away = np.subtract(position, mass[:, 1:], out=context.scratch.array("temporary", magnitude.shape))
        if p == 2:
            np.square(away, out=away)
        else:
            np.abs(away, out=away)
            np.power(away, np.float32(p), out=away)
        away *= magnitude
        total = row_totals(away)
        spread = np.divide(total, mass[:, 0], out=np.zeros_like(total), where=mass[:, 0] > 0)
        out[:, 0] = unit_hz * spread.astype(np.float64) ** (1 / p)


class Rolloff(SpectralCalculator):
    """The lowest frequency below which (itself included) lies a given part of the magnitudes' sum.

    ``r[t] = min {f_k : sum_{j <= k} S[t, j] >= roll_percent sum_j S[t, j]}`` with ``S = |X|``; 0 Hz for silence.

    Agrees with ``librosa.feature.spectral_rolloff(y, sr, roll_percent=..., pad_mode="constant")`` but for frames
    where the sum meets its part so closely that rounding decides about one bin.
    """

    id = "rolloff"
    feature = "rolloff"
    label = "Spectral roll-off"
    unit = "Hz"
    promises_finite = True
    gain = "invariant"
    parameters = Schema(Parameter("roll_percent", float, 0.85, 0.001, 0.999, description="Which part, 0 .. 1."))

    def prepare(
        self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]
    ) -> tuple[float, np.float32]:
        return audio.sample_rate / profile.transform_size, np.float32(params["roll_percent"])

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        magnitude, (step_hz, part) = inputs[0], state
        bins = magnitude.shape[1]
        # Two levels: sums of blocks tell the block, and only that one is looked at bin by bin.
        sums = running_sums(block_sums(magnitude))
        wanted = part * sums[:, -1:]
        block = (sums >= wanted).argmax(axis=1)[:, None]
        before = np.arange(len(out))[:, None]
        below = sums.take(before * sums.shape[1] + block - 1, mode="clip")
        below[block == 0] = 0
        # Beyond the last bin lies the next row, but its end is never looked for there.
        inside = magnitude.take(before * bins + block * BLOCK_BINS + np.arange(BLOCK_BINS), mode="clip")
        inside = running_sums(inside)
        inside += below
        inside[:, -1] = np.inf  # where bins add up to a little less than their block
        found = block[:, 0] * BLOCK_BINS + (inside >= wanted).argmax(axis=1)
        np.multiply(np.minimum(found, bins - 1), step_hz, out=out[:, 0], casting="same_kind")


def block_sums(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of blocks of `BLOCK_BINS` values; the last block may be shorter [shape=(n, ceil(bins / BLOCK_BINS))].

    As products of a few blocks at a time, twice as fast as sums.
    """
    count, bins = rows.shape
    sums = np.empty((count, -(-bins // BLOCK_BINS)), np.float32)
    whole = bins // (4 * BLOCK_BINS) * 4
    if whole:
        pieces = rows[:, : whole * BLOCK_BINS].reshape(count, -1, 4 * BLOCK_BINS)
        np.matmul(pieces, _four_blocks(), out=sums[:, :whole].reshape(count, -1, 4))
    if whole < sums.shape[1]:
        sums[:, whole:] = np.add.reduceat(rows, np.arange(whole * BLOCK_BINS, bins, BLOCK_BINS), axis=1)
    return sums


@functools.cache
def _four_blocks() -> NDArray[np.float32]:
    return np.kron(np.eye(4), np.ones((BLOCK_BINS, 1))).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _up_to(count: int) -> NDArray[np.float32]:
    return np.tri(count, dtype=np.float32).T.copy()


def running_sums(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of each value and those before it; as a product, three times as fast as a cumulative sum."""
    out = np.empty_like(rows)
    row_products(rows, _up_to(rows.shape[1]), out)
    return out


def at_least(rows: NDArray[np.float32], low: float) -> NDArray[np.float32]:
    """``max(rows, low)``, or the rows themselves where nothing lies below, as in most music."""
    lowest = np.min(rows, initial=np.float32(np.inf))
    return rows if lowest >= np.float32(low) else clamp_low(rows, low, np.empty_like(rows))


@dataclasses.dataclass(frozen=True, slots=True)
class AudiblePower(RowStep):
    """``sum_k max(|X[k]|^2, amin)``, float32 [shape=(frames, 1)]."""

    of: Power
    amin: float

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        out = scratch.array(self, (len(inputs[0]), 1))
        row_sums(at_least(inputs[0], self.amin), out)
        return out


class Flatness(SpectralCalculator):
    """How flat the power spectrum is: 1 for white noise's mean and for silence, towards 0 for tones.

    ``g[t] = exp(mean_k log P[t, k]) / mean_k P[t, k]`` with ``P = max(|X|^2, amin)``, also known as Wiener
    entropy (S. Dubnov, IEEE Signal Processing Letters 11, 2004).

    Agrees with ``librosa.feature.spectral_flatness(y, amin=amin, pad_mode="constant")``.
    """

    id = "flatness"
    feature = "flatness"
    label = "Spectral flatness"
    promises_finite = True
    gain = "invariant"
    silence = 1.0
    parameters = Schema(
        Parameter("amin", float, 1e-10, 1e-30, 1.0, description="Power that counts as silence in a bin.")
    )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        power = power_of(profile)
        return AudiblePower(power, params["amin"]), LogPower(power)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        total, decades = inputs
        bins = decades.shape[1]
        lowest = math.log10(state["amin"])
        row_sums(at_least(decades, lowest), out)
        mean = total.astype(np.float64) / bins
        out[...] = np.minimum(10 ** (out.astype(np.float64) / bins) / mean, 1)


CALCULATORS = (Centroid, Bandwidth, Rolloff, Flatness)
