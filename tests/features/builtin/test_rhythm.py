"""Onsets, tempo, tempogram and beats: librosa's numbers for the same onset strength, and known truths."""

from __future__ import annotations

from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
from support.families import compute, named
from support.passes import held, noise

from audiocache_nb.audio import examples
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.builtin.onsets import pick_peaks
from audiocache_nb.features.builtin.tempo_curve import steady_path
from audiocache_nb.features.profile import AnalysisProfile

LOOPS = ("loop_mika_120bpm.flac", "loop_breakbeat_126bpm.flac", "loop_compus_148bpm.flac")
PIECES = ("drum-loop", "accelerando", "melody", "chords")
FINE = AnalysisProfile(hop_size=256)


def source_of(name: str) -> AudioSource:
    samples, rate = examples.load(name)
    return held(samples, rate)


def recorded(path: Any) -> AudioSource:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return held(samples, rate)


def strength_of(source: AudioSource, profile: AnalysisProfile | None = None) -> np.ndarray:
    return compute(source, "onset_strength", profile).data[:, 0].astype(np.float64)


def frames(times_s: np.ndarray, source: AudioSource, hop: int = 512) -> list[int]:
    return np.round(times_s * source.sample_rate / hop).astype(int).tolist()


def beat_score(want_s: Any, found_s: Any) -> float:
    mir_eval = pytest.importorskip("mir_eval")
    return float(mir_eval.beat.f_measure(np.asarray(want_s), np.asarray(found_s)))


# --- librosa --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("profile", [AnalysisProfile(), FINE], ids=["hop 512", "hop 256"])
def test_onsets_are_those_of_librosa(name, profile):
    source = source_of(name)
    envelope = strength_of(source, profile)
    facts = {"onset_envelope": envelope, "sr": source.sample_rate, "hop_length": profile.hop_size}
    track = compute(source, "onsets", profile)
    assert frames(track.times_s, source, profile.hop_size) == librosa.onset.onset_detect(**facts).tolist()
    moved = compute(source, "onsets", profile, backtrack=True)
    want = librosa.onset.onset_detect(**facts, backtrack=True)
    assert frames(moved.times_s, source, profile.hop_size) == want.tolist()
    np.testing.assert_array_equal(moved.data[:, 1], track.data[:, 1])


@pytest.mark.parametrize("seed", range(20))
def test_peaks_are_picked_as_librosa_does(seed):
    rng = np.random.default_rng(seed)
    curve = np.round(rng.random(300), 1)  # with equal neighbours
    spans = dict(zip(("pre_max", "post_max", "pre_avg", "post_avg", "wait"), rng.integers(1, 12, 5), strict=True))
    want = librosa.util.peak_pick(curve, **spans, delta=0.05)
    ours = ("before_max", "after_max", "before_mean", "after_mean", "wait")
    found = pick_peaks(curve, **dict(zip(ours, map(int, spans.values()), strict=True)), delta=0.05)
    assert found.tolist() == want.tolist()


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("window", [384, 100, 101, 63])  # the last of which an odd transform would do for
def test_the_tempogram_is_that_of_librosa(name, window):
    source = source_of(name)
    want = librosa.feature.tempogram(onset_envelope=strength_of(source), win_length=window).T
    track = compute(source, "tempogram", window=window)
    np.testing.assert_allclose(track.data, want, atol=1e-5)
    np.testing.assert_allclose(track.coords["lag"], np.arange(window) * 512 / source.sample_rate)


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("start_bpm", [120.0, 60.0])
def test_the_tempo_is_that_of_librosa(name, start_bpm):
    source = source_of(name)
    want = librosa.feature.tempo(onset_envelope=strength_of(source), sr=source.sample_rate, start_bpm=start_bpm)
    found = named(compute(source, "tempo", start_bpm=start_bpm, interpolate=False))
    assert found["bpm"] == pytest.approx(want[0], rel=1e-6)
    assert 0 < found["strength"] <= 1


