from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
import time
import weakref

import pytest
import traitlets
from support.wait import until

from audiocache_nb.models.locked import LockedMixin, trait_lock
from audiocache_nb.models.publisher import Publisher


class Model(LockedMixin):
    progress = traitlets.Float(0.0)
    text = traitlets.Unicode("")


class Counting(Model):
    """Counts what a page would be sent: one message per hold_sync with changes."""

    comm = "a page"

    def __init__(self):
        self.messages = []
        self._held = None
        super().__init__()

    def notify_change(self, change):
        if self._held is not None:
            self._held[change["name"]] = change["new"]
        super().notify_change(change)

    def hold_sync(self):
        import contextlib

        @contextlib.contextmanager
        def hold():
            self._held = {}
            yield
            if self._held:
                self.messages.append(self._held)
            self._held = None

        return hold()


@pytest.fixture
def publisher():
    made = Publisher()
    yield made
    made.close()


def publisher_threads():
    return [t for t in threading.enumerate() if t.name == "audiocache_nb publisher"]


def test_a_posted_value_arrives(publisher):
    model = Model()
    publisher.post(model, progress=0.5, text="half")
    until(lambda: model.text == "half")
    assert model.progress == 0.5


def test_a_hundred_thousand_posts_from_four_threads_end_at_the_last_value(publisher):
    model = Counting()
    start = time.monotonic()

    def work(number):
        for k in range(25_000):
            publisher.post(model, progress=number + k / 25_000)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publisher.post(model, progress=99.0)
    until(lambda: model.progress == 99.0)
    elapsed_s = time.monotonic() - start
    assert 1 <= len(model.messages) <= 20 * elapsed_s + 2
    assert model.messages[-1] == {"progress": 99.0}


def test_all_traits_of_a_tick_are_one_message(publisher):
    model = Counting()
    publisher.post(model, progress=0.1)
    until(lambda: model.messages)  # the publisher now pauses: what follows falls into one tick
    publisher.post(model, progress=0.2)
    publisher.post(model, text="a")
    publisher.post(model, progress=0.3)
    until(lambda: model.text == "a")
    assert model.messages[1:] == [{"progress": 0.3, "text": "a"}]


def test_equal_values_send_nothing(publisher):
    model = Counting()
    publisher.post(model, progress=0.0)
    publisher.flush()
    assert model.messages == []


def test_several_targets_share_the_rate(publisher):
    models = [Counting() for _ in range(4)]
    start = time.monotonic()
    count = 0
    while time.monotonic() < start + 1.0:
        count += 1
        for model in models:
            publisher.post(model, progress=float(count))
        time.sleep(0.001)
    until(lambda: all(model.progress == count for model in models))
    elapsed_s = time.monotonic() - start
    assert sum(len(model.messages) for model in models) <= 20 * elapsed_s + 2 * len(models)


def test_one_thread_serves_all_posts():
    publisher, model = Publisher(idle_s=60.0), Model()
    assert not publisher_threads()
    for k in range(100):
        publisher.post(model, progress=float(k))
        assert len(publisher_threads()) == 1
    until(lambda: model.progress == 99.0, about=publisher)
    publisher.close()


def test_the_thread_goes_when_idle_and_another_comes_with_the_next_post():
    publisher, model = Publisher(idle_s=0.02), Model()
    for k in range(100):
        publisher.post(model, progress=float(k))
    until(lambda: model.progress == 99.0, about=publisher)
    until(lambda: not publisher_threads(), about=publisher)
    publisher.post(model, progress=100.0)
    until(lambda: model.progress == 100.0, about=publisher)
    publisher.close()


