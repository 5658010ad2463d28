"""From which state to which: every trigger, with the message that people see."""

from __future__ import annotations

import threading

import pytest
from support.by_hand import Hand, Toy, audio

from audiocache_nb.errors import (
    InvalidParameterError,
    SessionClosedError,
    UnknownCalculatorError,
    UnknownFeatureError,
    UnknownTrackError,
)
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.timeline import events
from audiocache_nb.timeline.state import Track


@pytest.fixture
def hand():
    made = Hand("a", "b", "c", on_tempo=("beat",))
    yield made
    made.close()


def made_idle(hand: Hand) -> None:
    hand.add()


def made_pending(hand: Hand) -> None:
    hand.add()
    hand.request("t", "a")
    hand.scheduler.start()


def made_ready(hand: Hand) -> None:
    hand.add()
    hand.request("t", "a")
    hand.scheduler.run()


def made_failed(hand: Hand) -> None:
    made_pending(hand)
    job = hand.scheduler.running[0]
    hand.scheduler.fail(job)
    hand.scheduler.end(job)


def made_stale(hand: Hand) -> None:
    made_ready(hand)
    hand.timeline.release("e")
    hand.edit("a", 2)


ALL = {
    "idle": made_idle,
    "pending": made_pending,
    "ready": made_ready,
    "failed": made_failed,
    "stale": made_stale,
}
MESSAGES = {
    "idle": "analysis not started",
    "pending": "analyzing audio",
    "ready": None,
    "failed": "analysis failed: it broke",
    "stale": "calculator updated",
}


@pytest.fixture(params=list(ALL))
def state(request, hand):
    """The timeline with one source in each of the five states."""
    ALL[request.param](hand)
    assert hand.status() == (request.param, MESSAGES[request.param])
    return request.param


class TestFromEveryState:
    def test_asking_for_something_new_makes_it_pending(self, hand, state):
        hand.request("t", "b")
        assert hand.status() == ("pending", "analyzing audio")

    def test_asking_for_what_is_there_already_changes_nothing(self, hand, state):
        before = hand.status()
        hand.timeline.request("t", [], "somebody else")
        assert hand.status() == before

    @pytest.mark.parametrize(
        ("names", "message"), [(["a"], "reanalysing feature track"), (["a", "b"], "reanalysing feature tracks")]
    )
    def test_reanalysing_makes_it_pending_and_says_how_many(self, hand, state, names, message):
        hand.timeline.reanalyze("t", names)
        expected = message if (state, names) != ("pending", ["a"]) else "analyzing audio"  # on it already
        assert hand.status() == ("pending", expected)

    def test_reanalysing_nothing_changes_nothing(self, hand, state):
        before = hand.status()
        assert hand.timeline.reanalyze("t", ["", ""]) == []
        assert hand.status() == before

    def test_restart_makes_it_pending(self, hand, state):
        assert len(hand.timeline.restart("t")) == 1
        assert hand.status() == ("pending", "analyzing audio")

    def test_stop_ends_work_and_says_so_and_otherwise_does_nothing(self, hand, state):
        before = hand.status()
        hand.timeline.stop("t")
        assert hand.status() == (("idle", "analysis stopped") if state == "pending" else before)

    def test_clear_makes_it_idle_without_a_message(self, hand, state):
        hand.timeline.clear("t")
        assert hand.status() == ("idle", None)
        assert all(entry.track is None for entry in hand.source().entries.values())

    def test_removing_the_track_removes_the_source(self, hand, state):
        hand.timeline.remove("t")
        assert not hand.timeline.store.snapshot().sources

    def test_clear_all_removes_everything(self, hand, state):
        hand.timeline.clear_all()
        snapshot = hand.timeline.store.snapshot()
        assert not snapshot.tracks
        assert not snapshot.sources

    def test_the_tempo_does_not_concern_it(self, hand, state):
        before = hand.status()
        hand.tempo.bpm = 90
        hand.tempo.set_map([(0.0, 100.0), (1.0, 140.0)])
        hand.tempo.beats_per_bar = 3
        assert hand.status() == before

    def test_a_calculator_it_does_not_use_does_not_concern_it(self, hand, state):
        before = hand.status()
        hand.edit("c", 7)
        assert hand.status() == before

    def test_the_hash_is_always_that_of_the_content(self, hand, state):
        assert hand.source().status.source_hash == audio().digest
        hand.request("t", "b")
        assert hand.source().status.source_hash == audio().digest

    def test_progress_is_there_exactly_while_it_is_pending(self, hand, state):
        assert (hand.source().status.progress is not None) == (state == "pending")

    def test_closing_ends_what_is_pending_and_keeps_the_rest(self, hand, state):
        before = hand.status()
        hand.timeline.close()
        assert hand.status() == (("idle", "session closed") if state == "pending" else before)


