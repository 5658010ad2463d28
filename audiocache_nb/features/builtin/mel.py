"""Mel spectrum, its logarithm and its cepstrum."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.builtin.products import FilterBank, row_products
from audiocache_nb.features.builtin.spectra import FLOOR_DB, POWER_FLOOR, SpectralCalculator, clamp_low, power_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout, bin_frequencies
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import Power, RowStep, Step

LINEAR_HZ = 200 / 3  # one mel below the break
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ
STORED_RANGE_DB = 160.0
LOG_STEP = math.log(6.4) / 27  # above it

MEL_PARAMETERS = (
    Parameter("n_mels", int, 128, 1, 1024, description="Number of mel bands."),
    Parameter("fmin", float, 0.0, 0.0, 384_000.0, description="Lower edge of the lowest band, in Hz."),
    Parameter(
        "fmax",
        float,
        None,
        1.0,
        384_000.0,
        description="Upper edge of the highest band, in Hz; None: half the sample rate.",
    ),
)


def hz_to_mel(hz: Any) -> NDArray[np.float64]:
    """Slaney's scale: linear up to 1 kHz (3 mel per 200 Hz), then 27 mel for a factor of 6.4."""
    given: NDArray[np.float64] = np.asarray(hz, np.float64)
    above = BREAK_MEL + np.log(np.maximum(given, BREAK_HZ) / BREAK_HZ) / LOG_STEP
    return np.asarray(np.where(given < BREAK_HZ, given / LINEAR_HZ, above))


def mel_to_hz(mel: Any) -> NDArray[np.float64]:
    """The inverse of `hz_to_mel`."""
    given: NDArray[np.float64] = np.asarray(mel, np.float64)
    above = BREAK_HZ * np.exp(LOG_STEP * (given - BREAK_MEL))
    return np.asarray(np.where(given < BREAK_MEL, given * LINEAR_HZ, above))


def mel_edges(n_mels: int, fmin_hz: float, fmax_hz: float) -> NDArray[np.float64]:
    """Edges and centres of the bands [Hz, shape=(n_mels + 2,)]: band m reaches from edge m over m + 1 to m + 2."""
    low, high = hz_to_mel([fmin_hz, fmax_hz])
    return mel_to_hz(np.linspace(low, high, n_mels + 2))


@functools.lru_cache(maxsize=32)
def mel_filters(sample_rate: int, fft_size: int, n_mels: int, fmin_hz: float, fmax_hz: float) -> NDArray[np.float64]:
    """Triangles over the mel scale, each of area 1 over Hz [shape=(n_mels, fft_size // 2 + 1)].

    As ``librosa.filters.mel(norm="slaney", htk=False)``.
    """
    edges = mel_edges(n_mels, fmin_hz, fmax_hz)
    bins_hz = bin_frequencies(sample_rate, fft_size)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.minimum((bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle))
    weights = np.maximum(weights, 0) * (2 / (high - low))
    weights.flags.writeable = False
    return weights


@functools.lru_cache(maxsize=32)
def _bank(sample_rate: int, fft_size: int, n_mels: int, fmin_hz: float, fmax_hz: float) -> FilterBank:
    return FilterBank(mel_filters(sample_rate, fft_size, n_mels, fmin_hz, fmax_hz))


@dataclasses.dataclass(frozen=True, slots=True)
class MelPower(RowStep):
    """Power in mel bands, float32 [shape=(frames, n_mels)]."""

    of: Power
    sample_rate: int
    n_mels: int
    fmin_hz: float
    fmax_hz: float

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        out = scratch.array(self, (len(inputs[0]), self.n_mels))
        _bank(self.sample_rate, self.of.of.fft_size, self.n_mels, self.fmin_hz, self.fmax_hz).apply(inputs[0], out)
        return out


@dataclasses.dataclass(frozen=True, slots=True)
class LogMel(RowStep):
    """``10 log10(max(mel, 1e-10))``, float32 [dB, shape=(frames, n_mels)]."""

    of: MelPower

    @property
    def inputs(self) -> tuple[Step, ...]:
        return (self.of,)

    def compute(self, inputs: tuple[NDArray[Any], ...], scratch: Scratch) -> NDArray[Any]:
        out = clamp_low(inputs[0], POWER_FLOOR, scratch.array(self, inputs[0].shape))
        np.log10(out, out=out)
        out *= np.float32(10)
        return out


