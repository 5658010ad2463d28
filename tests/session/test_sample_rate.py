"""Features of a recording at another sample rate than its own."""

from __future__ import annotations

import numpy as np
import pytest

import audiocache_nb as acn
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import make_plan
from audiocache_nb.analysis.runner import _focus
from audiocache_nb.analysis.segments import SegmentReader
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.resampled import at_rate
from audiocache_nb.testing.passes import streamed
from tests.audio.test_resampled import by_scipy
from tests.support.families import BUILTIN

AT_16K = acn.AnalysisProfile(sample_rate=16000)


@pytest.fixture
def session():
    with acn.Session(cache_dir=False, workers=2) as made:
        yield made


@pytest.fixture(scope="module")
def melody() -> tuple[np.ndarray, int]:
    samples, rate = acn.examples.load("melody")
    samples = samples[: 3 * rate]
    noise = np.random.default_rng(3).standard_normal(samples.shape) * 0.003  # where it is silent rounding would decide
    return (samples + noise).astype(np.float32), rate


def test_every_feature_is_that_of_the_recording_resampled_by_scipy(session, melody) -> None:
    samples, rate = melody
    track = session.add_audio(samples, rate)
    columns = samples if samples.ndim == 2 else samples[:, None]
    theirs = session.add_audio(by_scipy(columns, rate, 16000).astype(np.float32), 16000)
    names = [one.id for one in BUILTIN.list()]
    session.request(track, names, profile=AT_16K)
    session.request(theirs, names)
    session.compute()
    session.wait(120)
    for name in names:
        got, expected = session.get(track, name, profile=AT_16K), session.get(theirs, name)
        assert got.shape == expected.shape, name
        assert got.hop_seconds == pytest.approx(expected.hop_seconds, rel=1e-3), name
        assert got.provenance["sample_rate"] == 16000
        assert got.parameters["sample_rate"] == 16000
        assert got.key != expected.key
        a, b = got.values().astype(complex), expected.values().astype(complex)
        # A few choices (a sign, a peak, a path) fall otherwise where the last bit decides, and the valleys of the
        # highest of seven bands lie where the filter leaves rounding only.
        least = 6 / 7 if name == "contrast" else 0.97
        alike = np.isclose(a, b, rtol=2e-3, atol=2e-3 * np.abs(b).max(initial=0.0))
        assert not alike.size or alike.mean() >= least, name


def test_times_stay_seconds_of_the_recording(session) -> None:
    rate = 44100
    click = np.zeros(2 * rate, np.float32)
    click[int(1.25 * rate)] = 1
    track = session.add_audio(click, rate, offset_ticks=960)
    for wanted in (8000, 22050, 96000):
        profile = acn.AnalysisProfile(window_size=256, hop_size=64, sample_rate=wanted)
        rms = session.get(track, "rms", profile)
        assert rms.hop_seconds == 64 / wanted
        centre = np.average(rms.times_s, weights=rms.data[:, 0] ** 2)
        assert centre == pytest.approx(1.25, abs=64 / wanted)
        assert session.sample(track, "rms", 1.75, profile=profile).values[0] > 0
        assert session.sample(track, "rms", 1.25, profile=profile).values[0] < 1e-4


def test_its_own_rate_is_the_default_and_every_other_has_a_key_of_its_own(session, melody) -> None:
    samples, rate = melody
    track = session.add_audio(samples, rate)
    plain = session.get(track, "rms")
    same = session.get(track, "rms", acn.AnalysisProfile(sample_rate=rate))
    assert same.key == plain.key
    other = session.get(track, "rms", acn.AnalysisProfile(sample_rate=rate // 2))
    assert len({plain.key, other.key, session.get(track, "rms", AT_16K).key}) == 3


@pytest.mark.parametrize("pieces", [1000, 4097])
def test_numbers_do_not_depend_on_how_the_recording_is_read(session, melody, pieces: int) -> None:
    samples, rate = melody
    source = load(np.tile(samples, (5, 1) if samples.ndim == 2 else 5), sample_rate=rate)
    names = ["spectrogram", "mfcc", "rms", "peaks"]
    whole = [session.get(session.add_audio(source), name, AT_16K).data for name in names]
    with acn.Session(cache_dir=False, workers=1) as other:
        track = other.add_audio(streamed(source, pieces))
        for name, expected in zip(names, whole, strict=True):
            assert np.array_equal(other.get(track, name, AT_16K).data, expected)


def test_a_plan_resamples_once_for_all_and_says_so(session, melody) -> None:
    samples, rate = melody
    track = session.add_audio(samples, rate)
    wanted = [acn.Descriptor(name, profile=profile) for name in ("rms", "mfcc", "zcr") for profile in (None, AT_16K)]
    text = session.plan(track, wanted).explain()
    assert text.count("One pass over the audio, resampled to 16000 Hz:") == 1
    assert text.count("decode, resample") == 1
    session.request(track, wanted)
    session.wait(60)
    assert session.status(track).state == "ready"
    assert session.status(track).progress is None


def test_what_is_looked_at_comes_first_at_any_rate() -> None:
    """The part of a recording that a plot shows, in samples of the pass."""
    source = load(np.zeros(40 * 44100, np.float32), sample_rate=44100)
    for read in (source, streamed(source, 5000)):
        heard = at_rate(read, 11025)
        reader = SegmentReader(heard, 0, 0, mono=True, size=11025, focus=lambda: (30 * 11025, 31 * 11025))
        first = reader.next(reader.buffers())
        assert first is not None
        assert first.first == (30 * 11025 if read is source else 0)  # a stream of one's own may not find places again
        reader.close()
    job = Job(source, [])
    job.focus = lambda: (44100, 88200)
    assert _focus(job, make_plan(at_rate(source, 11025), []))() == (11025, 22050)
    job.focus = lambda: None
    assert _focus(job, make_plan(source, []))() is None


def test_a_scene_brings_it_back(session, melody, tmp_path) -> None:
    samples, rate = melody
    track = session.add_audio(samples, rate)
    session.request(track, ["rms", "centroid"], element="plot", profile=AT_16K)
    session.wait(60)
    session.save(tmp_path / "scene.zip")
    loaded, report = acn.load(tmp_path / "scene.zip", cache_dir=False)
    with loaded:
        again = loaded.peek(loaded.tracks[track.id], "rms", AT_16K)
        assert np.array_equal(again.data, session.get(track, "rms", AT_16K).data)
        assert all("verified" in str(note) for note in loaded.verify_imported().features), report


def test_wrong_rates_are_refused() -> None:
    for rate in (999, 768_001, 0, -1, 44100.5, "44100", True, float("nan")):
        with pytest.raises(acn.InvalidParameterError, match="sample_rate"):
            acn.AnalysisProfile(sample_rate=rate)
    assert acn.AnalysisProfile(sample_rate=np.int64(16000)) == AT_16K
    assert acn.AnalysisProfile(sample_rate=None).id == "default"
    assert at_rate(load(np.zeros(10, np.float32), sample_rate=8000), AT_16K.sample_rate).frames == 20