class TestProgress:
    def test_labels_of_an_analysis(self, hand, recorded):
        hand.add()
        seen = recorded(hand.timeline.store)
        hand.request("t", "a", "b")
        assert hand.source().status.progress.label == "preparing"
        assert hand.source().status.progress.value == 0
        job = hand.scheduler.start()
        assert hand.source().status.progress.label == "start"
        hand.scheduler.report(job, 0.25, "a")
        hand.scheduler.deliver(job)
        hand.scheduler.report(job, 0.75, "b")
        hand.scheduler.deliver(job)
        hand.scheduler.end(job)
        assert hand.timeline.store.flush(10)
        progress = [event.status.progress for event in seen if hasattr(event, "status")]
        labels = [one.label for one in progress if one is not None]
        assert list(dict.fromkeys(labels)) == ["preparing", "start", "a", "b", "complete"]
        states = [event.status.state for event in seen if isinstance(event, events.StatusChanged)]
        assert states == ["pending", "ready"]
        assert hand.status() == ("ready", None)

    def test_a_queued_request_goes_on_with_the_progress_it_has(self, hand):
        made_pending(hand)
        hand.scheduler.report(hand.scheduler.running[0], 0.5, "a")
        hand.request("t", "b", element="other")
        assert hand.source().status.progress.value == 0.5

    def test_a_late_post_cannot_move_the_bar_back(self, hand):
        made_pending(hand)
        job = hand.scheduler.running[0]
        job.control.report(0.25)
        old = job.progress  # posted, but on its way when something newer arrives
        hand.scheduler.report(job, 0.75)
        hand.timeline.job_progress([(job, old)])
        assert hand.source().status.progress.value == 0.75

    def test_a_job_that_has_not_begun_is_queued_and_then_running(self, hand):
        hand.add()
        hand.request("t", "a")
        assert hand.states() == {"a": "queued"}
        hand.scheduler.start()
        assert hand.states() == {"a": "running"}