@pytest.mark.parametrize("frames", [62, 63, 113, 250])
def test_the_tempo_is_that_of_librosa_in_windows_of_any_length(frames):
    source = source_of("drum-loop")
    window_s = (frames + 0.5) * 512 / source.sample_rate
    want = librosa.feature.tempo(onset_envelope=strength_of(source), sr=source.sample_rate, ac_size=window_s)
    found = named(compute(source, "tempo", window_s=window_s, interpolate=False))
    assert found["bpm"] == pytest.approx(want[0], rel=1e-6)
    assert 0 < found["strength"] <= 1


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("tightness", [100.0, 20.0, 400.0])
@pytest.mark.parametrize("trim", [True, False])
def test_beats_are_those_of_librosa(name, tightness, trim):
    source = source_of(name)
    _, want = librosa.beat.beat_track(
        onset_envelope=strength_of(source), sr=source.sample_rate, bpm=111.0, tightness=tightness, trim=trim
    )
    track = compute(source, "beats", bpm=111.0, tightness=tightness, trim=trim)
    assert frames(track.times_s, source) == want.tolist()


@pytest.mark.parametrize("name", ["vibe_ace.ogg", "brahms_hungarian_dance_5.ogg", "snare_accelerate.ogg"])
def test_real_recordings_have_librosa_s_onsets_tempo_and_beats(recording, name):
    source = recorded(recording(name))
    envelope, rate = strength_of(source), source.sample_rate
    want = librosa.onset.onset_detect(onset_envelope=envelope, sr=rate)
    assert frames(compute(source, "onsets").times_s, source) == want.tolist()
    bpm = named(compute(source, "tempo", interpolate=False))["bpm"]
    assert bpm == pytest.approx(librosa.feature.tempo(onset_envelope=envelope, sr=rate)[0], rel=1e-6)
    _, want = librosa.beat.beat_track(onset_envelope=envelope, sr=rate, bpm=bpm)
    assert frames(compute(source, "beats", bpm=bpm).times_s, source) == want.tolist()


# --- what is known --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "least"), [("drum-loop", 0.94), ("accelerando", 0.97), ("melody", 0.96)])
def test_onsets_are_found_where_they_are(name, least):
    """What is missed is what begins with the recording: nothing rises there."""
    mir_eval = pytest.importorskip("mir_eval")
    found = compute(source_of(name), "onsets").times_s
    score, precision, _ = mir_eval.onset.f_measure(examples.truth(name).onsets_s, found)
    assert precision == 1
    assert score >= least


@pytest.mark.parametrize(("name", "bpm"), [("drum-loop", 120), ("melody", 108)])
def test_the_tempo_is_known(name, bpm):
    source = source_of(name)
    assert named(compute(source, "tempo"))["bpm"] == pytest.approx(bpm, abs=0.1)
    assert beat_score(examples.truth(name).beats_s, compute(source, "beats").times_s) > 0.93


@pytest.mark.parametrize("name", LOOPS)
def test_loops_have_the_tempo_that_they_are_named_after(recording, name):
    source = recorded(recording(name))
    bpm = int(name.split("_")[-1].removesuffix("bpm.flac"))
    assert named(compute(source, "tempo"))["bpm"] == pytest.approx(bpm, abs=0.1)
    beats = np.arange(0, source.duration - 0.05, 60 / bpm)
    # the first beat, at 0 s, cannot be found; the breakbeat has but four
    assert beat_score(beats, compute(source, "beats").times_s) > (0.93 if len(beats) > 4 else 0.85)


def test_a_tempo_that_changes_is_followed():
    truth, source = examples.truth("accelerando"), source_of("accelerando")
    steady, moving = (compute(source, "beats", tempo=mode).times_s for mode in ("constant", "curve"))
    assert beat_score(truth.beats_s, moving) > 0.97
    assert beat_score(truth.beats_s, steady) < 0.8


def test_a_snare_from_34_to_240_beats_per_minute(recording):
    """The strokes are the beats; of 51 the first, at 0 s, cannot be found."""
    source = recorded(recording("snare_accelerate.ogg"))
    strokes_s = compute(source, "onsets").times_s
    assert len(strokes_s) == 50
    intervals_s = np.diff(strokes_s)
    assert 60 / intervals_s[0] == pytest.approx(33.6, abs=0.1)
    assert 60 / intervals_s[-1] == pytest.approx(240.4, abs=6)
    assert beat_score(strokes_s, compute(source, "beats", tempo="curve", trim=False).times_s) > 0.95


