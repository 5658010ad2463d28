"""Spectral contrast."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.builtin.spectra import POWER_FLOOR, SpectralCalculator
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout, bin_frequencies
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile


class _Band(NamedTuple):
    bins: slice
    extremes: int  # how many bins make the peak, and how many the valley


class Contrast(SpectralCalculator):
    """Difference between peaks and valleys of the magnitude spectrum in octave bands.

    ``c[t, b] = 10 log10(peak) - 10 log10(valley)``, both not below 1e-10: the mean of the largest, and of the
    smallest, `quantile` of the band's magnitudes, at least one of them (D.-N. Jiang et al., ICME 2002). Band 0
    reaches up to `fmin`, band b > 0 from ``fmin 2^(b-1)`` to the double, the last one up to half the sample
    rate. Bands that would begin beyond that are left out; bands without bins read 0.

    Agrees with ``librosa.feature.spectral_contrast(y, sr, pad_mode="constant")`` where no peak or valley lies
    80 dB or more below the largest of the whole recording, at which librosa cuts them off. The transform is in
    single precision: valleys 120 dB below the strongest bin of their frame carry its noise, of some dB.
    """

    id = "contrast"
    feature = "contrast"
    label = "Spectral contrast"
    unit = "dB"
    gain = "invariant"
    parameters = Schema(
        Parameter("n_bands", int, 6, 1, 12, description="Number of octaves above fmin."),
        Parameter("fmin", float, 200.0, 1.0, 20_000.0, description="Upper edge of the lowest band, in Hz."),
        Parameter("quantile", float, 0.02, 0.001, 0.5, description="Part of a band's bins that make its peak, 0 .. 1."),
    )

    @staticmethod
    def _lower_edges_hz(audio: AudioFacts, params: Mapping[str, Any]) -> NDArray[np.float64]:
        edges = np.concatenate(([0.0], params["fmin"] * 2.0 ** np.arange(params["n_bands"])))
        kept = edges[edges < audio.sample_rate / 2]
        if len(kept) < 2:
            raise InvalidParameterError(
                f"fmin is {params['fmin']:g} Hz at {audio.sample_rate} samples per second.",
                hint="Choose fmin below half the sample rate.",
                parameter="fmin",
            )
        return kept

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return self.rows_of(profile, "band", self._lower_edges_hz(audio, params))

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> list[_Band]:
        bins_hz = bin_frequencies(audio.sample_rate, profile.transform_size)
        low_hz = self._lower_edges_hz(audio, params)
        high_hz = [*low_hz[1:], low_hz[-1] * 2]
        found = []
        for b, (low, high) in enumerate(zip(low_hz, high_hz, strict=True)):
            inside = np.flatnonzero((bins_hz >= low) & (bins_hz <= high))
            if not len(inside):
                found.append(_Band(slice(0, 0), 1))
                continue
            last = b == len(low_hz) - 1
            # every band takes one bin more below, and leaves its highest to the next
            first = int(inside[0]) - (b > 0)
            end = len(bins_hz) if last else int(inside[-1]) + 1
            extremes = max(1, math.floor(params["quantile"] * (end - first) + 0.5))
            found.append(_Band(slice(first, end if last else end - 1), extremes))
        return found

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        for b, (bins, extremes) in enumerate(state):
            if bins.stop <= bins.start:
                out[:, b] = 0
                continue
            ordered = np.sort(inputs[0][:, bins], axis=1)
            ends = np.stack([ordered[:, :extremes].mean(axis=1), ordered[:, -extremes:].mean(axis=1)])
            valley, peak = 10 * np.log10(np.maximum(ends, np.float32(POWER_FLOOR)))
            np.subtract(peak, valley, out=out[:, b])


CALCULATORS = (Contrast,)
