"""The tempo of a session: a mutable holder of immutable tempo maps."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.timing.tempo_entries import TempoEntry
from audiocache_nb.timing.tempo_map import DEFAULT_BPM, BarBeat, TempoMap

_log = logging.getLogger(__name__)


class Tempo:
    """Tempo and metre, changeable from any thread.

    Readers see one immutable map at a time: a change replaces the map, it never edits it.

    Parameters
    ----------
    bpm : float in 1 .. 1000 [quarter notes per minute]
    beats_per_bar : int in 1 .. 64

    Examples
    --------
    >>> tempo = Tempo(bpm=120)
    >>> tempo.seconds_to_ticks(0.5)
    960.0
    >>> tempo.set_map([(0.0, 120.0, "linear"), (2.0, 180.0)])
    >>> tempo.seconds_to_ticks(1.0)
    2160.0
    """

    def __init__(self, bpm: float = DEFAULT_BPM, beats_per_bar: int = 4) -> None:
        self._state = (0, TempoMap.constant(bpm, beats_per_bar=beats_per_bar))
        self._lock = threading.Lock()
        self._subscribers: dict[int, Callable[[], object]] = {}
        self._next_subscriber = 0

    # ---- reading ----------------------------------------------------------------------------

    def snapshot(self) -> TempoMap:
        """Return the present map; it never changes."""
        return self._state[1]

    @property
    def version(self) -> int:
        """Number of changes so far."""
        return self._state[0]

    @property
    def digest(self) -> str:
        """Content digest of map and metre: equal again when a tempo is set back."""
        return self.snapshot().digest

    @property
    def entries(self) -> tuple[TempoEntry, ...]:
        """The map as it was set."""
        return self.snapshot().entries

    @property
    def bpm(self) -> float:
        """Tempo at time zero [quarter notes per minute]. Setting it replaces the whole map by one tempo."""
        return self.entries[0].bpm

    @bpm.setter
    def bpm(self, value: float) -> None:
        self._replace(lambda old: TempoMap.constant(value, beats_per_bar=old.beats_per_bar))

    @property
    def beats_per_bar(self) -> int:
        """Beats (quarter notes) in a bar."""
        return self.snapshot().beats_per_bar

    @beats_per_bar.setter
    def beats_per_bar(self, value: int) -> None:
        self._replace(lambda old: TempoMap.of(old.entries, beats_per_bar=value))

    def set_map(self, entries: Iterable[Any] | TempoMap) -> None:
        """Replace the tempo by a map.

        Parameters
        ----------
        entries : iterable of (seconds, bpm) or (seconds, bpm, curve), or TempoMap
            Strictly increasing in time. The first tempo also holds before its entry. A ``"linear"``
            entry ramps, linearly in time, to the next entry; a ``"step"`` entry (the default) holds.

        Raises
        ------
        InvalidParameterError
            Names the entry; the tempo stays as it was.
        """
        checked = entries if isinstance(entries, TempoMap) else TempoMap.of(entries)
        self._replace(lambda old: dataclasses.replace(checked, beats_per_bar=old.beats_per_bar))

    def from_beats(
        self,
        beats: Any,
        *,
        curve: str = "auto",
        first_beat: int | None = None,
        align: bool = True,
        apply: bool = True,
    ) -> TempoMap:
        """Estimate a tempo map from beats that were detected or tapped, and take it as the tempo.

        Parameters
        ----------
        beats : array_like [shape=(n,)] [s], or a feature track or `Events` of beats
            At least two times. They may be off their places at random; some may be missing, and some that are
            none are left out. Those of a track are taken as timeline times: of a clip that does not lie at
            time zero pass ``beats.times_s + track.start``.
        curve : {"auto", "constant", "step", "linear"}
            One tempo, tempos that hold, or tempos that go linearly in time; ``"auto"``: as simple as the beats
            allow (the Bayesian information criterion decides).
        first_beat : int in 1 .. beats_per_bar, optional
            Which beat of its bar the first one is.
        align : bool
            Let beats fall on beats: before the first one comes a tempo at which a whole number of beats leads
            up to it. A first beat earlier than 60 ms stays where it is.
        apply : bool
            False: only return the map.

        Returns
        -------
        TempoMap

        Raises
        ------
        InvalidParameterError
            The tempo stays as it was.

        Examples
        --------
        >>> tempo = Tempo()
        >>> tempo.from_beats([0.0, 0.5, 1.0, 1.5])
        <TempoMap 120 bpm, 4 beats per bar>
        """
        from audiocache_nb.timing.beats import beat_times, entries_from_beats

        found = entries_from_beats(
            beat_times(beats),
            curve=curve,
            beats_per_bar=self.beats_per_bar,
            first_beat=first_beat,
            align=align,
        )
        estimated = TempoMap.of(found, beats_per_bar=self.beats_per_bar)
        if apply:
            self.set_map(estimated)
        return estimated

    # ---- conversions: those of the present map -------------------------------------------------

    def seconds_to_ticks(self, seconds: ArrayLike) -> Any:
        """See `TempoMap.seconds_to_ticks`."""
        return self.snapshot().seconds_to_ticks(seconds)

    def ticks_to_seconds(self, ticks: ArrayLike) -> Any:
        """See `TempoMap.ticks_to_seconds`."""
        return self.snapshot().ticks_to_seconds(ticks)

    def bpm_at(self, seconds: ArrayLike) -> Any:
        """See `TempoMap.bpm_at`."""
        return self.snapshot().bpm_at(seconds)

    def hop_ticks(self, hop_seconds: ArrayLike) -> Any:
        """See `TempoMap.hop_ticks`."""
        return self.snapshot().hop_ticks(hop_seconds)

    def bar_beat(self, seconds: ArrayLike, *, beats_per_bar: ArrayLike | None = None) -> BarBeat:
        """See `TempoMap.bar_beat`."""
        return self.snapshot().bar_beat(seconds, beats_per_bar=beats_per_bar)

    def bar_lines(self, start_s: float, end_s: float, *, every: str = "bar") -> NDArray[np.float64]:
        """See `TempoMap.bar_lines`."""
        return self.snapshot().bar_lines(start_s, end_s, every=every)

    # ---- changes ------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback`, without arguments, after each change and on the thread that made it.

        It reads the tempo by `snapshot`. When several threads change the tempo at once, the last call
        sees the last change. A callback that raises is logged and harms neither the change nor the
        others.

        Returns
        -------
        callable
            Ends the subscription; calling it again does nothing.
        """
        with self._lock:
            key = self._next_subscriber
            self._next_subscriber += 1
            self._subscribers[key] = callback

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.pop(key, None)

        return unsubscribe

    def _replace(self, make: Callable[[TempoMap], TempoMap]) -> None:
        with self._lock:
            version, old = self._state
            new = make(old)
            if new == old:
                return  # the same tempo set again is no change
            self._state = (version + 1, new)
            callbacks = tuple(self._subscribers.values())
        for callback in callbacks:
            try:
                callback()
            except Exception:
                _log.exception("A subscriber to the tempo raised")

    def __repr__(self) -> str:
        return repr(self.snapshot()).replace("TempoMap", "Tempo", 1)