def test_a_failing_observer_is_logged_once_and_harms_nobody(publisher, caplog):
    bad, good = Counting(), Counting()
    bad.observe(lambda change: 1 / 0, "progress")
    with caplog.at_level(logging.WARNING, "audiocache_nb"):
        for k in range(1, 4):
            publisher.post(bad, progress=float(k), text=str(k))
            publisher.post(good, progress=float(k))
            publisher.flush()
    assert good.progress == 3.0
    assert (bad.progress, bad.text) == (3.0, "3"), "the page still sees the truth"
    assert len(caplog.records) == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_refused_value_is_logged_and_the_others_are_set(publisher, caplog):
    model = Model()
    publisher.post(model, progress="no number", text="fine", unknown=1)
    publisher.flush()
    assert (model.progress, model.text) == (0.0, "fine")
    assert not hasattr(model, "unknown")
    assert len(caplog.records) == 1


class Broken(Counting):
    sent = 0

    def hold_sync(self):
        import contextlib

        @contextlib.contextmanager
        def hold():
            yield
            type(self).sent += 1
            raise LookupError("comm gone")

        return hold()


def test_a_dead_comm_detaches_its_widget_with_one_line(publisher, caplog):
    broken, good = Broken(), Model()
    publisher.watch(broken, lambda: {"progress": 7.0})
    publisher.flush()
    for k in range(1, 4):
        publisher.post(broken, progress=float(k))
        publisher.post(good, progress=float(k))
        publisher.poke()
        publisher.flush()
    assert good.progress == 3.0
    assert Broken.sent == 1
    assert len(caplog.records) == 1


def test_watched_state_is_fetched_at_most_at_the_rate_and_the_last_one_arrives(publisher):
    state = {"progress": 0.0}
    calls = []
    model = Model()

    def collect():
        calls.append(1)
        return dict(state)

    start = time.monotonic()
    publisher.watch(model, collect)
    for k in range(50_000):
        state = {"progress": float(k)}
        publisher.poke()
    until(lambda: model.progress == 49_999.0)
    assert len(calls) <= 20 * (time.monotonic() - start) + 2


def test_a_change_during_collect_is_not_lost(publisher):
    model, state = Model(), {"value": 1.0}
    publisher.flush()

    def collect():
        value = state["value"]
        if value == 1.0:  # the store changes right after the snapshot was taken
            state["value"] = 2.0
            publisher.poke()
        return {"progress": value}

    publisher.watch(model, collect)
    until(lambda: model.progress == 2.0)


def test_an_overtaken_picture_is_not_applied(publisher):
    """A slow collect on the publisher thread must not overwrite what a later flush() brought."""
    model, entered, release = Model(), threading.Event(), threading.Event()
    pictures = iter([1.0, 2.0])

    def collect():
        value = next(pictures, 2.0)
        if value == 1.0:
            entered.set()
            assert release.wait(20)
        return {"progress": value}

    publisher.watch(model, collect)
    assert entered.wait(20)
    publisher.poke(model)
    publisher.flush()
    assert model.progress == 2.0
    seen = []
    model.observe(lambda change: seen.append(change["new"]), "progress")
    release.set()
    publisher.post(model, text="after")
    until(lambda: model.text == "after")
    assert seen == []


def test_flush_waits_for_a_picture_that_is_on_its_way(publisher):
    model, entered, release = Model(), threading.Event(), threading.Event()

    def collect():
        if threading.current_thread().name == "audiocache_nb publisher":
            entered.set()
            assert release.wait(20)
        return {"text": "there"}

    publisher.watch(model, collect)
    assert entered.wait(20)
    publisher.flush()
    assert model.text == "there"
    release.set()


def test_posted_values_stay_until_the_watched_state_changes(publisher):
    model = Model()
    publisher.watch(model, lambda: {"progress": 0.0, "text": "watched"})
    publisher.flush()
    publisher.post(model, progress=1.0)
    for _ in range(3):
        publisher.flush()
    assert model.progress == 1.0
    publisher.poke()
    publisher.flush()
    assert model.progress == 0.0


def test_a_collect_that_raises_is_logged_once_and_tried_again(publisher, caplog):
    model, broken = Model(), [True]

    def collect():
        if broken[0]:
            raise RuntimeError("not yet")
        return {"text": "now"}

    publisher.watch(model, collect)
    for _ in range(3):
        publisher.poke()
        publisher.flush()
    broken[0] = False
    publisher.poke()
    publisher.flush()
    assert model.text == "now"
    until(lambda: caplog.records)  # the publisher's thread may still be writing it
    publisher.close()
    assert len(caplog.records) == 1


