"""Results do not depend on how the audio was cut: exactly the same numbers for any segments, readers and threads."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings
from support.passes import CALIBRATED, MVMNT, analyse, held, made_of, noise, streamed

from audiocache_nb.features.calculator import local
from audiocache_nb.features.profile import AnalysisProfile


def flux(spectrum):
    """Look at both neighbours of a frame."""
    return np.maximum(np.diff(spectrum, axis=0, append=0)[1:-1], 0).sum(axis=1)


def total(samples, *, ctx):
    """Receive two cells more on either side."""
    return samples.reshape(ctx.frame_count + 4, -1).sum(axis=1)[2:-2]


OWN = [
    made_of(lambda frames: np.abs(frames).max(axis=1), feature="peak"),
    made_of(flux, inputs="spectrum", locality=local(1)),
    made_of(total, inputs="samples", locality=local(2)),
]
ALL = [*MVMNT, *CALIBRATED, *OWN]
NAMES = [one if isinstance(one, str) else one.id for one in ALL]


def assert_same(a, b):
    assert not a.errors, a.errors
    assert not b.errors, b.errors
    for name in NAMES:
        np.testing.assert_array_equal(a.data(name), b.data(name), err_msg=name)


@settings(max_examples=60)
@given(
    n=st.integers(0, 20_000),
    channels=st.integers(1, 4),
    window=st.integers(2, 3000),
    hop=st.integers(1, 2000).filter(lambda hop: hop > 3),
    size=st.integers(1, 30_000).filter(lambda size: size > 50),
    piece=st.integers(64, 40_000),
)
@example(n=20_000, channels=1, window=2048, hop=512, size=512, piece=512)
@example(n=20_000, channels=2, window=2048, hop=128, size=129, piece=64)
@example(n=9000, channels=1, window=1000, hop=300, size=301, piece=1000)
@example(n=3000, channels=1, window=2, hop=4, size=51, piece=64)
def test_any_segments(n, channels, window, hop, size, piece):
    samples = noise(n, channels)
    profile = AnalysisProfile(window_size=window, hop_size=hop)
    whole = analyse(streamed(samples, piece=1 << 16), ALL, profile)
    assert_same(whole, analyse(streamed(samples, piece=piece), ALL, profile, size=size))
    if n:
        assert_same(whole, analyse(held(samples), ALL, profile, size=size))


@pytest.mark.parametrize("size", [1, 2, 7])
def test_segments_of_a_few_samples(size):
    samples = noise(700, 2)
    profile = AnalysisProfile(window_size=64, hop_size=12)  # cells of one and a half samples
    whole = analyse(held(samples), ALL, profile)
    assert_same(whole, analyse(held(samples), ALL, profile, size=size))
    assert_same(whole, analyse(streamed(samples, piece=3), ALL, profile, size=size))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("source", [held, streamed])
def test_any_number_of_threads(source, threads):
    samples = noise(300_000, 2)
    whole = analyse(held(samples), ALL)
    assert_same(whole, analyse(source(samples), ALL, size=5000, threads=threads))


@pytest.mark.parametrize("hop", [1, 2, 3])
def test_hops_of_single_samples(hop):
    samples = noise(3000)
    profile = AnalysisProfile(window_size=64, hop_size=hop)
    assert_same(analyse(held(samples), ALL, profile), analyse(streamed(samples), ALL, profile, size=333))


def test_a_window_longer_than_the_segments_and_the_recording():
    samples = noise(10_000, 2)
    profile = AnalysisProfile(window_size=1 << 15, hop_size=100)
    assert_same(analyse(held(samples), ALL, profile), analyse(streamed(samples), ALL, profile, size=1000))


@pytest.mark.parametrize("name", ["moments", "bandwidth", "hpss"])
def test_a_frame_alone_is_added_up_as_it_is_beside_others(name):
    """Spectra of more bins than numpy's buffer holds."""
    samples = noise(40_000)
    profile = AnalysisProfile(window_size=1 << 15, hop_size=4000)
    whole = analyse(held(samples), [name], profile).data(name)
    np.testing.assert_array_equal(whole, analyse(held(samples), [name], profile, size=4000).data(name))


@pytest.mark.parametrize("alone", NAMES)
def test_company_does_not_matter(alone):
    """A calculator computes the same alone and together with others that have other framings."""
    samples = noise(50_000, 2)
    together = analyse(streamed(samples), ALL, size=7777)
    one = next(one for one in ALL if (one if isinstance(one, str) else one.id) == alone)
    np.testing.assert_array_equal(analyse(held(samples), [one]).data(alone), together.data(alone))


def test_real_recordings_from_their_files(recording):
    from audiocache_nb.audio.ingest import load

    for name in ("loop_breakbeat_126bpm.flac", "trumpet_90bpm.ogg"):
        source = load(recording(name))
        samples = source.read(0, source.frames)
        assert_same(analyse(held(samples), ALL), analyse(source, ALL, size=10_001, threads=2))
