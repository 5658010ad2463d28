"""Spectra and what is read off them: librosa's numbers, on recordings and synthesised sound, each to its tolerance."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import librosa
import numpy as np
import pytest
import scipy.signal
import scipy.stats
import soundfile
from support.families import compute
from support.passes import BUILTIN, analyse, held, noise

from audiocache_nb.audio import examples
from audiocache_nb.errors import CalculatorError
from audiocache_nb.features.builtin.bands import band_edges, band_weights
from audiocache_nb.features.calculator import bin_frequencies
from audiocache_nb.features.profile import AnalysisProfile

RECORDINGS = (
    "speech_jfk_24bit.flac",
    "loop_industrial_clipped.flac",
    "trumpet_90bpm.ogg",
    "brahms_hungarian_dance_5.ogg",
)
SIGNALS = ("drum-loop", "melody", *RECORDINGS)
ROOT = pathlib.Path(__file__).parents[3]


@dataclasses.dataclass(frozen=True, eq=False)
class Heard:
    """A signal with what librosa makes of it, in double precision.

    Attributes
    ----------
    own_transform : bool
        Whether librosa starts from its own transform of the mix, or from ours.
    """

    samples: np.ndarray
    rate: int
    own_transform: bool = True

    @functools.cached_property
    def mono(self) -> np.ndarray:
        return self.samples.astype(np.float64).mean(axis=1)

    @functools.cached_property
    def complex(self) -> np.ndarray:
        return librosa.stft(self.mono, n_fft=2048, hop_length=512, pad_mode="constant")

    @functools.cached_property
    def magnitude(self) -> np.ndarray:
        return np.abs(self.complex if self.own_transform else self.found["stft"].T.astype(np.complex128))

    @functools.cached_property
    def on_our_transform(self) -> Heard:
        other = Heard(self.samples, self.rate, own_transform=False)
        other.__dict__["found"] = self.found
        return other

    @functools.cached_property
    def mel(self) -> np.ndarray:
        return librosa.feature.melspectrogram(S=self.magnitude**2, sr=self.rate)

    @functools.cached_property
    def log_mel(self) -> np.ndarray:
        return librosa.power_to_db(self.mel, top_db=None)

    @functools.cached_property
    def chroma(self) -> np.ndarray:
        return librosa.feature.chroma_stft(S=self.magnitude**2, sr=self.rate, tuning=0)

    @functools.cached_property
    def found(self) -> dict[str, np.ndarray]:
        outcome = analyse(held(self.samples, self.rate), [*COMPARED, "zcr", "stft"])
        assert not outcome.errors, outcome.errors
        return {name: track.data for name, track in outcome.tracks.items()}


@functools.cache
def heard(name: str) -> Heard:
    if name in examples.list():
        samples, rate = examples.load(name)
        return Heard(samples.reshape(len(samples), -1)[: 4 * rate], rate)
    folder = pathlib.Path(os.environ.get("AUDIOCACHE_NB_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the real recordings are not on this machine (AUDIOCACHE_NB_DATA names their folder)")
    return Heard(*soundfile.read(folder / name, dtype="float32", always_2d=True, frames=4 * 44100))


def contrast(sound: Heard) -> np.ndarray:
    """As librosa has it, but for the 80 dB below the largest of the whole recording, where it cuts off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(librosa.feature.spectral, "power_to_db", functools.partial(librosa.power_to_db, top_db=None))
        return librosa.feature.spectral_contrast(S=sound.magnitude, sr=sound.rate)


def flux(sound: Heard) -> np.ndarray:
    norm = np.linalg.norm(sound.magnitude, axis=0)
    unit = sound.magnitude / np.where(norm > 0, norm, 1)
    return np.linalg.norm(np.maximum(0, np.diff(unit, axis=1, prepend=unit[:, :1])), axis=0)[None]