class TestEnd:
    def test_whoever_gets_a_feature_finds_the_status_right(self, hand):
        hand.add()
        (wanted,) = hand.named("a")
        found = []

        def get():
            hand.timeline.get("t", wanted, 60)
            found.append(hand.status())

        waiting = threading.Thread(target=get)
        waiting.start()
        while not hand.scheduler.queue:
            threading.Event().wait(0.001)
        job = hand.scheduler.start()
        hand.scheduler.deliver(job)
        waiting.join(0.2)
        assert waiting.is_alive()  # the job has not ended, and the status is still pending
        hand.scheduler.end(job)
        waiting.join(60)
        assert found == [("ready", None)]

    def test_success_leaves_no_message(self, hand):
        made_ready(hand)
        assert hand.status() == ("ready", None)

    def test_failure_says_what_failed_without_the_machinery(self, hand):
        made_failed(hand)
        assert hand.status() == ("failed", "analysis failed: it broke")
        entry = hand.entry("a")
        assert entry.state == "failed"
        assert entry.reason == "it broke"

    def test_a_failed_feature_leaves_the_others_alone(self, hand):
        hand.add()
        hand.request("t", "a", "b")
        job = hand.scheduler.start()
        hand.scheduler.fail(job, job.items[0])
        hand.scheduler.deliver(job, job.items[1])
        hand.scheduler.end(job)
        assert hand.states() == {"a": "failed", "b": "fresh"}
        assert hand.status()[0] == "failed"

    def test_failure_with_work_behind_it_stays_pending_and_is_told_at_the_end(self, hand):
        made_pending(hand)
        job = hand.scheduler.running[0]
        hand.request("t", "b", element="other")
        hand.scheduler.fail(job)
        hand.scheduler.end(job)
        assert hand.status() == ("pending", "analyzing audio")
        hand.scheduler.run()
        assert hand.status() == ("failed", "analysis failed: it broke")

    def test_a_job_cancelled_by_itself_says_so(self, hand):
        made_pending(hand)
        job = hand.scheduler.running[0]
        assert job.cancel()
        assert not job.cancel()
        assert hand.status()[0] == "pending"  # until it has noticed
        hand.scheduler.end(job)
        assert hand.status() == ("idle", "analysis stopped")

    def test_a_cancelled_job_with_work_behind_it_does_not_say_that_all_was_stopped(self, hand):
        made_pending(hand)
        job = hand.scheduler.running[0]
        hand.request("t", "b", element="other")
        job.cancel()
        hand.scheduler.end(job)
        assert hand.status() == ("pending", "analyzing audio")

    def test_a_queued_job_can_be_cancelled_at_once(self, hand):
        hand.add()
        (job,) = hand.request("t", "a")
        job.cancel()
        assert job.state == "cancelled"
        assert hand.status() == ("idle", "analysis stopped")

    def test_finished_features_of_a_cancelled_job_are_kept(self, hand):
        hand.add()
        hand.request("t", "a", "b")
        job = hand.scheduler.start()
        hand.scheduler.deliver(job)
        hand.timeline.stop("t")
        hand.scheduler.end(job)
        assert hand.states() == {"a": "fresh", "b": "missing"}
        assert hand.status() == ("ready", "analysis stopped")

    def test_a_failed_feature_is_not_tried_again_by_asking_again_but_by_saying_so(self, hand):
        made_failed(hand)
        assert hand.request("t", "a") == []
        assert hand.status()[0] == "failed"
        hand.timeline.reanalyze("t", ["a"])
        hand.scheduler.run_all()
        assert hand.status() == ("ready", None)

    def test_an_edited_calculator_is_tried_again_after_it_failed(self, hand):
        made_failed(hand)
        hand.edit("a", 2)
        assert hand.status()[0] == "pending"
        hand.scheduler.run_all()
        assert hand.status() == ("ready", None)


