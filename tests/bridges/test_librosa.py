"""librosa's features as calculators: librosa's own numbers, on our frames."""

from __future__ import annotations

import re
import subprocess
import sys

import librosa
import numpy as np
import pytest
from support.passes import analyse, held, item_of, noise

from audiocache_nb.audio import examples
from audiocache_nb.bridges.librosa import LibrosaCalculator, from_librosa
from audiocache_nb.errors import (
    CalculatorContractError,
    InvalidParameterError,
    InvalidTypeError,
    MissingPackageError,
)
from audiocache_nb.features.calculator import whole
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import calculators
from audiocache_nb.testing import check_calculator

PROFILE = AnalysisProfile(window_size=1024, hop_size=256, window="hamming")
STFT = {"n_fft": 1024, "win_length": 1024, "hop_length": 256, "window": "hamming"}
PITCH = {"fmin": 130.0, "fmax": 2093.0}

CASES = {
    "spectral_centroid": (librosa.feature.spectral_centroid, {}, STFT),
    "spectral_contrast": (librosa.feature.spectral_contrast, {"n_bands": 5}, STFT),
    "chroma_stft": (librosa.feature.chroma_stft, {"tuning": 0.0}, STFT),
    "melspectrogram": (librosa.feature.melspectrogram, {"n_mels": 40, "power": 1.0}, STFT),
    "mfcc": (librosa.feature.mfcc, {"n_mfcc": 13, "lifter": 22}, STFT),
    "poly_features": (librosa.feature.poly_features, {"order": 2}, STFT),
    "rms": (librosa.feature.rms, {}, {"frame_length": 1024, "hop_length": 256}),
    "zero_crossing_rate": (librosa.feature.zero_crossing_rate, {}, {"frame_length": 1024, "hop_length": 256}),
    "onset_strength": (librosa.onset.onset_strength, {}, STFT),
    "tempogram": (librosa.feature.tempogram, {"win_length": 100}, {"hop_length": 256}),
    "tonnetz": (librosa.feature.tonnetz, {}, {"hop_length": 256}),
    "yin": (librosa.yin, PITCH, {"frame_length": 1024, "hop_length": 256}),
}
WITHOUT_RATE = {"rms", "zero_crossing_rate"}


@pytest.fixture(autouse=True)
def _cleaned():
    known = {one.id for one in calculators}
    yield
    for one in calculators.list():
        if one.id not in known:
            calculators.unregister(one.id)


def melody() -> tuple[np.ndarray, int]:
    samples, rate = examples.load("melody")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    return np.ascontiguousarray(mono[: 3 * rate + 123], np.float32), rate


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_librosas(name):
    function, defaults, arguments = CASES[name]
    y, rate = melody()
    made = from_librosa(function, feature=f"of.{name}", **defaults)
    data = analyse(held(y, rate), [made], PROFILE).data(made.id)
    given = {**arguments, **defaults} if name == "tempogram" else {**defaults, **arguments}
    wanted = function(y=y, **({} if name in WITHOUT_RATE else {"sr": rate}), **given)
    wanted = wanted.T if wanted.ndim == 2 else wanted[:, None]
    count = 1 + len(y) // 256
    assert data.shape == (count, wanted.shape[1])
    np.testing.assert_array_equal(data, wanted[:count].astype(np.float32))


def test_the_numbers_are_librosas_on_a_recording(recording):
    from audiocache_nb.audio.ingest import load

    source = load(recording("trumpet_90bpm.ogg"))
    made = from_librosa("spectral_bandwidth", feature="bandwidth.librosa", unit="Hz")
    samples = source.read(0, source.frames)
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    wanted = librosa.feature.spectral_bandwidth(y=mono, sr=source.sample_rate)
    np.testing.assert_allclose(analyse(source, [made]).data(made.id), wanted.T, rtol=1e-5)


def test_it_is_registered_and_says_what_it_is():
    made = from_librosa("chroma_stft", feature="chroma.of.librosa", unit="", axes=("frame", "chroma"), label="Chroma")
    assert calculators.get("librosa.chroma_stft") is made
    assert calculators.default_for("chroma.of.librosa") is made
    assert made.locality is whole
    assert made.title == "Chroma"
    assert made.version_text.startswith(f"librosa-{librosa.__version__}-")
    assert "chromagram" in made.__doc__
    track = analyse(held(noise(9000), 8000), [made]).tracks[made.id]
    assert track.axes == ("frame", "chroma")
    assert track.alignment == "center"