def moments(sound: Heard) -> np.ndarray:
    """With scipy's entropy and numpy's straight lines."""
    s, hz = sound.magnitude, librosa.fft_frequencies(sr=sound.rate, n_fft=2048)[:, None]
    p = s / np.maximum(s.sum(axis=0), 1e-30)
    away = hz - (hz * p).sum(axis=0)
    second, third, fourth = ((away**n * p).sum(axis=0) for n in (2, 3, 4))
    rows = [
        third / np.maximum(second, 1e-30) ** 1.5,
        fourth / np.maximum(second, 1e-30) ** 2,
        np.polyfit(hz[:, 0], p, 1)[0],
        ((s[1:] - s[0]) / np.arange(1, len(s))[:, None]).sum(axis=0) / np.maximum(s[1:].sum(axis=0), 1e-30),
        np.nan_to_num(scipy.stats.entropy(p + 0.0, base=len(s), axis=0)),
        len(s) * p.max(axis=0),
    ]
    return np.where(s.sum(axis=0) > 0, np.array(rows), 0)


def bands(sound: Heard, kind: str = "third") -> np.ndarray:
    window = scipy.signal.get_window("hann", 2048)
    power = 2 * sound.magnitude**2 / (2048 * np.sum(window**2))
    power[[0, -1]] /= 2
    return 10 * np.log10(np.maximum(band_weights(sound.rate, 2048, kind) @ power, 1e-12))


# What each is compared with: on our own transform it may be off by a part of the value and a part of the largest in
# its column. On librosa's own transform, in double precision, more than half agree to 1e-4, too; the last number is how
# far the worst may be off. A transform in single precision is off by 4e-7 of its frame's strongest bin, which shows
# where bins lie 100 dB below it: in logarithms, in valleys, and in high powers of the distance from the centroid.
COMPARED: dict[str, tuple[Callable[[Heard], np.ndarray], float, float, float]] = {
    "melspectrogram": (lambda s: s.mel, 1e-5, 1e-9, 1e-3),
    "logmel": (lambda s: s.log_mel, 1e-6, 1e-6, 0.3),
    "mfcc": (lambda s: librosa.feature.mfcc(S=s.log_mel, n_mfcc=20), 1e-5, 1e-5, 0.1),
    "centroid": (lambda s: librosa.feature.spectral_centroid(S=s.magnitude, sr=s.rate), 1e-5, 0, 0.01),
    "bandwidth": (lambda s: librosa.feature.spectral_bandwidth(S=s.magnitude, sr=s.rate), 1e-5, 0, 0.5),
    "flatness": (lambda s: librosa.feature.spectral_flatness(S=s.magnitude), 1e-4, 0, 1e-4),
    "chroma": (lambda s: s.chroma, 1e-5, 1e-6, 1e-5),
    "tonnetz": (lambda s: librosa.feature.tonnetz(chroma=s.chroma), 1e-5, 1e-5, 1e-5),
    "onset_strength": (lambda s: librosa.onset.onset_strength(S=s.log_mel, sr=s.rate)[None], 1e-5, 1e-6, 5e-3),
    "contrast": (contrast, 1e-5, 1e-6, 10),
    "flux": (flux, 1e-5, 1e-6, 1e-6),
    "moments": (moments, 1e-4, 1e-7, np.inf),
    "bands": (bands, 1e-5, 0, 0.05),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("feature", COMPARED)
def test_the_numbers_are_those_of_librosa(name, feature):
    sound = heard(name)
    reference, relative, of_largest, worst = COMPARED[feature]
    want, found = reference(sound.on_our_transform).T, sound.found[feature]
    assert found.shape == want.shape
    allowed = relative * np.abs(want) + of_largest * np.abs(want).max(axis=0)
    place = np.unravel_index(np.argmax(np.abs(found - want) - allowed), want.shape)
    assert np.abs(found - want)[place] <= allowed[place], (place, found[place], want[place])
    want = reference(sound).T
    assert np.median(np.abs(found - want) / np.maximum(np.abs(want), 1e-9)) < 1e-4
    assert np.abs(found - want).max() <= worst


@pytest.mark.parametrize("name", SIGNALS)
def test_zero_crossings_are_those_of_librosa(name):
    sound = heard(name)
    for c, samples in enumerate(sound.samples.T.astype(np.float64)):
        want = librosa.feature.zero_crossing_rate(y=samples)[0]
        np.testing.assert_allclose(sound.found["zcr"][:, c], want, rtol=1e-7)


@pytest.mark.parametrize("name", SIGNALS)
def test_the_transform_is_that_of_librosa(name):
    sound = heard(name)
    found = sound.found["stft"]
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, sound.complex.T, rtol=0, atol=1e-6 * sound.magnitude.max())


