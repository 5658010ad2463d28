"""Calculators that are edited in a notebook, profiles and tempos that change: what goes stale, and why."""

from __future__ import annotations

import numpy as np
import pytest

import audiocache_nb as acn

WAIT_S = 60
RATE = 8000


def calls_of(session, track, *names) -> dict[str, object]:
    return {name: session.peek(track, name) for name in names}


class TestEditingACalculator:
    def test_only_its_feature_is_recomputed(self, session, track, define):
        define(lambda frames: np.abs(frames).max(axis=1), "crest", inputs="frames")
        session.request(track, ["crest", "rms", "waveform"], element="plot")
        session.wait(WAIT_S)
        before = calls_of(session, track, "crest", "rms", "waveform")
        define(lambda frames: np.abs(frames).max(axis=1) + 1, "crest", inputs="frames")
        session.wait(WAIT_S)
        after = calls_of(session, track, "crest", "rms", "waveform")
        assert after["crest"] is not before["crest"]
        assert np.allclose(after["crest"].data, before["crest"].data + 1)
        assert after["rms"] is before["rms"]
        assert after["waveform"] is before["waveform"]
        assert session.status(track).state == "ready"

    def test_where_nobody_asks_for_it_it_only_goes_stale(self, session, track, define):
        define(lambda frames: frames[:, 0], "crest", inputs="frames")
        session.request(track, ["crest", "rms"], element="plot")
        session.wait(WAIT_S)
        session.release("plot")
        define(lambda frames: frames[:, 1], "crest", inputs="frames")
        assert session.timeline.scheduler.jobs == []
        freshness = session.freshness(track, "crest")
        assert freshness.state == "stale"
        assert freshness.explain() == "code of crest changed"
        assert session.freshness(track, "rms").state == "fresh"
        assert session.status(track).state == "stale"
        assert session.status(track).message == "calculator updated"

    def test_running_the_same_cell_again_changes_nothing(self, session, track, define):
        def make():
            def crest(frames, *, power: float = 2.0):
                return frames[:, 0] ** power

            return crest

        define(make(), inputs="frames")
        stored = session.get(track, "crest", timeout=WAIT_S)
        define(make(), inputs="frames")
        session.wait(WAIT_S)
        assert session.peek(track, "crest") is stored
        assert session.freshness(track, "crest").state == "fresh"

    def test_an_explicit_version_is_the_contract(self, session, track, define):
        define(lambda frames: frames[:, 0], "crest", inputs="frames", version=1)
        session.request(track, "crest", element="plot")
        session.wait(WAIT_S)
        session.release("plot")
        define(lambda frames: frames[:, 1], "crest", inputs="frames", version=1)
        assert session.freshness(track, "crest").state == "fresh"
        define(lambda frames: frames[:, 1], "crest", inputs="frames", version=2)
        assert session.freshness(track, "crest").explain() == "calculator crest version 1 → 2"

    def test_an_edit_while_it_is_computed_ends_with_the_new_one(self, session, track, gate, define):
        session.request(track, "gate", element="plot")
        assert gate.entered.wait(WAIT_S)
        define(lambda samples: acn.Global(42.0), "gate", version=2)
        assert session.status(track).state == "pending"
        gate.open.set()
        session.wait(WAIT_S)
        assert session.peek(track, "gate").data[0, 0] == 42
        assert session.freshness(track, "gate").state == "fresh"

    def test_an_edit_taken_back_while_it_is_computed_ends_with_the_old_one(self, session, track, gate, define):
        def again(samples, *, ctx):
            return gate(samples, ctx)

        session.request(track, "gate", element="plot")
        assert gate.entered.wait(WAIT_S)
        define(lambda samples: acn.Global(42.0), "gate", version=2)
        define(again, "gate", version=1)
        gate.open.set()
        session.wait(WAIT_S)
        assert session.freshness(track, "gate").state == "fresh"
        assert session.status(track).state == "ready"
        assert session.peek(track, "gate").version == "1"

    def test_many_edits_in_a_row_end_with_the_last(self, session, track, define):
        for value in range(30):
            define(lambda samples, value=value: acn.Global(float(value)), "many", version=value)
            session.request(track, "many", element="plot")
        session.wait(WAIT_S)
        assert session.peek(track, "many").data[0, 0] == 29
        assert session.status(track).state == "ready"

    def test_a_mended_calculator_is_tried_again_by_itself(self, session, track, define):
        define(lambda samples: 1 / 0, "moody")
        session.request(track, "moody", element="plot")
        session.wait(WAIT_S)
        assert session.status(track).state == "failed"
        define(lambda samples: acn.Global(1.0), "moody")
        session.wait(WAIT_S)
        assert session.status(track).state == "ready"