@pytest.mark.parametrize(
    "name", ["spectral_flatness", "feature.spectral_flatness", "librosa.feature.spectral_flatness"]
)
def test_names_are_those_of_librosa_feature(name):
    assert from_librosa(name, feature="flat").function is librosa.feature.spectral_flatness


# --- parameters -----------------------------------------------------------------------------------


def test_parameters_are_those_of_the_signature_that_can_be_some():
    made = from_librosa(librosa.feature.spectral_contrast, feature="contrast")
    assert {name: (one.kind, one.default) for name, one in made.parameters.items()} == {
        "fmin": (float, 200.0),
        "n_bands": (int, 6),
        "quantile": (float, 0.02),
        "linear": (bool, False),
    }
    assert {one.minimum for one in made.parameters.values()} == {None}


def test_optional_numbers_and_numbers_that_are_written_otherwise():
    made = from_librosa(librosa.feature.chroma_stft, feature="chroma.of.librosa")
    assert made.parameters["tuning"].kind is float
    assert made.parameters["tuning"].default is None
    assert "norm" not in made.parameters  # infinite by default
    assert from_librosa(librosa.feature.mfcc, feature="mfcc.of.librosa").parameters["lifter"].kind is float
    given = from_librosa(librosa.feature.chroma_stft, feature="chroma.of.librosa", norm=2)
    assert given.parameters["norm"].default == 2.0


def test_parameters_reach_the_function_and_the_key():
    made = from_librosa("spectral_rolloff", feature="rolloff.of.librosa")
    source = held(noise(9000), 8000)
    usual, other = item_of(source, made), item_of(source, made, roll_percent=0.5)
    assert usual.key != other.key
    calculator_with_other_default = from_librosa("spectral_rolloff", feature="rolloff.of.librosa", roll_percent=0.5)
    data = analyse(source, [calculator_with_other_default]).data(made.id)
    y = held(noise(9000), 8000).array[:, 0]
    wanted = librosa.feature.spectral_rolloff(y=y, sr=8000, n_fft=2048, win_length=2048, roll_percent=0.5)
    np.testing.assert_array_equal(data, wanted.T.astype(np.float32))


def test_what_can_be_no_parameter_is_handed_on_and_is_in_the_version():
    frequencies_hz = np.linspace(0, 100, 1025)
    plain = from_librosa("spectral_centroid", feature="centroid.of.librosa")
    other = from_librosa("spectral_centroid", feature="centroid.of.librosa", freq=frequencies_hz)
    assert "freq" not in other.parameters
    assert plain.version_text != other.version_text
    again = from_librosa("spectral_centroid", feature="centroid.of.librosa", freq=frequencies_hz.copy())
    assert again.version_text == other.version_text
    data = analyse(held(noise(9000), 8000), [other]).data(other.id)
    assert 0 < data.max() <= 100


@pytest.mark.parametrize(
    ("name", "field", "counts"),
    [
        ("spectral_centroid", "window_size", True),
        ("spectral_centroid", "window", True),
        ("rms", "window_size", True),
        ("rms", "window", False),
        ("tonnetz", "window_size", False),
        ("tonnetz", "hop_size", True),
        ("mfcc", "window_size", True),
        ("mfcc", "max_decibels", False),
    ],
)
def test_what_the_function_takes_of_the_profile_is_in_the_key(name, field, counts):
    made = from_librosa(name, feature=f"of.{name}")
    values = {"window_size": 1024, "hop_size": 256, "window": "hamming", "max_decibels": -6.0}
    source = held(noise(100), 8000)
    other = item_of(source, made, AnalysisProfile(**{field: values[field]}))
    assert (item_of(source, made).key != other.key) is counts


def test_a_given_fft_is_not_taken_from_the_profile():
    made = from_librosa("spectral_centroid", feature="centroid.of.librosa", n_fft=4096)
    assert made.parameters["n_fft"].default == 4096
    assert "fft_size" not in made.used_profile(AnalysisProfile())


# --- functions of others --------------------------------------------------------------------------


