"""What is asked for beside what is there, one feature after the other, and what can be done about it."""

from __future__ import annotations

import sys
import threading

import pytest
from support.by_hand import Hand

from audiocache_nb.errors import InvalidParameterError, MissingPackageError, SessionClosedError, UnknownTrackError
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.timeline.demand import BadWish
from audiocache_nb.timeline.diagnostics.diagnostics import Diagnostics
from audiocache_nb.timeline.diagnostics.history import LIMIT, History
from audiocache_nb.timeline.diagnostics.rows import KINDS

FINE = AnalysisProfile(hop_size=64)


@pytest.fixture
def d(hand):
    return Diagnostics(hand.timeline)


def kinds(d: Diagnostics) -> dict[str, str]:
    return {row.name: row.kind for group in d.groups for row in group.rows}


class TestGroups:
    def test_nothing_asked_for_and_nothing_there_is_no_group(self, hand, d):
        assert d.groups == ()
        hand.add()
        assert d.groups == ()
        assert d.issues == ()
        assert "nothing is asked for" in repr(d)

    def test_what_is_asked_for_is_missing_then_regenerating_then_current(self, hand, d):
        hand.add(hold=True)
        hand.request("t", "a")
        assert kinds(d) == {"a": "missing"}
        hand.timeline.compute("t")
        assert kinds(d) == {"a": "regenerating"}
        hand.scheduler.start()
        assert kinds(d) == {"a": "regenerating"}
        hand.scheduler.deliver(hand.scheduler.running[0])
        hand.scheduler.end(hand.scheduler.running[0])
        assert kinds(d) == {"a": "current"}

    def test_a_group_lists_names_by_kind(self, hand, d):
        hand.add()
        hand.request("t", "a", "b", element="plot")
        hand.scheduler.run_all()
        hand.timeline.release("plot")
        hand.request("t", "a", element="badge")
        hand.add("held", 1, hold=True)
        hand.request("held", "c", element="plot")
        first, second = d.groups
        assert (first.tracks, first.missing, first.requested, first.cached) == (("held",), ("c",), ("c",), ())
        assert (second.tracks, second.cached, second.extraneous) == (("t",), ("b", "a"), ("b",))
        assert second.requested == ("a",)
        assert second.owners == ("badge",)
        assert second.nbytes == 2 * hand.entry("a").track.nbytes
        assert first.severity > second.severity
        assert first.cost_s > 0 == second.cost_s

    def test_failures_are_shown_with_what_went_wrong(self, hand, d):
        hand.add()
        hand.request("t", "a")
        job = hand.scheduler.start()
        hand.scheduler.fail(job, text="no luck")
        hand.scheduler.end(job)
        (group,) = d.groups
        assert (group.failed, group.missing, group.cached) == (("a",), ("a",), ())
        assert d.issues[0].error == "no luck"
        assert "no luck" in d.explain("t", "a")

    def test_stale_data_are_named_with_their_cause(self, hand, d):
        hand.add(hold=True)
        hand.request("t", "a")
        hand.timeline.compute()
        hand.scheduler.run_all()
        hand.edit("a", 2)
        (group,) = d.groups
        assert (group.stale, group.cached) == (("a",), ("a",))
        assert d.issues[0].causes == ("calculator a version 1 → 2",)
        assert "version 1 → 2" in repr(d)

    def test_what_nobody_makes_any_more_is_a_bad_request(self, hand, d):
        hand.add(hold=True)
        hand.request("t", "a")
        hand.registry.unregister("a")
        (group,) = d.groups
        assert group.bad_requests == ("a",)
        assert group.owners == ("e",)

    def test_what_was_never_known_is_one_until_the_element_asks_for_something_else(self, hand, d):
        hand.add()
        wish = BadWish("aa", "default", "No calculator makes 'aa'. Did you mean 'a'?", "aa")
        hand.timeline.refuse("t", [wish], "e")
        assert d.groups[0].bad_requests == ("aa",)
        assert d.issues[0].owners == ("e",)
        hand.request("t", "b", element="e")
        assert kinds(d) == {"b": "regenerating"}
        hand.timeline.refuse("t", [wish], "e")
        assert kinds(d) == {"aa": "bad_request", "b": "regenerating"}
        hand.timeline.release("e")
        assert "aa" not in kinds(d)
        hand.timeline.refuse("t", [wish], "e")
        hand.edit("aa", 1)  # somebody makes it now
        assert "aa" not in kinds(d)

    def test_tracks_of_one_source_are_one_group(self, hand, d):
        hand.add("t")
        hand.add("u")
        hand.request("t", "a", element="one")
        hand.request("u", "b", element="two")
        hand.scheduler.run_all()
        (group,) = d.groups
        assert group.tracks == ("t", "u")
        assert group.owners == ("one", "two")
        assert group.extraneous == ()
        hand.timeline.remove("t")
        (group,) = d.groups
        assert (group.tracks, group.extraneous) == (("u",), ("a",))
        hand.timeline.remove("u")
        assert d.groups == ()

    def test_the_worst_comes_first(self, hand, d):
        for number, track in enumerate("wxyz"):
            hand.add(track, number, hold=True)
            hand.request(track, "a", element=track)
        hand.timeline.compute("x")
        hand.scheduler.run_all()
        hand.timeline.compute("y")
        (job,) = hand.scheduler.queue
        hand.scheduler.fail(hand.scheduler.start(job))
        hand.scheduler.end(job)
        assert [group.tracks[0] for group in d.groups] == ["y", "w", "z", "x"]
        found = [row.severity for row in d.issues]
        assert found == sorted(found, reverse=True)
        assert len(KINDS) == len(set(KINDS))