class TestRegistering:
    def test_a_calculator_that_is_gone_is_a_bad_request_until_it_is_back(self, session, track, define, registry):
        calculator = define(lambda samples: acn.Global(1.0), "one", version=1)
        stored = session.get(track, "one", timeout=WAIT_S)
        wanted = session.store.snapshot().sources[track.source_id].entries
        registry.unregister("one")
        (entry,) = session.store.snapshot().sources[track.source_id].entries.values()
        assert entry.state == "bad_request"
        assert entry.reason == "There is no calculator 'one'."
        assert entry.track is stored
        assert session.freshness(track, "one").state == "bad_request"
        with pytest.raises(acn.UnknownFeatureError):
            session.request(track, "one")
        registry.register(calculator)
        assert session.freshness(track, "one").state == "fresh"
        assert session.store.snapshot().sources[track.source_id].entries.keys() == wanted.keys()

    def test_a_bad_request_does_not_keep_a_restart_from_the_others(self, session, track, define, registry):
        define(lambda samples: acn.Global(1.0), "one", version=1)
        session.request(track, ["one", "rms"], element="plot")
        session.wait(WAIT_S)
        registry.unregister("one")
        old = session.peek(track, "rms")
        session.restart(track)
        session.wait(WAIT_S)
        assert session.peek(track, "rms") is not old

    def test_the_newest_calculator_of_a_feature_is_its_default(self, session, track, define):
        define(lambda frames: frames[:, 0] * 0 + 7, "rms", id="mine.rms", inputs="frames", version=1)
        assert session.get(track, "rms", timeout=WAIT_S).calculator_id == "mine.rms"
        assert session.get(track, "mvmnt.rms", timeout=WAIT_S).calculator_id == "mvmnt.rms"

    def test_the_decorator_registers_with_the_common_registry_at_once(self, tone):
        with acn.Session(cache_dir=False) as session:
            track = session.add_audio(tone, RATE)

            @acn.calculator(unit="dB")
            def test_crest(frames, *, eps: float = 1e-9):
                peak = np.abs(frames).max(axis=1) + eps
                return 20 * np.log10(peak / np.sqrt((frames**2).mean(axis=1) + eps))

            try:
                stored = session.get(track, "test_crest", timeout=WAIT_S)
                assert (stored.feature, stored.unit) == ("test_crest", "dB")
                assert acn.calculators.get("test_crest") is test_crest
                assert test_crest in acn.calculators.list()
            finally:
                acn.calculators.unregister("test_crest")

    def test_sessions_with_registries_of_their_own_do_not_meet(self, session, track, define):
        define(lambda samples: acn.Global(1.0), "private")
        assert "private" not in acn.calculators
        assert session.get(track, "private", timeout=WAIT_S) is not None


class TestProfiles:
    def test_a_named_profile_that_changes_is_explained(self, session, track):
        session.get(track, "spectrogram", profile=acn.AnalysisProfile(id="mine"), timeout=WAIT_S)
        for changes, sentence in (
            ({"hop_size": 256}, "hop_size 512 → 256"),
            ({"window": "blackman"}, "window hann → blackman"),
            ({"window_size": 1024}, "window_size 2048 → 1024; fft_size 2048 → 1024"),
            ({"min_decibels": -100.0}, "min_decibels -80.0 → -100.0"),
        ):
            changed = acn.AnalysisProfile(id="mine", **changes)
            freshness = session.freshness(track, "spectrogram", profile=changed)
            assert freshness.state == "stale"
            assert set(freshness.explain().split("; ")) == set(sentence.split("; "))
        assert session.freshness(track, "spectrogram", profile=acn.AnalysisProfile(id="mine")).state == "fresh"

    def test_what_a_calculator_does_not_use_makes_nothing_stale(self, session, track):
        session.get(track, "rms", profile=acn.AnalysisProfile(id="mine"), timeout=WAIT_S)
        other = acn.AnalysisProfile(id="mine", window="blackman", min_decibels=-120)
        assert session.freshness(track, "rms", profile=other).state == "fresh"

    def test_a_profile_without_a_name_is_named_after_its_values(self, session, track):
        session.get(track, "rms", timeout=WAIT_S)
        missing = session.freshness(track, "rms", profile=acn.AnalysisProfile(hop_size=256))
        assert (missing.state, missing.explain()) == ("missing", "Nobody has computed it yet.")

    def test_parameters_of_a_calculator_are_kept_apart(self, session, track, define):
        def power(frames, *, exponent: float = 2.0):
            return np.abs(frames[:, 0]) ** exponent

        define(power, inputs="frames")
        square = session.get(track, "power", timeout=WAIT_S)
        cube = session.get(track, acn.Descriptor("power", params={"exponent": 3}), timeout=WAIT_S)
        same = session.get(track, acn.Descriptor("power", params={"exponent": 2.0}), timeout=WAIT_S)
        assert cube is not square
        assert same is square
        assert cube.parameters["exponent"] == 3.0