def test_poking_one_target_fetches_only_that(publisher):
    first, second, calls = Model(), Model(), []
    publisher.watch(first, lambda: calls.append("first"))
    publisher.watch(second, lambda: calls.append("second"))
    until(lambda: set(calls) == {"first", "second"})
    calls.clear()
    publisher.poke(second)
    until(lambda: calls)
    assert calls == ["second"]


class Watching(Model):
    def collect(self):
        return {"text": "seen"}


def test_a_forgotten_target_is_not_kept_alive(publisher):
    model = Watching()
    publisher.watch(model, model.collect)
    until(lambda: model.text == "seen")
    ghost = weakref.ref(model)
    model = None
    until(lambda: gc.collect() >= 0 and ghost() is None)
    assert not publisher._watches


def test_a_detached_target_gets_nothing_more(publisher):
    model = Watching()
    publisher.watch(model, model.collect)
    publisher.detach(model)
    publisher.flush()
    before = model.text
    model.text = ""
    publisher.post(model, text="posted")
    publisher.poke()
    publisher.flush()
    assert before in ("", "seen")
    assert model.text == ""


def test_flush_inside_an_observer_does_not_write_old_over_new(publisher):
    model = Counting()

    def observer(change):
        publisher.post(model, text="new")
        publisher.flush()

    model.observe(observer, "progress")
    publisher.post(model, progress=1.0, text="old")
    publisher.flush()
    until(lambda: model.text == "new")
    time.sleep(0.12)
    assert model.text == "new"


def test_closing_publishes_what_waits_and_ends_the_thread():
    publisher, model, closed = Publisher(), Model(), []
    publisher.on_close(lambda: closed.append(1))
    publisher.on_close(lambda: 1 / 0)
    publisher.post(model, progress=0.1)
    publisher.post(model, progress=1.0)
    publisher.close()
    publisher.close()
    assert model.progress == 1.0
    assert closed == [1]
    until(lambda: not publisher_threads())
    publisher.post(model, progress=2.0)
    publisher.watch(model, lambda: {"progress": 3.0})
    publisher.poke()
    publisher.flush()
    assert model.progress == 1.0
    publisher.on_close(lambda: closed.append(2))
    assert closed == [1, 2]


def test_closing_does_not_wait_for_an_observer_that_hangs():
    publisher, model, other = Publisher(), Model(), Model()
    entered, release = threading.Event(), threading.Event()

    def hang(change):
        entered.set()
        release.wait(60)

    model.observe(hang, "progress")
    publisher.post(model, progress=1.0)
    assert entered.wait(20)
    publisher.post(other, progress=1.0)
    closing = threading.Thread(target=publisher.close)
    closing.start()
    closing.join(20)
    assert not closing.is_alive()
    release.set()
    until(lambda: not publisher_threads())


def test_without_threads_it_publishes_within_the_call(monkeypatch):
    monkeypatch.setattr(sys, "platform", "emscripten")

    async def main():
        publisher, model = Publisher(), Counting()
        publisher.post(model, progress=0.1)
        assert model.progress == 0.1
        for k in range(1000):
            publisher.post(model, progress=float(k))
        assert len(model.messages) < 500
        publisher.flush()
        assert model.progress == 999.0
        assert not publisher_threads()
        publisher.close()

    asyncio.run(main())


def test_without_threads_the_loop_brings_the_last_value():
    async def main():
        publisher, model = Publisher(threads=False), Model()
        for k in range(100):
            publisher.post(model, progress=float(k))
        await asyncio.sleep(0.2)
        publisher.close()
        return model.progress

    assert asyncio.run(main()) == 99.0


