from __future__ import annotations

import gc
import threading
import time
import weakref

import numpy as np
import pytest
import traitlets

import audiocache_nb as acn
from audiocache_nb.errors import InvalidParameterError, InvalidTypeError, SessionClosedError
from audiocache_nb.models.clock import Report
from audiocache_nb.models.playhead import Playhead


def until(condition, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


@pytest.fixture
def session():
    with acn.Session(cache_dir=False) as made:
        yield made


@pytest.fixture
def playhead(session):
    return session.playhead


class Page:
    """A transport with a page that does what it is told."""

    ready = True

    def __init__(self):
        self.commands = []

    def command(self, command):
        self.commands.append(command)


def seconds(session, duration_s):
    return session.add_audio(np.zeros(int(duration_s * 8000), "float32"), 8000)


def test_there_is_one_per_session(session):
    assert session.playhead is session.playhead
    assert isinstance(session.playhead, traitlets.HasTraits)


def test_a_new_one_stands_at_the_beginning(playhead):
    assert (playhead.time, playhead.playing, playhead.rate) == (0.0, False, 1.0)
    assert (playhead.loop_start, playhead.loop_end) == (None, None)
    assert (playhead.tick, playhead.bar, playhead.beat) == (0.0, 1, 1.0)


def test_seek_moves_all_views_and_tells_observers_at_once(session, playhead):
    seen = {}
    playhead.observe(lambda change: seen.update({change["name"]: change["new"]}))
    playhead.seek(2.75)
    assert (playhead.time, playhead.tick, playhead.bar, playhead.beat) == (2.75, 5280.0, 2, 2.5)
    assert seen == {"time": 2.75, "tick": 5280.0, "bar": 2, "beat": 2.5}


def test_assigning_is_the_same_as_the_verbs(playhead):
    playhead.time = 3.0
    playhead.rate = 2
    playhead.playing = True
    assert playhead.playing
    playhead.playing = False
    assert playhead.time >= 3.0
    playhead.loop_start = 5
    playhead.loop_end = 2  # on the way to another loop
    playhead.loop_end = 6
    assert (playhead.loop_start, playhead.loop_end) == (5.0, 6.0)


def test_musical_positions_follow_the_tempo_and_time_does_not(session, playhead):
    playhead.seek(8.0)
    seen = []
    playhead.observe(lambda change: seen.append((change["name"], change["new"])))
    session.tempo.bpm = 60
    assert (playhead.time, playhead.tick, playhead.bar, playhead.beat) == (8.0, 7680.0, 3, 1.0)
    assert dict(seen) == {"tick": 7680.0, "bar": 3}
    session.tempo.beats_per_bar = 3
    assert (playhead.bar, playhead.beat) == (3, 3.0)
    playhead.seek_bar(2, 2.5)
    assert playhead.time == pytest.approx(4.5)


def test_it_plays_by_itself_and_tells_observers_no_more_than_20_times_a_second(playhead):
    times, threads = [], set()

    def heard(change):
        times.append((time.monotonic(), change["new"]))
        threads.add(threading.current_thread().name)

    playhead.observe(heard, "time")
    began = time.monotonic()
    playhead.play()
    until(lambda: playhead.time > 0.5)
    playhead.pause()
    elapsed = time.monotonic() - began
    assert playhead.time == pytest.approx(elapsed, abs=0.1)
    assert len(times) <= 20 * elapsed + 4
    assert len(times) >= 3
    assert times[-1][1] == playhead.time, "the last value always arrives"
    assert [value for _, value in times] == sorted(value for _, value in times)
    assert threads <= {"audiocache_nb publisher", threading.current_thread().name}


def test_it_ends_with_the_last_clip_and_says_so(session, playhead):
    seconds(session, 1.0)
    ended = threading.Event()
    playhead.observe(lambda change: change["new"] or ended.set(), "playing")
    playhead.rate = 16
    playhead.play()
    assert ended.wait(20)
    assert playhead.time == 1.0
    playhead.rate = 0.1  # so that it is not at the end again before anybody looks
    playhead.play()
    assert playhead.playing


def test_the_range_follows_clips_and_tempo(session, playhead):
    assert playhead.range_s() == (0.0, float("inf"))
    track = seconds(session, 2.0)
    assert playhead.range_s() == (0.0, 2.0)
    session.move(track, offset_ticks=1920)
    assert playhead.range_s() == (0.0, pytest.approx(3.0))
    session.tempo.bpm = 60
    assert playhead.range_s() == (0.0, pytest.approx(4.0))
    session.move(track, offset_ticks=-960)
    assert playhead.range_s() == (pytest.approx(-1.0), pytest.approx(1.0))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e12, 10**400])
