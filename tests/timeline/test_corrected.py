"""What the original system gets wrong, one test each: what happens here instead."""

from __future__ import annotations

import threading
import time
from collections import Counter

import numpy as np
import pytest
from support.by_hand import Hand

import audiocache_nb as acn
from audiocache_nb.audio.ingest import load
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline import events
from audiocache_nb.timeline.diagnostics.diagnostics import Diagnostics
from audiocache_nb.timeline.state import Track
from audiocache_nb.timeline.timeline import Timeline
from audiocache_nb.timing.tempo import Tempo


@pytest.fixture
def registry():
    return Registry(entry_points=False)


@pytest.fixture
def timeline(registry):
    """A timeline with real threads."""
    made = Timeline(registry, workers=2, tempo=Tempo(120))
    yield made
    made.close()


def recording(seconds: float, rate: int = 44100) -> Track:
    noise = np.random.default_rng(7).standard_normal(int(seconds * rate)).astype(np.float32) * 0.1
    return Track("t", "t", load(noise, sample_rate=rate, name="noise"))


# --- tempo -----------------------------------------------------------------------------------------


def test_d05_tempo_edit_during_analysis_leaves_data_in_seconds_alone(hand):
    """The original: stale, then pending, then ready with the old tempo in it, and nothing says so."""
    hand.add()
    hand.request("t", "a")
    job = hand.scheduler.start()
    hand.tempo.bpm = 90
    assert hand.status() == ("pending", "analyzing audio")
    hand.scheduler.deliver(job)
    hand.scheduler.end(job)
    assert hand.status() == ("ready", None)
    assert hand.states() == {"a": "fresh"}
    assert hand.scheduler.jobs == []


def test_d05_tempo_edit_during_analysis_recomputes_what_depends_on_it():
    hand = Hand(on_tempo=("beat",))
    hand.add()
    (old_job,) = hand.request("t", "beat")
    hand.scheduler.start()
    hand.tempo.bpm = 90
    hand.scheduler.deliver(old_job)
    hand.scheduler.end(old_job)
    assert hand.status()[0] == "pending"  # never ready with the old tempo in it
    hand.scheduler.run_all()
    entry = hand.entry("beat")
    assert hand.status() == ("ready", None)
    assert entry.state == "fresh"
    assert entry.track.key == entry.wanted_key
    hand.close()


def test_d05_tempo_set_back_during_analysis_keeps_the_right_result():
    """A result that is wanted no more must not take the place of the one that is."""
    hand = Hand(on_tempo=("beat",))
    hand.add()
    hand.request("t", "beat")
    first = hand.scheduler.start()
    hand.tempo.bpm = 90
    hand.tempo.bpm = 120
    hand.scheduler.deliver(first)
    hand.scheduler.end(first)
    hand.scheduler.run_all()
    assert hand.entry("beat").state == "fresh"
    assert hand.status() == ("ready", None)
    hand.close()


# --- late callbacks --------------------------------------------------------------------------------


def test_d06_progress_of_a_stopped_job_cannot_resurrect_it(hand, recorded):
    hand.add()
    hand.request("t", "a")
    job = hand.scheduler.start()
    hand.timeline.stop("t")
    seen = recorded(hand.timeline.store)
    hand.scheduler.report(job, 0.5)
    hand.timeline.job_started(job)
    assert hand.status() == ("idle", "analysis stopped")
    hand.scheduler.deliver(job)
    hand.scheduler.end(job)
    assert hand.status() == ("idle", "analysis stopped")
    assert hand.states() == {"a": "missing"}
    assert hand.timeline.store.flush(10)
    assert seen == []


def test_d06_no_late_word_of_a_job_reaches_the_one_that_took_its_place(hand):
    hand.add()
    hand.request("t", "a")
    old = hand.scheduler.start()
    (new,) = hand.timeline.restart("t")
    before = hand.timeline.store.snapshot()
    old.control.report(0.5)
    hand.timeline.job_started(old)
    hand.timeline.job_progress([(old, old.progress)])
    hand.scheduler.fail(old)
    hand.scheduler.end(old)
    assert hand.timeline.store.snapshot() is before
    assert hand.scheduler.run() is new
    assert hand.status() == ("ready", None)


