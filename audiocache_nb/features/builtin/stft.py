"""The complex spectrum itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.spectra import SpectralCalculator, spectrum_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout, bin_frequencies
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step


class Stft(SpectralCalculator):
    """Short-time Fourier transform of the mono mix, complex64.

    ``X[t, k] = sum_n w[n] x[t hop - W/2 + n] exp(-2 pi i k n / fft_size)``, n = 0 .. W-1, with a
    periodic window `w` of `W` samples; silent outside the signal. Phases are relative to the first
    sample of the window.

    Agrees with ``librosa.stft(y, n_fft=W, hop_length=hop, pad_mode="constant")``, transposed; with a
    longer transform librosa centres the window in it, which turns the phases.
    """

    id = "stft"
    feature = "stft"
    label = "STFT"
    gain = "linear"

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        frequencies_hz = bin_frequencies(audio.sample_rate, profile.transform_size)
        rows = self.rows_of(profile, "bin", frequencies_hz)
        return dataclasses.replace(rows, dtype=np.dtype(np.complex64), format="complex64")

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (spectrum_of(profile),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        out[...] = inputs[0]


CALCULATORS = (Stft,)
