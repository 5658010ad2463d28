"""Chroma and what follows from it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.products import FilterBank, row_products
from audiocache_nb.features.builtin.spectra import SpectralCalculator, power_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Power, RowStep, Step

CLASSES = 12
CLASS_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
A0_HZ = 27.5
CENTRE_OCTAVE, OCTAVE_WIDTH = 5.0, 2.0  # above A0
SMALLEST = np.finfo(np.float32).tiny

TUNING = Parameter(
    "tuning",
    float,
    0.0,
    -0.5,
    0.5,
    description="How much higher than A4 = 440 Hz the recording is tuned, in semitones.",
)


@functools.lru_cache(maxsize=32)
def chroma_filters(sample_rate: int, fft_size: int, tuning: float) -> NDArray[np.float64]:
    """Weights of the bins for the twelve pitch classes [shape=(12, fft_size // 2 + 1)].

    A bin `q` semitones above A0 counts for a class `d` semitones away (around the circle) with
    ``exp(-(2 d / b)^2 / 2)``, `b` being its breadth, at least a semitone; the squares of these add up to 1.
    The whole is weighted by ``exp(-((q / 12 - 5) / 2)^2 / 2)``, for the octaves in which melodies lie. The bin at
    0 Hz counts as one and a half octaves below the next. As ``librosa.filters.chroma``.
    """
    bins = fft_size // 2 + 1
    hz = np.arange(1, bins + 1) * (sample_rate / fft_size)
    pitch = CLASSES * np.log2(hz / (A0_HZ * 2 ** (tuning / CLASSES)))
    pitch = np.concatenate(([pitch[0] - 1.5 * CLASSES], pitch))
    breadth = np.maximum(np.diff(pitch), 1)
    pitch = pitch[:bins]
    from_c = np.arange(CLASSES)[:, None] + 3  # C lies three semitones above A
    distance = (pitch - from_c + CLASSES / 2) % CLASSES - CLASSES / 2
    weights = np.exp(-0.5 * (2 * distance / breadth) ** 2)
    weights /= np.sqrt(np.square(weights).sum(axis=0))
    weights *= np.exp(-0.5 * ((pitch / CLASSES - CENTRE_OCTAVE) / OCTAVE_WIDTH) ** 2)
    weights.flags.writeable = False
    return weights


@functools.lru_cache(maxsize=32)
def _bank(sample_rate: int, fft_size: int, tuning: float) -> FilterBank:
    return FilterBank(chroma_filters(sample_rate, fft_size, tuning))


@dataclasses.dataclass(frozen=True, slots=True)
class ChromaRows(RowStep):
    """Energy of the pitch classes, the largest being 1; zeros for silence, float32 [shape=(frames, 12)]."""

    of: Power
    sample_rate: int
    tuning: float

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        out = scratch.array(self, (len(inputs[0]), CLASSES))
        _bank(self.sample_rate, self.of.of.fft_size, self.tuning).apply(inputs[0], out)
        largest = out.max(axis=1, keepdims=True)
        np.divide(out, largest, out=out, where=largest >= SMALLEST)
        return out


class Chroma(SpectralCalculator):
    """Energy of the twelve pitch classes over all octaves, the largest being 1.

    ``C[t, p] = sum_k B[p, k] |X[t, k]|^2``, divided by its maximum over `p`, with bell-shaped weights `B` around
    every semitone (D. Ellis, Chroma feature analysis and synthesis, 2007). The tuning is given, not estimated,
    so that frames do not depend on the whole recording. Silence gives zeros.

    Agrees with ``librosa.feature.chroma_stft(y, sr, tuning=tuning, pad_mode="constant")``.
    """

    id = "chroma"
    feature = "chroma"
    label = "Chroma"
    promises_finite = True
    gain = "invariant"
    parameters = Schema(TUNING)

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return self.rows_of(profile, "pitch_class", np.array(CLASS_NAMES))

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (ChromaRows(power_of(profile), audio.sample_rate, params["tuning"]),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        out[...] = inputs[0]


@functools.lru_cache(maxsize=1)
def tonal_matrix() -> NDArray[np.float32]:
    """Positions of the pitch classes on the circles of fifths, minor and major thirds [shape=(12, 6)]."""
    p = np.arange(CLASSES)[:, None]
    angle = np.pi * p * np.array([7 / 6, 3 / 2, 2 / 3])
    radius = np.array([1, 1, 0.5])
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=2).reshape(CLASSES, 6).astype(np.float32)


class Tonnetz(SpectralCalculator):
    """Tonal centroid: where the chroma lies on the circles of fifths, of minor and of major thirds.

    ``T[t, i] = sum_p Phi[i, p] C[t, p] / sum_p C[t, p]`` with the chroma `C` and, in pairs of sine and cosine, the
    angles ``7/6 pi p``, ``3/2 pi p`` and ``2/3 pi p`` on circles of radius 1, 1 and 1/2 (C. Harte, M. Sandler and
    M. Gasser, 2006). Silence gives zeros, the centre.

    Agrees with ``librosa.feature.tonnetz(chroma=C)``; without `chroma`, librosa takes that of a constant-Q transform.
    """

    id = "tonnetz"
    feature = "tonnetz"
    label = "Tonal centroid"
    gain = "invariant"
    columns = ("fifths sine", "fifths cosine", "minor sine", "minor cosine", "major sine", "major cosine")
    parameters = Schema(TUNING)

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (ChromaRows(power_of(profile), audio.sample_rate, params["tuning"]),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        row_products(inputs[0], tonal_matrix(), out)
        total = np.einsum("ij->i", inputs[0])[:, None]
        np.divide(out, total, out=out, where=total > 0)


CALCULATORS = (Chroma, Tonnetz)
