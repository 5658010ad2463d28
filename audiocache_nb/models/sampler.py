"""Samples what is wanted at the playhead, in the background: the latest request wins."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import traitlets

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.models.playhead import Playhead
from audiocache_nb.models.publisher import INTERVAL_S, Publisher
from audiocache_nb.models.ticker import Ticker

log = logging.getLogger("audiocache_nb")


class PlayheadSampler:
    """Keeps traits in step with the playhead.

    One thread for all targets of a session, which comes when something moves. However often it is
    woken meanwhile, it samples at the time the playhead has when it gets round to it, at most 20
    times a second; what it finds goes through the publisher.

    Parameters
    ----------
    playhead : Playhead
    publisher : Publisher
    """

    def __init__(self, playhead: Playhead, publisher: Publisher) -> None:
        self._playhead = playhead
        self._publisher = publisher
        self._lock = threading.Lock()
        self._wanted: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        itself = weakref.ref(self)
        self._ticker = Ticker(lambda: _tick(itself), interval_s=INTERVAL_S, name="audiocache_nb sampler")
        self._unfollow = playhead.follow(lambda: _wake(itself))
        publisher.on_close(lambda: _close(itself))

    def watch(self, target: traitlets.HasTraits, method: str) -> None:
        """Set traits of `target` to what its method returns, whenever the playhead moves.

        Parameters
        ----------
        target : HasTraits
            Held weakly.
        method : str
            Name of its method ``(time_s) -> mapping of traits or None``; None: nothing to set. Called
            on the sampler's thread, without any lock.
        """
        with self._lock:
            self._wanted[target] = method
        self.wake()

    def forget(self, target: traitlets.HasTraits) -> None:
        """Sample nothing more for it."""
        with self._lock:
            self._wanted.pop(target, None)

    def wake(self) -> None:
        """Something changed: sample again soon."""
        if self._wanted:
            self._ticker.wake()

    def close(self) -> None:
        """Sample nothing more."""
        self._unfollow()
        self._ticker.close()

    def _tick(self) -> bool:
        with self._lock:
            wanted = list(self._wanted.items())
        for target, method in wanted:
            try:
                values: Mapping[str, Any] | None = getattr(target, method)(self._playhead.time)
            except AudioCacheError:  # its track has just gone; the target says so by itself
                continue
            except Exception:
                log.exception("%s could not be sampled and is sampled no longer", type(target).__name__)
                self.forget(target)
                continue
            if values is not None:
                self._publisher.post(target, **values)
        return bool(wanted) and self._playhead.playing


def _tick(reference: weakref.ref[PlayheadSampler]) -> bool:
    sampler = reference()
    return sampler is not None and sampler._tick()


def _wake(reference: weakref.ref[PlayheadSampler]) -> None:
    sampler = reference()
    if sampler is not None:
        sampler.wake()


def _close(reference: weakref.ref[PlayheadSampler]) -> None:
    sampler = reference()
    if sampler is not None:
        with contextlib.suppress(AudioCacheError):
            sampler.close()


_samplers: weakref.WeakKeyDictionary[Publisher, PlayheadSampler] = weakref.WeakKeyDictionary()
_samplers_lock = threading.Lock()


def playhead_sampler(session: Any) -> PlayheadSampler:
    """The sampler of a session; ends with it."""
    playhead, publisher = session.playhead, session.publisher
    with _samplers_lock:
        sampler = _samplers.get(publisher)
        if sampler is None:
            sampler = _samplers[publisher] = PlayheadSampler(playhead, publisher)
        return sampler
