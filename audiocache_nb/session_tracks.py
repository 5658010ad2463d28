"""The session's verbs on tracks: where they lie, how loud they are, and undo."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from typing import Any, Final, Literal

import numpy as np

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.timeline.state import Track
from audiocache_nb.timeline.timeline import Timeline

MAX_GAIN: Final = 2.0
MAX_NAME: Final = 200
Keep = Literal["keep"]


class SessionTracks:
    """What can be done to the tracks of a session. Nothing here computes a feature again.

    Each of these changes, and adding, removing and clearing, can be taken back by `undo`.
    """

    timeline: Timeline

    def move(self, track: Track | str, *, offset_ticks: float) -> Track:
        """Put a track somewhere else.

        Parameters
        ----------
        track : Track or str
        offset_ticks : float [ticks]
            Where it begins to sound; may lie before time zero.

        Returns
        -------
        Track
            As it is now.
        """
        return self._edit(track, "move", offset_ticks=_ticks("offset_ticks", offset_ticks))

    def trim(
        self,
        track: Track | str,
        *,
        region_start_tick: float | Keep | None = "keep",
        region_end_tick: float | Keep | None = "keep",
    ) -> Track:
        """Choose the part of the recording that is heard.

        Parameters
        ----------
        track : Track or str
        region_start_tick, region_end_tick : float [ticks], None or "keep"
            From the recording's beginning; None: its own beginning or end. What is not given stays.
            The track goes on beginning at its offset.

        Raises
        ------
        InvalidParameterError
            If nothing would be heard.
        """
        with self.timeline.store.lock:
            now = self.timeline.track(track)
            start = now.region_start_tick if region_start_tick == "keep" else region_start_tick
            end = now.region_end_tick if region_end_tick == "keep" else region_end_tick
            region = checked_region(start, end)
            return self._edit(now, "trim", region_start_tick=region[0], region_end_tick=region[1])

    def rename(self, track: Track | str, name: str) -> Track:
        """Give a track another name; its id stays.

        Parameters
        ----------
        name : str
            1 to 200 characters.
        """
        text: object = name
        if not isinstance(text, str) or not 0 < len(text.strip()) <= MAX_NAME:
            raise InvalidParameterError(
                f"name is {text!r:.80}.", hint=f"Use a text of 1 to {MAX_NAME} characters.", parameter="name"
            )
        return self._edit(track, "rename", name=text.strip())

    def set_gain(self, track: Track | str, gain: float) -> Track:
        """Make a track louder or softer when it is played; what is analysed is the recording as it is.

        Parameters
        ----------
        gain : float in 0 .. 2
            Factor of the samples.
        """
        value = _number("gain", gain)
        if not 0.0 <= value <= MAX_GAIN:
            raise InvalidParameterError(
                f"gain is {value:g}, not from 0 to {MAX_GAIN:g}.", hint="1 is as it is, 2 twice the amplitude."
            )
        return self._edit(track, "set the gain of", gain=value)

    def mute(self, track: Track | str, mute: bool = True) -> Track:  # noqa: FBT001, FBT002 - mute(track, False) reads well
        """Let a track not be heard, or be heard again."""
        return self._edit(track, "mute" if mute else "unmute", mute=_flag("mute", mute))

    def enable(self, track: Track | str, enabled: bool = True) -> Track:  # noqa: FBT001, FBT002 - as for mute
        """Let a track take part in the timeline, or only lie there."""
        return self._edit(track, "enable" if enabled else "disable", enabled=_flag("enabled", enabled))

    # --- time --------------------------------------------------------------------------------

    @property
    def playback_range(self) -> tuple[float, float]:
        """From where to where is played, (start, end) [s].

        As long as nobody sets it, it follows the clips and the tempo: from time zero, or the earliest clip
        if that begins before, to the end of the last one. Once set, it stays; set it to None to let it
        follow again.

        Raises
        ------
        InvalidParameterError
            If what is set are not two times, the second one later.
        """
        return self.timeline.playback_range

    @playback_range.setter
    def playback_range(self, value: tuple[float, float] | None) -> None:
        if value is None:
            self.timeline.playback_range = None
            return
        pair: object = value
        parts = tuple(pair) if isinstance(pair, Iterable) and not isinstance(pair, str) else ()
        if len(parts) != 2:
            raise InvalidParameterError(
                f"playback_range is {value!r:.60}.", hint="Set (start, end) in seconds, or None to follow the clips."
            )
        start, end = _number("start", parts[0]), _number("end", parts[1])
        if not start < end:
            raise InvalidParameterError(
                f"playback_range would begin at {start:g} s and end at {end:g} s.", hint="Let it end after its start."
            )
        self.timeline.playback_range = (start, end)

    # --- undo --------------------------------------------------------------------------------

    def undo(self) -> str | None:
        """Take the latest change of the tracks back: add, remove, move, trim, rename, gain, mute, enable, clear.

        A removed track comes back with its place, its demand, its features and their states, stale ones as
        stale ones. Up to 100 steps are kept. They hold no feature data, which come back from the cache (and
        are computed again, if they were asked for, where it has let them go), and no samples: files are read
        again, and arrays and encoded bytes are set aside in files without names, up to 4 GB in all, the
        latest first. These lie in the folder ``tmp`` of the cache directory, or without one where the system
        keeps temporary files, and are gone with the session, however it ends. Where no such file can be
        written, the latest 64 MB stay in memory, and ``session.cache.info().notes`` says so. What is beyond
        comes back only as long as somebody else holds the track or its source.

        Returns
        -------
        str or None
            What was taken back, None if there is nothing.

        Raises
        ------
        SourceMissingError
            A track cannot come back, because its samples were in memory only and have been given up.
        """
        return self.timeline.undo()

    def redo(self) -> str | None:
        """Do again what `undo` took back last; a new change forgets it.

        Returns
        -------
        str or None
            What was done again, None if there is nothing.
        """
        return self.timeline.redo()

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back, in words."""
        return self.timeline.history.undoable

    @property
    def redoable(self) -> str | None:
        """What `redo` would do again, in words."""
        return self.timeline.history.redoable

    def _edit(self, track: Track | str, verb: str, **changes: Any) -> Track:
        found = self.timeline.track(track)
        return self.timeline.update(found.id, label=f"{verb} {found.name!r:.60}", **changes)


