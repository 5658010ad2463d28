"""Onset strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.mel import MEL_PARAMETERS, MelCalculator
from audiocache_nb.features.builtin.spectra import SpectralCalculator
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout, Local
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile


class OnsetStrength(MelCalculator):
    """How much the mel bands rise: high at the beginning of notes and strokes.

    ``o[t] = mean_m max(0, L[s, m] - R[s - lag, m])`` with ``s = t - window_size // (2 hop_size)``, `L` the
    mel spectrum in decibels and `R` its maximum over the `max_size` bands around each (1: `L` itself). The
    shift accounts for half a window that a stroke is seen ahead; the first ``lag + shift`` frames are 0.
    With a lag of 2 or more and a maximum over 3 bands it is the SuperFlux of S. Böck and G. Widmer,
    DAFx 2013, which vibrato does not excite.

    Agrees with ``librosa.onset.onset_strength(S=librosa.power_to_db(M, top_db=None), ...)``. What librosa
    does without `S` differs where a band lies more than 80 dB below the loudest of the whole recording.
    """

    id = "onset_strength"
    feature = "onset_strength"
    label = "Onset strength"
    unit = "dB"
    locality = Local(3)
    gain = "invariant"
    parameters = Schema(
        Parameter("lag", int, 1, 1, 64, description="Distance of the frames that are compared."),
        Parameter(
            "max_size",
            int,
            1,
            1,
            129,
            description="Number of bands whose maximum is the reference; 1: the band itself.",
        ),
        *MEL_PARAMETERS,
    )

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        self.mel_power(audio, profile, params)
        return SpectralCalculator.layout(self, audio, profile, params)

    @staticmethod
    def _shift(profile: AnalysisProfile) -> int:
        return profile.window_size // (2 * profile.hop_size)

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return self._shift(profile) + params["lag"], 0

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> dict[str, int]:
        bands = min(params["max_size"], 2 * params["n_mels"])
        return {"lag": params["lag"], "max_size": bands, "shift": self._shift(profile)}

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        levels, lag, rows = inputs[0], state["lag"], len(out)
        before = levels[:rows]
        if state["max_size"] > 1:
            from scipy.ndimage import maximum_filter1d

            before = maximum_filter1d(before, state["max_size"], axis=1)
        rise = np.subtract(levels[lag : lag + rows], before)
        np.clip(rise, np.float32(0), np.float32(np.inf), out=rise)
        np.mean(rise, axis=1, out=out[:, 0])
        out[: max(0, lag + state["shift"] - context.first_frame)] = 0


CALCULATORS = (OnsetStrength,)