class MelCalculator(SpectralCalculator):
    """Base of calculators of mel spectra."""

    promises_finite = True
    parameters = Schema(*MEL_PARAMETERS)

    def mel_power(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> MelPower:
        """The mel spectrum for these parameters.

        Raises
        ------
        InvalidParameterError
            If the bands end below their beginning or beyond half the sample rate.
        """
        half_hz = audio.sample_rate / 2
        fmax_hz = half_hz if params["fmax"] is None else params["fmax"]
        if not params["fmin"] < fmax_hz <= half_hz:
            raise InvalidParameterError(
                f"Mel bands from {params['fmin']:g} to {fmax_hz:g} Hz at {audio.sample_rate} samples per second.",
                hint="Choose fmin below fmax, and fmax up to half the sample rate.",
                parameter="fmax",
            )
        return MelPower(power_of(profile), audio.sample_rate, params["n_mels"], params["fmin"], fmax_hz)

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        mel = self.mel_power(audio, profile, params)
        return self.rows_of(profile, "mel", mel_edges(mel.n_mels, mel.fmin_hz, mel.fmax_hz)[1:-1])

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (LogMel(self.mel_power(audio, profile, params)),)


class MelSpectrogram(MelCalculator):
    """Power in bands evenly spaced on Slaney's mel scale.

    ``M[t, m] = sum_k H[m, k] |X[t, k]|^2`` with triangles `H` of area 1 over Hz (M. Slaney, Auditory
    Toolbox, 1998). Bands narrower than the distance of two bins may be 0.

    Agrees with ``librosa.feature.melspectrogram(y, sr, pad_mode="constant")``. The transform is in
    single precision: bands 70 dB and more below the loudest of their frame carry its noise.
    """

    id = "melspectrogram"
    feature = "melspectrogram"
    label = "Mel spectrogram"
    gain = "quadratic"

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (self.mel_power(audio, profile, params),)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        out[...] = inputs[0]


class LogMelSpectrogram(MelCalculator):
    """The mel spectrum in decibels.

    ``L[t, m] = 10 log10(max(M[t, m], 1e-10)) - 10 log10(ref)`` with `M` as of ``melspectrogram``.

    Agrees with ``librosa.power_to_db(M, ref=ref, top_db=None)``.
    """

    id = "logmel"
    feature = "logmel"
    label = "Log-mel spectrogram"
    unit = "dB"
    gain = "decibels"
    parameters = Schema(
        *MEL_PARAMETERS, Parameter("ref", float, 1.0, 1e-10, 1e10, description="The power that reads 0 dB.")
    )

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        rows = super().layout(audio, profile, params)
        return dataclasses.replace(rows, fill_value=FLOOR_DB - 10 * math.log10(params["ref"]))

    def stored_range(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[float, float]:
        """From silence to 160 dB above it, which full scale does not reach in windows of up to 4096 samples."""
        silence_db = FLOOR_DB - 10 * math.log10(params["ref"])
        return silence_db, silence_db + STORED_RANGE_DB

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        np.subtract(inputs[0], np.float32(10 * math.log10(state["ref"])), out=out)


class Mfcc(MelCalculator):
    """Mel-frequency cepstral coefficients.

    ``c[t, i] = sqrt((2 - [i = 0]) / n_mels) sum_m L[t, m] cos(pi i (m + 1/2) / n_mels)``, the orthonormal
    DCT-II of ``logmel``; with a lifter `l` times ``1 + l/2 sin(pi (i + 1) / l)``
    (S. Davis and P. Mermelstein, IEEE Trans. ASSP 28, 1980).

    Silence gives ``-100 sqrt(n_mels)`` in the first coefficient and 0 in all others.

    Agrees with ``librosa.feature.mfcc(S=librosa.power_to_db(M, top_db=None), n_mfcc=..., lifter=...)``.
    """

    id = "mfcc"
    feature = "mfcc"
    label = "MFCC"
    parameters = Schema(
        Parameter("n_mfcc", int, 20, 1, 1024, description="Number of coefficients, up to n_mels."),
        Parameter("lifter", float, 0.0, 0.0, 1000.0, description="Length of the sine lifter; 0: none."),
        *MEL_PARAMETERS,
    )

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        self.mel_power(audio, profile, params)
        if params["n_mfcc"] > params["n_mels"]:
            raise InvalidParameterError(
                f"n_mfcc is {params['n_mfcc']}, but there are {params['n_mels']} mel bands.",
                hint="Use at most n_mels coefficients.",
                parameter="n_mfcc",
            )
        return self.rows_of(profile, "coefficient", np.arange(params["n_mfcc"]))

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> NDArray[np.float32]:
        return cepstral_matrix(params["n_mels"], params["n_mfcc"], params["lifter"])

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        row_products(inputs[0], state, out)


def cepstral_matrix(n_mels: int, n_mfcc: int, lifter: float) -> NDArray[np.float32]:
    """Orthonormal DCT-II with a sine lifter [shape=(n_mels, n_mfcc)]."""
    i, m = np.arange(n_mfcc), np.arange(n_mels)[:, None]
    matrix = np.sqrt(np.where(i == 0, 1, 2) / n_mels) * np.cos(np.pi * i * (m + 0.5) / n_mels)
    if lifter > 0:
        matrix *= 1 + lifter / 2 * np.sin(np.pi * (i + 1) / lifter)
    return matrix.astype(np.float32)


CALCULATORS = (MelSpectrogram, LogMelSpectrogram, Mfcc)
