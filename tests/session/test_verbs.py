"""Stop, restart, reanalyse, clear, clear all, reset."""

from __future__ import annotations

import pytest

import audiocache_nb as acn

WAIT_S = 60
RATE = 8000


class TestStop:
    def test_it_ends_the_work_and_keeps_what_is_there(self, session, track, gate):
        stored = session.get(track, "rms", timeout=WAIT_S)
        (job,) = session.request(track, "gate")
        assert gate.entered.wait(WAIT_S)
        session.stop(track)
        assert session.status(track).state == "ready"
        assert session.status(track).message == "analysis stopped"
        assert session.status(track).progress is None
        assert session.peek(track, "rms") is stored
        assert job.wait(WAIT_S)
        assert job.state == "cancelled"

    def test_without_work_it_does_nothing(self, session, track):
        session.get(track, "rms", timeout=WAIT_S)
        session.wait(WAIT_S)
        before = session.store.snapshot()
        session.stop(track)
        assert session.store.snapshot() is before

    def test_finished_features_of_the_stopped_job_stay(self, session, track, gate):
        session.request(track, ["rms", "gate"])  # the whole signal comes after the pass
        assert gate.entered.wait(WAIT_S)
        session.stop(track)
        assert session.peek(track, "rms") is not None
        assert session.freshness(track, "gate").state == "missing"

    def test_what_was_stopped_can_be_asked_for_again(self, session, track, gate):
        session.request(track, "gate")
        assert gate.entered.wait(WAIT_S)
        session.stop(track)
        gate.open.set()
        assert session.get(track, "gate", timeout=WAIT_S) is not None

    def test_one_that_ignores_it_changes_nothing_afterwards(self, session, track, stubborn):
        (job,) = session.request(track, "stubborn")
        assert stubborn.entered.wait(WAIT_S)
        session.stop(track)
        before = session.store.snapshot()
        stubborn.open.set()
        assert job.wait(WAIT_S)
        assert session.store.snapshot() is before

    def test_other_recordings_go_on(self, session, track, tone, gate):
        other = session.add_audio(tone * 0.5, RATE)
        session.request(other, "gate")
        assert gate.entered.wait(WAIT_S)
        session.stop(track)
        assert session.status(other).state == "pending"
        gate.open.set()
        session.wait(WAIT_S)
        assert session.status(other).state == "ready"


class TestRestart:
    def test_everything_that_is_there_or_asked_for_is_computed_again(self, session, track, gate):
        gate.open.set()
        old = session.get(track, "rms", timeout=WAIT_S), session.get(track, "gate", timeout=WAIT_S)
        (job,) = session.restart(track)
        assert session.status(track).state == "pending"
        assert session.status(track).message == "analyzing audio"
        assert job.wait(WAIT_S)
        assert session.peek(track, "rms") is not old[0]
        assert session.peek(track, "gate") is not old[1]
        assert gate.calls == 2

    def test_without_anything_it_computes_everything(self, session, track):
        session.restart(track)
        session.wait(WAIT_S)
        made = {slot.feature for slot in session.store.snapshot().sources[track.source_id].entries}
        assert made == {descriptor.feature for descriptor in session.timeline.all_descriptors(track)}
        assert made >= {"spectrogram", "rms", "waveform"}

    def test_work_that_is_going_on_begins_anew(self, session, track, gate):
        (first,) = session.request(track, "gate")
        assert gate.entered.wait(WAIT_S)
        (second,) = session.restart(track)
        assert second is not first
        assert session.status(track).state == "pending"
        gate.open.set()
        assert first.wait(WAIT_S)
        assert second.wait(WAIT_S)
        assert (first.state, second.state) == ("cancelled", "succeeded")
        assert session.status(track).state == "ready"

    def test_what_failed_is_tried_again(self, session, track, define):
        calls = []

        def moody(samples):
            calls.append(1)
            if len(calls) == 1:
                raise OSError("the disk was tired")
            return acn.Global(1.0)

        define(moody, version=1)
        with pytest.raises(acn.CalculatorError):
            session.get(track, "moody", timeout=WAIT_S)
        assert session.request(track, "moody", element="plot") == []
        session.restart(track)
        session.wait(WAIT_S)
        assert session.status(track).state == "ready"


