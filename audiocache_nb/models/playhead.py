"""The playhead of a session, as traits."""

from __future__ import annotations

import itertools
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import traitlets

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.models.clock import LEAST_LOOP_S, Command, Motion, PlayheadClock
from audiocache_nb.models.locked import LockedMixin, trait_lock
from audiocache_nb.models.places import timeline_range_s
from audiocache_nb.models.playhead_pages import PlayheadPages
from audiocache_nb.models.playhead_values import CHANGES, real, seconds
from audiocache_nb.models.publisher import INTERVAL_S
from audiocache_nb.models.ticker import Ticker
from audiocache_nb.timing.tempo import Tempo
from audiocache_nb.timing.tempo_map import TICKS_PER_QUARTER

if TYPE_CHECKING:
    from audiocache_nb.models.protocol import StoreLike
    from audiocache_nb.models.publisher import Publisher


class PlayheadSession(Protocol):
    """What a playhead needs of a session."""

    @property
    def store(self) -> StoreLike: ...
    @property
    def publisher(self) -> Publisher: ...
    @property
    def tempo(self) -> Tempo: ...


class _Now(traitlets.TraitType[Any, Any]):
    """A trait whose value is worked out when it is read; what is stored is what observers were told."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        return obj._now(self.name)


class _Number(_Now, traitlets.Float[Any, Any]):
    pass


class _Whole(_Now, traitlets.Int[Any, Any]):
    pass


class _Flag(_Now, traitlets.Bool[Any, Any]):
    pass


class _Pulse(LockedMixin):
    """What the publisher sets, at its own rate; the playhead then tells its observers."""

    count = traitlets.Int(0)

    def __init__(self, playhead: Playhead) -> None:
        self._playhead = weakref.ref(playhead)
        self._counter = itertools.count(1)
        super().__init__()

    def collect(self) -> dict[str, int]:
        return {"count": next(self._counter)}

    @traitlets.observe("count")
    def _beat(self, _change: Any) -> None:
        playhead = self._playhead()
        if playhead is not None:
            playhead._tell()


class Playhead(PlayheadPages):
    """Where the session is in time: one position for all plots, inspectors and transports.

    Obtained as ``session.playhead``. While a :class:`~audiocache_nb.widgets.transport.Transport`
    plays, its sound leads; otherwise a clock of the kernel does. Reading a trait gives its value at
    that very moment; observers are told at most 20 times a second.

    Attributes
    ----------
    time : float [s]
        Timeline time. Setting it is `seek`.
    playing : bool
        Setting it is `play` or `pause`.
    rate : float in 0.0625 .. 16
        Seconds of the timeline per second.
    loop_start, loop_end : float or None [s]
        With both set, and the end after the start, what lies between is repeated.
    tick : float [ticks]
    bar : int
        From 1.
    beat : float
        From 1, with its fraction. Follows the session's tempo, like `tick` and `bar`.

    Notes
    -----
    Observers run on the session's publisher thread, or in the thread that set a trait or called a
    method. At the end of the last clip the playhead stops; playing on from there begins at the
    start, or at the loop's start.

    Examples
    --------
    >>> import audiocache_nb as acn
    >>> session = acn.Session(cache_dir=False, bpm=120)
    >>> session.playhead.seek(2.75)
    >>> session.playhead.bar, session.playhead.beat
    (2, 2.5)
    >>> session.close()
    """

    time = _Number(0.0)
    playing = _Flag(False)
    rate = _Number(1.0)
    loop_start = _Number(None, allow_none=True)
    loop_end = _Number(None, allow_none=True)
    tick = _Number(0.0, read_only=True)
    bar = _Whole(1, read_only=True)
    beat = _Number(1.0, read_only=True)

    def __init__(self, session: PlayheadSession, *, now_s: Callable[[], float] | None = None) -> None:
        self._store = session.store
        self._tempo = session.tempo
        self._publisher = session.publisher
        self._closed = False
        self._name = uuid.uuid4().hex  # pages show widgets of several kernels
        self._ranged: tuple[tuple[Any, Any], tuple[float, float]] | None = None
        self._drivers: list[weakref.ref[Any]] = []
        self._drivers_lock = threading.Lock()
        self._followers: list[Callable[[], None]] = []
        self._told: tuple[int, dict[str, Any]] | None = None
        self._wire: tuple[Any, dict[str, Any]] = (None, {})
        clock = PlayheadClock(self.range_s) if now_s is None else PlayheadClock(self.range_s, now_s)
        super().__init__()
        self._pulse = _Pulse(self)
        itself = weakref.ref(self)
        self._ticker = Ticker(lambda: _beat(itself), interval_s=INTERVAL_S, name="audiocache_nb playhead")
        self._clock = clock
        self._publisher.watch(self._pulse, self._pulse.collect)
        self._publisher.on_close(lambda: _close(itself))
        ended = self._tempo.subscribe(lambda: _retimed(itself))
        self._publisher.on_close(ended)

    # -- verbs ----------------------------------------------------------------------------------------

    def play(self) -> None:
        """Play on; from the start, if it has come to the end.

        Raises
        ------
        SessionClosedError
        """
        self._do(playing=True)

    def pause(self) -> None:
        """Stop, and stay there."""
        self._do(playing=False)

    def seek(self, t: float) -> None:
        """Go to a time of the timeline [s].

        Raises
        ------
        InvalidParameterError, InvalidTypeError
            The playhead stays where it is.
        SessionClosedError
        """
        self._do(time_s=seconds("time", t))

    def seek_bar(self, bar: int, beat: float = 1.0) -> None:
        """Go to a musical position, both counted from 1.

        Raises
        ------
        InvalidParameterError, InvalidTypeError, SessionClosedError
        """
        tempo = self._tempo.snapshot()
        beats = (real("bar", bar) - 1) * tempo.beats_per_bar + real("beat", beat) - 1
        self.seek(tempo.ticks_to_seconds(beats * TICKS_PER_QUARTER))

    def set_loop(self, start: float | None = None, end: float | None = None) -> None:
        """Repeat what lies between two times [s]; without arguments, repeat nothing.

        Raises
        ------
        InvalidParameterError, InvalidTypeError, SessionClosedError
        """
        if start is None and end is None:
            self._do(loop_start_s=None, loop_end_s=None)
            return
        start_s, end_s = seconds("start", start), seconds("end", end)
        if end_s - start_s < LEAST_LOOP_S:
            raise InvalidParameterError(
                f"The loop from {start_s:g} s to {end_s:g} s is shorter than {LEAST_LOOP_S:g} s.",
                hint="Its end comes after its start.",
                parameter="end",
            )
        self._do(loop_start_s=start_s, loop_end_s=end_s)

    def range_s(self) -> tuple[float, float]:
        """Where playing begins and ends: from 0, or the first clip if it is earlier, to the last clip's end [s].

        Without tracks there is no end.
        """
        snapshot, tempo = self._store.snapshot(), self._tempo.snapshot()
        known = self._ranged
        if known is None or known[0][0] is not snapshot.tracks or known[0][1] is not tempo:
            known = self._ranged = ((snapshot.tracks, tempo), timeline_range_s(snapshot, tempo))
        return known[1]

    def __setattr__(self, name: str, value: Any) -> None:
        change = CHANGES.get(name)
        if change is None or "_clock" not in self.__dict__:
            super().__setattr__(name, value)
        else:
            self._do(**change(value))

    # -- inside ---------------------------------------------------------------------------------------

    def _now(self, name: str) -> Any:
        if "_clock" not in self.__dict__:
            return self._trait_values.get(name)
        told = self._told
        if told is not None and told[0] == threading.get_ident():
            return told[1][name]
        motion = self._clock.read()
        if name in _READ:
            return _READ[name](motion)
        tempo = self._tempo.snapshot()
        if name == "tick":
            return tempo.seconds_to_ticks(motion.time_s)
        return getattr(tempo.bar_beat(motion.time_s), name)

    def _news(self, *, widgets: bool = True) -> None:
        """Tell everybody: observers now, widgets and followers soon."""
        if self._closed:
            return
        self._tell() if widgets else self._publisher.poke(self._pulse)
        if widgets:
            self._publisher.poke()
        self._ticker.wake()

    def _tell(self) -> None:
        """Have observers hear of what differs from what they were told.

        Meanwhile they read what they are being told: `traitlets.link` does not expect a value that moves.
        """
        failures: list[Exception] = []
        with trait_lock():
            outermost, self._told = self._told is None, None
            self._told = (threading.get_ident(), {name: self._now(name) for name in _TOLD})
            try:
                for name in _TOLD:
                    try:
                        self.set_trait(name, self._told[1][name])  # an observer may have had it told anew
                    except Exception as error:  # of one observer; the others hear the rest
                        failures.append(error)
            finally:
                if outermost:
                    self._told = None
        if failures:
            raise failures[0]

    def _tick(self) -> bool:
        serial = self._clock.serial
        motion = self._clock.read()  # which may find that it has ended
        self._publisher.poke(self._pulse if self._clock.serial == serial else None)
        with self._drivers_lock:
            followers = self._followers
        for follower in followers:
            follower()
        return motion.playing and not self._closed

    def _shut(self) -> None:
        self._closed = True
        driver: Any = self._clock.driver
        if driver is not None:  # nobody is left whose playhead its sound would move
            driver.command(Command(0, None, playing=False, rate=1.0, loop=None))
        self._ticker.close()
        self._followers = []
        self._drivers = []

    def __repr__(self) -> str:
        motion = self._clock.read()
        state = "playing" if motion.playing else "paused"
        return f"<Playhead {state} at {motion.time_s:.3f} s, bar {self.bar}, beat {self.beat:.2f}>"


_READ: Mapping[str, Callable[[Motion], Any]] = {
    "time": lambda motion: motion.time_s,
    "playing": lambda motion: motion.playing,
    "rate": lambda motion: motion.rate,
    "loop_start": lambda motion: motion.loop_start_s,
    "loop_end": lambda motion: motion.loop_end_s,
}
_TOLD = ("rate", "loop_start", "loop_end", "time", "tick", "beat", "bar", "playing")


def _beat(reference: weakref.ref[Playhead]) -> bool:
    playhead = reference()
    return playhead is not None and playhead._tick()


def _close(reference: weakref.ref[Playhead]) -> None:
    playhead = reference()
    if playhead is not None:
        playhead._shut()


def _retimed(reference: weakref.ref[Playhead]) -> None:
    playhead = reference()
    if playhead is not None:
        playhead._news()