class TestWork:
    def test_an_update_looks_at_what_has_changed_and_at_nothing_else(self, hand, d):
        for number in range(40):
            hand.add(f"t{number}", number, hold=True)
            hand.request(f"t{number}", "a", "b", "c", element=f"e{number}")
        assert len(d.groups) == 40
        before = d._ledger.examined
        assert len(d.groups) == 40
        assert d._ledger.examined == before
        hand.timeline.compute("t7")
        assert d.groups[-1].regenerating == ("a", "b", "c")
        assert d._ledger.examined == before + 3
        hand.timeline.release("e9")
        assert len(d.groups) == 39
        assert d._ledger.examined == before + 3

    def test_progress_is_no_change(self, hand, d):
        hand.add()
        hand.request("t", "a")
        job = hand.scheduler.start()
        revision, examined = d.revision, d._ledger.examined
        hand.scheduler.report(job, 0.5)
        assert d.revision == revision
        assert d._ledger.examined == examined

    def test_what_is_kept_up_to_date_is_what_one_finds_out_afresh(self, hand, d):
        hand.add("t")
        hand.add("u", 1)
        hand.request("t", "a", "b", element="one")
        hand.request("u", "c", element="two", profile=FINE)
        hand.scheduler.run_all()
        hand.edit("a", 2)
        hand.timeline.release("two")
        hand.timeline.remove("t")
        afresh = Diagnostics(hand.timeline)
        assert d.groups == afresh.groups


class TestBanner:
    def test_it_tells_of_new_problems_only(self, hand, d):
        hand.add(hold=True)
        assert not d.banner.visible
        assert (d.banner.text, d.banner.fingerprint) == ("", "")
        hand.request("t", "a")
        assert d.banner.visible
        assert d.banner.text == "1 feature needs attention: 1 missing."
        first = d.banner.fingerprint
        d.banner.dismiss()
        assert not d.banner.visible
        hand.request("t", "a", "b")
        assert d.banner.visible
        assert d.banner.fingerprint != first
        assert "2 missing" in d.banner.text

    def test_a_problem_that_comes_back_is_a_new_one(self, hand, d):
        hand.add(hold=True)
        hand.request("t", "a")
        d.banner.dismiss()
        hand.timeline.release("e")
        assert not d.banner.visible
        hand.request("t", "a")
        assert d.banner.visible

    def test_one_that_was_worked_on_in_vain_is_not(self, hand, d):
        hand.add(hold=True)
        hand.request("t", "a")
        d.banner.dismiss()
        (job,) = hand.timeline.compute()
        assert not d.banner.visible
        job.cancel()
        assert kinds(d) == {"a": "missing"}
        assert not d.banner.visible

    def test_extraneous_data_are_no_alarm(self, hand, d):
        hand.add()
        hand.request("t", "a")
        hand.scheduler.run_all()
        hand.timeline.release("e")
        assert d.groups[0].extraneous == ("a",)
        assert not d.banner.visible
        assert [row.name for row in d.issues] == ["a"]