def test_d06_a_late_result_is_true_all_the_same(hand):
    """It shows nowhere by itself, but whoever asks for it need not wait, even if a later attempt has failed."""
    hand.add()
    hand.request("t", "a")
    old = hand.scheduler.start()
    hand.timeline.stop("t")
    (new,) = hand.request("t", "a")
    hand.scheduler.deliver(old)
    hand.scheduler.end(old)
    assert hand.states() == {"a": "queued"}
    hand.scheduler.start(new)
    hand.scheduler.fail(new)
    hand.scheduler.end(new)
    assert hand.states() == {"a": "failed"}
    assert hand.request("t", "a") == []
    assert hand.states() == {"a": "fresh"}
    assert hand.status() == ("ready", None)


def test_d06_a_calculator_that_ignores_stop_cannot_resurrect_the_status(registry, timeline):
    started, let_go = threading.Event(), threading.Event()

    def stubborn(samples, *, ctx):
        started.set()
        while not let_go.wait(0.001):
            ctx.progress(0.5)
        ctx.progress(0.9)
        return np.zeros(87)

    registry.register(FunctionCalculator(stubborn, feature="stubborn", inputs="samples", version=1))
    track = timeline.add(recording(1))
    (job,) = timeline.request(track, [registry.resolve("stubborn")], "e")
    assert started.wait(30)
    timeline.stop(track)
    seen: list[events.Event] = []
    timeline.store.subscribe(seen.append)
    let_go.set()
    assert job.wait(30)
    assert timeline.store.flush(30)
    status = timeline.store.snapshot().sources[track.source_id].status
    assert (status.state, status.message) == ("idle", "analysis stopped")
    assert seen == []


def test_d09_analysis_of_a_removed_track_creates_nothing(hand, recorded):
    hand.add()
    hand.request("t", "a")
    job = hand.scheduler.start()
    hand.timeline.remove("t")
    assert job.control.cancelled
    seen = recorded(hand.timeline.store)
    hand.scheduler.report(job, 0.5)
    hand.scheduler.deliver(job)
    hand.scheduler.end(job)
    assert not hand.timeline.store.snapshot().sources
    assert hand.timeline.store.flush(10)
    assert seen == []


def test_d09_nor_does_it_touch_the_same_audio_added_again(hand):
    hand.add()
    hand.request("t", "a", element=None)
    job = hand.scheduler.start()
    hand.timeline.remove("t")
    hand.add()
    hand.scheduler.fail(job)
    hand.scheduler.end(job)
    assert hand.status() == ("idle", "analysis not started")
    assert hand.states() == {}


# --- second requests -------------------------------------------------------------------------------


def test_d07_second_targeted_reanalysis_is_not_lost_when_the_first_waits(hand):
    hand.add()
    hand.request("t", "a", "b")
    hand.scheduler.run()
    hand.timeline.reanalyze("t", ["a"])
    hand.timeline.reanalyze("t", ["b"])
    job = hand.scheduler.run()
    assert [item.descriptor.feature for item in job.items] == ["a", "b"]
    assert hand.scheduler.jobs == []


def test_d07_second_targeted_reanalysis_is_not_lost_when_the_first_runs(hand):
    hand.add()
    hand.request("t", "a", "b")
    hand.scheduler.run()
    old = hand.entry("a").track, hand.entry("b").track
    (first,) = hand.timeline.reanalyze("t", ["a"])
    hand.scheduler.start()
    (second,) = hand.timeline.reanalyze("t", ["b"])
    assert first is not second
    assert not first.control.cancelled
    hand.scheduler.deliver(first)
    hand.scheduler.end(first)
    assert hand.status()[0] == "pending"
    hand.scheduler.run_all()
    assert (first.state, second.state) == ("succeeded", "succeeded")
    assert hand.entry("a").track is not old[0]
    assert hand.entry("b").track is not old[1]


def test_d07_an_equal_request_shares_the_work(hand):
    hand.add()
    (first,) = hand.request("t", "a")
    assert hand.request("t", "a", element="other") == [first]
    hand.scheduler.start()
    assert hand.request("t", "a", element="third") == [first]
    assert len(first.items) == 1


def test_d07_nor_is_a_request_made_in_the_moment_of_delivery(hand):
    """Between a job's own note of a result and the timeline's, the feature must not look as if nobody computed it."""
    hand.add()
    (job,) = hand.request("t", "a")
    hand.scheduler.start()
    job.stored.add(job.items[0].key)  # the scheduler has it, the timeline has not heard yet
    assert hand.request("t", "a", element="other") == [job]
    assert hand.states() == {"a": "running"}


