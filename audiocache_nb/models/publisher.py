"""The publisher: the one thread that copies plain state into traits.

Workers never touch a widget. They write plain Python state (or post values, which is a dict
update); the publisher copies the latest of it into traits, at most 20 times a second. A value
that is followed by another within a tick is never sent, the last one always is.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from audiocache_nb.models.locked import trait_lock
from audiocache_nb.models.writer import TraitWriter

log = logging.getLogger("audiocache_nb")

INTERVAL_S = 0.05
MAX_INTERVAL_S = 0.25
IDLE_S = 1.0

Values = Mapping[str, Any]
Collect = Callable[[], Values | None]


class _Watch:
    """A target whose values are fetched when something changed."""

    __slots__ = ("applied", "collect", "dirty", "seen", "started", "target")

    def __init__(self, target: weakref.ref[Any], collect: Callable[[], Collect | None]) -> None:
        self.target = target
        self.collect = collect
        self.dirty = True
        self.seen = -1
        self.started = 0
        self.applied = 0


class Publisher:
    """Brings state to traits: latest value wins, last value guaranteed, rate bounded.

    One daemon thread, started by the first post and gone after a second without work. A tick
    sends at most one message per widget; when several widgets have news, ticks are further apart
    (up to 0.25 s), so that up to five of them stay within 20 messages a second together.

    Parameters
    ----------
    interval_s : float [s]
        Shortest time between two ticks.
    idle_s : float [s]
        The thread ends after this long without work.
    threads : bool, optional
        False: publish within the call of `post` and `poke`, at the same rate; what came too early is
        brought by the event loop. Default: whether the platform has threads (not in the browser).
        A thread that cannot be started is done without in the same way, and tried again.

    Notes
    -----
    Observers of traits run on the publisher's thread, while the trait lock is held: they should be
    short. What an observer raises is logged once per target and stops nothing.

    With neither a thread nor an event loop nobody could bring a last value later, so every value is
    set within the call: without an event loop there is no kernel, and no page that could be flooded.
    """

    def __init__(self, *, interval_s: float = INTERVAL_S, idle_s: float = IDLE_S, threads: bool | None = None) -> None:
        self._interval_s = interval_s
        self._idle_s = idle_s
        self._threads = sys.platform != "emscripten" if threads is None else threads
        self._closers: list[Callable[[], None]] = []
        self._watches: dict[int, _Watch] = {}
        self._pending: dict[Any, dict[str, Any]] = {}
        self._detached: weakref.WeakSet[Any] = weakref.WeakSet()
        self._writer = TraitWriter()
        self._closed = False
        self._fresh_locks()
        self._loop: asyncio.AbstractEventLoop | None = _running_loop()
        _publishers.add(self)

    def _fresh_locks(self) -> None:
        # Reentrant: a garbage collection inside may run a widget's close(), which comes back here.
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._waiting = False
        self._applying: set[int] = set()
        self._generation = 0
        self._poked = False
        self._last_s = float("-inf")
        self._armed: asyncio.AbstractEventLoop | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing is published any more."""
        return self._closed

    # -- what others call ---------------------------------------------------------------------------

    def post(self, target: traitlets.HasTraits, /, **values: Any) -> None:
        """Have these traits set soon; returns at once, from any thread.

        Parameters
        ----------
        target : HasTraits
            A widget or a model.
        **values
            Traits and their values; a later post of the same trait replaces an earlier one.
        """
        with self._lock:
            if self._closed or (self._detached and target in self._detached):
                return
            # One step each: a garbage collection in between may post for the same target.
            self._pending.setdefault(target, {}).update(values)
            if self._thread is not None and not self._waiting:
                return  # the common case: the next tick takes it
        self._wake()

    def watch(self, target: traitlets.HasTraits, collect: Collect) -> None:
        """Set the traits of `target` to what `collect` returns, whenever something changed.

        Parameters
        ----------
        target : HasTraits
            Held weakly: a target that nobody else holds is forgotten.
        collect : callable () -> mapping or None
            The trait values from the latest snapshot of the store; None: nothing to publish now.
            Called on the publisher's thread, at most 20 times a second, without any lock. A bound
            method is held weakly as well; another function must not refer to the target.
        """
        key = id(target)
        publisher = weakref.ref(self)

        def forget(reference: weakref.ref[Any]) -> None:
            alive = publisher()
            if alive is not None:
                alive._forget(key, reference)

        get: Callable[[], Collect | None] = (
            weakref.WeakMethod(collect) if inspect.ismethod(collect) else (lambda: collect)
        )
        with self._lock:
            if self._closed:
                return
            self._watches[key] = _Watch(weakref.ref(target, forget), get)
            self._detached.discard(target)
        self.poke(target)

    def poke(self, target: traitlets.HasTraits | None = None) -> None:
        """Something changed: fetch again, what one target shows or what all show.

        Costs next to nothing, so that every event of a store may call it.
        """
        with self._lock:
            if self._closed or not self._watches:
                return
            if target is None:
                self._generation += 1
            else:
                watch = self._watches.get(id(target))
                if watch is None:
                    return
                watch.dirty = True
            self._poked = True
            if self._thread is not None and not self._waiting:
                return
        self._wake()

    def flush(self) -> None:
        """Publish the state as it is now; when this returns, all targets show it.

        For the end of something that was waited for; it does not keep to the rate. Within an observer
        the target that is just being set follows with the next tick.
        """
        if self._closed:
            return
        with self._lock:
            for watch in list(self._watches.values()):
                # Another thread may have fetched a picture that it has not brought yet.
                watch.dirty = watch.dirty or watch.started != watch.applied
        self._publish()
        with trait_lock():  # nor may it be in the middle of posted values
            pass

    def detach(self, target: traitlets.HasTraits) -> None:
        """Serve this target no longer; what waited for it is dropped."""
        with self._lock:
            watch = self._watches.get(id(target))
            if watch is not None and watch.target() is target:
                del self._watches[id(target)]
            self._pending.pop(target, None)
            if not self._closed:
                self._detached.add(target)

    def on_close(self, closer: Callable[[], None]) -> None:
        """Call `closer` when this publisher is closed."""
        with self._lock:
            if not self._closed:
                self._closers.append(closer)
                return
        closer()

    def close(self) -> None:
        """Publish what waits, then serve nobody any more. May be called twice."""
        if not self._closed:
            self._publish(patience_s=0.2)  # an observer may hold the lock and never return
        with self._lock:
            self._closed = True
            self._pending.clear()
            self._watches.clear()
            closers, self._closers = self._closers, []
            thread = self._thread
            self._stop.set()
            self._work.notify_all()
        for closer in closers:
            try:
                closer()
            except Exception:
                log.exception("something could not be closed together with its session")
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=0.2)

    # -- the thread ---------------------------------------------------------------------------------

    def _wake(self) -> None:
        with self._lock:
            if self._threads and not self._closed:
                if self._thread is not None:
                    self._work.notify_all()
                    return
                thread = threading.Thread(target=self._run, name="audiocache_nb publisher", daemon=True)
                self._thread = thread
                try:
                    thread.start()
                except (RuntimeError, MemoryError):  # no threads here, or no more of them just now
                    self._thread = None
                else:
                    return
        self._publish_inline()

    def _has_work(self) -> bool:
        return bool(self._pending or self._poked)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._has_work() and not self._closed:
                    self._waiting = True
                    self._work.wait_for(lambda: self._has_work() or self._closed, self._idle_s)
                    self._waiting = False
                if self._closed or not self._has_work():
                    this, self._thread = self._thread, None
                    # A garbage collection on this thread may have posted while it still counted as there.
                    if self._closed or not self._has_work() or self._thread is not None:
                        return
                    self._thread = this
            messages = 1
            try:
                messages = self._publish()
            except BaseException:  # an observer's sys.exit() too: a dead publisher leaves pages at half of the truth
                log.exception("the publisher failed")
            self._stop.wait(min(MAX_INTERVAL_S, self._interval_s * max(1, messages)))

    def _publish_inline(self) -> None:
        with self._lock:
            now_s = time.monotonic()
            wait_s = self._last_s + self._interval_s - now_s
            if wait_s > 0 and self._arm(wait_s):
                return
            self._last_s = now_s
        self._publish()

    def _arm(self, wait_s: float) -> bool:
        """Have the event loop publish later; False: there is none that runs."""
        self._loop = _running_loop() or self._loop
        if self._armed is not None and self._armed.is_running():
            return True
        self._armed = None  # of a loop that was left before its time came
        if self._loop is None or not self._loop.is_running():
            return False
        try:  # this may be another thread than the loop's
            self._loop.call_soon_threadsafe(self._loop.call_later, wait_s, self._publish_late)
        except RuntimeError:  # closed in this moment
            return False
        self._armed = self._loop
        return True

    def _publish_late(self) -> None:
        with self._lock:
            self._armed = None
            if self._closed or not self._has_work():
                return
        self._publish_inline()

    # -- one tick -----------------------------------------------------------------------------------

    def _publish(self, *, patience_s: float = -1) -> int:
        """Bring every target with news up to date; returns the number of messages sent."""
        with self._lock:
            self._poked = False
            generation = self._generation
            watches: list[tuple[Any, _Watch, int]] = []
            for watch in list(self._watches.values()):
                target = watch.target()
                if target is not None and (watch.dirty or watch.seen != generation):
                    # Cleared before the snapshot is read: a change from here on makes it dirty again.
                    watch.dirty = False
                    watch.seen = generation
                    watch.started += 1
                    watches.append((target, watch, watch.started))
            watched = {id(target) for target, _, _ in watches}
            posted = [target for target in list(self._pending) if id(target) not in watched]
        sent = 0
        for target, watch, turn in watches:
            sent += self._refresh(target, watch, turn, patience_s)
        for target in posted:
            sent += self._apply(target, {}, patience_s=patience_s)
        return sent

    def _refresh(self, target: Any, watch: _Watch, turn: int, patience_s: float) -> bool:
        values: Values | None = None
        collect = watch.collect()
        if collect is not None:
            try:
                values = collect()
            except Exception:
                self._writer.complain(target, "its state could not be read")
        return self._apply(target, values or {}, watch=watch, turn=turn, patience_s=patience_s)

    def _apply(
        self,
        target: Any,
        values: Values,
        *,
        watch: _Watch | None = None,
        turn: int = 0,
        patience_s: float = -1,
    ) -> bool:
        """Set those traits that differ, as one message; returns whether there was one to send."""
        lock = trait_lock()
        if not lock.acquire(timeout=patience_s):
            return False
        try:
            with self._lock:
                if id(target) in self._applying:  # an observer called flush(): the outer call goes on first
                    if watch is not None:
                        watch.dirty = self._poked = True
                    return False
                if watch is not None:
                    if turn < watch.applied:
                        values = {}  # a flush() overtook this thread with a later picture
                    watch.applied = max(turn, watch.applied)
                # Taken out under the trait lock, so that two threads cannot write them in the wrong order.
                posted = self._pending.pop(target, {})
                if target in self._detached:
                    return False
                self._applying.add(id(target))
            try:
                return self._write(target, {**values, **posted})
            except BaseException:  # an observer's sys.exit(), Ctrl-C within flush(): the rest comes with the next tick
                with self._lock:
                    self._pending[target] = {**posted, **self._pending.get(target, {})}
                    if watch is not None:
                        watch.dirty = self._poked = True
                    self._work.notify_all()
                raise
            finally:
                self._applying.discard(id(target))
        finally:
            lock.release()

    def _write(self, target: Any, values: Values) -> bool:
        try:
            return self._writer.write(target, values)
        except Exception:
            self._writer.complain(target, "it could not be sent and is served no longer")
            self.detach(target)
            return True

    def _forget(self, key: int, reference: weakref.ref[Any]) -> None:
        with self._lock:
            watch = self._watches.get(key)
            if watch is not None and watch.target is reference:
                del self._watches[key]

    def _after_fork(self) -> None:
        """A copied process has no publisher thread and no right to the parent's pages."""
        self._fresh_locks()
        self._loop = None
        self._closed = True
        self._pending = {}
        self._watches = {}


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_publishers: weakref.WeakSet[Publisher] = weakref.WeakSet()


def _after_fork() -> None:
    for publisher in list(_publishers):
        publisher._after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