class TestRegenerate:
    def test_it_is_over_when_the_data_are_stored(self, hand, d):
        hand.add()
        hand.request("t", "a")
        hand.scheduler.run_all()
        before = hand.entry("a").track
        job = d.regenerate("t", ["a"])
        assert job.state == "queued"
        assert d.groups[0].regenerating == ("a",)
        hand.scheduler.start()
        assert (job.state, d.history) == ("running", ())
        hand.scheduler.deliver(hand.scheduler.running[0])
        assert job.state == "succeeded"
        assert hand.entry("a").track is not before
        assert job.wait(0)
        assert job.seconds > 0
        (entry,) = d.history
        assert (entry.action, entry.status, entry.features, entry.track) == ("regenerate", "succeeded", ("a",), "t")
        assert entry.seconds == job.seconds
        assert entry.timestamp >= job.requested_at
        assert d.jobs == (job,)

    def test_it_fails_when_a_feature_does(self, hand, d):
        hand.add()
        job = d.regenerate("t", ["a", "b"], note="try")
        work = hand.scheduler.start()
        hand.scheduler.fail(work, text="no luck")
        assert job.state == "running"
        hand.scheduler.deliver(work)
        assert (job.state, job.error) == ("failed", "no luck")
        assert (d.history[-1].status, d.history[-1].error, d.history[-1].note) == ("failed", "no luck", "try")
        hand.scheduler.end(work)
        again = job.retry()
        assert again.features == ("a",)
        hand.scheduler.run_all()
        assert again.state == "succeeded"
        assert [entry.action for entry in d.history] == ["regenerate", "retry"]

    def test_what_is_being_regenerated_is_not_computed_twice(self, hand, d):
        hand.add()
        first = d.regenerate("t", ["a", "b"])
        assert d.regenerate("t", ["b"]) is first
        assert d.regenerate("t", ["a", "a"]) is first
        other = d.regenerate("t", ["b", "c"])
        assert other is not first
        hand.scheduler.run_all()
        assert (first.state, other.state) == ("succeeded", "succeeded")
        assert d.regenerate("t", ["a"]) is not first

    def test_one_behind_a_running_one_is_not_lost(self, hand, d):
        hand.add()
        first = d.regenerate("t", "a")
        hand.scheduler.start()
        second = d.regenerate("t", "b")
        hand.scheduler.deliver(hand.scheduler.running[0])
        hand.scheduler.end(hand.scheduler.running[0])
        assert (first.state, second.state) == ("succeeded", "queued")
        hand.scheduler.run_all()
        assert second.state == "succeeded"

    def test_cancelling(self, hand, d):
        hand.add()
        job = d.regenerate("t", "a")
        assert job.cancel()
        assert not job.cancel()
        assert job.state == "cancelled"
        assert job.seconds is None
        assert hand.scheduler.jobs == []
        assert d.history[-1].status == "cancelled"
        again = job.retry()
        hand.scheduler.start()
        assert again.cancel()
        assert hand.scheduler.running[0].control.cancelled
        with pytest.raises(InvalidParameterError, match="is queued"):
            d.regenerate("t", "b").retry()

    def test_cancelling_takes_nothing_away_from_others(self, hand, d):
        hand.add()
        hand.request("t", "b")
        job = d.regenerate("t", "a")
        assert job.cancel()
        assert job.state == "cancelled"
        hand.scheduler.run_all()
        assert hand.states()["b"] == "fresh"

    @pytest.mark.parametrize("verb", ["stop", "remove", "clear"])
    def test_what_ends_the_work_cancels_it(self, hand, d, verb):
        hand.add()
        job = d.regenerate("t", "a")
        getattr(hand.timeline, verb)("t")
        assert job.state == "cancelled"

    def test_an_edited_calculator_cancels_it(self, hand, d):
        hand.add()
        hand.request("t", "a")
        job = d.regenerate("t", "a")
        hand.edit("a", 2)
        assert job.state == "cancelled"
        hand.scheduler.run_all()
        assert kinds(d) == {"a": "current"}

    def test_a_closed_session_cancels_it_and_refuses_more(self, hand, d):
        hand.add()
        job = d.regenerate("t", "a")
        hand.timeline.close()
        assert job.wait(10)
        assert job.state == "cancelled"
        for verb in (lambda: d.regenerate("t", "a"), d.regenerate_all, d.delete_extraneous, lambda: d.dismiss("t")):
            with pytest.raises(SessionClosedError):
                verb()
        assert d.groups is not None

    def test_all_are_made_right_and_nothing_else_is_touched(self, hand, d):
        hand.add("t")
        hand.request("t", "a", "b")
        hand.scheduler.run_all()
        kept = hand.entry("b").track
        hand.timeline.stop("t")
        hand.add("u", 1, hold=True)
        hand.request("u", "a", element="u")
        hand.request("u", "a", element="fine", profile=FINE)
        work = hand.scheduler
        d_before = len(d.groups)
        jobs = d.regenerate_all()
        assert d_before == 3
        assert len(jobs) == 2  # one for each profile of u
        work.run_all()
        assert {job.state for job in jobs} == {"succeeded"}
        assert hand.entry("b").track is kept
        assert d.issues == ()
        assert d.regenerate_all() == []

    def test_a_failure_is_tried_again(self, hand, d):
        hand.add()
        hand.request("t", "a")
        work = hand.scheduler.start()
        hand.scheduler.fail(work)
        hand.scheduler.end(work)
        (job,) = d.regenerate_all("t")
        hand.scheduler.run_all()
        assert job.state == "succeeded"
        assert d.history[-1].action == "regenerate_all"

    def test_what_is_in_the_cache_needs_no_work(self, hand, d):
        hand.add(hold=True)
        hand.request("t", "a")
        hand.timeline.compute()
        hand.scheduler.run_all()
        hand.edit("a", 2)
        hand.timeline.compute()
        hand.scheduler.run_all()
        hand.edit("a", 1)
        assert kinds(d) == {"a": "stale"}
        (job,) = d.regenerate_all()
        assert (job.state, hand.scheduler.jobs) == ("succeeded", [])
        assert kinds(d) == {"a": "current"}

    def test_rows_and_profiles_say_what_is_meant(self, hand, d):
        hand.add(hold=True)
        hand.request("t", "a", profile=FINE)
        (row,) = d.issues
        for job in (d.regenerate("t", row), d.regenerate("t", "a", FINE), d.regenerate("t", "a", FINE.id)):
            assert job.descriptors[0].used_profile == FINE
        hand.scheduler.run_all()
        with pytest.raises(InvalidParameterError, match="profile"):
            d.regenerate("t", "a", "nobody's")
        with pytest.raises(InvalidParameterError):
            d.regenerate("t", [])
        with pytest.raises(UnknownTrackError):
            d.regenerate("nobody", "a")

    def test_those_that_have_ended_are_limited(self, hand, d, monkeypatch):
        monkeypatch.setattr("audiocache_nb.timeline.diagnostics.regeneration.KEPT", 3)
        hand.add()
        for number in range(5):
            d.regenerate("t", "a", note=str(number))
            hand.scheduler.run_all()
        assert [job.note for job in d.jobs] == ["2", "3", "4"]
        assert len(d.history) == 5

    def test_history_is_limited(self):
        history = History()
        for number in range(LIMIT + 5):
            history.add("regenerate", "t", "default", (str(number),))
        assert len(history.entries) == LIMIT == 1000
        assert history.entries[0].features == ("5",)


