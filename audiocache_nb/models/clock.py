"""Where a playhead is, between two things that happen to it: plain Python, and no thread of its own.

The position is never counted up. A `Motion` says where the playhead was at one moment and what it
does since; every reader works out the rest. When a page plays sound, its reports replace the
anchor, and nothing is extrapolated for longer than from one report to the next.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final

ANSWER_S: Final = 1.0  # a page that has not taken up a command by then plays no sound for us
SILENCE_S: Final = 10.0  # a page that reported that it plays and then nothing more is gone
JUMP_S: Final = 0.1  # a report this far from what was expected is a jump, not jitter
LEAST_LOOP_S: Final = 0.01
_JITTER_REPORTS: Final = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Motion:
    """What a playhead does from one moment on.

    Attributes
    ----------
    time_s : float [s]
        Timeline time at `at_s`.
    at_s : float [s]
        On the monotonic clock.
    playing : bool
    moving : bool
        False while it plays but waits: for a page to begin, or for data.
    rate : float > 0
    loop_start_s, loop_end_s : float or None [s]
    """

    time_s: float = 0.0
    at_s: float = 0.0
    playing: bool = False
    moving: bool = False
    rate: float = 1.0
    loop_start_s: float | None = None
    loop_end_s: float | None = None

    @property
    def loop(self) -> tuple[float, float] | None:
        """The region that is repeated, if both ends are set and it is long enough to be one."""
        start_s, end_s = self.loop_start_s, self.loop_end_s
        return None if start_s is None or end_s is None or end_s - start_s < LEAST_LOOP_S else (start_s, end_s)

    @property
    def loops(self) -> bool:
        """Whether the end of the loop lies ahead: who starts behind it goes on to the end."""
        return self.loop is not None and self.time_s < self.loop[1]

    def position(self, now_s: float, end_s: float = math.inf) -> float:
        """Timeline time at a moment of the monotonic clock [s]; stops at `end_s` unless it loops."""
        if not self.moving:
            return self.time_s
        time_s = self.time_s + max(0.0, now_s - self.at_s) * self.rate
        if self.loop is not None and self.loops:
            start_s, loop_end_s = self.loop
            if time_s >= loop_end_s:
                time_s = start_s + math.fmod(time_s - loop_end_s, loop_end_s - start_s)
            return time_s
        return min(time_s, max(end_s, self.time_s))


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """What a page shall do: the whole state it shall be in, so that no command needs another one.

    Attributes
    ----------
    id : int
        Its reports carry the id of the last command that it has taken up.
    time_s : float or None [s]
        None: it stays where it is.
    """

    id: int
    time_s: float | None
    playing: bool
    rate: float
    loop: tuple[float, float] | None


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a page says about its sound.

    Attributes
    ----------
    heard : int
        Id of the last command it has taken up.
    stamp_s : float [s]
        When `time_s` was read: on this process's monotonic clock if `synced`, else on a clock of the
        page that runs evenly.
    """

    heard: int
    time_s: float
    playing: bool
    moving: bool
    rate: float
    stamp_s: float
    synced: bool = False


class Latency:
    """How much longer than the quickest one a message was on its way.

    As long as a page has not asked what time it is here, only differences of delays can be known, and
    they are what makes a position jitter.
    """

    def __init__(self) -> None:
        self._offsets: list[float] = []

    def excess_s(self, received_s: float, stamp_s: float) -> float:
        """Of the message that was sent at `stamp_s` and received at `received_s` [s]."""
        self._offsets = [*self._offsets[1 - _JITTER_REPORTS :], received_s - stamp_s]
        return self._offsets[-1] - min(self._offsets)


