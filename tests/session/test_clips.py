"""Clips on the timeline: how long they sound, and what is played."""

from __future__ import annotations

import pytest

import audiocache_nb as acn

RATE = 8000


def test_a_clip_knows_when_it_sounds(session, tone):
    track = session.add_audio(tone, RATE, offset_ticks=960, region_start_tick=480, region_end_tick=1440)
    assert (track.start, track.duration, track.end) == (0.5, 0.5, 1.0)
    whole = session.trim(track, region_start_tick=None, region_end_tick=None)
    assert (whole.start, whole.duration, whole.end) == (0.5, 2.0, 2.5)
    beyond = session.trim(track, region_start_tick=1920, region_end_tick=100_000)
    assert beyond.duration == 1.0  # as far as the recording reaches
    assert session.trim(track, region_start_tick=100_000, region_end_tick=None).duration == 0.0


def test_a_tempo_edit_moves_clips_and_their_trims_but_no_sound(session, tone):
    whole = session.add_audio(tone, RATE, offset_ticks=1920)
    part = session.add_audio(tone, RATE, region_start_tick=960, region_end_tick=1920)
    session.tempo.bpm = 60
    assert (whole.start, whole.duration) == (2.0, 2.0)
    assert (part.start, part.duration) == (0.0, 1.0)
    assert session.timeline.spans_s().tolist() == [[2.0, 4.0], [0.0, 1.0]]
    session.tempo.set_map([(0, 120), (1, 60)])
    assert whole.start == pytest.approx(session.tempo.ticks_to_seconds(1920))


def test_all_spans_at_once_are_those_of_each(session, tone):
    session.tempo.set_map([(0.0, 90.0, "linear"), (3.0, 150.0), (5.0, 70.0)])
    for n in range(6):
        session.add_audio(
            tone, RATE, offset_ticks=n * 700 - 900, region_start_tick=n * 100, region_end_tick=n * 900 + 200
        )
    spans = session.timeline.spans_s()
    for track, span in zip(session.tracks.values(), spans, strict=True):
        assert span.tolist() == pytest.approx([track.start, track.end])
        assert track.end - track.start == pytest.approx(track.duration)


def test_the_playback_range_follows_the_clips(session, tone):
    assert session.playback_range == (0.0, 0.0)
    track = session.add_audio(tone, RATE, offset_ticks=1920)
    assert session.playback_range == (0.0, 3.0)
    other = session.add_audio(tone, RATE, offset_ticks=3840)
    assert session.playback_range == (0.0, 4.0)
    session.tempo.bpm = 60
    assert session.playback_range == (0.0, 6.0)
    session.tempo.bpm = 120
    session.enable(other, False)
    assert session.playback_range == (0.0, 3.0)
    session.enable(other)
    session.remove(other)
    assert session.playback_range == (0.0, 3.0)
    session.move(track, offset_ticks=-960)
    assert session.playback_range == (-0.5, 1.5)
    session.trim(track, region_end_tick=960)
    assert session.playback_range == (-0.5, 0.0)


def test_a_playback_range_that_was_set_stays_until_it_is_reset(session, track):
    heard = []
    session.subscribe(lambda event: heard.append(type(event).__name__))
    session.playback_range = (0.5, 1)
    session.playback_range = [0.5, 1.0]
    assert session.playback_range == (0.5, 1.0)
    session.move(track, offset_ticks=960)
    session.tempo.bpm = 60
    assert session.playback_range == (0.5, 1.0)
    session.playback_range = None
    assert session.playback_range == (0.0, 3.0)
    assert session.store.flush(10)
    assert heard.count("PlaybackRangeChanged") == 2


@pytest.mark.parametrize(
    "value", [1.0, (1,), (1, 2, 3), (2, 1), (1, 1), (0, float("nan")), ("0", "1"), "01", (True, 2)]
)
def test_what_is_no_range_is_refused(session, track, value):
    session.playback_range = (0.5, 1)
    with pytest.raises(acn.AudioCacheError):
        session.playback_range = value
    assert session.playback_range == (0.5, 1.0)


def test_d22_every_reading_of_a_trimmed_clip_ends_where_the_clip_ends(session, track):
    """The original has three ideas of where a clip begins and ends; here sampling and playback share one."""
    session.get(track, "rms", timeout=60)
    moved = session.trim(session.move(track, offset_ticks=480), region_start_tick=240, region_end_tick=480)
    assert (moved.start, moved.end) == (0.25, 0.375)
    inside = [session.sample(track, "rms", time).in_range for time in (0.2499, 0.25, 0.3749, 0.375, 0.46)]
    assert inside == [False, True, True, False, False]
    part = session.sample_range(track, "rms", 0.0, 1.0)
    times = part.times_s[part.mask]
    hop = session.peek(track, "rms").hop_seconds
    assert moved.start - hop < times[0] <= moved.start + hop
    assert moved.end - hop < times[-1] < moved.end + hop
    assert session.playback_range == (0.0, 0.375)