def loudest(y, hop_length=512):
    """Largest sample of each hop."""
    count = 1 + len(y) // hop_length
    padded = np.pad(np.abs(y), (0, count * hop_length - len(y)))
    return padded.reshape(count, hop_length).max(axis=1)


def test_any_function_of_that_kind_will_do():
    made = from_librosa(loudest, feature="loudest.of.mine")
    assert made.version_text.startswith("code-")
    assert made.id == "librosa.loudest"
    data = analyse(held(noise(1000), 8000), [made], PROFILE).data(made.id)
    np.testing.assert_array_equal(data[:, 0], loudest(noise(1000)[:, 0], 256))


def test_another_function_is_another_version():
    one = from_librosa(loudest, feature="x", id="mine")
    other = from_librosa(lambda y, hop_length=512: 2 * loudest(y, hop_length), feature="x", id="mine")
    assert one.version_text != other.version_text


def test_one_frame_less_is_filled_and_more_are_left_out():
    less = from_librosa(lambda y, hop_length: np.arange(len(y) // hop_length) + 1.0, feature="less", id="less")
    more = from_librosa(lambda y, hop_length: np.arange(2 + len(y) // hop_length) + 1.0, feature="more", id="more")
    outcome = analyse(held(noise(1000), 8000), [less, more], PROFILE)
    assert outcome.data("less")[:, 0].tolist() == [1, 2, 3, 3]
    assert outcome.data("more")[:, 0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda y: (y, y), "returned tuple"),
        (lambda y: np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"),
        (lambda y: np.zeros(99), "returned 99 frames where a hop of the profile's gives 4"),
        (lambda y, hop_length: np.full(1 + len(y) // hop_length, np.nan), "not finite"),
    ],
)
def test_a_result_of_another_kind_is_refused(function, says):
    made = from_librosa(function, feature="odd", id="odd")
    error = analyse(held(noise(1000), 8000), [made], PROFILE).errors["odd"]
    assert isinstance(error, CalculatorContractError)
    assert re.search(says, str(error))


# --- what is refused ------------------------------------------------------------------------------


def test_without_librosa_the_error_says_how_to_get_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "librosa"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackageError) as caught:
        from_librosa("mfcc", feature="mfcc.of.librosa")
    assert "audiocache_nb[librosa]" in caught.value.hint


@pytest.mark.parametrize(
    ("function", "defaults", "says"),
    [
        ("no_such_feature", {}, "no_such_feature"),
        (librosa.feature.delta, {}, "no parameter y"),
        (librosa.yin, {}, "needs fmin, fmax"),
        (librosa.feature.rms, {"gain": 2.0}, "takes no 'gain'"),
        (librosa.feature.rms, {"hop_length": 64}, "hop_length comes from"),
        (librosa.feature.rms, {"y": np.zeros(3)}, "y comes from"),
        (librosa.feature.rms, {"center": False}, "center is True"),
    ],
)
def test_what_cannot_be_one_is_refused(function, defaults, says):
    with pytest.raises(InvalidParameterError, match=says):
        from_librosa(function, feature="none", **defaults)
    assert "none" not in {one.feature for one in calculators}


def test_what_librosa_refuses_is_a_parameter_error():
    made = from_librosa("spectral_contrast", feature="contrast.of.librosa")
    error = analyse(held(noise(9000), 8000), [made]).errors[made.id]
    assert "Nyquist" in str(error)
    assert isinstance(error.__cause__, InvalidParameterError)
    report = check_calculator(made, sample_rates=(8000, 44100), profiles=[AnalysisProfile()])
    assert "Nyquist" in str(report.notes)
    assert report.ok, report


def test_only_functions_are_functions():
    with pytest.raises(InvalidTypeError):
        from_librosa(3, feature="none")


# --- the contract ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spectral_centroid", "rms", "mfcc", "yin"])
def test_they_keep_the_contract(name):
    function, defaults, _ = CASES[name]
    made = from_librosa(function, feature=f"of.{name}", **defaults)
    assert isinstance(made, LibrosaCalculator)
    report = check_calculator(made, sample_rates=(16_000,), profiles=[AnalysisProfile()])
    known = {"silence"} if name == "yin" else set()  # which finds some pitch in it
    assert {finding.check for finding in report.problems} <= known, report


def test_the_import_loads_no_librosa():
    program = "import sys, audiocache_nb.bridges.librosa; print('librosa' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