class TestExtraneous:
    @pytest.fixture
    def left(self, hand, d):
        hand.add()
        hand.request("t", "a", "b")
        hand.scheduler.run_all()
        hand.timeline.release("e")
        hand.request("t", "a", element="plot")

    def test_what_is_dismissed_is_no_issue(self, hand, d, left):
        assert d.dismiss("t", "b") == 1
        assert d.dismiss("t", "b") == 0
        assert d.groups[0].extraneous == ()
        assert d.groups[0].cached == ("b", "a")
        assert d.issues == ()
        assert d.restore("t", "b") == 1
        assert d.groups[0].extraneous == ("b",)
        assert [entry.action for entry in d.history] == ["dismiss", "restore"]
        assert d.dismiss("t") == 1
        assert d.restore("t") == 1

    def test_dismissal_lapses_when_somebody_asks(self, hand, d, left):
        d.dismiss("t", ["b"])
        hand.request("t", "b", element="other")
        assert kinds(d)["b"] == "current"
        hand.timeline.release("other")
        assert kinds(d)["b"] == "extraneous"

    def test_it_lapses_though_nobody_looks_meanwhile(self, hand, d, left):
        d.dismiss("t", ["b"])
        hand.request("t", "b", element="other")
        hand.timeline.release("other")
        assert kinds(d)["b"] == "extraneous"

    def test_what_is_asked_for_cannot_be_dismissed(self, hand, d, left):
        with pytest.raises(InvalidParameterError, match="a of t is not extraneous"):
            d.dismiss("t", "a")
        with pytest.raises(InvalidParameterError, match="it is not there"):
            d.dismiss("t", "c")

    def test_deleting_frees_bytes_and_keeps_what_was_dismissed_or_is_asked_for(self, hand, d, left):
        size = hand.entry("b").track.nbytes
        d.dismiss("t", "b")
        assert d.delete_extraneous() == 0
        d.restore("t", "b")
        key = hand.entry("b").track.key
        assert d.delete_extraneous("t", "a") == 0
        assert d.delete_extraneous("t") == size
        assert hand.states() == {"a": "fresh"}
        assert key not in hand.timeline.cache
        assert d.delete_extraneous() == 0
        assert d.history[-1].action == "delete_extraneous"
        assert str(size) in d.history[-1].note
        (job,) = hand.request("t", "b", element="again")
        assert not job.ended  # it has to be computed again

    def test_the_last_one_leaves_an_idle_source(self, hand, d, left):
        hand.timeline.release("plot")
        d.delete_extraneous()
        assert hand.status()[0] == "idle"
        assert d.groups == ()


