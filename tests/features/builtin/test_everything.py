"""What holds for every built-in calculator, now and of those that come: nobody has to remember to add them here."""

from __future__ import annotations

import dataclasses
import inspect
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings
from support.families import BUILTIN, compute_all
from support.passes import analyse, held, noise, streamed

from audiocache_nb.audio import examples
from audiocache_nb.audio.ingest import load
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.testing.bench import Bench
from audiocache_nb.testing.gain import LAWS
from audiocache_nb.testing.signals import lively

ALL = BUILTIN.list()
LOCAL = [one for one in ALL if one.is_local]
WHOLE = [one for one in ALL if not one.is_local]
# What the table of features to ship names; further calculators are what these are made of, or more.
WANTED = (
    "mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform", "spectrogram", "waveform", "peaks", "stft",
    "melspectrogram", "logmel", "mfcc", "rms", "zcr", "centroid", "chroma", "onset_strength", "loudness",
    "loudness.integrated", "bandwidth", "rolloff", "flatness", "flux", "contrast", "moments", "bands", "delta",
    "cqt", "tonnetz", "f0.yin", "waveform.period", "tempogram", "tempo", "tempo.curve", "beats", "onsets", "health",
    "health.events", "f0.pyin", "hpss", "ssm", "novelty", "voice", "voice.quality",
)  # fmt: skip
# What a gain does to these is said in their docstrings, or depends on the feature they are made of.
NO_LAW = {"mfcc", "delta", "health", "health.events"}


def by_id(calculators):
    return pytest.mark.parametrize("one", calculators, ids=lambda one: one.id)


# --- what they say of themselves ------------------------------------------------------------------


def test_all_are_there():
    assert set(WANTED) <= {one.id for one in ALL}


@by_id(ALL)
def test_it_says_what_it_is(one):
    assert isinstance(one.version, int)
    assert one.label
    said = inspect.getdoc(type(one)) or ""
    assert len(said.splitlines()) >= 3, "formula, source, what silence gives"
    laws = {one.gain} if isinstance(one.gain, str) else set(one.gain)
    assert laws <= set(LAWS)
    assert (laws == {""}) == (one.id in NO_LAW)
    if one.is_local:
        assert one.locality_text in repr(one)
        assert max(one.halo(AnalysisProfile(), one.parameters.effective({}))) == one.locality.halo_frames
        assert one.is_in_pass or "halo" in said
    else:
        assert re.search(r"[Nn]eeds all of|computed from the finished|depends on the whole", said)
    for parameter in one.parameters.values():
        assert parameter.description.endswith((".", ")")), parameter.name
        bounded = parameter.minimum is not None and parameter.maximum is not None
        assert bounded or parameter.choices or parameter.kind is bool or (parameter.name == "of"), parameter.name


def test_everything_has_coordinates_and_a_grid():
    tracks = compute_all(held(lively(30_000, 2, 44100)), ALL)
    for name, track in tracks.items():
        assert track.feature == BUILTIN.get(name).feature
        assert track.label
        assert set(track.coords) == set(track.axes), name
        for axis, size in zip(track.axes, track.data.shape, strict=True):
            assert len(track.coords[axis]) == size, (name, axis)
        assert track.data.dtype in (np.float32, np.float64, np.complex64)
        assert np.isfinite(track.fill_value)
        assert track.hop_seconds > 0
    dependent = {one.id: one.dependencies(AnalysisProfile(), one.parameters.effective({})) for one in WHOLE}
    assert all(dependent.values())


# --- cutting --------------------------------------------------------------------------------------


def assert_same(name: str, want: np.ndarray, found: np.ndarray) -> None:
    """Equal, or to 1e-6 of the largest of the column where the docstring says so."""
    assert found.shape == want.shape, name
    if np.array_equal(found, want):
        return
    assert "1e-6 relative" in (inspect.getdoc(type(BUILTIN.get(name))) or ""), f"{name} is not exactly the same"
    scale = np.maximum(np.abs(want).max(axis=0), np.abs(found).max(axis=0))
    assert (np.abs(found - want) <= 1e-6 * scale).all(), name