class TestStale:
    def test_an_edited_calculator_is_recomputed_where_somebody_asks_for_it(self, hand):
        made_ready(hand)
        hand.edit("a", 2)
        assert hand.status() == ("pending", "analyzing audio")
        assert hand.entry("a").track is not None  # the old data stay until the new are there
        hand.scheduler.run_all()
        assert hand.entry("a").track.version == "2"

    def test_and_only_goes_stale_where_nobody_does(self, hand):
        made_stale(hand)
        assert hand.status() == ("stale", "calculator updated")
        assert hand.entry("a").causes == ("calculator a version 1 → 2",)
        assert hand.scheduler.jobs == []

    def test_a_lower_version_is_another_version(self, hand):
        made_stale(hand)
        hand.edit("a", 0)
        assert hand.status()[0] == "stale"

    def test_the_same_version_again_is_fresh_again(self, hand):
        made_stale(hand)
        hand.edit("a", 1)
        assert hand.status()[0] == "ready"

    def test_what_was_computed_before_is_found_again(self, hand):
        made_ready(hand)
        hand.edit("a", 2)
        hand.scheduler.run_all()
        hand.edit("a", 1)
        assert hand.scheduler.jobs == []
        assert hand.status()[0] == "ready"
        assert hand.entry("a").track.version == "1"

    def test_an_edit_touches_only_its_own_feature(self, hand):
        hand.add()
        hand.request("t", "a", "b")
        hand.scheduler.run()
        data = hand.entry("b").track
        hand.edit("a", 2)
        (job,) = hand.scheduler.jobs
        assert [item.descriptor.feature for item in job.items] == ["a"]
        hand.scheduler.run_all()
        assert hand.entry("b").track is data

    def test_an_edit_ends_a_job_that_computes_nothing_else(self, hand):
        hand.add()
        (old,) = hand.request("t", "a")
        hand.scheduler.start()
        hand.edit("a", 2)
        assert old.control.cancelled
        assert hand.status()[0] == "pending"
        hand.scheduler.end(old)
        (new,) = hand.scheduler.jobs
        hand.scheduler.run_all()
        assert (old.state, new.state) == ("cancelled", "succeeded")
        assert hand.status() == ("ready", None)

    def test_an_edit_leaves_a_job_alone_that_computes_something_else_too(self, hand):
        hand.add()
        (old,) = hand.request("t", "a", "b")
        hand.scheduler.start()
        hand.edit("a", 2)
        assert not old.control.cancelled
        hand.scheduler.deliver(old)
        hand.scheduler.deliver(old)
        assert hand.states() == {"a": "queued", "b": "fresh"}
        hand.scheduler.end(old)
        hand.scheduler.run_all()
        assert hand.states() == {"a": "fresh", "b": "fresh"}

    def test_an_edit_leaves_a_job_alone_that_has_delivered_everything(self, hand):
        hand.add()
        (old,) = hand.request("t", "a")
        hand.scheduler.start()
        hand.scheduler.deliver(old)
        hand.edit("a", 2)
        hand.scheduler.end(old)
        assert old.state == "succeeded"
        hand.scheduler.run_all()
        assert hand.states() == {"a": "fresh"}

    def test_many_edits_leave_one_job(self, hand):
        hand.add()
        hand.request("t", "a")
        hand.scheduler.start()
        for version in range(2, 9):
            hand.edit("a", version)
        running, waiting = hand.scheduler.jobs
        assert running.control.cancelled
        assert [item.calculator.version for item in waiting.items] == [8]

    def test_a_calculator_that_goes_takes_its_job_along(self, hand):
        hand.add()
        (job,) = hand.request("t", "a")
        hand.scheduler.start()
        hand.registry.unregister("a")
        assert job.control.cancelled
        assert hand.status()[0] == "idle"
        hand.scheduler.end(job)
        hand.timeline.wait(0)

    def test_an_edit_does_not_bring_back_what_was_stopped(self, hand):
        hand.add()
        hand.request("t", "a", "b")
        hand.timeline.stop("t")
        hand.edit("a", 2)
        (job,) = hand.scheduler.jobs
        assert [item.descriptor.feature for item in job.items] == ["a"]
        assert hand.states() == {"a": "queued", "b": "missing"}

    def test_a_calculator_that_is_gone_makes_a_bad_request_and_keeps_the_data(self, hand):
        made_ready(hand)
        hand.registry.unregister("a")
        entry = hand.source().entries[next(iter(hand.source().entries))]
        assert entry.state == "bad_request"
        assert entry.reason == "There is no calculator 'a'."
        assert entry.track is not None
        hand.registry.register(Toy("a"))
        assert hand.states() == {"a": "fresh"}

    def test_a_bad_request_does_not_keep_the_others_from_a_restart(self, hand):
        hand.add()
        hand.request("t", "a", "b")
        running = hand.scheduler.start()
        hand.registry.unregister("a")
        (job,) = hand.timeline.restart("t")
        assert [item.descriptor.feature for item in job.items] == ["b"]
        assert running.control.cancelled

    def test_a_calculator_whose_own_code_breaks_is_a_bad_request_too(self, hand):
        made_ready(hand)

        class Broken(Toy):
            def used_profile(self, profile):
                raise ZeroDivisionError("oh")

        hand.registry.register(Broken("a"))
        assert hand.entry("a").state == "bad_request"
        assert "ZeroDivisionError: oh" in hand.entry("a").reason
        hand.request("t", "b", element="other")
        hand.scheduler.run_all()
        assert hand.entry("b").state == "fresh"

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda tempo: setattr(tempo, "bpm", 90), "tempo updated"),
            (lambda tempo: setattr(tempo, "beats_per_bar", 3), "tempo updated"),
            (lambda tempo: tempo.set_map([(0.0, 100.0), (1.0, 140.0)]), "tempo map updated"),
        ],
    )
    def test_the_tempo_makes_stale_what_depends_on_it(self, hand, edit, message):
        hand.add()
        hand.request("t", "a", "beat")
        hand.scheduler.run()
        hand.timeline.release("e")
        edit(hand.tempo)
        assert hand.states() == {"a": "fresh", "beat": "stale"}
        assert hand.entry("beat").reason == "tempo map changed"
        assert hand.status() == ("stale", message)

    def test_the_tempo_set_back_makes_it_fresh_again(self, hand):
        hand.add()
        hand.request("t", "beat")
        hand.scheduler.run()
        hand.timeline.release("e")
        hand.tempo.bpm = 90
        hand.tempo.bpm = 120
        assert hand.status() == ("ready", None)

    def test_the_same_tempo_again_is_no_change(self, hand):
        hand.add()
        hand.request("t", "beat")
        hand.scheduler.run()
        before = hand.timeline.store.sequence
        hand.tempo.bpm = 120
        assert hand.timeline.store.sequence == before