class TestReading:
    def test_tables(self, hand, d):
        pytest.importorskip("pandas")
        hand.add()
        hand.request("t", "a", "b")
        d.regenerate("t", "a")
        hand.scheduler.run_all()
        table = d.to_pandas()
        assert list(table["feature"]) == ["a", "b"]
        assert list(table["state"]) == ["current", "current"]
        assert d.to_pandas("groups")["requested"].tolist() == ["a, b"]
        assert d.to_pandas("jobs")["state"].tolist() == ["succeeded"]
        assert d.to_pandas("history")["status"].tolist() == ["succeeded"]
        with pytest.raises(InvalidParameterError, match="no table"):
            d.to_pandas("everything")

    def test_empty_tables_have_their_columns(self, d):
        pytest.importorskip("pandas")
        for what in ("features", "groups", "jobs", "history"):
            table = d.to_pandas(what)
            assert len(table) == 0
            assert "profile" in table.columns

    def test_without_pandas_the_hint_says_how_to_get_it(self, d, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(MissingPackageError, match="audiocache_nb\\[tables\\]"):
            d.to_pandas()

    def test_explaining(self, hand, d):
        hand.add(hold=True)
        assert d.explain() == "Everything that is asked for is there."
        assert "not there" in d.explain("t", "a")
        hand.request("t", "a", element="my plot")
        text = d.explain("t", "a")
        assert "missing" in text
        assert "my plot" in text
        assert "takes about" in text
        assert d.explain() == d.explain("t") == text

    def test_subscribers_hear_of_every_change_and_of_nothing_else(self, hand, d):
        heard, seen = [], threading.Event()

        def hear(diagnostics):
            heard.append(diagnostics.revision)
            seen.set()

        end = d.subscribe(hear)
        hand.add(hold=True)
        assert hand.timeline.store.flush(10)
        assert heard == []
        hand.request("t", "a")
        assert hand.timeline.store.flush(10)
        assert len(heard) == 1
        d.banner.dismiss()
        assert hand.timeline.store.flush(10)
        assert len(heard) == 2
        assert heard == sorted(set(heard))
        end()

    def test_the_text_is_short_however_much_there_is(self, d, hand):
        for number in range(60):
            hand.add(f"t{number}", number, hold=True)
            hand.request(f"t{number}", "a", element=f"e{number}")
        assert "lines more" in repr(d)
        assert len(repr(d).splitlines()) < 45


def test_two_of_a_kind_that_share_their_data_do_not_accuse_each_other():
    """Two profiles that make no difference have one result: it is asked for."""
    hand = Hand("a")
    d = Diagnostics(hand.timeline)
    other = AnalysisProfile(min_decibels=-100)
    hand.add()
    hand.request("t", "a", element="one")
    hand.request("t", "a", element="two", profile=other)
    hand.scheduler.run_all()
    hand.timeline.release("two")
    assert [group.extraneous for group in d.groups] == [(), ()]
    assert d.delete_extraneous() == 0
    hand.close()