# --- jobs ------------------------------------------------------------------------------------------


def test_d08_job_succeeds_only_when_stored(registry, timeline):
    """The original calls a job done when it has been scheduled."""
    go = threading.Event()

    def slow(samples):
        go.wait(30)
        return np.zeros(87)

    registry.register(FunctionCalculator(slow, feature="slow", inputs="samples", version=1))
    track = timeline.add(recording(1))
    descriptor = registry.resolve("slow")
    seen: list[tuple[str, bool]] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.FeatureStored):
            seen.append((job.state, timeline.peek(track, descriptor) is not None))

    timeline.store.subscribe(watch)
    (job,) = timeline.request(track, [descriptor], "e")
    assert job.state in ("queued", "running")
    go.set()
    assert job.wait(30)
    assert job.state == "succeeded"
    assert job.seconds is not None
    assert timeline.peek(track, descriptor) is not None  # whoever waited for the job finds the data
    assert timeline.store.flush(30)
    assert [stored for _, stored in seen] == [True]


def test_d08_a_calculator_that_raises_makes_a_failed_job(registry, timeline):
    def broken(samples):
        raise ZeroDivisionError("oh no")

    registry.register(FunctionCalculator(broken, feature="broken", inputs="samples", version=1))
    track = timeline.add(recording(1))
    (job,) = timeline.request(track, [registry.resolve("broken"), registry.resolve("rms")], "e")
    assert job.wait(30)
    assert job.state == "failed"
    (error,) = job.failures.values()
    assert isinstance(error.__cause__, ZeroDivisionError)
    status = timeline.store.snapshot().sources[track.source_id].status
    assert status.state == "failed"
    assert status.message == "analysis failed: Calculator 'broken' failed: ZeroDivisionError: oh no."
    assert timeline.peek(track, registry.resolve("rms")) is not None


# --- stop and stale --------------------------------------------------------------------------------


def test_d11_stop_keeps_ready(hand):
    hand.add()
    hand.request("t", "a")
    hand.scheduler.run()
    before = hand.source()
    hand.timeline.stop("t")
    assert hand.source() is before
    assert hand.status() == ("ready", None)


def test_d11_stop_during_a_second_analysis_keeps_the_first(hand):
    hand.add()
    hand.request("t", "a")
    hand.scheduler.run()
    data = hand.entry("a").track
    hand.timeline.reanalyze("t", ["a"])
    hand.scheduler.start()
    hand.timeline.stop("t")
    assert hand.status() == ("ready", "analysis stopped")
    assert hand.entry("a").track is data
    assert hand.entry("a").state == "fresh"


def test_d11_freshness_is_each_features_own(hand):
    """The original: re-analysing one stale feature calls the whole source ready."""
    hand.add()
    hand.request("t", "a", "b", "c")
    hand.scheduler.run()
    hand.timeline.release("e")
    hand.edit("a", 2)
    hand.edit("b", 2)
    assert hand.states() == {"a": "stale", "b": "stale", "c": "fresh"}
    hand.timeline.reanalyze("t", ["a"])
    hand.scheduler.run_all()
    assert hand.states() == {"a": "fresh", "b": "stale", "c": "fresh"}
    assert hand.status()[0] == "stale"
    hand.timeline.reanalyze("t", ["b"])
    hand.scheduler.run_all()
    assert hand.status() == ("ready", None)


# --- floods ----------------------------------------------------------------------------------------


def measured_events(timeline: Timeline, track: Track, names: list[str]) -> tuple[Counter, float]:
    """Events of an analysis by kind, and how long it took [s]."""
    seen: list[events.Event] = []
    timeline.store.subscribe(seen.append)
    began_s = time.monotonic()
    (job,) = timeline.request(track, [timeline.registry.resolve(name) for name in names], "e")
    assert job.wait(120)
    elapsed_s = time.monotonic() - began_s
    assert timeline.store.flush(30)
    assert [event.sequence for event in seen] == list(range(seen[0].sequence, seen[0].sequence + len(seen)))
    return Counter(type(event).__name__ for event in seen), elapsed_s


def test_d26_progress_events_are_few_for_a_minute_of_audio(timeline):
    """The original makes 51,677 store writes of it, one for each frame of each feature."""
    track = timeline.add(recording(60))
    names = ["mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform"]
    counts, elapsed_s = measured_events(timeline, track, names)
    assert counts.pop("ProgressChanged", 0) <= 20 * elapsed_s + 3
    assert counts == {"DemandChanged": 1, "StatusChanged": 2, "FeatureStored": 3}


