"""A plot's visible range is what the analysis begins with."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from support.passes import made_of
from support.wait import until
from widgets.conftest import widget_comm

import audiocache_nb as acn
from audiocache_nb.analysis import outputs
from audiocache_nb.analysis.segments import LONG_SEGMENT_SAMPLES as SEGMENT
from audiocache_nb.analysis.shared import BATCH_SAMPLES
from audiocache_nb.features.registry import Registry
from audiocache_nb.widgets.feature_plot import FeaturePlot

HOUR_S = 3600
RATE_HZ = 2000
WAIT_S = 60
WINDOW, HOP = 2048, 512


@pytest.fixture
def permits():
    """As many batches of frames as it is released for are computed."""
    return threading.Semaphore(0)


@pytest.fixture
def session(permits):
    def clock(frames, *, ctx):
        while not permits.acquire(timeout=0.01):
            ctx.checkpoint()
        return np.asarray(ctx.times_s)

    registry = Registry(entry_points=False)
    registry.register(made_of(clock, inputs="frames", version=1))
    with acn.Session(cache_dir=False, workers=1, registry=registry) as made:
        yield made


@pytest.fixture
def track(session):
    return session.add_audio(np.zeros(HOUR_S * RATE_HZ, np.float32), RATE_HZ, offset_ticks=480)


def test_what_a_plot_shows_is_next_also_of_what_runs_already(session, track, permits):
    page = widget_comm(FeaturePlot(session, track, "clock", waveform=False))
    permits.release(1)
    until(lambda: session.growing(track, "clock") is not None or permits._value == 0)
    page.page_sets(in_view=True)
    page.page_sets(span=[2000.0, 2060.0])
    batches = SEGMENT // BATCH_SAMPLES * WINDOW // HOP + 1
    permits.release(4 * batches)  # what was begun, and the two segments that hold the range, and not much more

    def there():
        """Which frames of the timeline are there."""
        growing = session.growing(track, "clock")
        return np.zeros(0) if growing is None else growing.track.times_s[growing.done] - track.clip.shift_s

    until(lambda: np.count_nonzero((there() >= 2000) & (there() < 2060)) == round(60 * RATE_HZ / HOP))
    begun_s = SEGMENT / RATE_HZ
    assert np.all((there() < begun_s + 1) | ((there() > 2000 - 3 * begun_s) & (there() < 2060 + 3 * begun_s)))
    growing = session.growing(track, "clock")
    shown = growing.track.rows(0, growing.track.frame_count)[growing.done, 0]
    np.testing.assert_array_equal(shown, growing.track.times_s[growing.done].astype(np.float32))
    permits.release(10_000)
    session.wait(WAIT_S)
    whole = session.peek(track, "clock")
    np.testing.assert_array_equal(whole.data[:, 0], whole.times_s.astype(np.float32))


def test_what_grows_in_a_file_is_drawn_without_reading_the_rest(session, permits, monkeypatch):
    session.timeline.scheduler.outputs.mapped_from_bytes = 1

    def wide(frames, *, ctx):
        while not permits.acquire(timeout=0.01):
            ctx.checkpoint()
        return np.repeat(frames[:, :1], 600, axis=1)

    session.registry.register(made_of(wide, inputs="frames", version=1))
    read, seen = outputs._RowsOfFile.read, []

    def noted(self, first, end):
        seen.append(end - first)
        return read(self, first, end)

    monkeypatch.setattr(outputs._RowsOfFile, "read", noted)
    track = session.add_audio(np.full(HOUR_S * RATE_HZ, 0.25, np.float32), RATE_HZ)
    plot = FeaturePlot(session, track, "wide", waveform=False)
    widget_comm(plot).page_sets(in_view=True, span=[2000.0, 2060.0])
    permits.release(12)
    until(lambda: session.publisher.poke(plot) or (plot.layers[0]["done"] or [[1, 0]])[0][0] < 0.6)
    assert plot.layers[0]["buckets"] > 10_000
    assert seen
    assert max(seen) < 2000


def test_who_looks_last_counts_and_may_look_away(session, track):
    source, focus = track.source, session.timeline.focus
    shift = track.clip.shift_s
    plots = [FeaturePlot(session, track, "rms", waveform=False) for _ in range(2)]
    pages = [widget_comm(plot) for plot in plots]
    at_playhead = focus.of(source)
    assert at_playhead == (0, 0)
    pages[0].page_sets(span=[10.0, 20.0])
    assert focus.of(source) == at_playhead  # it is on no screen
    pages[0].page_sets(in_view=True)

    def samples(first_s, end_s):
        return round((first_s + shift) * RATE_HZ), round((end_s + shift) * RATE_HZ)

    assert focus.of(source) == samples(10, 20)
    pages[1].page_sets(span=[100.0, 130.0], in_view=True)
    assert focus.of(source) == samples(100, 130)
    pages[0].page_sets(span=[12.0, 20.0])
    assert focus.of(source) == samples(12, 20)
    plots[0].close()
    assert focus.of(source) == samples(100, 130)
    session.move(track, offset_ticks=0)
    assert focus.of(source) == (100 * RATE_HZ, 130 * RATE_HZ)
    pages[1].page_sets(in_view=False)
    assert focus.of(source) == at_playhead


def test_without_a_plot_the_playhead_is_where_it_begins(session, track):
    focus, shift = session.timeline.focus, track.clip.shift_s
    assert focus.of(track.source) is None
    session.playhead.seek(100.0)
    at = round((100.0 + shift) * RATE_HZ)
    assert focus.of(track.source) == (at, at)
    session.focus(track, 20.0, 30.0)
    assert focus.of(track.source) == (round((20 + shift) * RATE_HZ), round((30 + shift) * RATE_HZ))
    session.unfocus()
    assert focus.of(track.source) == (at, at)
    last = session.add_audio(track.source, offset_ticks=4 * HOUR_S * 960)  # which sounds later
    session.trim(track, region_start_tick=0, region_end_tick=960)
    session.playhead.seek(last.start + 5.0)
    assert focus.of(track.source) == (5 * RATE_HZ, 5 * RATE_HZ)
    session.remove(last)
    session.remove(track)
    assert focus.of(track.source) is None


def test_ranges_of_ones_own(session, track):
    focus, shift = session.timeline.focus, track.clip.shift_s
    session.focus(track, 30, 20)
    assert focus.of(track.source) == (round((20 + shift) * RATE_HZ), round((30 + shift) * RATE_HZ))
    session.focus(track.id, -50, 10**9, element="mine")
    assert focus.of(track.source) == (0, track.source.frames)
    session.release("mine")
    assert focus.of(track.source) != (0, track.source.frames)
    session.unfocus()
    assert focus.of(track.source) is None
    for wrong in [(np.nan, 1), (0, np.inf), ("a", 1)]:
        with pytest.raises(acn.AudioCacheError):
            session.focus(track, *wrong)
    with pytest.raises(acn.AudioCacheError):
        session.focus("nobody", 0, 1)
    session.focus(track, 0, 1)
    session.remove(track)
    assert focus.of(track.source) is None


def test_an_element_that_is_gone_looks_at_nothing(session, track):
    class Viewer:
        pass

    viewer = Viewer()
    session.focus(track, 0, 1, element=viewer)
    assert session.timeline.focus.of(track.source) is not None
    del viewer
    until(lambda: session.timeline.focus.of(track.source) is None)