@settings(max_examples=15)
@given(
    n=st.integers(1, 30_000),
    channels=st.integers(1, 3),
    rate=st.sampled_from([8000, 22050, 44100]),
    framing=st.sampled_from([(2048, 512), (1000, 300), (512, 128), (256, 300)]),
    size=st.integers(600, 20_000),
    rows=st.integers(1, 300),
    piece=st.integers(100, 40_000),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@example(n=30_000, channels=2, rate=44100, framing=(2048, 512), size=513, rows=1, piece=999, cut=(0.3, 0.7))
@example(n=20_000, channels=1, rate=8000, framing=(1000, 300), size=3001, rows=17, piece=1 << 16, cut=(0.0, 0.1))
def test_any_block_any_start_and_any_split_give_the_same_numbers(n, channels, rate, framing, size, rows, piece, cut):
    samples = lively(n, channels, rate)
    profile = AnalysisProfile(window_size=framing[0], hop_size=framing[1])
    names = [one.id for one in LOCAL]
    whole = analyse(held(samples, rate), names, profile, size=1 << 20)
    pieces = analyse(streamed(samples, rate, piece=piece), names, profile, size=size, rows=rows)
    for name in names:
        want = whole.data(name)
        assert_same(name, want, pieces.data(name))
        # from any frame on, with its neighbours
        first, end = sorted(int(share * len(want)) for share in cut)
        if end > first:
            part = Bench(BUILTIN.get(name), samples, rate, profile).call(first, end).rows
            assert_same(name, want[first:end], part)


# --- edges ----------------------------------------------------------------------------------------


def check(tracks: dict[str, FeatureTrack]) -> None:
    for name, track in tracks.items():
        assert np.isfinite(track.data).all(), name
        assert np.isfinite(track.times_s).all(), name


@pytest.mark.parametrize("n", [0, 1, 2, 2047, 2048])
def test_short_recordings(n):
    tracks = compute_all(held(noise(n, 2)), ALL)
    check(tracks)
    for name, track in tracks.items():
        if track.format == "global":
            assert track.frame_count == 1
        elif track.format == "events" or not n:
            assert n or not track.frame_count, name
        else:
            assert track.frame_count > 0, name


@pytest.mark.parametrize(
    ("rate", "channels"), [(8000, 1), (11025, 8), (22050, 2), (48000, 2), (96000, 1), (192000, 2)], ids=str
)
def test_rates_and_channels(rate, channels):
    samples = lively(rate // 3, channels, rate)
    tracks = compute_all(held(samples, rate), ALL)
    check(tracks)
    for name, track in tracks.items():
        if track.is_framewise:
            assert track.times_s[-1] <= len(samples) / rate, name
        if "channel" in track.axes:
            assert len(track.coords["channel"]) == (1 if name.startswith("mvmnt.") else channels), name
        if "bin" in track.axes and track.data.dtype == np.float32:
            assert track.coords["bin"][-1] == pytest.approx(rate / 2)


@pytest.mark.parametrize("name", ["DC", "square", "click", "over full scale", "tiny"])
def test_harsh_signals(name):
    n = np.arange(22_050)
    samples = {
        "DC": np.full(len(n), 0.5),
        "square": np.where(n // 220 % 2, -1.0, 1.0),
        "click": np.where(n == 11_025, 1.0, 0.0),
        "over full scale": 1e4 * noise(len(n))[:, 0],
        "tiny": 1e-20 * noise(len(n))[:, 0],
    }[name]
    check(compute_all(held(samples.astype(np.float32)), ALL))


def test_silence_is_the_fill_value():
    tracks = compute_all(held(np.zeros((22_050, 2))), ALL)
    # what has no single number for silence: the first cepstral coefficient, the aperiodicity, facts about the recording
    others = {"mfcc", "f0.yin", "loudness.integrated", "health"}
    for name, track in tracks.items():
        if track.format == "events":
            assert not track.frame_count or name == "health.events"
        elif name not in others:
            np.testing.assert_allclose(track.data, track.fill_value, rtol=1e-6, atol=1e-12, err_msg=name)


def test_what_is_no_number_counts_as_zero_if_it_is_let_in():
    samples = lively(20_000, 2, 44100)
    holes = samples.copy()
    samples[5000:5010], samples[12_000] = 0, 0
    holes[5000:5010], holes[12_000] = np.nan, np.inf
    want = compute_all(held(samples), ALL)
    found = compute_all(load(holes, sample_rate=44100, nonfinite="zero"), ALL)
    for name, track in want.items():
        np.testing.assert_array_equal(found[name].data, track.data, err_msg=name)


def test_a_hop_later_everything_is_a_hop_later():
    """Of local calculators `check_calculator` asks more; here are those that need the whole recording."""
    samples, rate = examples.load("vowels")
    hop = 512
    later = np.concatenate([np.zeros(hop, np.float32), samples])
    one, other = (compute_all(held(values, rate), WHOLE) for values in (samples, later))
    for name in ("onsets", "f0.pyin"):
        a, b = one[name], other[name]
        if a.format == "events":  # but for the first, where what is nothing new before may be so after silence
            start_s = a.times_s[0]
            b = dataclasses.replace(b, data=b.data[b.times_s >= start_s])
            np.testing.assert_allclose(b.times_s, a.times_s + hop / rate, atol=1e-9, err_msg=name)
            continue
        inside = slice(20, -20)
        same = np.isclose(b.data[1:][: len(a.data)][inside], a.data[: len(b.data) - 1][inside], rtol=1e-4, atol=1e-3)
        assert same.mean() > 0.97, name
    for name in ("tempo", "loudness.integrated", "voice.quality"):
        np.testing.assert_allclose(other[name].data, one[name].data, rtol=0.02, atol=0.01, err_msg=name)


@pytest.mark.parametrize("peak", [1e15, 1e30, 3e38])
def test_samples_beyond_all_measure_give_finite_numbers_or_an_error_that_says_so(peak):
    loud = np.full((6000, 1), peak, np.float32)
    loud[::2] *= -1
    found = analyse(held(loud), [one.id for one in LOCAL])
    for one in LOCAL:
        error = found.errors.get(one.id)
        if error is None:
            assert np.isfinite(found.tracks[one.id].data).all(), one.id
        else:
            assert ("peaks at" if one.is_in_pass else "that feature's own error") in error.hint, one.id
