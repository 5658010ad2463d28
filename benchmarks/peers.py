"""The suite of twelve features as other libraries compute it: in the way their documentation suggests.

Every function gets the samples [float32, shape=(n,)] and returns the results. What a library does not have is written
with what it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 44100
WINDOW, HOP, BINS = 2048, 512, 1025
CELL = 64
MELS, COEFFICIENTS = 128, 20
Samples = NDArray[np.float32]


def _rising(magnitude: Any, axis: int) -> Any:
    """Spectral flux: the root of the sum of squares of what rose, of spectra with a sum of squares of 1."""
    unit = magnitude / np.maximum(np.linalg.norm(magnitude, axis=axis, keepdims=True), 1e-10)
    return np.linalg.norm(np.maximum(np.diff(unit, axis=1 - axis), 0), axis=axis)


def _extremes(y: Samples) -> tuple[Any, Any]:
    cells = y[: len(y) // CELL * CELL].reshape(-1, CELL)
    return cells.min(axis=1), cells.max(axis=1)


# ---- librosa --------------------------------------------------------------------------------------------------------


def librosa_features(tuning: float | None = None) -> dict[str, Callable[[Samples], Any]]:
    """Feature by feature, as one calls it; its defaults but for the sample rate.

    Parameters
    ----------
    tuning : float or None
        None: chroma estimates it from the whole recording.
    """
    import librosa

    f = librosa.feature
    return {
        "spectrogram": lambda y: librosa.amplitude_to_db(np.abs(librosa.stft(y))),
        "melspectrogram": lambda y: f.melspectrogram(y=y, sr=RATE_HZ),
        "logmel": lambda y: librosa.power_to_db(f.melspectrogram(y=y, sr=RATE_HZ)),
        "mfcc": lambda y: f.mfcc(y=y, sr=RATE_HZ, n_mfcc=COEFFICIENTS),
        "chroma": lambda y: f.chroma_stft(y=y, sr=RATE_HZ, tuning=tuning),
        "centroid": lambda y: f.spectral_centroid(y=y, sr=RATE_HZ),
        "rolloff": lambda y: f.spectral_rolloff(y=y, sr=RATE_HZ),
        "flatness": lambda y: f.spectral_flatness(y=y),
        "flux": lambda y: _rising(np.abs(librosa.stft(y)), 0),
        "onset_strength": lambda y: librosa.onset.onset_strength(y=y, sr=RATE_HZ),
        "rms": lambda y: f.rms(y=y),
        "zcr": lambda y: f.zero_crossing_rate(y),
        "waveform": _extremes,
    }


def _librosa_each(tuning: float | None) -> Callable[[Samples], Any]:
    features = librosa_features(tuning)
    return lambda y: [one(y) for one in features.values()]


def _librosa_shared(tuning: float | None) -> Callable[[Samples], Any]:
    """One transform for all, as who knows the library well writes it."""
    import librosa

    f = librosa.feature

    def suite(y: Samples) -> Any:
        magnitude = np.abs(librosa.stft(y))
        power = magnitude**2
        mel = f.melspectrogram(S=power, sr=RATE_HZ)
        levels = librosa.power_to_db(mel)
        return [
            librosa.amplitude_to_db(magnitude),
            mel,
            levels,
            f.mfcc(S=levels, n_mfcc=COEFFICIENTS),
            f.chroma_stft(S=power, sr=RATE_HZ, tuning=tuning),
            f.spectral_centroid(S=magnitude, sr=RATE_HZ),
            f.spectral_rolloff(S=magnitude, sr=RATE_HZ),
            f.spectral_flatness(S=magnitude),
            _rising(magnitude, 0),
            librosa.onset.onset_strength(S=levels, sr=RATE_HZ),
            f.rms(y=y),
            f.zero_crossing_rate(y),
            *_extremes(y),
        ]

    return suite


# ---- torch ----------------------------------------------------------------------------------------------------------


def _slaney_filters() -> NDArray[np.float32]:
    """The same filters for those who have none of their own [shape=(mels, bins)]."""
    step, brk, log_step = 200 / 3, 15.0, np.log(6.4) / 27
    top = brk + np.log(RATE_HZ / 2 / 1000) / log_step
    mel = np.linspace(0, top, MELS + 2)
    edges = np.where(mel < brk, mel * step, 1000 * np.exp(log_step * (mel - brk)))
    bins = np.arange(BINS) * RATE_HZ / WINDOW
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    ramp = np.maximum(np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid)), 0)
    return (ramp * 2 / (high - low)).astype(np.float32)


def _chroma_filters() -> NDArray[np.float32]:
    """Bells around the semitones [shape=(12, bins)]."""
    pitch = 12 * np.log2(np.maximum(np.arange(BINS), 0.5) * RATE_HZ / WINDOW / 16.35)
    away = (pitch - np.arange(12)[:, None] + 6) % 12 - 6
    return np.exp(-0.5 * (2 * away) ** 2).astype(np.float32)


def _cosines() -> NDArray[np.float32]:
    i, m = np.arange(COEFFICIENTS)[:, None], np.arange(MELS)
    return (np.sqrt(np.where(i == 0, 1, 2) / MELS) * np.cos(np.pi * i * (m + 0.5) / MELS)).astype(np.float32)


def _torch_suite(spectra: Callable[[Any], tuple[Any, Any, Any, Any]]) -> Callable[[Samples], Any]:
    """All features from (magnitude, power [bins, frames], mel, mfcc or None) of the samples."""
    import torch

    chroma_filters, cosines = torch.from_numpy(_chroma_filters()), torch.from_numpy(_cosines())
    hz = torch.arange(BINS) * (RATE_HZ / WINDOW)

    def suite(y: Samples) -> Any:
        with torch.inference_mode():
            x = torch.from_numpy(y)
            magnitude, power, mel, mfcc = spectra(x)
            levels = 10 * torch.log10(mel.clamp_min(1e-10))
            total = magnitude.sum(0)
            unit = magnitude / torch.linalg.vector_norm(magnitude, dim=0).clamp_min(1e-10)
            chroma = chroma_filters @ power
            running = magnitude.cumsum(0)
            padded = torch.nn.functional.pad(x, (WINDOW // 2, WINDOW // 2))
            padded = padded[: len(padded) // HOP * HOP]
            below = padded < 0
            crossed = torch.nn.functional.pad(below[1:] != below[:-1], (1, 0))

            def framewise(values: Any) -> Any:
                return values.view(-1, HOP).sum(1, dtype=torch.float32).unfold(0, WINDOW // HOP, 1).sum(1) / WINDOW

            cells = x[: len(x) // CELL * CELL].view(-1, CELL)
            return [
                20 * torch.log10(magnitude.clamp_min(1e-5)),
                mel,
                levels,
                cosines @ levels if mfcc is None else mfcc,
                chroma / chroma.amax(0).clamp_min(1e-10),
                (hz[:, None] * magnitude).sum(0) / total.clamp_min(1e-10),
                hz[(running < 0.85 * running[-1]).sum(0).clamp_max(BINS - 1)],
                torch.exp(torch.log(power.clamp_min(1e-10)).mean(0)) / power.clamp_min(1e-10).mean(0),
                torch.linalg.vector_norm((unit[:, 1:] - unit[:, :-1]).clamp_min(0), dim=0),
                (levels[:, 1:] - levels[:, :-1]).clamp_min(0).mean(0),
                framewise(padded.square()).sqrt(),
                framewise(crossed),
                cells.amin(1),
                cells.amax(1),
            ]

    return suite


def _torch() -> Callable[[Samples], Any]:
    import torch

    window, filters = torch.hann_window(WINDOW), torch.from_numpy(_slaney_filters())

    def spectra(x: Any) -> tuple[Any, Any, Any, Any]:
        spectrum = torch.stft(x, WINDOW, HOP, window=window, center=True, pad_mode="constant", return_complex=True)
        magnitude = spectrum.abs()
        power = magnitude.square()
        return magnitude, power, filters @ power, None

    return _torch_suite(spectra)


def _torchaudio() -> Callable[[Samples], Any]:
    import torchaudio

    transforms = torchaudio.transforms
    to_magnitude = transforms.Spectrogram(WINDOW, hop_length=HOP, power=1.0, pad_mode="constant")
    to_mel = transforms.MelScale(MELS, RATE_HZ, n_stft=BINS, norm="slaney", mel_scale="slaney")

    def spectra(x: Any) -> tuple[Any, Any, Any, Any]:
        magnitude = to_magnitude(x)
        power = magnitude.square()
        return magnitude, power, to_mel(power), None

    return _torch_suite(spectra)


# ---- audioflux ------------------------------------------------------------------------------------------------------


def _audioflux() -> Callable[[Samples], Any]:
    import audioflux as af
    from audioflux.type import SpectralDataType, SpectralFilterBankScaleType

    def suite(y: Samples) -> Any:
        linear = af.BFT(
            num=BINS,
            radix2_exp=11,
            samplate=RATE_HZ,
            slide_length=HOP,
            data_type=SpectralDataType.MAG,
            scale_type=SpectralFilterBankScaleType.LINEAR,
        )
        magnitude = np.abs(linear.bft(y))
        shape = af.Spectral(num=linear.num, fre_band_arr=linear.get_fre_band_arr())
        shape.set_time_length(magnitude.shape[-1])
        mel, _ = af.mel_spectrogram(y, num=MELS, radix2_exp=11, samplate=RATE_HZ, slide_length=HOP)
        levels = af.utils.power_to_db(mel)
        mfcc, _ = af.mfcc(y, cc_num=COEFFICIENTS, mel_num=MELS, radix2_exp=11, samplate=RATE_HZ, slide_length=HOP)
        frames = np.lib.stride_tricks.sliding_window_view(y, WINDOW)[::HOP]
        crossed = np.concatenate([[0], np.cumsum(np.signbit(y[1:]) != np.signbit(y[:-1]))])
        first = np.arange(0, len(y) - WINDOW + 1, HOP)
        return [
            af.utils.power_to_db(magnitude**2),
            mel,
            levels,
            mfcc,
            af.chroma_linear(y, radix2_exp=11, samplate=RATE_HZ, slide_length=HOP),
            shape.centroid(magnitude),
            shape.rolloff(magnitude, threshold=0.85),
            shape.flatness(magnitude),
            shape.flux(magnitude, is_positive=True),
            np.maximum(np.diff(levels, axis=-1), 0).mean(axis=0),
            np.sqrt(np.einsum("ij,ij->i", frames, frames) / WINDOW),
            (crossed[first + WINDOW - 1] - crossed[first]) / WINDOW,
            *_extremes(y),
        ]

    return suite


# ---- essentia -------------------------------------------------------------------------------------------------------


def _essentia() -> Callable[[Samples], Any]:
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = essentia.log.warningActive = False

    def suite(y: Samples) -> Any:
        window, spectrum = es.Windowing(type="hann", normalized=False, zeroPhase=False), es.Spectrum(size=WINDOW)
        mel = es.MelBands(numberBands=MELS, sampleRate=RATE_HZ, highFrequencyBound=RATE_HZ / 2, inputSize=BINS)
        dct = es.DCT(inputSize=MELS, outputSize=COEFFICIENTS)
        peaks, hpcp = es.SpectralPeaks(sampleRate=RATE_HZ, maxPeaks=100), es.HPCP(sampleRate=RATE_HZ)
        centroid, rolloff = es.Centroid(range=RATE_HZ / 2), es.RollOff(sampleRate=RATE_HZ)
        flatness, flux, rms, zcr = es.Flatness(), es.Flux(halfRectify=True), es.RMS(), es.ZeroCrossingRate()
        rows: list[tuple[Any, ...]] = []
        for frame in es.FrameGenerator(y, frameSize=WINDOW, hopSize=HOP, startFromZero=False):
            magnitude = spectrum(window(frame))
            bands = mel(magnitude)
            levels = 10 * np.log10(np.maximum(bands, np.float32(1e-10)))
            rows.append(
                (
                    20 * np.log10(np.maximum(magnitude, np.float32(1e-5))),
                    bands,
                    levels,
                    dct(levels),
                    hpcp(*peaks(magnitude)),
                    centroid(magnitude),
                    rolloff(magnitude),
                    flatness(magnitude),
                    flux(magnitude),
                    rms(frame),
                    zcr(frame),
                )
            )
        columns = [np.array(column, np.float32) for column in zip(*rows, strict=True)]
        onset = np.maximum(np.diff(columns[2], axis=0), 0).mean(axis=1)
        return [*columns, onset, *_extremes(y)]

    return suite


CONTENDERS: dict[str, Callable[[], Callable[[Samples], Any]]] = {
    "librosa": lambda: _librosa_each(None),
    "librosa, tuning given": lambda: _librosa_each(0.0),
    "librosa sharing one STFT": lambda: _librosa_shared(None),
    "librosa sharing one STFT, tuning given": lambda: _librosa_shared(0.0),
    "torch": _torch,
    "torchaudio": _torchaudio,
    "audioflux": _audioflux,
    "essentia": _essentia,
}
