"""The store: changes are all or nothing, events come in order, and no subscriber harms another."""

from __future__ import annotations

import dataclasses
import logging
import sys
import threading
import time

import pytest
from support.by_hand import audio

from audiocache_nb.timeline import events
from audiocache_nb.timeline.state import SourceState, Track
from audiocache_nb.timeline.status import SourceStatus
from audiocache_nb.timeline.store import TimelineStore

WAIT_S = 60


@pytest.fixture
def store():
    return TimelineStore()


def happen(store: TimelineStore, track_id: str = "t") -> None:
    """One event."""
    with store.changing() as change:
        change.emit(events.TrackChanged(track_id=track_id))


def put(store: TimelineStore, track_id: str) -> None:
    with store.changing() as change:
        change.put_track(Track(track_id, track_id, audio()))
        change.emit(events.TrackAdded(track_id=track_id, source_id=audio().id))


class TestChanges:
    def test_a_change_is_seen_when_it_is_complete(self, store):
        with store.changing() as change:
            change.put_track(Track("t", "t", audio()))
            assert not store.snapshot().tracks
        assert list(store.snapshot().tracks) == ["t"]
        assert store.snapshot().revision == 1

    def test_a_change_that_raises_changes_nothing(self, store):
        put(store, "t")
        before = store.snapshot()

        def fail():
            with store.changing() as change:
                change.drop_track("t")
                change.emit(events.TimelineReset())
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert store.snapshot() is before
        assert store.sequence == 1
        put(store, "u")  # and the next one works
        assert list(store.snapshot().tracks) == ["t", "u"]

    def test_a_change_of_nothing_is_none(self, store):
        before = store.snapshot()
        with store.changing():
            pass
        assert store.snapshot() is before

    def test_what_a_change_does_not_write_to_is_not_copied(self, store):
        put(store, "t")
        before = store.snapshot()
        happen(store)
        now = store.snapshot()
        assert now is not before
        assert (now.tracks, now.sources) == (before.tracks, before.sources)
        assert now.tracks is before.tracks
        assert now.sources is before.sources

    def test_the_order_of_tracks_can_be_changed(self, store):
        for name in "tu":
            put(store, name)
        before = store.snapshot()
        with store.changing() as change:
            change.order_tracks(reversed(list(change.tracks.values())))
        assert list(store.snapshot().tracks) == ["u", "t"]
        assert list(before.tracks) == ["t", "u"]

    def test_a_change_inside_a_change_is_a_part_of_it(self, store):
        with store.changing() as outer:
            put(store, "inner")
            assert not store.snapshot().tracks
            assert list(outer.tracks) == ["inner"]
            happen(store)
        assert store.snapshot().revision == 1
        assert store.sequence == 2

    def test_a_failing_change_takes_those_inside_along(self, store):
        def fail():
            with store.changing():
                put(store, "inner")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert not store.snapshot().tracks
        assert store.sequence == 0

    def test_another_thread_waits_for_its_turn(self, store):
        inside, go = threading.Event(), threading.Event()

        def change_slowly():
            with store.changing() as change:
                change.put_track(Track("a", "a", audio()))
                inside.set()
                go.wait(WAIT_S)

        slow = threading.Thread(target=change_slowly)
        slow.start()
        assert inside.wait(WAIT_S)
        quick = threading.Thread(target=put, args=(store, "b"))
        quick.start()
        assert not store.snapshot().tracks  # reading waits for nobody
        go.set()
        slow.join(WAIT_S)
        quick.join(WAIT_S)
        assert list(store.snapshot().tracks) == ["a", "b"]


class TestSnapshots:
    def test_a_snapshot_does_not_change(self, store):
        put(store, "t")
        before = store.snapshot()
        put(store, "u")
        assert list(before.tracks) == ["t"]
        assert before.revision == 1

    def test_nothing_in_a_snapshot_can_be_written(self, store):
        with store.changing() as change:
            change.put_track(Track("t", "t", audio()))
            change.put_source(SourceState(audio(), SourceStatus()))
        snapshot = store.snapshot()
        source = snapshot.sources[audio().id]
        with pytest.raises(TypeError):
            snapshot.tracks["u"] = snapshot.tracks["t"]
        with pytest.raises(TypeError):
            del snapshot.sources[audio().id]
        with pytest.raises(TypeError):
            source.entries[None] = None
        for thing, name in (
            (snapshot, "tracks"),
            (snapshot, "revision"),
            (snapshot.tracks["t"], "name"),
            (source, "status"),
            (source.status, "state"),
        ):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(thing, name, None)

    def test_data_in_a_snapshot_cannot_be_written(self, hand):
        hand.add()
        hand.request("t", "a")
        hand.scheduler.run()
        with pytest.raises(ValueError, match="read-only"):
            hand.entry("a").track.data[0] = 1