class TestProfiles:
    def test_another_profile_is_another_feature(self, hand):
        made_ready(hand)
        hand.request("t", "a", profile=AnalysisProfile(hop_size=256), element="other")
        hand.scheduler.run_all()
        assert len(hand.source().entries) == 2

    def test_a_named_profile_with_other_values_makes_its_feature_stale(self, hand):
        hand.add()
        hand.request("t", "a", profile=AnalysisProfile(id="mine", hop_size=512))
        hand.scheduler.run_all()
        (wanted,) = hand.named("a", profile=AnalysisProfile(id="mine", hop_size=256))
        freshness = hand.timeline.freshness("t", wanted)
        assert freshness.state == "stale"
        assert freshness.causes == ("hop_size 512 → 256",)
        assert freshness.explain() == "hop_size 512 → 256"
        hand.timeline.request("t", [wanted], "e")
        hand.scheduler.run_all()
        assert hand.timeline.freshness("t", wanted).state == "fresh"
        assert len(hand.source().entries) == 1

    def test_whoever_waits_gets_his_own_even_if_the_place_is_wanted_otherwise(self, hand):
        old, new = AnalysisProfile(id="mine", hop_size=512), AnalysisProfile(id="mine", hop_size=256)
        hand.add()
        hand.request("t", "a", profile=old)
        hand.scheduler.run_all()
        (wanted,) = hand.named("a", profile=new)
        got = []
        waiting = threading.Thread(target=lambda: got.append(hand.timeline.get("t", wanted, 60)))
        waiting.start()
        while not hand.scheduler.queue:
            threading.Event().wait(0.001)
        hand.request("t", "a", profile=old, element="other")
        hand.scheduler.run_all()
        waiting.join(60)
        assert [track.parameters["hop_size"] for track in got] == [256]
        assert hand.entry("a", profile=old).track.parameters["hop_size"] == 512

    def test_two_profiles_that_make_no_difference_are_computed_once(self, hand):
        hand.add()
        loud, quiet = AnalysisProfile(), AnalysisProfile(min_decibels=-100)
        wanted = [*hand.named("a", profile=loud), *hand.named("a", profile=quiet)]
        (job,) = hand.timeline.request("t", wanted, "e")
        assert len(job.items) == 1
        hand.scheduler.run_all()
        assert [entry.state for entry in hand.source().entries.values()] == ["fresh", "fresh"]

    def test_and_so_they_are_if_the_second_is_asked_for_while_the_first_is_being_computed(self, hand):
        made_pending(hand)
        quiet = AnalysisProfile(min_decibels=-100)
        jobs = hand.request("t", "a", profile=quiet, element="other")
        assert jobs == hand.scheduler.running
        hand.scheduler.deliver(jobs[0])
        hand.scheduler.end(jobs[0])
        assert hand.entry("a", profile=quiet).state == "fresh"
        assert hand.status() == ("ready", None)

    def test_and_fail_together(self, hand):
        made_pending(hand)
        quiet = AnalysisProfile(min_decibels=-100)
        (job,) = hand.request("t", "a", profile=quiet, element="other")
        hand.scheduler.fail(job)
        hand.scheduler.end(job)
        assert hand.entry("a", profile=quiet).state == "failed"

    def test_a_calculator_is_reanalysed_in_all_its_profiles(self, hand):
        made_ready(hand)
        hand.request("t", "a", profile=AnalysisProfile(hop_size=256), element="other")
        hand.scheduler.run_all()
        (job,) = hand.timeline.reanalyze("t", ["a"])
        assert len(job.items) == 2

    def test_but_a_descriptor_means_only_its_own(self, hand):
        made_ready(hand)
        hand.request("t", "a", profile=AnalysisProfile(hop_size=256), element="other")
        hand.scheduler.run_all()
        (job,) = hand.timeline.reanalyze("t", hand.named("a"))
        assert [item.descriptor for item in job.items] == hand.named("a")