def test_the_tempo_over_time_is_that_of_the_beats():
    truth, source = examples.truth("accelerando"), source_of("accelerando")
    track = compute(source, "tempo.curve")
    assert (track.unit, track.data.shape[1]) == ("BPM", 1)
    middle_s = (truth.beats_s[1:] + truth.beats_s[:-1]) / 2
    found = np.interp(middle_s, track.times_s, track.data[:, 0])[4:-4]
    np.testing.assert_allclose(found, (60 / np.diff(truth.beats_s))[4:-4], rtol=0.05)
    steady = compute(source_of("drum-loop"), "tempo.curve").data[:, 0]
    np.testing.assert_allclose(steady, 120, rtol=0.015)
    assert not compute(held(np.zeros(20_000)), "tempo.curve").data.any()
    assert compute(held(np.zeros((0, 1))), "tempo.curve").data.shape == (0, 1)


@pytest.mark.parametrize("bpm", [60.0, 90.0, 133.0, 175.0])
def test_clicks_have_their_tempo_and_beats(bpm):
    clicks = np.zeros(22050 * 20, np.float32)
    times_s = np.arange(0.5, 20, 60 / bpm)
    burst = noise(400)[:, 0] * np.exp(-np.arange(400) / 60)
    for time_s in times_s:
        start = round(time_s * 22050)
        clicks[start : start + 400] += burst[: len(clicks) - start]
    source = held(clicks, 22050)
    # one octave off is what the prior is for
    assert named(compute(source, "tempo", start_bpm=bpm))["bpm"] == pytest.approx(bpm, rel=1e-3)
    assert beat_score(times_s, compute(source, "beats", start_bpm=bpm).times_s) > 0.97


def test_the_best_path_is_that_of_all_paths():
    rng = np.random.default_rng(0)
    seen, inertia = rng.random((5, 4)), 0.3
    paths = np.array(np.meshgrid(*[range(4)] * 5)).reshape(5, -1).T
    gains = seen[np.arange(5), paths].sum(axis=1) - inertia * (np.diff(paths, axis=1) ** 2).sum(axis=1)

    class Anything:
        def checkpoint(self) -> None: ...

    assert steady_path(seen, inertia, Anything()).tolist() == paths[np.argmax(gains)].tolist()


# --- edges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 511, 2047, 5000])
@pytest.mark.parametrize("silent", [True, False])
def test_short_recordings_and_silence(n, silent):
    source = held(np.zeros((n, 1)) if silent or not n else noise(n))
    rows = 1 + n // 512 if n else 0
    for name in ("onsets", "beats"):
        track = compute(source, name)
        assert track.format == "events"
        assert track.data.shape[1] == 2
        assert not silent or len(track.data) == 0
    assert compute(source, "beats", tempo="curve").data.shape[1] == 2
    tempogram = compute(source, "tempogram").data
    assert tempogram.shape == (rows, 384)
    tempo = compute(source, "tempo").data
    assert np.isfinite(tempo).all()
    if silent:
        assert not tempogram.any()
        assert not tempo.any()


def test_events_have_names_and_a_strength():
    track = compute(source_of("drum-loop"), "onsets")
    assert (track.axes, list(track.coords["field"])) == (("event", "field"), ["time", "strength"])
    assert track.data[:, 1].min() > 0
    assert track.data[:, 1].max() <= 1
    assert (np.diff(track.times_s) > 0.03).all()


def test_a_stricter_choice_finds_fewer_onsets():
    source = source_of("drum-loop")
    counts = [len(compute(source, "onsets", delta=delta).data) for delta in (0.07, 0.3, 0.6, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2] > counts[3] == 0
    assert (np.diff(compute(source, "onsets", wait_ms=400.0).times_s) > 0.4).all()


def test_beats_ask_for_the_tempo_only_if_they_need_it():
    source = source_of("drum-loop")
    used = compute(source, "beats").provenance["dependencies"]
    assert sorted(name.split(" ")[0] for name in used) == ["onset_strength", "tempo"]
    assert len(compute(source, "beats", bpm=100.0).provenance["dependencies"]) == 1
    with pytest.raises(InvalidParameterError, match="tempo"):
        compute(source, "beats", tempo="free")