class TestReanalyze:
    def test_only_what_is_named_is_computed_again(self, session, track):
        old = session.get(track, "rms", timeout=WAIT_S), session.get(track, "waveform", timeout=WAIT_S)
        (job,) = session.reanalyze(track, ["rms"])
        assert session.status(track).message in ("reanalysing feature track", None)
        assert job.wait(WAIT_S)
        assert session.peek(track, "rms") is not old[0]
        assert session.peek(track, "waveform") is old[1]

    def test_two_after_one_another_are_both_done(self, session, track, gate):
        session.request(track, "gate", element="first")
        assert gate.entered.wait(WAIT_S)
        jobs = session.reanalyze(track, ["mvmnt.rms"]) + session.reanalyze(track, ["mvmnt.waveform"])
        assert session.status(track).message == "reanalysing feature track"
        gate.open.set()
        for job in jobs:
            assert job.wait(WAIT_S)
            assert job.state == "succeeded"
        assert session.peek(track, "mvmnt.rms") is not None
        assert session.peek(track, "mvmnt.waveform") is not None

    def test_several_are_told_as_several(self, session, track, gate):
        session.request(track, "gate", element="first")
        assert gate.entered.wait(WAIT_S)
        session.reanalyze(track, ["rms", "waveform"])
        assert session.status(track).message == "reanalysing feature tracks"

    def test_a_name_needs_no_list(self, session, track):
        (job,) = session.reanalyze(track, "rms")
        assert job.wait(WAIT_S)
        assert session.peek(track, "rms") is not None

    def test_nothing_is_nothing(self, session, track):
        assert session.reanalyze(track, []) == []
        assert session.reanalyze(track, ["", ""]) == []

    def test_unknown_names_are_refused_before_anything_happens(self, session, track):
        before = session.store.sequence
        with pytest.raises(acn.UnknownFeatureError):
            session.reanalyze(track, ["rms", "nothing"])
        assert session.store.sequence == before


class TestClear:
    def test_everything_computed_goes_and_the_bytes_are_told(self, session, track):
        stored = session.get(track, "rms", timeout=WAIT_S)
        session.wait(WAIT_S)
        assert session.clear(track) == stored.nbytes
        assert session.peek(track, "rms") is None
        assert session.status(track).state == "idle"
        assert session.status(track).message is None
        assert session.clear(track) == 0

    def test_nothing_of_it_stays_in_memory(self, session, track, define):
        define(lambda samples: acn.Global(1.0), "one", version=1)
        session.get(track, "one", timeout=WAIT_S)
        define(lambda samples: acn.Global(2.0), "one", version=2)
        session.wait(WAIT_S)
        assert len(session.timeline.cache) == 2
        session.clear(track)
        assert len(session.timeline.cache) == 0

    def test_work_ends(self, session, track, gate):
        (job,) = session.request(track, "gate")
        assert gate.entered.wait(WAIT_S)
        session.clear(track)
        assert job.wait(WAIT_S)
        assert job.state == "cancelled"
        assert session.status(track).state == "idle"

    def test_it_is_computed_again_when_it_is_asked_for_again(self, session, track, gate):
        gate.open.set()
        session.get(track, "gate", timeout=WAIT_S)
        session.clear(track)
        session.get(track, "gate", timeout=WAIT_S)
        assert gate.calls == 2

    def test_other_recordings_keep_theirs(self, session, track, tone):
        other = session.add_audio(tone * 0.5, RATE)
        stored = session.get(other, "rms", timeout=WAIT_S)
        session.clear(track)
        assert session.peek(other, "rms") is stored


class TestClearAll:
    def test_no_track_and_no_data_stay(self, session, track, tone, gate):
        session.get(session.add_audio(tone * 0.5, RATE), "rms", timeout=WAIT_S)
        (job,) = session.request(track, "gate")
        session.tempo.bpm = 90
        session.clear_all()
        assert not session.tracks
        assert not session.store.snapshot().sources
        assert session.timeline.cache.nbytes == 0
        assert session.tempo.bpm == 90  # the tempo is no track
        assert job.wait(WAIT_S)
        assert job.state == "cancelled"

    def test_twice_is_once_and_one_can_go_on(self, session, track, tone):
        session.clear_all()
        session.clear_all()
        again = session.add_audio(tone, RATE, name="tone")
        assert again.id == track.id
        assert session.get(again, "rms", timeout=WAIT_S) is not None

    def test_nobody_asks_for_anything_any_more(self, session, track, tone):
        session.request(track, "rms", element="plot")
        session.wait(WAIT_S)
        session.clear_all()
        session.add_audio(tone, RATE, name="tone")
        session.wait(WAIT_S)
        assert not session.timeline.demand.wanted([track.id])
        assert session.status(track.id).state == "idle"


class TestReset:
    def test_the_tempo_is_as_it_was_in_the_beginning(self, tone):
        with acn.Session(cache_dir=False, bpm=97, beats_per_bar=7) as session:
            session.add_audio(tone, RATE)
            session.tempo.set_map([(0.0, 60.0), (2.0, 240.0, "linear"), (3.0, 50.0)])
            session.tempo.beats_per_bar = 3
            session.reset()
            assert not session.tracks
            assert (session.tempo.bpm, session.tempo.beats_per_bar) == (97, 7)
            assert len(session.tempo.entries) == 1