class TestDemand:
    def test_asking_again_replaces_what_an_element_asked_before(self, hand):
        hand.add()
        hand.request("t", "a")
        hand.request("t", "b")
        asked = {slot.feature: entry.demanded for slot, entry in hand.source().entries.items()}
        assert asked == {"a": False, "b": True}

    def test_without_an_element_wishes_add_up(self, hand):
        hand.add()
        hand.request("t", "a", element=None)
        hand.request("t", "b", element=None)
        assert all(entry.demanded for entry in hand.source().entries.values())

    def test_a_wish_without_data_is_forgotten_with_the_last_who_had_it(self, hand):
        hand.add()
        hand.request("t", "a")
        hand.timeline.stop("t")
        assert hand.states() == {"a": "missing"}
        hand.timeline.release("e")
        assert hand.states() == {}

    def test_data_stay_when_nobody_asks_for_them_any_more(self, hand):
        made_ready(hand)
        hand.timeline.release("e")
        assert hand.states() == {"a": "fresh"}
        assert hand.status() == ("ready", None)

    def test_release_changes_no_time_of_what_it_does_not_concern(self, hand):
        made_ready(hand)
        hand.add("u", 1)
        hand.request("u", "b", element="other")
        before = hand.source().status
        hand.timeline.release("other")
        assert hand.source().status is before

    @pytest.mark.parametrize("element", ["", "  ", 3])
    def test_an_element_has_a_name(self, hand, element):
        hand.add()
        hand.request("t", "a", element=None)
        with pytest.raises(InvalidParameterError):
            hand.request("t", "b", element=element)
        assert hand.states() == {"a": "queued"}

    def test_a_cleared_wish_is_still_a_wish(self, hand):
        made_ready(hand)
        hand.timeline.clear("t")
        assert hand.states() == {"a": "missing"}
        (job,) = hand.timeline.restart("t")
        assert [item.descriptor.feature for item in job.items] == ["a"]

    def test_the_notebook_asks_anew_for_a_track_that_comes_back(self, hand):
        hand.add()
        hand.request("t", "a", element=None)
        hand.timeline.remove("t")
        hand.add()
        hand.timeline.reanalyze("t", ["a"])
        assert not hand.entry("a").demanded

    def test_an_element_does_not_have_to(self, hand):
        hand.add()
        hand.request("t", "a", element="plot")
        hand.timeline.remove("t")
        hand.add()
        assert hand.entry("a").demanded
        assert hand.states() == {"a": "queued"}
        hand.scheduler.run_all()
        hand.timeline.release("plot")
        assert not hand.entry("a").demanded

    def test_a_track_that_goes_takes_its_wishes_along(self, hand):
        hand.add("t")
        hand.add("u")
        hand.request("t", "a")
        hand.request("u", "b")
        hand.timeline.remove("t")
        asked = {slot.feature: entry.demanded for slot, entry in hand.source("u").entries.items()}
        assert asked == {"a": False, "b": True}


class TestHold:
    def test_on_hold_a_wish_is_noted_and_nothing_is_computed(self, hand):
        hand.add(hold=True)
        assert hand.request("t", "a") == []
        assert hand.states() == {"a": "missing"}
        assert hand.status() == ("idle", "analysis not started")

    def test_until_it_is_said_so(self, hand):
        hand.add(hold=True)
        hand.request("t", "a")
        (job,) = hand.timeline.restart("t")
        assert [item.descriptor.feature for item in job.items] == ["a"]

    def test_on_hold_an_edited_calculator_only_goes_stale(self, hand):
        hand.add(hold=True)
        hand.timeline.reanalyze("t", ["a"])
        hand.request("t", "a")
        hand.scheduler.run_all()
        hand.edit("a", 2)
        assert hand.status() == ("stale", "calculator updated")

    def test_another_track_of_the_same_audio_is_not_held(self, hand):
        hand.add("t", hold=True)
        hand.add("u")
        assert hand.request("t", "a") == []
        assert len(hand.request("u", "a")) == 1

    def test_and_holds_nobody_else(self, hand):
        hand.add("u")
        hand.add("t", hold=True)
        assert len(hand.request("u", "a")) == 1

    def test_hold_ends_with_the_track(self, hand):
        hand.add("t", hold=True)
        hand.timeline.remove("t")
        hand.add("t")
        assert len(hand.request("t", "a")) == 1


