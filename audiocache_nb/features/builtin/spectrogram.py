"""The calibrated spectrogram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from audiocache_nb.features.builtin.decibels import amplitude_to_db
from audiocache_nb.features.calculator import (
    AudioFacts,
    Calculator,
    ComputeContext,
    Layout,
    bin_frequencies,
    window_values,
)
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Spectrum, Step

FLOOR = 1e-8


class Spectrogram(Calculator):
    """Magnitude spectrum of the mono mix in decibels re full scale.

    ``L[t, k] = clip(20 log10(2 |X[t, k]| / sum(w) + 1e-8), min_decibels, max_decibels)``,
    without the factor 2 in bins 0 and ``fft_size / 2``, which have no mirror image. `X` is the
    transform of centred frames under a periodic window `w`. A sine of amplitude 1 on a bin
    reads 0 dB.

    Agrees with ``20 log10(2 |librosa.stft(y, pad_mode="constant")| / sum(w))``.
    """

    id = "spectrogram"
    feature = "spectrogram"
    label = "Spectrogram"
    unit = "dB"
    version = 1
    inputs = "spectrum"
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {**profile.values(), "fft_size": profile.transform_size}

    def _framing(self, profile: AnalysisProfile) -> Framing:
        return Framing(profile.window_size, profile.hop_size, "center")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        frequencies_hz = bin_frequencies(audio.sample_rate, profile.transform_size)
        return Layout(
            framing=self._framing(profile),
            tail=(len(frequencies_hz),),
            axes=("frame", "bin"),
            unit=self.unit,
            fill_value=profile.min_decibels,
            axis_coords={"bin": frequencies_hz},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Spectrum(self._framing(profile), profile.window, True, profile.transform_size),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "scale": 2.0 / window_values(profile.window, profile.window_size, periodic=True).sum(),
            "low_db": profile.min_decibels,
            "high_db": profile.max_decibels,
            "even": profile.transform_size % 2 == 0,
        }

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        spectrum = inputs[0]
        scale, low_db, high_db = state["scale"], state["low_db"], state["high_db"]
        amplitude_to_db(spectrum, out, scale=scale, floor=FLOOR, low_db=low_db, high_db=high_db)
        edges = (0, -1) if state["even"] else (0,)
        for k in edges:
            amplitude_to_db(spectrum[:, k], out[:, k], scale=scale / 2, floor=FLOOR, low_db=low_db, high_db=high_db)


CALCULATORS = (Spectrogram,)
