"""The calibrated spectrogram."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.spectra import LogPower, centred, power_of
from audiocache_nb.features.calculator import (
    AudioFacts,
    Calculator,
    ComputeContext,
    Layout,
    bin_frequencies,
    window_values,
)
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step

MIRROR_DB = 20 * math.log10(2)


class Spectrogram(Calculator):
    """Magnitude spectrum of the mono mix in decibels re full scale.

    ``L[t, k] = clip(20 log10(2 |X[t, k]| / sum(w)), min_decibels, max_decibels)``,
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
    gain = "decibels"
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        names = ("window_size", "hop_size", "window", "min_decibels", "max_decibels")
        return {**{name: getattr(profile, name) for name in names}, "fft_size": profile.transform_size}

    def stored_range(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[float, float]:
        return profile.min_decibels, profile.max_decibels

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        frequencies_hz = bin_frequencies(audio.sample_rate, profile.transform_size)
        return Layout(
            framing=centred(profile),
            tail=(len(frequencies_hz),),
            axes=("frame", "bin"),
            unit=self.unit,
            fill_value=profile.min_decibels,
            axis_coords={"bin": frequencies_hz},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (LogPower(power_of(profile)),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> dict[str, Any]:
        window = window_values(profile.window, profile.window_size, periodic=True)
        return {
            "offset_db": np.float32(20 * math.log10(2 / window.sum())),
            "low_db": np.float32(profile.min_decibels),
            "high_db": np.float32(profile.max_decibels),
            "even": profile.transform_size % 2 == 0,
        }

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        np.multiply(inputs[0], np.float32(10), out=out)
        out += state["offset_db"]
        for k in (0, -1) if state["even"] else (0,):
            out[:, k] -= np.float32(MIRROR_DB)
        np.clip(out, state["low_db"], state["high_db"], out=out)


CALCULATORS = (Spectrogram,)
