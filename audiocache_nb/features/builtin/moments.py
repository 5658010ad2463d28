"""Further numbers about the shape of the spectrum."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import row_products, row_totals
from audiocache_nb.features.builtin.shape import Mass, highest_hz
from audiocache_nb.features.builtin.spectra import LogPower, SpectralCalculator, magnitude_of, power_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step


@functools.lru_cache(maxsize=8)
def _decrease_weights(bins: int) -> NDArray[np.float32]:
    """For ``sum_{k>=1} S_k / k`` and ``sum_{k>=1} S_k``."""
    matrix = np.ones((bins, 2))
    matrix[1:, 0] = 1 / np.arange(1, bins)
    matrix[0] = 0
    return matrix.astype(np.float32)


class Moments(SpectralCalculator):
    """Six numbers about the magnitude spectrum ``S = |X|``, taken as a distribution ``p_k = S_k / sum_j S_j``.

    With the mean ``m = sum_k f_k p_k`` and the deviation ``s = sqrt(sum_k (f_k - m)^2 p_k)`` over K bins:

    - skewness: ``sum_k (f_k - m)^3 p_k / s^3``, positive if the high frequencies trail off;
    - kurtosis: ``sum_k (f_k - m)^4 p_k / s^4``, 3 for a bell curve;
    - slope: of the straight line through `p` by least squares, per Hz;
    - decrease: ``sum_k (S_k - S_0) / k / sum_k S_k``, k = 1 .. K-1;
    - entropy: ``-sum_k p_k log2 p_k / log2 K``, 0 for one bin .. 1 for white;
    - crest: ``K max_k p_k``, from 1 for white up to K for one bin.

    All are 0 for silence. The transform is in single precision, whose noise counts in skewness and kurtosis where
    nearly all sound is in one place: up to 1 % for what is 100 dB above everything else.

    Source: G. Peeters, A large set of audio features, CUIDADO, 2004.
    """

    id = "moments"
    feature = "moments"
    label = "Spectral moments"
    gain = "invariant"
    columns = ("skewness", "kurtosis", "slope", "decrease", "entropy", "crest")

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        magnitude = magnitude_of(profile)
        return magnitude, Mass(magnitude), LogPower(power_of(profile))

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> float:
        return highest_hz(audio, profile)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        magnitude, mass, decades = inputs
        bins = magnitude.shape[1]
        sound = mass[:, 0] > 0
        total = np.where(sound, mass[:, 0], 1).astype(np.float64)
        mean = mass[:, 1].astype(np.float64)  # in units of the highest bin
        position = np.linspace(0, 1, bins, dtype=np.float32)
        away = np.subtract(position, mass[:, 1:], out=context.scratch.array("temporary", magnitude.shape))
        weighted = np.multiply(magnitude, away, out=context.scratch.array("temporary 2", magnitude.shape))
        second, third, fourth = np.zeros((3, len(out)))
        for power in (second, third, fourth):
            weighted *= away
            power[:] = row_totals(weighted) / total
        spread = np.sqrt(np.maximum(second, 1e-30))
        out[:, 0] = third / spread**3
        out[:, 1] = fourth / spread**4
        out[:, 2] = (mean - 0.5) / (np.square(np.linspace(0, 1, bins) - 0.5).sum() * state)
        sums = np.empty((len(out), 2), np.float32)
        row_products(magnitude, _decrease_weights(bins), sums)
        harmonic = (1 / np.arange(1, bins)).sum()
        above = sums.astype(np.float64)
        out[:, 3] = (above[:, 0] - harmonic * magnitude[:, 0]) / np.maximum(above[:, 1], 1e-30)
        # 0 log 0 = 0
        bits = np.clip(decades, np.float32(-90), np.float32(np.inf), out=weighted)
        mean_log2 = row_totals(magnitude, bits) / total * (np.log2(10) / 2)
        out[:, 4] = np.clip((np.log2(total) - mean_log2) / np.log2(bins), 0, 1)
        out[:, 5] = magnitude.max(axis=1) * bins / total
        out[~sound] = 0


CALCULATORS = (Moments,)