@pytest.mark.parametrize("name", SIGNALS)
def test_the_roll_off_is_that_of_librosa_but_for_a_bin_where_rounding_decides(name):
    sound = heard(name)
    want = librosa.feature.spectral_rolloff(S=sound.on_our_transform.magnitude, sr=sound.rate)[0]
    found = compute(held(sound.samples, sound.rate), "rolloff").data[:, 0]
    off = np.abs(found - want) > 1e-4 * want
    assert off.mean() < 0.01
    assert np.abs(found - want).max() <= 1.001 * sound.rate / 2048


# --- parameters -----------------------------------------------------------------------------------

PARAMETERS: list[tuple[str, dict[str, Any], Callable[[Heard], np.ndarray]]] = [
    (
        "melspectrogram", {"n_mels": 40, "fmin": 300.0, "fmax": 8000.0},
        lambda s: librosa.feature.melspectrogram(S=s.magnitude**2, sr=s.rate, n_mels=40, fmin=300, fmax=8000),
    ),
    ("logmel", {"ref": 100.0}, lambda s: s.log_mel - 20),
    (
        "mfcc", {"n_mfcc": 13, "lifter": 22.0},
        lambda s: librosa.feature.mfcc(S=s.log_mel, n_mfcc=13, lifter=22),
    ),
    ("bandwidth", {"p": 3.0}, lambda s: librosa.feature.spectral_bandwidth(S=s.magnitude, sr=s.rate, p=3)),
    ("flatness", {"amin": 1e-3}, lambda s: librosa.feature.spectral_flatness(S=s.magnitude, amin=1e-3)),
    ("chroma", {"tuning": 0.3}, lambda s: librosa.feature.chroma_stft(S=s.magnitude**2, sr=s.rate, tuning=0.3)),
    ("onset_strength", {"lag": 2}, lambda s: librosa.onset.onset_strength(S=s.log_mel, sr=s.rate, lag=2)[None]),
    (
        "onset_strength", {"lag": 2, "max_size": 3},  # SuperFlux
        lambda s: librosa.onset.onset_strength(S=s.log_mel, sr=s.rate, lag=2, max_size=3)[None],
    ),
    ("bands", {"kind": "octave"}, lambda s: bands(s, "octave")),
    ("bands", {"kind": "bark"}, lambda s: bands(s, "bark")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("feature", "params", "reference"), PARAMETERS, ids=lambda value: "" if callable(value) else str(value)[:40]
)
def test_parameters_are_those_of_librosa(feature, params, reference):
    sound = heard("drum-loop")
    found = compute(held(sound.samples, sound.rate), feature, **params).data
    want = reference(sound.on_our_transform).T
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())