class PlayheadClock:
    """The truth about a playhead, safe to use from any thread.

    Parameters
    ----------
    range_s : callable () -> (float, float) [s]
        Where the timeline begins and ends, asked for each time.
    now_s : callable () -> float [s]
        A monotonic clock.
    """

    def __init__(self, range_s: Callable[[], tuple[float, float]], now_s: Callable[[], float] = time.monotonic) -> None:
        self._range_s = range_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._motion = Motion()
        self._serial = 0
        self._command_id = 0
        self._driver: object | None = None
        self._asked_s: float | None = None  # since when the driver owes an answer to the last command
        self._reported_s = -math.inf
        self._latency = Latency()

    # -- reading --------------------------------------------------------------------------------------

    @property
    def serial(self) -> int:
        """Grows with everything that a reader could not have worked out by itself."""
        return self._serial

    @property
    def driver(self) -> object | None:
        """Whose sound the playhead follows; None: the kernel's own clock."""
        return self._driver

    @property
    def now_s(self) -> float:
        """What time it is on the monotonic clock [s]."""
        return self._now_s()

    def read(self) -> Motion:
        """The state now; a playhead that has reached the end no longer plays."""
        start_s, end_s = self._range_s()
        with self._lock:
            return self._settled(start_s, end_s)

    def _settled(self, start_s: float, end_s: float) -> Motion:
        """Bring the motion up to now; the lock is held."""
        now_s, motion = self._now_s(), self._motion
        if self._driver is not None and motion.playing:
            self._miss(now_s)
            motion = self._motion
        time_s = motion.position(now_s, end_s)
        if motion.moving and not motion.loops and time_s >= end_s and self._driver is None:
            self._change(dataclasses.replace(motion, time_s=time_s, at_s=now_s, playing=False, moving=False))
            return self._motion
        return dataclasses.replace(motion, time_s=time_s, at_s=now_s)

    def _miss(self, now_s: float) -> None:
        """Do without a page that does not answer, or that has gone."""
        motion = self._motion
        if self._asked_s is not None:
            if now_s - self._asked_s > ANSWER_S:
                self._asked_s = self._driver = None
                held = motion if motion.moving else dataclasses.replace(motion, at_s=now_s, moving=True)
                self._change(held)
        elif now_s - self._reported_s > SILENCE_S:
            self._driver = None
            heard_until = motion.position(self._reported_s)
            self._change(dataclasses.replace(motion, time_s=heard_until, at_s=now_s, playing=False, moving=False))

    def _change(self, motion: Motion) -> None:
        self._motion = motion
        self._serial += 1

    # -- from Python, and from the buttons of pages ---------------------------------------------------

    def command(self, driver: object | None, *, done: bool = False, **change: Any) -> Command:
        """Change the state, at once.

        Parameters
        ----------
        driver : object or None
            Who is to play from now on; None: nobody but this clock.
        done : bool
            Whether `driver` has carried it out already.
        **change
            ``time_s``, ``playing``, ``rate``, ``loop_start_s``, ``loop_end_s``.

        Returns
        -------
        Command
            For the driver.
        """
        start_s, end_s = self._range_s()
        with self._lock:
            before = self._settled(start_s, end_s)
            motion = dataclasses.replace(before, **change)
            jumps = "time_s" in change
            if motion.playing and not before.playing and not jumps and not motion.loops and motion.time_s >= end_s:
                begin_s = start_s if motion.loop is None else motion.loop[0]
                motion = dataclasses.replace(motion, time_s=begin_s)
                jumps = True
            # A page that has to begin takes a moment; one that plays already goes on meanwhile.
            goes_on = before.moving and driver is self._driver
            moving = motion.playing and (driver is None or done or goes_on)
            self._command_id += 1
            if driver is not self._driver:
                self._driver, self._latency = driver, Latency()
            now_s = self._now_s()
            self._asked_s = None if driver is None or done else now_s
            self._reported_s = now_s if done else self._reported_s
            self._change(dataclasses.replace(motion, at_s=now_s, moving=moving))
            time_s = motion.time_s if jumps or (driver is not None and not goes_on) else None
            return Command(self._command_id, time_s, motion.playing, motion.rate, motion.loop)

    def silent_s(self, driver: object) -> float:
        """For how long nothing was heard of the one that leads [s]; infinite for all others."""
        with self._lock:
            return self._now_s() - self._reported_s if driver is self._driver else math.inf

    def leave(self, driver: object) -> None:
        """A page takes its sound away: the playhead stops where it is."""
        with self._lock:
            if driver is not self._driver:
                return
            now_s = self._now_s()
            time_s = self._motion.position(now_s)
            self._driver = self._asked_s = None
            self._change(dataclasses.replace(self._motion, time_s=time_s, at_s=now_s, playing=False, moving=False))

    # -- from the page that plays ---------------------------------------------------------------------

    def report(self, driver: object, report: Report) -> bool:
        """Take over what a page says about its sound.

        Returns
        -------
        bool
            False: it was out of date, or from one that is not playing.
        """
        with self._lock:
            now_s, motion = self._now_s(), self._motion
            if driver is not self._driver:
                if not report.playing or self._asked_s is not None:
                    return False
                self._driver, self._latency = driver, Latency()
            elif self._asked_s is not None and report.heard < self._command_id:
                return False  # it was on its way when the command was given
            self._asked_s = None
            self._reported_s = now_s
            late_s = now_s - report.stamp_s if report.synced else self._latency.excess_s(now_s, report.stamp_s)
            at_s = now_s - min(max(0.0, late_s), ANSWER_S)
            moving = report.playing and report.moving
            new = dataclasses.replace(
                motion, time_s=report.time_s, at_s=at_s, playing=report.playing, moving=moving, rate=report.rate
            )
            expected_s = motion.position(at_s)
            same = (motion.playing, motion.moving, motion.rate) == (new.playing, new.moving, new.rate)
            if same and abs(expected_s - report.time_s) <= JUMP_S:
                self._motion = new
            else:
                self._change(new)
            return True
