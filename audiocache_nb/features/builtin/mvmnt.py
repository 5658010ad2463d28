"""The three calculators of MVMNT scenes, to the numbers they have there.

They differ from their calibrated siblings: frames start at ``k * hop`` and only whole windows
count, so that the last samples of a recording can be left out; the spectrogram is not corrected
for the gain of its window (a full-scale sine reads -6 dB); everything is computed on the mono mix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.decibels import amplitude_to_db
from audiocache_nb.features.builtin.rms import frame_energies
from audiocache_nb.features.builtin.waveform import OVERSAMPLING, cell_extremes
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, bin_frequencies
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.profile import AnalysisProfile, next_power_of_two
from audiocache_nb.features.steps import Magnitude, Mono, Span, Spectrum, Step

FLOOR = 1e-8


class LegacySpectrogram(Calculator):
    """``clip(20 log10(2/W |X[t, k]| + 1e-8), min_decibels, max_decibels)``.

    `X` is the transform of the mono mix under a symmetric Hann window of `W` samples, zero-padded to
    the next power of two, at least 32. Silence gives `min_decibels`.

    Source: MVMNT, whose numbers it reproduces; the calibrated sibling is ``spectrogram``.
    """

    id = "mvmnt.spectrogram"
    feature = "spectrogram"
    label = "Spectrogram"
    unit = "dB"
    version = 3
    inputs = "spectrum"
    gain = "decibels"
    promises_finite = True

    @staticmethod
    def _fft_size(profile: AnalysisProfile) -> int:
        return next_power_of_two(max(32, profile.window_size))

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        names = ("window_size", "hop_size", "min_decibels", "max_decibels")
        return {name: getattr(profile, name) for name in names}

    def stored_range(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[float, float]:
        return profile.min_decibels, profile.max_decibels

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        frequencies_hz = bin_frequencies(audio.sample_rate, self._fft_size(profile))
        return Layout(
            framing=Framing(profile.window_size, profile.hop_size, "start"),
            tail=(len(frequencies_hz),),
            axes=("frame", "bin"),
            unit=self.unit,
            fill_value=profile.min_decibels,
            axis_coords={"bin": frequencies_hz},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        framing = Framing(profile.window_size, profile.hop_size, "start")
        return (Magnitude(Spectrum(framing, "hann", False, self._fft_size(profile))),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        amplitude_to_db(
            inputs[0],
            out,
            scale=2 / state["window_size"],
            floor=FLOOR,
            low_db=state["min_decibels"],
            high_db=state["max_decibels"],
        )


class LegacyRms(Calculator):
    """``sqrt(mean(x^2))`` of the mono mix over the samples that are there, linear.

    Windows start at ``k * hop``; one that is shorter than it should be, of a recording shorter than the window, is
    divided by the samples it has. Silence gives zeros.

    Source: MVMNT, whose numbers it reproduces; the calibrated sibling is ``rms``.
    """

    id = "mvmnt.rms"
    feature = "rms"
    label = "rms"
    version = 1
    inputs = "samples"
    gain = "linear"
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"window_size": profile.window_size, "hop_size": profile.hop_size}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=Framing(profile.window_size, profile.hop_size, "start"),
            tail=(1,),
            axes=("frame", "channel"),
            axis_coords={"channel": np.array(["Mono"])},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Mono(), Framing(profile.window_size, profile.hop_size, "start")),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        window = state["window_size"]
        energy = frame_energies(inputs[0], window, state["hop_size"], len(out))
        # Only the single frame of a signal shorter than the window is not full.
        out[:, 0] = np.sqrt(energy / max(1, min(window, context.audio_frames)))


class LegacyWaveform(Calculator):
    """Minimum and maximum of the mono mix over cells of ``max(1, hop / 8)`` samples.

    Cell `k` covers the samples ``floor(k h)`` up to ``ceil((k + 1) h)``; the last one ends with the signal.

    Source: MVMNT, whose numbers it reproduces; the calibrated sibling is ``waveform``.
    """

    id = "mvmnt.waveform"
    feature = "waveform"
    label = "waveform"
    version = 1
    inputs = "samples"
    gain = "linear"
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {"hop_size": profile.hop_size}

    @staticmethod
    def _framing(profile: AnalysisProfile) -> Framing:
        hop_samples = max(1.0, profile.hop_size / OVERSAMPLING)
        return Framing(math.ceil(hop_samples), hop_samples, "cells")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=self._framing(profile),
            tail=(2,),
            axes=("frame", "bound"),
            axis_coords={"bound": np.array(["min", "max"])},
            format="waveform-minmax",
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Mono(), self._framing(profile)),)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Framing:
        return self._framing(profile)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        framing: Framing = state
        start = framing.first_sample(context.first_frame)
        span = inputs[0][: context.audio_frames - start]
        if float(framing.hop_samples).is_integer():
            cell_extremes(span, int(framing.hop_samples), out[:, 0], out[:, 1])
            return
        k = np.arange(context.first_frame, context.first_frame + len(out))
        bounds = np.empty(2 * len(out), np.intp)
        bounds[::2] = np.floor(k * framing.hop_samples) - start
        bounds[1::2] = np.minimum(np.ceil((k + 1) * framing.hop_samples) - start, len(span))
        # reduceat refuses an index at the very end of the array, which the last cells' ends are
        padded = np.append(span, np.float32(0))
        out[:, 0] = np.minimum.reduceat(padded, bounds)[::2]
        out[:, 1] = np.maximum.reduceat(padded, bounds)[::2]


CALCULATORS = (LegacySpectrogram, LegacyRms, LegacyWaveform)