class TestEvents:
    def test_numbers_grow_by_one(self, store, recorded):
        seen = recorded(store)
        for n in range(20):
            happen(store, str(n))
        assert store.flush(WAIT_S)
        assert [event.sequence for event in seen] == list(range(1, 21))
        assert [event.track_id for event in seen] == [str(n) for n in range(20)]

    def test_the_state_is_there_before_its_event(self, store):
        seen: list[bool] = []
        store.subscribe(lambda event: seen.append(event.track_id in store.snapshot().tracks))
        put(store, "t")
        assert store.flush(WAIT_S)
        assert seen == [True]

    def test_events_come_on_a_thread_of_their_own(self, store):
        threads: list[threading.Thread] = []
        store.subscribe(lambda event: threads.append(threading.current_thread()))
        happen(store)
        happen(store)
        assert store.flush(WAIT_S)
        assert threads[0] is threads[1] is not threading.current_thread()
        assert threads[0].daemon

    def test_a_subscriber_hears_only_of_what_comes_after_it(self, store, recorded):
        inside, go = threading.Event(), threading.Event()

        def slow(event):
            inside.set()
            go.wait(WAIT_S)

        store.subscribe(slow)
        happen(store, "being delivered")
        assert inside.wait(WAIT_S)
        happen(store, "waiting")
        seen = recorded(store)
        happen(store, "later")
        go.set()
        assert store.flush(WAIT_S)
        assert [event.track_id for event in seen] == ["later"]

    def test_nobody_listening_costs_no_thread(self, store):
        before = threading.active_count()
        for _ in range(10):
            happen(store)
        assert store.flush(0)
        assert threading.active_count() == before

    def test_the_thread_goes_when_it_has_nothing_to_do_and_comes_back(self, store, recorded):
        seen = recorded(store)
        happen(store)
        assert store.flush(WAIT_S)
        dispatcher = store._dispatcher
        assert dispatcher is not None
        dispatcher.join(WAIT_S)
        assert not dispatcher.is_alive()
        happen(store)
        assert store.flush(WAIT_S)
        assert len(seen) == 2

    def test_flush_gives_up_when_told_to(self, store):
        go = threading.Event()
        store.subscribe(lambda event: go.wait(WAIT_S))
        happen(store)
        assert not store.flush(0)
        go.set()
        assert store.flush(WAIT_S)

    def test_flush_of_a_callback_does_not_wait_for_itself(self, store):
        answers: list[bool] = []
        store.subscribe(lambda event: answers.append(store.flush()))
        happen(store)
        assert store.flush(WAIT_S)
        assert answers == [True]

    def test_flush_is_not_confused_by_one_who_left_in_the_middle(self, store, recorded):
        inside, go = threading.Event(), threading.Event()

        def slow(event):
            inside.set()
            go.wait(WAIT_S)

        leave = store.subscribe(slow)
        happen(store)
        assert inside.wait(WAIT_S)
        leave()
        happen(store)  # nobody is there for it
        seen = recorded(store)
        go.set()
        store._dispatcher.join(WAIT_S)  # it has nothing more to do
        assert store.flush(WAIT_S)
        assert seen == []


