"""The playhead of a session, as traits."""

from __future__ import annotations

import itertools
import math
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import traitlets

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError, SessionClosedError
from audiocache_nb.models.clock import ANSWER_S, LEAST_LOOP_S, Command, Motion, PlayheadClock, Report
from audiocache_nb.models.locked import LockedMixin, trait_lock
from audiocache_nb.models.publisher import INTERVAL_S
from audiocache_nb.models.ticker import Ticker
from audiocache_nb.timing.clip import ClipMap
from audiocache_nb.timing.tempo import Tempo
from audiocache_nb.timing.tempo_map import TICKS_PER_QUARTER, TempoMap

if TYPE_CHECKING:
    from audiocache_nb.models.protocol import SnapshotLike, StoreLike
    from audiocache_nb.models.publisher import Publisher

MIN_RATE = 0.0625  # what browsers play; slower and faster ones are silent there
MAX_RATE = 16.0
MAX_TIME_S = 1e9


class Driver(Protocol):
    """Something that can make the playhead's sound: a Transport with a page."""

    client: str  # the page that plays or played last

    @property
    def ready(self) -> bool:
        """Whether a page is there that could play now."""
        ...

    def command(self, command: Command) -> None:
        """Have the page do it."""
        ...


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


class Playhead(LockedMixin):
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
        self._do(time_s=_seconds("time", t))

    def seek_bar(self, bar: int, beat: float = 1.0) -> None:
        """Go to a musical position, both counted from 1.

        Raises
        ------
        InvalidParameterError, InvalidTypeError, SessionClosedError
        """
        tempo = self._tempo.snapshot()
        beats = (_real("bar", bar) - 1) * tempo.beats_per_bar + _real("beat", beat) - 1
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
        start_s, end_s = _seconds("start", start), _seconds("end", end)
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
        change = _CHANGES.get(name)
        if change is None or "_clock" not in self.__dict__:
            super().__setattr__(name, value)
        else:
            self._do(**change(value))

    # -- for widgets ----------------------------------------------------------------------------------

    def attach(self, driver: Driver) -> None:
        """From now on this one makes the sound, if its page can."""
        with self._drivers_lock:
            self._drivers = [ref for ref in self._drivers if ref() not in (driver, None)] + [weakref.ref(driver)]

    def welcome(self, driver: Driver) -> bool:
        """A page of this driver has just been opened; returns whether it may take over from one before it.

        It may unless another page of it is playing. One that was playing and has been silent for a while
        was closed or loaded anew, and its sound went with it.
        """
        playing = self._clock.driver is driver and self.playing
        if playing and self._clock.silent_s(driver) < ANSWER_S:
            return False
        if playing:
            self._clock.leave(driver)
        self.attach(driver)
        self._news()
        return True

    def detach(self, driver: Driver) -> None:
        """The page of this one has gone; what it played stops."""
        with self._drivers_lock:
            self._drivers = [ref for ref in self._drivers if ref() not in (driver, None)]
        self._clock.leave(driver)
        self._news()

    def adopt(self, driver: Driver, **change: Any) -> None:
        """Take over what a page did by itself: somebody used its controls. Arguments as traits of `Motion`."""
        if self._closed:
            return
        self.attach(driver)
        former = self._clock.driver
        command = self._clock.command(driver, done=True, **change)
        self._silence(former, driver, command)
        self._news()

    def report(self, driver: Driver, report: Report) -> None:
        """Follow the sound of a page."""
        if self._closed:
            return
        former, serial = self._clock.driver, self._clock.serial
        if self._clock.report(driver, report):
            if former is not driver:
                self._silence(former, driver, Command(0, None, playing=False, rate=report.rate, loop=None))
            self._news(widgets=self._clock.serial != serial)

    def control(self, **change: Any) -> None:
        """What a page's button asks for, of whoever makes the sound; checked like what a cell asks for."""
        self._do(**change)

    def follow(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` about 20 times a second while it plays, and after everything else that moves it.

        Returns
        -------
        callable
            Ends it.
        """
        with self._drivers_lock:
            self._followers = [*self._followers, callback]

        def end() -> None:
            with self._drivers_lock:
                self._followers = [other for other in self._followers if other is not callback]

        self._ticker.wake()
        return end

    def page_state(self) -> dict[str, Any]:
        """What a page needs to move a cursor by itself; changes only with what it could not know."""
        start_s, end_s = self.range_s()
        serial = (self._clock.serial, start_s, end_s)
        if self._wire[0] != serial:
            self._wire = (serial, self.page_state_now())
        return self._wire[1]

    def page_answer(self) -> dict[str, Any]:
        """The same now, and what time it is here: a page that knows when it asked can tell how its clock differs."""
        return {**self.page_state_now(), "clock_s": self._clock.now_s}

    def page_state_now(self) -> dict[str, Any]:
        """The same, with the position of this moment."""
        motion = self._clock.read()
        start_s, end_s = self.range_s()
        return {
            "session": self._name,
            "serial": self._clock.serial,
            "time_s": motion.time_s,
            "playing": motion.playing,
            "moving": motion.moving,
            "rate": motion.rate,
            "loop": None if motion.loop is None else list(motion.loop),
            "start_s": start_s,
            "end_s": None if math.isinf(end_s) else end_s,
            "client": getattr(self._clock.driver, "client", ""),
        }

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

    def _do(self, **change: Any) -> None:
        if self._closed:
            raise SessionClosedError("The session is closed.", hint="Open another one with acn.Session().")
        former = self._clock.driver
        driver = self._chosen(former)
        command = self._clock.command(driver, **change)
        self._silence(former, driver, command)
        if driver is not None:
            driver.command(command)
        self._news()

    def _chosen(self, former: Any) -> Driver | None:
        """Who makes the sound: who does already, else the one used last."""
        with self._drivers_lock:
            drivers = [driver for ref in reversed(self._drivers) if (driver := ref()) is not None and driver.ready]
        return former if former in drivers else next(iter(drivers), None)

    def _silence(self, former: Any, driver: Driver | None, command: Command) -> None:
        if former is not None and former is not driver:
            former.command(Command(command.id, None, playing=False, rate=command.rate, loop=command.loop))

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


def timeline_range_s(snapshot: SnapshotLike, tempo: TempoMap) -> tuple[float, float]:
    """From 0, or the first clip's start if that is earlier, to the last clip's end [s]; no clips: no end."""
    spans = [
        place_of(track, tempo).span_s(track.source.duration) for track in snapshot.tracks.values() if track.enabled
    ]
    return min((0.0, *(start_s for start_s, _ in spans))), max((end_s for _, end_s in spans), default=math.inf)


def place_of(track: Any, tempo: TempoMap) -> ClipMap:
    """Where a track lies on the timeline."""
    return ClipMap.from_ticks(
        tempo,
        offset_ticks=track.offset_ticks,
        region_start_tick=track.region_start_tick,
        region_end_tick=track.region_end_tick,
    )


def _real(name: str, value: Any) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidTypeError(f"{name} is a {type(value).__name__}, not a number.", hint="The playhead stays.")
    if not -MAX_TIME_S <= value <= MAX_TIME_S:  # NaN is not, either
        raise InvalidParameterError(
            f"{name} is {value!r:.40}, which is no usable number.", hint="The playhead stays.", parameter=name
        )
    return float(value)


def _seconds(name: str, value: object) -> float:
    return _real(name, value)


def _maybe_seconds(name: str, value: object) -> float | None:
    return None if value is None else _real(name, value)


def _rate(value: object) -> float:
    rate = _real("rate", value)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidParameterError(
            f"rate is {rate:g}.", hint=f"Use {MIN_RATE:g} to {MAX_RATE:g}; 1 is the recording's own.", parameter="rate"
        )
    return rate


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidTypeError(f"playing is a {type(value).__name__}.", hint="Use True or False.")
    return value


_CHANGES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "time": lambda value: {"time_s": _seconds("time", value)},
    "playing": lambda value: {"playing": _flag(value)},
    "rate": lambda value: {"rate": _rate(value)},
    "loop_start": lambda value: {"loop_start_s": _maybe_seconds("loop_start", value)},
    "loop_end": lambda value: {"loop_end_s": _maybe_seconds("loop_end", value)},
}
