"""Levels in octave, third-octave and Bark bands."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import FilterBank
from audiocache_nb.features.builtin.spectra import SpectralCalculator, clamp_low, power_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout, bin_frequencies, window_values
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step

RATIO = 10 ** (3 / 10)  # an octave of IEC 61260-1
FLOOR_DB, CEILING_DB = -120.0, 7.5  # the ceiling for storage as uint8 only: half a decibel a step
BARK_EDGES_HZ = (
    0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720,
    2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700, 9500, 12000, 15500,
)  # fmt: skip


def band_edges(kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lower edges, centres and upper edges of the bands of a kind [Hz].

    Octaves from 31.5 Hz to 16 kHz and thirds from 25 Hz to 20 kHz, by their nominal centres, have the exact
    centres ``1000 G^(x/b)`` and edges ``G^(±1/2b)`` around them, G = 10^(3/10), b = 1 or 3 (IEC 61260-1).
    """
    if kind == "bark":
        edges = np.array(BARK_EDGES_HZ, np.float64)
        return edges[:-1], (edges[:-1] + edges[1:]) / 2, edges[1:]
    per_octave, steps = (1, np.arange(-5, 5)) if kind == "octave" else (3, np.arange(-16, 14))
    centres = 1000 * RATIO ** (steps / per_octave)
    half = RATIO ** (0.5 / per_octave)
    return centres / half, centres, centres * half


@functools.lru_cache(maxsize=32)
def band_weights(sample_rate: int, fft_size: int, kind: str) -> NDArray[np.float64]:
    """Which part of each bin's breadth lies in each band [shape=(bands, fft_size // 2 + 1)].

    Bands whose centre lies beyond half the sample rate are left out.
    """
    low, centre, high = (edges[:, None] for edges in band_edges(kind))
    kept = centre[:, 0] < sample_rate / 2
    bins_hz, width_hz = bin_frequencies(sample_rate, fft_size), sample_rate / fft_size
    lower, upper = np.maximum(bins_hz - width_hz / 2, 0), np.minimum(bins_hz + width_hz / 2, sample_rate / 2)
    inside = np.minimum(upper, high[kept]) - np.maximum(lower, low[kept])
    weights: NDArray[np.float64] = np.maximum(inside, 0) / (upper - lower)
    weights.flags.writeable = False
    return weights


class Bands(SpectralCalculator):
    """Level in bands: of octaves, of thirds of octaves (IEC 61260-1), or of the 24 critical bands (Bark).

    ``L[t, b] = max(10 log10(sum_k w[b, k] c_k |X[t, k]|^2 / (fft_size sum_n w[n]^2)), -120)`` with ``c_k`` = 2,
    but 1 for bins 0 and ``fft_size / 2``: the mean square of what lies in the band, weighted by the window. A sine
    of amplitude 1 reads -3.01 dB in its band. A bin that lies across an edge counts with the part of its breadth,
    ``w[b, k]``; bands narrower than a bin share it. Bark edges after E. Zwicker, JASA 33, 1961.
    """

    id = "bands"
    feature = "bands"
    label = "Band levels"
    unit = "dB"
    gain = "decibels"
    silence = FLOOR_DB
    parameters = Schema(
        Parameter("kind", str, "third", choices=("octave", "third", "bark"), description="Which bands."),
    )

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        centres = band_edges(params["kind"])[1]
        return self.rows_of(profile, "band", centres[centres < audio.sample_rate / 2])

    def stored_range(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[float, float]:
        return FLOOR_DB, CEILING_DB

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (power_of(profile),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> FilterBank:
        size = profile.transform_size
        window = window_values(profile.window, profile.window_size, periodic=True)
        sides = np.full(size // 2 + 1, 2.0)
        sides[0] = 1
        if size % 2 == 0:
            sides[-1] = 1
        return FilterBank(
            band_weights(audio.sample_rate, size, params["kind"]) * sides / (size * np.square(window).sum())
        )

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        state.apply(inputs[0], out)
        clamp_low(out, 10 ** (FLOOR_DB / 10), out)
        np.log10(out, out=out)
        out *= np.float32(10)
        clamp_low(out, FLOOR_DB, out)  # whose logarithm is a little less


CALCULATORS = (Bands,)