class TestSubscribersThatFail:
    @pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_others_still_hear_everything(self, store, recorded, caplog, error):
        def failing(event):
            raise error

        first, last = [], []
        store.subscribe(first.append)
        store.subscribe(failing)
        store.subscribe(last.append)
        with caplog.at_level(logging.CRITICAL, "audiocache_nb"):
            for n in range(6):
                happen(store, str(n))
            assert store.flush(WAIT_S)
        assert len(first) == len(last) == 6

    def test_after_three_failures_in_a_row_it_is_left_out_and_the_log_says_so(self, store, caplog):
        calls: list[int] = []

        def failing(event):
            calls.append(event.sequence)
            raise ValueError("on purpose")

        store.subscribe(failing)
        with caplog.at_level(logging.ERROR, "audiocache_nb"):
            for _ in range(6):
                happen(store)
            assert store.flush(WAIT_S)
        assert calls == [1, 2, 3]
        assert len(caplog.records) == 3
        assert ["left out" in record.getMessage() for record in caplog.records] == [False, False, True]
        assert "on purpose" in caplog.text

    def test_one_that_recovers_stays(self, store, caplog):
        calls: list[int] = []

        def sometimes(event):
            calls.append(event.sequence)
            if event.sequence % 3:
                raise ValueError

        store.subscribe(sometimes)
        with caplog.at_level(logging.CRITICAL, "audiocache_nb"):
            for _ in range(12):
                happen(store)
            assert store.flush(WAIT_S)
        assert calls == list(range(1, 13))

    def test_a_change_never_notices(self, store, caplog):
        store.subscribe(lambda event: 1 / 0)
        with caplog.at_level(logging.CRITICAL, "audiocache_nb"):
            put(store, "t")
            assert store.flush(WAIT_S)
        assert list(store.snapshot().tracks) == ["t"]


class TestSubscribersThatAct:
    def test_what_a_callback_changes_is_told_in_its_turn(self, store, recorded):
        def chain(event):
            if event.sequence < 50:
                happen(store, str(event.sequence))

        store.subscribe(chain)
        seen = recorded(store)
        happen(store)
        while store.sequence < 50:
            assert store.flush(WAIT_S)
        assert store.flush(WAIT_S)
        assert [event.sequence for event in seen] == list(range(1, 51))

    def test_verbs_can_be_called_from_a_callback(self, hand):
        seen: list[str] = []
        done = threading.Event()

        def react(event):
            seen.append(type(event).__name__)
            if isinstance(event, events.TrackAdded):
                hand.request(event.track_id, "a")
            elif isinstance(event, events.DemandChanged):
                hand.timeline.stop("t")
            elif isinstance(event, events.StatusChanged) and event.status.message == "analysis stopped":
                hand.timeline.remove("t")
            elif isinstance(event, events.TrackRemoved):
                hand.timeline.close()
            elif isinstance(event, events.SessionClosed):
                done.set()

        hand.timeline.store.subscribe(react)
        hand.add()
        assert done.wait(WAIT_S)
        assert hand.timeline.store.flush(WAIT_S)
        assert seen[-1] == "SessionClosed"

    def test_subscribing_and_leaving_during_delivery(self, store):
        seen: list[tuple[str, int]] = []
        leave = {}

        def first(event):
            seen.append(("first", event.sequence))
            if event.sequence == 1:
                leave["second"]()
                leave["late"] = store.subscribe(lambda later: seen.append(("late", later.sequence)))
            if event.sequence == 2:
                leave["first"]()
                leave["first"]()  # twice is once

        leave["first"] = store.subscribe(first)
        leave["second"] = store.subscribe(lambda event: seen.append(("second", event.sequence)))
        happen(store)
        assert store.flush(WAIT_S)
        happen(store)
        happen(store)
        assert store.flush(WAIT_S)
        # Whoever has left is not called any more, not even for the event being delivered; whoever
        # comes hears of the next.
        assert seen == [("first", 1), ("first", 2), ("late", 2), ("late", 3)]

    def test_the_same_function_twice_is_two_subscribers(self, store):
        seen: list[int] = []

        def note(event):
            seen.append(event.sequence)

        leave = store.subscribe(note)
        store.subscribe(note)
        happen(store)
        assert store.flush(WAIT_S)
        leave()
        happen(store)
        assert store.flush(WAIT_S)
        assert seen == [1, 1, 2]

    def test_a_slow_one_does_not_hold_up_changes(self, store):
        inside, go = threading.Event(), threading.Event()
        seen: list[int] = []

        def slow(event):
            inside.set()
            go.wait(WAIT_S)
            seen.append(event.sequence)

        store.subscribe(slow)
        happen(store)
        assert inside.wait(WAIT_S)
        for n in range(100):
            put(store, str(n))  # would never return if it waited
        assert len(store.snapshot().tracks) == 100
        assert seen == []
        go.set()
        assert store.flush(WAIT_S)
        assert seen == list(range(1, 102))