def test_d26_progress_events_are_few_however_often_a_calculator_reports(registry, timeline):
    def spam(samples, *, ctx):
        for n in range(100_000):
            ctx.progress(n / 100_000)
        for odd in (float("nan"), -1.0, 7.0, 0.1, float("inf")):
            ctx.progress(odd)
        return np.zeros(87)

    registry.register(FunctionCalculator(spam, feature="spam", inputs="samples", version=1))
    track = timeline.add(recording(1))
    values: list[float] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.ProgressChanged):
            values.append(event.status.progress.value)

    timeline.store.subscribe(note)
    counts, elapsed_s = measured_events(timeline, track, ["spam"])
    assert counts["ProgressChanged"] <= 20 * elapsed_s + 3
    assert values == sorted(values)
    assert values[-1] == 1.0


# --- registry --------------------------------------------------------------------------------------


def test_d27_first_custom_calculator_keeps_builtins(registry, timeline):
    """The original: whoever registers a calculator first loses spectrogram, rms and waveform."""
    builtin = {calculator.id for calculator in registry.list()}
    registry.register(FunctionCalculator(lambda frames: frames[:, 0], feature="first", version=1))
    assert {calculator.id for calculator in registry.list()} == {*builtin, "first"}
    track = timeline.add(recording(0.1))
    everything = timeline.all_descriptors(track)
    timeline.request(track, everything, "e")
    timeline.wait(60)
    entries = timeline.store.snapshot().sources[track.source_id].entries.values()
    stored = {entry.slot.feature for entry in entries if entry.track is not None}
    assert stored == {descriptor.feature for descriptor in everything}
    assert stored >= {"spectrogram", "rms", "waveform", "first"}


# --- what is asked for beside what is there ----------------------------------------------------------


def rows(diagnostics: Diagnostics) -> dict[tuple[str, str], str]:
    return {(row.name, row.profile): row.kind for group in diagnostics.groups for row in group.rows}


@pytest.mark.parametrize("feature", ["rms", "spectrogram", "waveform"])
def test_d03_the_parameters_that_are_asked_for_are_the_ones_used(feature):
    """The original: a profile is a label; the data are those of the defaults, and claim otherwise."""
    profile = AnalysisProfile(window_size=512, hop_size=128)
    with acn.Session(cache_dir=False, workers=1) as session:
        track = session.add_audio(np.sin(np.arange(8000) / 5).astype(np.float32), 8000)
        asked = session.get(track, feature, profile=profile, timeout=60)
        default = session.get(track, feature, timeout=60)
    for parameter in {"window_size", "hop_size"} & set(asked.parameters):
        assert asked.parameters[parameter] == profile.values()[parameter]
    assert asked.profile_id == profile.id
    assert asked.key != default.key or feature == "waveform"  # whose cells are what they are
    if feature != "waveform":
        assert asked.hop_seconds == 128 / 8000
        assert asked.frame_count == 1 + 8000 // 128
        assert default.frame_count == 1 + 8000 // 512


def test_d04_no_tempo_edit_makes_data_stale(hand):
    """The original: every cache is stale after any edit of the tempo, and even after one that changes nothing."""
    diagnostics = Diagnostics(hand.timeline)
    hand.add()
    hand.request("t", "a", "b")
    hand.scheduler.run_all()
    before = diagnostics.groups
    hand.tempo.bpm = 90
    hand.tempo.set_map([(0.0, 120.0), (8.0, 140.0, "linear")])
    hand.tempo.set_map([(0.0, 120.0), (8.0, 140.0, "linear")])
    assert hand.states() == {"a": "fresh", "b": "fresh"}
    assert hand.status() == ("ready", None)
    assert diagnostics.groups == before
    assert hand.scheduler.jobs == []


def test_d04_what_reads_the_tempo_goes_stale_alone():
    hand = Hand("a", on_tempo=("beat",))
    diagnostics = Diagnostics(hand.timeline)
    hand.timeline.policy = "ask"
    hand.add()
    hand.request("t", "a", "beat")
    hand.timeline.compute()
    hand.scheduler.run_all()
    hand.tempo.bpm = 90
    assert rows(diagnostics) == {("a", "default"): "current", ("beat", "default"): "stale"}
    hand.tempo.bpm = 120
    assert rows(diagnostics) == {("a", "default"): "current", ("beat", "default"): "current"}
    hand.close()


