"""Taking audio in, and where it lies."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
import soundfile

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator

WAIT_S = 60
RATE = 8000


@pytest.fixture
def wav(tmp_path, tone):
    path = tmp_path / "My song.wav"
    soundfile.write(path, tone, RATE, subtype="FLOAT")
    return path


class TestTakingIn:
    def test_from_a_path_bytes_a_file_object_and_an_array(self, session, wav, tone):
        tracks = [
            session.add_audio(wav),
            session.add_audio(str(wav)),
            session.add_audio(wav.read_bytes()),
            session.add_audio(io.BytesIO(wav.read_bytes())),
            session.add_audio(tone, RATE),
        ]
        assert list(session.tracks) == [track.id for track in tracks]
        assert len(set(session.tracks)) == 5
        assert {track.source_id for track in tracks} == {tracks[0].source_id}  # one content
        assert [track.source.frames for track in tracks] == [2 * RATE] * 5

    def test_a_track_has_what_people_ask_about(self, session, wav):
        track = session.add_audio(wav)
        source = track.source
        assert (track.id, track.name) == ("my-song", "My song.wav")
        assert (source.sample_rate, source.channels, source.frames, source.duration) == (RATE, 2, 2 * RATE, 2.0)
        assert source.digest.startswith("sha256:")
        assert str(source.health) == "ok"
        assert session.status(track).source_hash == source.digest

    def test_ids_are_made_of_names_and_never_twice(self, session, tone):
        names = ["Ä song.mp3", "Ä song.mp3", "?!", "", "x" * 300, "x" * 300]
        ids = [session.add_audio(tone, RATE, name=name).id for name in names]
        assert len(set(ids)) == len(names)
        assert ids[:2] == ["ä-song", "ä-song-2"]
        assert all(0 < len(track_id) <= 64 for track_id in ids)

    def test_an_id_can_be_chosen_once(self, session, tone):
        assert session.add_audio(tone, RATE, track_id=" drums ").id == "drums"
        with pytest.raises(acn.InvalidParameterError, match="There is a track 'drums' already"):
            session.add_audio(tone * 0.5, RATE, track_id="drums")
        assert len(session.store.snapshot().sources) == 1

    @pytest.mark.parametrize("track_id", ["", "  ", 3, "x" * 121, b"x"])
    def test_a_chosen_id_is_a_text(self, session, tone, track_id):
        with pytest.raises(acn.InvalidParameterError, match="track_id is"):
            session.add_audio(tone, RATE, track_id=track_id)

    def test_an_array_is_copied(self, session, tone):
        track = session.add_audio(tone, RATE)
        before = session.get(track, "rms", timeout=WAIT_S).data.copy()
        tone[:] = 0
        session.restart(track)
        session.wait(WAIT_S)
        assert np.array_equal(session.peek(track, "rms").data, before)

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"analyze": "maybe"}, acn.InvalidParameterError),
            ({"analyze": True}, acn.InvalidParameterError),
            ({"analyze": ["all"]}, acn.InvalidParameterError),
            ({"offset_ticks": "0"}, acn.InvalidTypeError),
            ({"offset_ticks": True}, acn.InvalidTypeError),
            ({"offset_ticks": float("nan")}, acn.InvalidParameterError),
            ({"offset_ticks": float("inf")}, acn.InvalidParameterError),
            ({"region_start_tick": -1}, acn.InvalidParameterError),
            ({"region_start_tick": 960, "region_end_tick": 960}, acn.InvalidParameterError),
            ({"region_end_tick": 0}, acn.InvalidParameterError),
            ({"region_end_tick": "9"}, acn.InvalidTypeError),
            ({"nonfinite": "ignore"}, acn.InvalidParameterError),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_added(self, session, tone, options, error):
        with pytest.raises(error):
            session.add_audio(tone, RATE, **options)
        assert not session.tracks
        assert session.store.sequence == 0

    def test_audio_that_cannot_be_taken_in_adds_nothing(self, session, tmp_path, tone):
        (tmp_path / "text.wav").write_text("no audio")
        for source, error in (
            (tmp_path / "nobody.wav", acn.SourceMissingError),
            (tmp_path / "text.wav", acn.UnsupportedFormatError),
            (np.full(10, np.nan), acn.NonFiniteAudioError),
            (b"no audio", acn.UnsupportedFormatError),
        ):
            with pytest.raises(error):
                session.add_audio(source, RATE if isinstance(source, np.ndarray) else None)
        with pytest.raises(acn.AudioCacheError):
            session.add_audio(tone)  # without a sample rate
        assert not session.tracks

    def test_what_is_not_finite_can_be_silenced(self, session, tone):
        tone[5:9] = np.nan
        track = session.add_audio(tone, RATE, nonfinite="zero")
        assert np.isfinite(session.get(track, "rms", timeout=WAIT_S).data).all()

    def test_a_recording_without_samples_can_be_analysed(self, session):
        track = session.add_audio(np.zeros((0, 2)), RATE)
        session.request(track, ["spectrogram", "rms", "waveform"])
        session.wait(WAIT_S)
        assert session.status(track).state == "ready"
        assert session.get(track, "waveform").frame_count == 0

    def test_many_threads_can_take_audio_in_at_once(self, session, tone):
        def add(number: int) -> None:
            session.add_audio(tone * (1 + number % 3), RATE, name="same")

        threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        assert len(session.tracks) == 12
        assert len(session.store.snapshot().sources) == 3


class TestWhatIsComputed:
    def test_on_demand_nothing_is_until_it_is_asked_for(self, session, tone):
        track = session.add_audio(tone, RATE)
        assert session.status(track).state == "idle"
        assert session.status(track).message == "analysis not started"
        assert session.status(track).progress is None
        assert session.peek(track, "rms") is None
        session.wait(WAIT_S)
        assert session.status(track).state == "idle"

    def test_all_is_every_feature_now(self, session, tone):
        track = session.add_audio(tone, RATE, analyze="all")
        assert session.status(track).state in ("pending", "ready")
        session.wait(WAIT_S)
        assert (session.status(track).state, session.status(track).message) == ("ready", None)
        for name in ("spectrogram", "rms", "waveform"):
            assert session.peek(track, name).calculator_id == name

    def test_all_is_also_what_the_user_has_defined(self, session, tone, define):
        define(lambda samples: acn.Global(float(samples.max())), "peak", version=1)
        track = session.add_audio(tone, RATE, analyze="all")
        session.wait(WAIT_S)
        assert session.peek(track, "peak").format == "global"

    def test_one_calculator_that_cannot_be_used_does_not_keep_all_from_the_others(self, session, tone, registry):
        class Lost(FunctionCalculator):
            def used_profile(self, profile):
                raise ZeroDivisionError

        registry.register(Lost(lambda samples: 1 / 0, feature="lost", inputs="samples", version=1))
        track = session.add_audio(tone, RATE, analyze="all")
        session.wait(WAIT_S)
        assert session.peek(track, "rms") is not None

    def test_none_is_nothing_until_it_is_said_so(self, session, tone):
        track = session.add_audio(tone, RATE, analyze="none")
        assert session.request(track, ["rms", "waveform"], element="plot") == []
        session.wait(WAIT_S)
        assert session.status(track).state == "idle"
        assert session.freshness(track, "rms").explain() == "Nobody has computed it yet."
        assert session.get(track, "rms", timeout=WAIT_S).feature == "rms"
        assert session.peek(track, "waveform") is None
        session.restart(track)
        session.wait(WAIT_S)
        assert session.peek(track, "waveform") is not None

    def test_two_tracks_of_one_content_are_computed_once(self, session, tone, gate):
        first = session.add_audio(tone, RATE)
        second = session.add_audio(tone, RATE)
        assert first.source is second.source
        (job,) = session.request(first, "gate", element="one")
        assert session.request(second, "gate", element="two") == [job]
        gate.open.set()
        assert session.get(first, "gate", timeout=WAIT_S) is session.get(second, "gate", timeout=WAIT_S)
        assert gate.calls == 1
        session.remove(first)
        assert session.status(second).state == "ready"

    def test_a_track_taken_away_and_added_again_finds_its_results(self, session, tone, gate):
        gate.open.set()
        session.get(session.add_audio(tone, RATE), "gate", timeout=WAIT_S)
        session.remove(next(iter(session.tracks)))
        session.get(session.add_audio(tone, RATE), "gate", timeout=WAIT_S)
        assert gate.calls == 1


class TestPlaces:
    def test_a_track_lies_where_it_was_put(self, session, tone):
        track = session.add_audio(tone, RATE, offset_ticks=960, region_start_tick=10, region_end_tick=np.float64(20.5))
        assert (track.offset_ticks, track.region_start_tick, track.region_end_tick) == (960, 10, 20.5)
        assert (track.gain, track.mute, track.enabled) == (1.0, False, True)

    def test_moving_computes_nothing(self, session, track):
        stored = session.get(track, "rms", timeout=WAIT_S)
        moved = session.move(track, offset_ticks=1920)
        assert moved.offset_ticks == 1920
        assert session.tracks[track.id] is moved
        assert session.peek(moved, "rms") is stored
        assert session.timeline.scheduler.jobs == []

    @pytest.mark.parametrize("ticks", [None, "1", float("nan"), True])
    def test_moving_to_nowhere_is_refused(self, session, track, ticks):
        with pytest.raises((acn.InvalidTypeError, acn.InvalidParameterError)):
            session.move(track, offset_ticks=ticks)
        assert session.tracks[track.id].offset_ticks == 0

    def test_tracks_cannot_be_written(self, session, track):
        with pytest.raises(TypeError):
            session.tracks["x"] = track
        with pytest.raises(AttributeError):
            track.offset_ticks = 3

    def test_removing_ends_the_work(self, session, track, gate):
        (job,) = session.request(track, "gate")
        assert gate.entered.wait(WAIT_S)
        session.remove(track.id)
        assert job.wait(WAIT_S)
        assert job.state == "cancelled"
        assert not session.tracks
        with pytest.raises(acn.UnknownTrackError, match=f"There is no track '{track.id}'"):
            session.status(track)


class TestFilesThatChange:
    def test_a_changed_file_makes_what_was_computed_stale_and_says_why(self, session, wav, tone):
        track = session.add_audio(wav)
        session.get(track, "rms", timeout=WAIT_S)
        soundfile.write(wav, tone[:-8] * 0.5, RATE, subtype="FLOAT")
        freshness = session.freshness(track, "rms")
        assert freshness.state == "stale"
        assert freshness.causes == ("audio file changed on disk",)
        sentence = "The audio file changed on disk after it was taken in; session.refresh(track) takes it in again."
        assert freshness.explain() == sentence
        assert session.status(track).state == "stale"
        assert session.status(track).message == "audio file changed on disk; session.refresh(track) takes it in"
        assert session.peek(track, "rms") is not None

    def test_and_nothing_more_is_computed_from_it(self, session, wav, tone):
        track = session.add_audio(wav)
        soundfile.write(wav, tone[:-8] * 0.5, RATE, subtype="FLOAT")
        with pytest.raises(acn.SourceChangedError):
            session.get(track, "rms", timeout=WAIT_S)
        assert session.status(track).state == "failed"
        assert session.freshness(track, "rms").state == "failed"

    def test_a_file_written_again_as_it_was_has_not_changed(self, session, wav):
        track = session.add_audio(wav)
        session.get(track, "rms", timeout=WAIT_S)
        wav.write_bytes(wav.read_bytes())
        assert session.freshness(track, "rms").state == "fresh"
        assert session.get(track, "waveform", timeout=WAIT_S).frame_count

    def test_a_deleted_file_leaves_what_was_computed(self, session, wav):
        track = session.add_audio(wav)
        stored = session.get(track, "rms", timeout=WAIT_S)
        wav.unlink()
        assert session.freshness(track, "rms").state == "fresh"
        assert session.get(track, "rms", timeout=WAIT_S) is stored
        with pytest.raises(acn.SourceMissingError):
            session.get(track, "waveform", timeout=WAIT_S)
        assert session.get(track, "rms", timeout=WAIT_S) is stored

    def test_a_file_that_has_moved_can_be_added_again(self, session, wav):
        old = session.add_audio(wav)
        session.get(old, "rms", timeout=WAIT_S)
        moved = wav.rename(wav.with_name("moved.wav"))
        with pytest.raises(acn.SourceMissingError):
            session.get(old, "waveform", timeout=WAIT_S)
        new = session.add_audio(moved)
        assert new.source_id == old.source_id
        session.wait(WAIT_S)  # what could not be read is tried again by itself
        assert session.get(old, "waveform", timeout=WAIT_S) is session.get(new, "waveform", timeout=WAIT_S)
        assert session.status(old).state == "ready"
        assert session.freshness(old, "rms").state == "fresh"