class TestSharedContent:
    def test_tracks_of_one_content_share_status_and_data(self, hand):
        hand.add("t")
        hand.add("u")
        hand.request("t", "a")
        hand.scheduler.run()
        assert hand.status("u") == ("ready", None)
        assert hand.request("u", "a", element="other") == []

    def test_the_data_stay_until_the_last_track_goes(self, hand):
        hand.add("t")
        hand.add("u")
        hand.request("t", "a")
        hand.scheduler.run()
        hand.timeline.remove("t")
        assert hand.status("u") == ("ready", None)
        hand.timeline.remove("u")
        assert not hand.timeline.store.snapshot().sources


class TestRefusals:
    def test_unknown_tracks_are_named(self, hand):
        for verb in (
            hand.timeline.track,
            hand.timeline.remove,
            hand.timeline.stop,
            hand.timeline.restart,
            hand.timeline.clear,
            lambda track: hand.timeline.request(track, [], "e"),
            lambda track: hand.timeline.peek(track, hand.named("a")[0]),
            lambda track: hand.timeline.freshness(track, hand.named("a")[0]),
            lambda track: hand.timeline.get(track, hand.named("a")[0]),
        ):
            for wrong in ("nobody", None, 3, ["t"], Track("gone", "gone", audio())):
                with pytest.raises(UnknownTrackError):
                    verb(wrong)

    def test_unknown_names_change_nothing(self, hand):
        made_ready(hand)
        before = hand.timeline.store.snapshot()
        with pytest.raises(UnknownFeatureError):
            hand.timeline.reanalyze("t", ["a", "nothing"])
        wanted = hand.named("a", "c")
        hand.registry.unregister("c")
        sequence = hand.timeline.store.sequence
        with pytest.raises(UnknownCalculatorError):
            hand.timeline.request("t", wanted, "e")
        assert hand.timeline.store.sequence == sequence
        assert hand.source().entries.keys() == before.sources[audio().id].entries.keys()
        assert hand.entry("a").demanded

    def test_two_tracks_cannot_have_one_id(self, hand):
        hand.add("t")
        with pytest.raises(InvalidParameterError, match="There is a track 't' already"):
            hand.add("t", 1)
        assert len(hand.timeline.store.snapshot().sources) == 1

    def test_a_closed_timeline_refuses_work(self, hand):
        made_ready(hand)
        hand.timeline.close()
        hand.timeline.close()
        wanted = hand.named("a")
        for verb in (
            lambda: hand.add("u", 1),
            lambda: hand.timeline.update("t", name="new"),
            lambda: hand.timeline.remove("t"),
            lambda: hand.timeline.request("t", wanted, "e"),
            lambda: hand.timeline.get("t", wanted[0]),
            lambda: hand.timeline.restart("t"),
            lambda: hand.timeline.reanalyze("t", ["a"]),
            lambda: hand.timeline.clear("t"),
            hand.timeline.clear_all,
        ):
            with pytest.raises(SessionClosedError, match="The session is closed"):
                verb()

    def test_and_shows_what_it_has(self, hand):
        made_ready(hand)
        hand.timeline.close()
        wanted = hand.named("a")[0]
        assert hand.timeline.peek("t", wanted) is not None
        assert hand.timeline.freshness("t", wanted).state == "fresh"
        hand.timeline.wait()
        hand.timeline.stop("t")
        hand.timeline.release("e")
        hand.edit("a", 2)
        hand.tempo.bpm = 90
        assert hand.status() == ("ready", None)