def test_d07_regenerating_everything_loses_no_work(hand):
    """The original: of two groups on one source both are called done, and only the last one ran."""
    diagnostics = Diagnostics(hand.timeline)
    hand.timeline.policy = "ask"
    hand.add("t")
    hand.add("u")  # the same audio
    hand.request("t", "a", element="one")
    hand.request("u", "b", element="two", profile=AnalysisProfile(hop_size=64))
    jobs = diagnostics.regenerate_all()
    assert len(jobs) == 2
    hand.scheduler.run_all()
    assert [job.state for job in jobs] == ["succeeded", "succeeded"]
    assert set(rows(diagnostics).values()) == {"current"}


def test_d08_a_regeneration_succeeds_when_its_data_are_stored(hand):
    """The original: it has succeeded when it has been scheduled, its duration is unknown, failures are successes."""
    diagnostics = Diagnostics(hand.timeline)
    hand.add()
    good, bad = diagnostics.regenerate("t", "a"), None
    work = hand.scheduler.start()
    assert (good.state, diagnostics.history) == ("running", ())
    assert hand.entry("a").track is None
    hand.scheduler.deliver(work)
    hand.scheduler.end(work)
    assert good.state == "succeeded"
    assert hand.entry("a").state == "fresh"
    bad = diagnostics.regenerate("t", "b")
    work = hand.scheduler.start()
    hand.scheduler.fail(work)
    hand.scheduler.end(work)
    assert (bad.state, bad.error) == ("failed", "it broke")
    assert [(entry.status, entry.seconds is not None) for entry in diagnostics.history] == [
        ("succeeded", True),
        ("failed", True),
    ]


def test_d09_a_regeneration_of_a_removed_track_creates_nothing(hand):
    diagnostics = Diagnostics(hand.timeline)
    hand.add()
    job = diagnostics.regenerate("t", "a")
    work = hand.scheduler.start()
    hand.timeline.remove("t")
    hand.scheduler.deliver(work)
    hand.scheduler.end(work)
    assert job.state in ("succeeded", "cancelled")  # its data are stored, by their key
    assert diagnostics.groups == ()
    assert not hand.timeline.store.snapshot().sources


def test_d11_regenerating_one_stale_feature_makes_that_one_right(hand):
    """The original: stale is a state of the source, and any new analysis clears it."""
    diagnostics = Diagnostics(hand.timeline)
    hand.timeline.policy = "ask"
    hand.add()
    hand.request("t", "a", "b")
    hand.timeline.compute()
    hand.scheduler.run_all()
    hand.edit("a", 2)
    hand.edit("b", 2)
    diagnostics.regenerate("t", ["a"])
    hand.scheduler.run_all()
    assert rows(diagnostics) == {("a", "default"): "current", ("b", "default"): "stale"}
    assert hand.status()[0] == "stale"


def test_d12_replaced_audio_is_noticed(tmp_path):
    """The original knows no content: what was computed of the old sound is shown for the new one."""
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "sound.wav"
    first, second = (np.full(8000, level, np.float32) for level in (0.25, 0.5))
    soundfile.write(path, first, 8000)
    with acn.Session(cache_dir=False, workers=1) as session:
        track = session.add_audio(path)
        assert session.get(track, "rms", timeout=60).data[5, 0] == pytest.approx(0.25, abs=1e-3)
        soundfile.write(path, second, 8000)
        freshness = session.freshness(track, "rms")
        assert freshness.state == "stale"
        assert "audio file changed on disk" in freshness.explain()
        again = session.add_audio(path, track_id="again")
        assert again.source.digest != track.source.digest
        assert session.get(again, "rms", timeout=60).data[5, 0] == pytest.approx(0.5, abs=1e-3)


def test_d15_no_request_is_missing_for_ever():
    """The original: bands, spellings of channels, requests without a calculator, odd profiles are never satisfied."""
    odd = AnalysisProfile(id="oddProfile", hop_size=256)
    with acn.Session(cache_dir=False, workers=1) as session:
        sound = np.sin(np.arange(8000) / 5).astype(np.float32)
        track = session.add_audio(np.stack([sound, sound / 2], axis=1), 8000)
        session.request(
            track,
            [acn.Descriptor("rms"), acn.Descriptor("spectrogram", profile=odd), "mvmnt.waveform"],
            element="plot",
        )
        session.wait(60)
        assert session.sample(track, "spectrogram", time=0.5, band=3, profile=odd) is not None
        assert session.sample(track, "rms", time=0.5, channel=0) is not None
        assert session.diagnostics.issues == ()
        assert all(group.requested and not group.missing for group in session.diagnostics.groups)