# --- what is known --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["octave", "third", "bark"])
def test_a_sine_is_in_its_band_with_its_level(kind):
    centres = band_edges(kind)[1]
    for b in (len(centres) // 2, len(centres) - 4):
        sine = 0.5 * np.sin(2 * np.pi * centres[b] * np.arange(20_000) / 44100)
        level = compute(held(sine.astype(np.float32)), "bands", kind=kind).data[10]
        assert level.argmax() == b
        assert level[b] == pytest.approx(20 * np.log10(0.5) - 3.01, abs=0.1)


def test_bands_are_those_of_iec_61260():
    low, centres, high = band_edges("third")
    nominal = [25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500]
    np.testing.assert_allclose(centres[: len(nominal)], nominal, rtol=0.02)
    np.testing.assert_allclose(low[1:], high[:-1])
    np.testing.assert_allclose(high / low, 10**0.1)
    low, centres, high = band_edges("octave")
    np.testing.assert_allclose(centres, [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000], rtol=0.02)
    assert len(band_edges("bark")[1]) == 24


def test_all_bands_together_have_the_power_of_the_signal():
    samples = noise(200_000)
    levels = compute(held(samples), "bands", kind="bark").data[4:-4]
    # white noise, of which the bands hold what lies below 15.5 kHz
    assert 10 * np.log10(np.mean(np.sum(10 ** (levels / 10), axis=1))) == pytest.approx(
        10 * np.log10(np.mean(samples**2) * 15500 / 22050), abs=0.1
    )


def test_moments_of_known_spectra():
    click = np.zeros(20_000)
    click[10_240] = 1.0
    skewness, kurtosis, slope, decrease, entropy, crest = compute(held(click), "moments").data[20]
    # one sample has a flat spectrum: a rectangle's moments
    assert (skewness, slope, decrease) == pytest.approx((0, 0, 0), abs=1e-4)
    assert (kurtosis, entropy, crest) == pytest.approx((1.8, 1, 1), rel=1e-4)


def test_flux_is_1_where_sound_begins_and_0_where_it_stays():
    sine = np.zeros(40_960)
    sine[20_480:] = np.sin(2 * np.pi * 64 * np.arange(20_480) / 2048)
    curve = compute(held(sine), "flux").data[:, 0]
    begins = np.flatnonzero(curve)[0]
    assert curve[begins] == pytest.approx(1, abs=1e-6)
    assert curve[60:70].max() < 1e-3


@pytest.mark.parametrize("note", range(12))
def test_chroma_knows_the_note(note):
    hz = 440 * 2 ** ((note - 9) / 12)
    sine = np.sin(2 * np.pi * hz * np.arange(10_000) / 22050).astype(np.float32)
    chroma = compute(held(sine, 22050), "chroma")
    assert chroma.data[8].argmax() == note
    assert list(chroma.coords["pitch_class"])[note].startswith("CCDDEFFGGAAB"[note])


@pytest.mark.parametrize(
    ("feature", "params", "says"),
    [
        ("melspectrogram", {"fmin": 5000.0, "fmax": 4000.0}, "Mel bands from"),
        ("logmel", {"fmax": 30_000.0}, "Mel bands from"),
        ("mfcc", {"n_mfcc": 41, "n_mels": 40}, "n_mfcc is 41"),
        ("contrast", {"fmin": 20_000.0}, "fmin is 20000"),
    ],
)
def test_what_cannot_be_is_refused(feature, params, says):
    with pytest.raises(CalculatorError, match=says):
        compute(held(noise(4000), 22050), feature, **params)


def test_coordinates_are_in_hertz_where_they_are_frequencies():
    source = held(noise(4000), 22050)
    mels = compute(source, "logmel").coords["mel"]
    np.testing.assert_allclose(mels, librosa.mel_frequencies(130, fmin=0, fmax=11025)[1:-1])
    np.testing.assert_allclose(compute(source, "stft").coords["bin"], bin_frequencies(22050, 2048))
    assert list(compute(source, "contrast").coords["band"]) == [0, 200, 400, 800, 1600, 3200, 6400]
    assert BUILTIN.get("contrast").unit == "dB"
    wide = compute(source, "melspectrogram", AnalysisProfile(window_size=512, hop_size=128, fft_size=4096))
    assert wide.hop_seconds == 128 / 22050
