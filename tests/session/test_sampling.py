"""Sampling on a session's timeline."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import audiocache_nb as acn

WAIT_S = 60
RATE = 8000


@pytest.fixture
def clock(define):
    """The feature ``clock``, whose value is the source's time."""

    def clock(frames, *, ctx):
        return np.asarray(ctx.times_s)

    return define(clock, inputs="frames", version=1, fill_value=-1.0)


@pytest.fixture
def timed(session, track, clock):
    session.get(track, "clock", timeout=WAIT_S)
    return track


def read(session, track, time, **options):
    got = session.sample(track, "clock", time, **options)
    return float(got.values[0]) if got.in_range else None


def test_d01_what_was_read_before_a_move_is_not_read_after_it(session, timed):
    """The original kept samples by tick alone: after a move, or of another clip, it showed the old place's frame."""
    assert read(session, timed, 1.0) == pytest.approx(1.0, abs=1e-4)
    session.move(timed, offset_ticks=480)
    assert read(session, timed, 1.0) == pytest.approx(0.75, abs=1e-4)
    session.tempo.bpm = 60
    assert read(session, timed, 1.0) == pytest.approx(0.5, abs=1e-4)
    session.tempo.bpm = 120
    assert read(session, timed, 1.0) == pytest.approx(0.75, abs=1e-4)


def test_d01_two_clips_of_one_recording_are_two_places(session, timed, tone):
    other = session.add_audio(tone, RATE, offset_ticks=960, region_start_tick=480, region_end_tick=1440)
    assert other.source_id == timed.source_id
    assert [read(session, one, 0.6) for one in (timed, other)] == pytest.approx([0.6, 0.35], abs=1e-4)
    assert [read(session, one, 1.0) for one in (timed, other, timed)] == [
        pytest.approx(1.0, abs=1e-4),
        None,
        pytest.approx(1.0, abs=1e-4),
    ]


def test_a_sampler_follows_the_timeline(session, track, clock, tone):
    sampler = session.sampler(track, "clock")
    assert sampler.at(1.0) is None
    assert sampler.many([1.0]) is None
    session.get(track, "clock", timeout=WAIT_S)
    assert sampler.at(1.0).values[0] == pytest.approx(1.0, abs=1e-4)
    session.move(track, offset_ticks=960)
    assert sampler.many([1.0, 0.1])[:, 0] == pytest.approx([0.5, -1.0], abs=1e-4)
    session.tempo.set_map([(0.0, 60.0, "linear"), (2.0, 120.0)])
    begin = session.tempo.ticks_to_seconds(960)
    assert sampler.at(1.5).values[0] == pytest.approx(1.5 - begin, abs=1e-4)
    session.clear(track)
    assert sampler.at(1.5) is None
    session.remove(track)
    with pytest.raises(acn.UnknownTrackError):
        sampler.at(1.5)


def test_a_sampler_keeps_no_data_alive(session, timed):
    sampler = session.sampler(timed, "clock")
    assert sampler.at(1.0) is not None
    data = weakref.ref(session.peek(timed, "clock"))
    session.clear(timed)
    gc.collect()
    assert data() is None
    assert sampler.at(1.0) is None


def test_another_profiles_data_are_never_taken(session, timed):
    other = acn.AnalysisProfile(hop_size=256)
    assert session.sample(timed, "clock", 1.0, profile=other) is None
    assert session.sample_many(timed, "clock", [1.0], profile=other) is None
    assert session.sample_range(timed, "clock", 0.0, 1.0, profile=other) is None
    assert session.sample_history(timed, "clock", 1.0, 3, profile=other) is None
    session.get(timed, "clock", profile=other, timeout=WAIT_S)
    here, there = (session.sample_history(timed, "clock", 1.0, 2, profile=one) for one in (None, other))
    assert np.diff(here.times_s)[0] == pytest.approx(2 * np.diff(there.times_s)[0])


def test_a_calculator_that_takes_over_a_feature_is_read_from_then_on(session, timed, define):
    sampler = session.sampler(timed, "clock")
    assert sampler.at(1.0) is not None
    define(lambda frames: frames[:, 0] * 0 + 7, "clock", id="mine.clock", inputs="frames", version=1)
    assert sampler.at(1.0) is None
    session.get(timed, "clock", timeout=WAIT_S)
    assert sampler.at(1.0).values[0] == 7


def test_options_that_are_equal_but_not_the_same_are_told_apart(session, timed):
    session.get(timed, "spectrogram", timeout=WAIT_S)
    assert session.sample(timed, "spectrogram", 1.0, band=440).values[0] == -80  # bin 440 is at 1.7 kHz
    assert session.sample(timed, "spectrogram", 1.0, band=440.0).values[0] > -40  # Hz
    with pytest.raises(acn.InvalidParameterError):
        session.sample(timed, "spectrogram", 1.0, band=True)
    with pytest.raises(acn.InvalidParameterError):
        session.sample(timed, "spectrogram", 1.0, band=[1])
    for n in range(600):
        assert session.sample(timed, "spectrogram", 1.0, band=n).values.shape == (1,)


def test_all_verbs_take_the_same_choices(session, timed):
    session.get(timed, "rms", timeout=WAIT_S)
    choices = {"smoothing": "20 ms", "kernel": "hann", "interpolation": "cubic", "channel": 0, "edges": "hold"}
    one = session.sample(timed, "rms", 0.5, **choices).values
    assert session.sample_many(timed, "rms", [0.5], **choices)[0] == pytest.approx(one)
    assert session.sampler(timed, "rms", **choices).at(0.5).values == pytest.approx(one)
    assert session.sample_history(timed, "rms", 0.5, 2, **choices).data[-1] == pytest.approx(one)
    assert session.sample_range(timed, "rms", 0.4, 0.5, channel=0).data.shape[1] == 1
    with pytest.raises(acn.InvalidParameterError, match="more than 2 values"):
        session.sample_range(timed, "rms", 0.0, 1.0, max_values=2)
    with pytest.raises(acn.InvalidParameterError):
        session.sampler(timed, "rms", edges="wrap")
