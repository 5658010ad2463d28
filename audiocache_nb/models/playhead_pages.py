"""How a playhead and the pages that make its sound get on: who plays, who is told, who is silenced."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from audiocache_nb.errors import SessionClosedError
from audiocache_nb.models.clock import ANSWER_S, Command, PlayheadClock, Report
from audiocache_nb.models.locked import LockedMixin

if TYPE_CHECKING:
    from audiocache_nb.models.ticker import Ticker


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


class PlayheadPages(LockedMixin):
    """The part of a playhead that widgets talk to."""

    if TYPE_CHECKING:
        playing: Any
        _clock: PlayheadClock
        _ticker: Ticker
        _closed: bool
        _name: str
        _wire: tuple[Any, dict[str, Any]]
        _drivers: list[weakref.ref[Any]]
        _drivers_lock: threading.Lock
        _followers: list[Callable[[], None]]

        def range_s(self) -> tuple[float, float]: ...
        def _news(self, *, widgets: bool = True) -> None: ...

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