def test_d15_what_can_never_be_satisfied_is_a_bad_request():
    with acn.Session(cache_dir=False, workers=1) as session:
        track = session.add_audio(np.zeros(8000, np.float32), 8000)
        with pytest.raises(acn.UnknownFeatureError):
            session.request(track, "pitchWaveform", element="oscilloscope")
        (group,) = session.diagnostics.groups
        assert (group.bad_requests, group.missing) == (("pitchWaveform",), ())
        assert group.owners == ("oscilloscope",)


def test_d16_groups_of_one_source_do_not_accuse_one_another(hand):
    """The original: each of two groups lists what the other asks for, and every channel of it, as extraneous."""
    diagnostics = Diagnostics(hand.timeline)
    fine = AnalysisProfile(hop_size=64)
    hand.add("t")
    hand.add("u")
    hand.request("t", "a", element="one")
    hand.request("u", "b", element="two")
    hand.request("u", "b", element="three", profile=fine)
    hand.scheduler.run_all()
    assert [(group.profile, group.extraneous) for group in diagnostics.groups] == [("default", ()), (fine.id, ())]
    hand.timeline.release("two")
    assert diagnostics.groups[0].extraneous == ("b",)  # once, in its own group
    assert [row.name for row in diagnostics.issues] == ["b"]


def test_d16_what_something_is_computed_from_is_not_extraneous():
    with acn.Session(cache_dir=False, workers=1) as session:
        track = session.add_audio(np.sin(np.arange(16000) / 5).astype(np.float32), 8000)
        session.request(track, "onsets", element="plot")  # computed from onset_strength
        session.wait(60)
        assert len(session.store.snapshot().sources[track.source_id].entries) > 1
        assert session.diagnostics.issues == ()
        session.release("plot")
        assert {row.kind for row in session.diagnostics.issues} == {"extraneous"}
        assert session.diagnostics.delete_extraneous() > 0
        assert session.diagnostics.groups == ()


def test_d18_demand_of_a_track_that_comes_back_is_seen():
    """The original: the same request of an element is swallowed, and diagnostics never hears of it again."""
    with acn.Session(cache_dir=False, workers=1) as session:
        track = session.add_audio(np.zeros(8000, np.float32), 8000)
        session.request(track, "rms", element="plot")
        session.wait(60)
        session.remove(track)
        assert session.diagnostics.groups == ()
        session.undo()
        (group,) = session.diagnostics.groups
        assert (group.requested, group.owners) == (("rms",), ("plot",))
        session.request(track, "rms", element="plot")
        assert session.diagnostics.groups == (group,)
        session.clear_all()
        session.undo()
        assert session.diagnostics.groups[0].owners == ("plot",)


def test_d18_an_element_that_went_meanwhile_does_not_come_back():
    with acn.Session(cache_dir=False, workers=1) as session:
        track = session.add_audio(np.zeros(8000, np.float32), 8000)
        for take_away in (lambda: session.remove(track), session.clear_all):
            session.request(track, "rms", element="plot")
            session.wait(60)
            take_away()
            session.release("plot")
            session.undo()
            assert not session.timeline.demand.wanted([track.id])


def test_d31_each_descriptor_is_computed_in_its_own_profile(hand):
    """The original: Calculate runs everything of a group with the group's profile; both requests stay missing."""
    diagnostics = Diagnostics(hand.timeline)
    hand.timeline.policy = "ask"
    one, two = AnalysisProfile(hop_size=64), AnalysisProfile(hop_size=128)
    hand.add()
    descriptors = [*hand.named("a", profile=one), *hand.named("a", profile=two)]
    hand.timeline.request("t", descriptors, "plot")
    assert rows(diagnostics) == {("a", one.id): "missing", ("a", two.id): "missing"}
    jobs = diagnostics.regenerate_all()
    hand.scheduler.run_all()
    assert {job.state for job in jobs} == {"succeeded"}
    assert rows(diagnostics) == {("a", one.id): "current", ("a", two.id): "current"}
    assert hand.entry("a", profile=one).track.parameters == {"hop_size": 64}