def checked_place(offset: object, region_start: object, region_end: object) -> dict[str, Any]:
    """Where a clip lies, checked."""
    start, end = checked_region(region_start, region_end)
    return {"offset_ticks": _ticks("offset_ticks", offset), "region_start_tick": start, "region_end_tick": end}


def checked_region(region_start: object, region_end: object) -> tuple[float | None, float | None]:
    """The part of a recording that is heard, checked [ticks]."""
    start = None if region_start is None else _ticks("region_start_tick", region_start)
    end = None if region_end is None else _ticks("region_end_tick", region_end)
    if start is not None and start < 0:
        raise InvalidParameterError(
            f"region_start_tick is {start:g}, before the recording begins.", hint="Use 0 or more."
        )
    if end is not None and end <= (start or 0):
        raise InvalidParameterError(
            f"region_end_tick is {end:g}, not after the region's start at {start or 0:g}.",
            hint="Nothing would be heard.",
        )
    return start, end


def _ticks(name: str, value: object) -> float:
    return _number(name, value, " of ticks")


def _number(name: str, value: object, of: str = "") -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise InvalidTypeError(f"{name} is a {type(value).__name__}, not a number{of}.", hint="Pass a finite number.")
    number = float(value)
    if not math.isfinite(number):
        raise InvalidParameterError(f"{name} is {value!r:.40}, which is not finite.", hint="Pass a finite number.")
    return number


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidTypeError(f"{name} is a {type(value).__name__}, not True or False.", hint="Pass True or False.")
    return bool(value)