@pytest.fixture
def frequent_switches():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
class TestManyThreads:
    THREADS = 8
    ROUNDS = 150

    def together(self, work) -> None:
        errors: list[BaseException] = []
        gate = threading.Barrier(self.THREADS)

        def run(number: int) -> None:
            try:
                gate.wait(WAIT_S)
                work(number)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(self.THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()
        assert errors == []

    def test_no_change_is_lost_and_no_number_skipped(self, store, recorded):
        seen = recorded(store)

        def work(number: int) -> None:
            for n in range(self.ROUNDS):
                put(store, f"{number}-{n}")
                with store.changing() as change:
                    if n % 2:
                        change.drop_track(f"{number}-{n}")
                        change.emit(events.TrackRemoved(track_id=f"{number}-{n}", source_id="s"))

        self.together(work)
        assert store.flush(WAIT_S)
        kept = {f"{number}-{n}" for number in range(self.THREADS) for n in range(0, self.ROUNDS, 2)}
        assert set(store.snapshot().tracks) == kept
        assert [event.sequence for event in seen] == list(range(1, store.sequence + 1))
        for number in range(self.THREADS):  # each thread's own changes in its own order
            own = [event.track_id for event in seen if event.track_id.startswith(f"{number}-")]
            assert own == sorted(own, key=lambda name: int(name.split("-")[1]))

    def test_readers_see_whole_states_only(self, store):
        def work(number: int) -> None:
            for n in range(self.ROUNDS):
                if number % 2:
                    tracks = store.snapshot().tracks
                    assert len(tracks) % 2 == 0
                    assert all(f"{name[0]}b" in tracks for name in tracks if name.endswith("a"))
                else:
                    with store.changing() as change:
                        if n % 2:
                            change.drop_track(f"{number}a")
                            change.drop_track(f"{number}b")
                        else:
                            change.put_track(Track(f"{number}a", "", audio()))
                            change.put_track(Track(f"{number}b", "", audio()))

        self.together(work)

    def test_coming_and_going_while_events_fly(self, store, recorded):
        constant = recorded(store)

        def work(number: int) -> None:
            for _ in range(self.ROUNDS):
                seen: list[int] = []
                leave = store.subscribe(lambda event, seen=seen: seen.append(event.sequence))
                happen(store, str(number))
                leave()
                assert seen == list(range(seen[0], seen[0] + len(seen))) if seen else True

        self.together(work)
        assert store.flush(WAIT_S)
        assert [event.sequence for event in constant] == list(range(1, store.sequence + 1))

    def test_verbs_of_many_threads_leave_a_sound_timeline(self, hand, recorded):
        """Sixteen hands would be no different: one lock decides about everything."""
        seen = recorded(hand.timeline.store)

        def work(number: int) -> None:
            name = f"t{number}"
            for n in range(40):
                hand.add(name, number % 3)
                hand.request(name, "a", "b", element=f"e{number}")
                if n % 3 == 0:
                    hand.timeline.stop(name)
                if n % 4 == 0:
                    hand.timeline.reanalyze(name, ["a"])
                if n % 5 == 0:
                    hand.edit("c", n)
                if n % 7 == 0:
                    hand.timeline.clear(name)
                hand.timeline.release(f"e{number}")
                hand.timeline.remove(name)

        self.together(work)
        snapshot = hand.timeline.store.snapshot()
        assert not snapshot.tracks
        assert not snapshot.sources
        assert hand.scheduler.jobs == []
        hand.timeline.wait(0)
        assert hand.timeline.store.flush(WAIT_S)
        assert [event.sequence for event in seen] == list(range(1, hand.timeline.store.sequence + 1))


def test_waiting_is_measured_by_a_clock_that_is_never_set_back(store, monkeypatch):
    go = threading.Event()
    store.subscribe(lambda event: go.wait(WAIT_S))
    happen(store)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert not store.flush(0.01)
    go.set()
    assert store.flush(WAIT_S)
