"""Reading features while they are being computed."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import audiocache_nb as acn

WAIT_S = 60
RATE = 8000
SECONDS = 60
STOPS_AT_S = 20.0


@pytest.fixture(params=["in memory", "in a file"])
def session(registry, request):
    with acn.Session(cache_dir=False, workers=1, registry=registry) as made:
        if request.param == "in a file":
            made.timeline.scheduler.outputs.mapped_from_bytes = 1
        yield made


@pytest.fixture
def halfway(session, define):
    """A track whose feature ``clock``, the time, has been computed up to some moment and waits there."""
    entered, go_on = threading.Event(), threading.Event()

    def clock(frames, *, ctx):
        while ctx.times_s[-1] > STOPS_AT_S and not go_on.wait(0.002):
            entered.set()
            ctx.checkpoint()
        return np.asarray(ctx.times_s)

    define(clock, inputs="frames", version=1, fill_value=-1.0)
    track = session.add_audio(np.random.default_rng(1).uniform(-1, 1, RATE * SECONDS).astype(np.float32), RATE)
    assert session.growing(track, "clock") is None
    assert session.sample(track, "clock", 1.0) is None
    session.request(track, "clock", element="plot")
    assert entered.wait(WAIT_S)
    yield track, go_on
    go_on.set()


def test_what_is_there_is_read_and_said_to_be_a_part(session, halfway):
    track, go_on = halfway
    sampler = session.sampler(track, "clock")
    for early in (session.sample(track, "clock", 3.0), sampler.at(3.0)):
        assert (early.in_range, early.partial) == (True, True)
        assert early.values[0] == pytest.approx(3.0, abs=1e-3)
    late = session.sample(track, "clock", 50.0)
    assert (late.in_range, late.partial, late.values.tolist()) == (False, True, [-1.0])
    assert session.sample_many(track, "clock", [3.0, 50.0])[:, 0] == pytest.approx([3.0, -1.0], abs=1e-3)
    part = session.sample_range(track, "clock", 0.0, 50.0)
    assert part.partial
    assert 0.1 < part.mask.mean() < 0.6
    assert part.data[part.mask, 0] == pytest.approx(part.times_s[part.mask], abs=1e-3)
    assert np.all(part.data[~part.mask] == -1.0)
    history = session.sample_history(track, "clock", 3.0, 3)
    assert history.partial
    assert history.mask.all()

    go_on.set()
    session.wait(WAIT_S)
    whole = sampler.at(50.0)
    assert (whole.in_range, whole.partial) == (True, False)
    assert not session.sample_range(track, "clock", 0.0, 50.0).partial
    assert session.growing(track, "clock") is None


def test_a_growing_track_stays_readable_when_it_is_finished(session, halfway):
    track, go_on = halfway
    growing = session.growing(track, "clock")
    assert growing.done.any()
    assert not growing.done.all()
    assert growing.track.unit == ""
    go_on.set()
    session.wait(WAIT_S)
    count = int(np.argmin(growing.done))
    assert growing.track.rows(0, count)[:, 0] == pytest.approx(growing.track.times_s[:count], abs=1e-3)
    finished = session.peek(track, "clock")
    assert finished.frame_count == len(growing.done)
    assert np.isfinite(finished.data).all()


def test_stopping_leaves_nothing(session, halfway):
    track, _ = halfway
    session.stop(track)
    assert session.growing(track, "clock") is None
    assert session.sample(track, "clock", 3.0) is None