def test_a_loop_that_was_left_takes_no_value_along():
    made = []

    async def post(*values):
        made[:] = made or [Publisher(threads=False), Model()]
        for value in values:
            made[0].post(made[1], progress=value)

    async def wait():
        await post(3.0, 4.0)
        await asyncio.sleep(0.2)

    asyncio.run(post(1.0, 2.0))  # ends before the pause is over
    asyncio.run(wait())
    assert made[1].progress == 4.0
    made[0].post(made[1], progress=5.0)
    made[0].post(made[1], progress=6.0)
    assert made[1].progress == 6.0, "no loop runs: nobody could bring it later"
    made[0].close()


def refuse_to_start(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_when_no_thread_can_be_started_the_last_value_arrives_all_the_same(monkeypatch):
    with monkeypatch.context() as patch:
        refuse_to_start(patch)
        publisher, model = Publisher(), Model()
        for k in range(100):
            publisher.post(model, progress=float(k))
        assert model.progress == 99.0
    publisher.post(model, progress=100.0)
    assert publisher_threads(), "it is tried again"
    until(lambda: model.progress == 100.0, about=publisher)
    publisher.close()


def test_when_no_thread_can_be_started_the_loop_serves_other_threads_too(monkeypatch):
    async def main():
        publisher, model = Publisher(), Counting()
        monkeypatch.setattr(publisher, "_wake", publisher._publish_inline)

        def post():
            for k in range(1000):
                publisher.post(model, progress=float(k))

        await asyncio.to_thread(post)
        await asyncio.sleep(0.2)
        publisher.close()
        return model

    model = asyncio.run(main())
    assert model.progress == 999.0
    assert len(model.messages) < 500


class Leaving(Model):
    @traitlets.observe("progress")
    def _leave(self, change):
        if change["new"] == 1.0:
            sys.exit("an observer that wants out")


def test_an_observer_that_exits_takes_neither_the_publisher_nor_a_value_along(publisher, caplog):
    model, other = Leaving(), Model()
    publisher.post(model, progress=1.0, text="after")
    publisher.post(other, text="other")
    until(lambda: (model.progress, model.text, other.text) == (1.0, "after", "other"), about=publisher)
    publisher.post(model, progress=2.0)
    until(lambda: model.progress == 2.0, about=publisher)
    assert "SystemExit" in caplog.text


def test_a_post_of_a_finalizer_on_the_publishers_own_thread_is_not_lost(publisher):
    """Garbage is collected anywhere, even between the last look for work and the end of the thread."""
    model = Model()
    late = Publisher(idle_s=0.01)
    original, asked = late._has_work, []

    def has_work():
        found = original()
        if not found and threading.current_thread() is late._thread and not late._waiting:
            asked.append(1)
            if len(asked) == 2:
                late.post(model, progress=7.0)
        return found

    late._has_work = has_work
    late.post(model, progress=1.0)
    until(lambda: model.progress == 7.0, about=late)
    late.close()


class Lazy(LockedMixin):
    values = traitlets.Dict()

    @traitlets.default("values")
    def _default(self):
        time.sleep(0.05)  # the moment in which another thread sets it
        return {"default": True}


def test_a_default_is_not_stored_over_a_published_value(publisher):
    model = Lazy()
    reader = threading.Thread(target=lambda: model.values)
    reader.start()
    publisher.post(model, values={"last": True})
    publisher.flush()
    reader.join()
    assert model.values == {"last": True}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_copy_publishes_nothing_and_does_not_hang(publisher):
    model = Model()
    publisher.post(model, progress=0.5)
    until(lambda: model.progress == 0.5)
    trait_lock().acquire()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - in the child
        publisher.post(model, progress=0.9)
        publisher.flush()
        model.text = "the lock is free"
        os._exit(0 if model.progress == 0.5 else 1)
    trait_lock().release()
    assert os.waitpid(pid, 0)[1] == 0


def test_the_call_is_cheap_in_allocations(publisher):
    """A post is a dict update: nothing may pile up behind a flood."""
    model = Model()
    publisher.post(model, progress=0.0)
    for k in range(10_000):
        publisher.post(model, progress=float(k))
        assert len(publisher._pending) <= 1