class TestSentences:
    def test_of_every_state(self, session, track, gate, broken):
        assert session.freshness(track, "gate").explain() == "Nobody has computed it yet."
        session.request(track, "gate", element="plot")
        assert gate.entered.wait(WAIT_S)
        session.request(track, "rms", element="other")
        assert session.freshness(track, "gate").explain() == "Being computed."
        assert session.freshness(track, "rms").explain() == "Waiting for its turn."
        gate.open.set()
        session.wait(WAIT_S)
        fresh = session.freshness(track, "gate")
        assert fresh.explain() == "Computed from this audio with these parameters and this calculator."
        assert fresh.causes == ()
        session.request(track, "broken")
        session.wait(WAIT_S)
        assert session.freshness(track, "broken").explain() == "Calculator 'broken' failed: ZeroDivisionError: oh no."

    def test_no_sentence_shows_where_a_file_lies(self, session, tmp_path):
        hidden = tmp_path / "secret folder"
        hidden.mkdir()
        path = hidden / "gone.wav"
        import soundfile

        soundfile.write(path, np.zeros(100), RATE)
        track = session.add_audio(path)
        path.unlink()
        with pytest.raises(acn.SourceMissingError):
            session.get(track, "rms", timeout=WAIT_S)
        for text in (session.status(track).message, session.freshness(track, "rms").explain(), repr(session)):
            assert "secret folder" not in text


class TestTempo:
    @pytest.fixture
    def on_tempo(self, define):
        def beats(samples, *, ctx):
            return acn.Global(float(ctx.tempo.bpm_at(0.0)))

        return define(beats, version=1, depends_on_tempo=True)

    def test_data_in_seconds_do_not_notice(self, session, track):
        stored = session.get(track, "rms", timeout=WAIT_S)
        for edit in (
            lambda tempo: setattr(tempo, "bpm", 90),
            lambda tempo: setattr(tempo, "beats_per_bar", 3),
            lambda tempo: tempo.set_map([(0.0, 100.0, "linear"), (1.0, 140.0)]),
        ):
            edit(session.tempo)
            assert session.status(track).state == "ready"
            assert session.freshness(track, "rms").state == "fresh"
            assert session.timeline.scheduler.jobs == []
        assert session.peek(track, "rms") is stored

    def test_what_depends_on_it_is_recomputed(self, session, track, on_tempo):
        session.request(track, ["beats", "rms"], element="plot")
        session.wait(WAIT_S)
        assert session.peek(track, "beats").data[0, 0] == 120
        old = session.peek(track, "rms")
        session.tempo.bpm = 90
        session.wait(WAIT_S)
        assert session.peek(track, "beats").data[0, 0] == 90
        assert session.peek(track, "rms") is old

    def test_or_goes_stale_where_nobody_asks_for_it(self, session, track, on_tempo):
        session.request(track, "beats", element="plot")
        session.wait(WAIT_S)
        session.release("plot")
        session.tempo.set_map([(0.0, 100.0), (1.0, 140.0)])
        assert session.freshness(track, "beats").explain() == "tempo map changed: 120 BPM → map of 2 tempi"
        assert session.status(track).message == "tempo map updated"
        session.tempo.bpm = 120
        assert session.freshness(track, "beats").state == "fresh"

    def test_an_edit_while_it_is_computed_ends_with_the_new_tempo(self, session, track, gate, on_tempo):
        session.request(track, "gate", element="first")
        assert gate.entered.wait(WAIT_S)
        session.request(track, "beats", element="plot")
        session.tempo.bpm = 90
        session.tempo.bpm = 100
        gate.open.set()
        session.wait(WAIT_S)
        assert session.peek(track, "beats").data[0, 0] == 100
        assert session.freshness(track, "beats").state == "fresh"

    def test_two_sessions_have_their_own(self, session, tone, on_tempo, registry):
        with acn.Session(cache_dir=False, bpm=60, registry=registry) as other:
            here, there = session.add_audio(tone, RATE), other.add_audio(tone, RATE)
            assert session.get(here, "beats", timeout=WAIT_S).data[0, 0] == 120
            assert other.get(there, "beats", timeout=WAIT_S).data[0, 0] == 60