def test_numbers_that_are_none_are_refused_and_nothing_moves(playhead, bad):
    playhead.seek(1.0)
    for attempt in (
        lambda: playhead.seek(bad),
        lambda: setattr(playhead, "time", bad),
        lambda: setattr(playhead, "rate", bad),
        lambda: setattr(playhead, "loop_end", bad),
        lambda: playhead.set_loop(0, bad),
    ):
        with pytest.raises(InvalidParameterError):
            attempt()
    assert (playhead.time, playhead.rate, playhead.loop_end) == (1.0, 1.0, None)


def test_other_refusals(playhead):
    for name, value in (("time", "1"), ("time", None), ("rate", True), ("playing", 1)):
        with pytest.raises(InvalidTypeError):
            setattr(playhead, name, value)
    for rate in (0, -1, 100):
        with pytest.raises(InvalidParameterError):
            playhead.rate = rate
    with pytest.raises(InvalidParameterError):
        playhead.set_loop(2, 1)
    with pytest.raises(traitlets.TraitError):
        playhead.tick = 5


def test_linked_traits_and_an_observer_that_acts(playhead):
    class Slider(traitlets.HasTraits):
        value = traitlets.Float()

    slider = Slider()
    traitlets.link((playhead, "time"), (slider, "value"))
    playhead.seek(2.0)
    assert slider.value == 2.0
    slider.value = 3.0
    assert playhead.time == 3.0
    stopped = []

    def stop(change):
        if change["new"] > 3.1 and playhead.playing:
            playhead.pause()
            stopped.append(change["new"])

    playhead.observe(stop, "time")
    playhead.play()
    until(lambda: stopped)
    until(lambda: not playhead._trait_values["playing"])
    assert len(stopped) == 1


def test_an_observer_that_raises_in_the_background_stops_nothing(playhead, caplog):
    def bad(_change):
        raise ValueError("mine")

    playhead.observe(bad, "bar")
    seen = []
    playhead.observe(lambda change: seen.append(change["new"]), "time")
    playhead.rate = 16
    playhead.play()
    until(lambda: playhead.bar > 2)
    until(lambda: len(seen) > 5)
    with pytest.raises(ValueError, match="mine"):  # the caller's own doing is the caller's own error
        playhead.seek(100)


def test_a_page_gets_commands_and_leads(session, playhead):
    page = Page()
    playhead.attach(page)
    playhead.seek(1.0)
    playhead.play()
    command = page.commands[-1]
    assert (command.playing, command.time_s) == (True, 1.0)
    assert page.commands[0].time_s == 1.0
    assert [c.id for c in page.commands] == sorted({c.id for c in page.commands})
    playhead.report(page, Report(command.id, 5.0, playing=True, moving=True, rate=1.0, stamp_s=0.0))
    assert playhead.time == pytest.approx(5.0, abs=0.5)
    until(lambda: playhead._trait_values["time"] >= 5.0)
    playhead.report(page, Report(command.id, 5.5, playing=False, moving=False, rate=1.0, stamp_s=0.5))
    until(lambda: not playhead._trait_values["playing"])
    assert playhead.time == 5.5


def test_only_one_page_makes_sound(session, playhead):
    first, second = Page(), Page()
    playhead.attach(first)
    playhead.attach(second)
    playhead.play()
    assert second.commands
    assert not first.commands, "the one used last"
    playhead.adopt(first, playing=True)
    assert second.commands[-1].playing is False
    second.commands.clear()
    playhead.seek(3.0)
    assert first.commands[-1].time_s == 3.0
    assert not second.commands
    first.ready = False
    playhead.seek(4.0)
    assert second.commands[-1].time_s == 4.0
    playhead.detach(second)
    assert not playhead.playing


def test_what_pages_are_told_changes_only_with_news(session, playhead):
    before = playhead.page_state()
    assert playhead.page_state() is before
    playhead.rate = 2
    playhead.play()
    playing = playhead.page_state()
    assert playing != before
    until(lambda: playhead.time > 0.2)
    assert playhead.page_state() is playing
    assert playhead.page_state_now()["time_s"] > playing["time_s"]
    seconds(session, 100.0)
    assert playhead.page_state()["end_s"] == 100.0


def test_a_closed_session_refuses_and_a_forgotten_one_is_gone():
    session = acn.Session(cache_dir=False)
    playhead = session.playhead
    playhead.play()
    session.close()
    with pytest.raises(SessionClosedError):
        playhead.play()
    with pytest.raises(SessionClosedError):
        playhead.seek(1)
    until(lambda: not [t for t in threading.enumerate() if t.name == "audiocache_nb playhead"])
    closed = acn.Session(cache_dir=False)
    closed.close()
    with pytest.raises(SessionClosedError):
        _ = closed.playhead
    reference = weakref.ref(playhead)
    del session, playhead
    gc.collect()
    assert reference() is None


def test_repr_says_where_it_is(playhead):
    playhead.seek(2.75)
    assert repr(playhead) == "<Playhead paused at 2.750 s, bar 2, beat 2.50>"
    assert isinstance(playhead, Playhead)
