"""Which values of a row are meant by a band and a channel, and how they are read."""

from __future__ import annotations

import math
import operator
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.storage import decode
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.options import frequency_hz, is_decibel

CHANNEL: Final = "channel"
BOUND: Final = "bound"
FREQUENCY_AXES: Final = ("bin", "band", "mel", "pitch")  # whose coordinates are in Hz
_MONO_NAMES = ("mono", "mid", "m")
_CONVENTIONAL = {1: ("Mono",), 2: ("Left", "Right")}
_SHOWN_CHOICES = 12
_GAP_FRAMES = 64  # rows so close together are read in one go

Mix = Literal["mid", "side"]


class Selection:
    """The values of a track that were chosen, row by row, in the track's unit.

    Parameters
    ----------
    track : FeatureTrack
    band, channel
        See `select_values`.

    Attributes
    ----------
    row_shape : tuple of int
        Shape of a row as it is read.
    width : int
        Number of values in it.
    mix : {"mid", "side"} or None
        What `mixed` makes of a row: half the sum, or half the difference, of its two channels.
    dtype : dtype
        Of the values: floating point or complex.
    """

    def __init__(
        self, track: FeatureTrack, *, band: float | str | None = None, channel: int | str | None = None
    ) -> None:
        self.track = track
        picks, self.mix = _picks(track, band, channel)
        self._picks = (slice(None), *picks)
        self._whole = all(pick == slice(None) for pick in picks)
        found = track.rows_or_array
        self._array = found[self._picks] if isinstance(found, np.ndarray) else None
        sizes = [len(range(*pick.indices(size))) for pick, size in zip(picks, track.shape[1:], strict=True)]
        self.row_shape = tuple(sizes)
        self.width = math.prod(sizes)
        self.dtype = track.dtype if track.dtype.kind in "fc" else np.dtype(np.float32)
        self._bounds = BOUND in track.axes
        # The rows themselves, where they are floating point numbers in memory: what most reads touch.
        self.matrix: NDArray[Any] | None = None
        if self._array is not None and self._array.dtype.kind in "fc":
            self.matrix = _flat(self._array)

    def __len__(self) -> int:
        return self.track.frame_count

    def rows(self, first: int, end: int) -> NDArray[Any]:
        """Rows ``first <= k < end``, all of them in the track [shape=(n, width)]."""
        if self.matrix is not None:
            return self.matrix[first:end]
        if self._array is not None:
            return self._numbers(self._array[first:end])
        found = self.track.rows(first, end)
        return self._numbers(found if self._whole else found[self._picks])

    def at(self, frames: NDArray[np.int64]) -> NDArray[Any]:
        """Some rows, in any order and any number of times [shape=(len(frames), width)]."""
        if self._array is not None:
            return self._numbers(self._array[frames])
        out = np.empty((len(frames), self.width), self.dtype)
        order = np.argsort(frames, kind="stable")
        ordered = frames[order]
        for run in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(ordered) > _GAP_FRAMES) + 1):
            if run.size:
                low = int(ordered[run[0]])
                out[order[run]] = self.rows(low, int(ordered[run[-1]]) + 1)[ordered[run] - low]
        return out

    def mixed(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows as the caller wants them: mid or side instead of left and right, if that was asked for.

        Parameters
        ----------
        rows : ndarray [shape=(..., width)]
        """
        if self.mix is None:
            return rows
        pairs = rows.reshape(*rows.shape[:-1], 2, self.width // 2)
        left, right = pairs[..., 0, :], pairs[..., 1, :]
        if self.mix == "side":
            right = -(right[..., ::-1] if self._bounds else right)  # the least difference is least - most
        half: NDArray[Any] = (left + right) * self.dtype.type(0.5)
        return half

    @property
    def mixed_shape(self) -> tuple[int, ...]:
        """Shape of a row that went through `mixed`."""
        if self.mix is None:
            return self.row_shape
        at = self.track.axes.index(CHANNEL) - 1
        return (*self.row_shape[:at], 1, *self.row_shape[at + 1 :])

    def _numbers(self, rows: NDArray[Any]) -> NDArray[Any]:
        rows = _flat(rows)
        if self.track.is_quantised:
            return decode(rows, self.track.scale, self.track.offset)
        return rows if rows.dtype.kind in "fc" else rows.astype(np.float32)


def _flat(rows: NDArray[Any]) -> NDArray[Any]:
    return rows if rows.ndim == 2 else rows.reshape(len(rows), math.prod(rows.shape[1:]))


def _picks(track: FeatureTrack, band: float | str | None, channel: int | str | None) -> tuple[list[slice], Mix | None]:
    """What is read of a row, axis by axis.

    Parameters
    ----------
    track : FeatureTrack
    band : int, float, str or None
        Index along the axis that is neither the frame nor the channel (bins, mel bands, ...), a name if
        that axis has names, or, if it has frequencies, the closest one: ``"440 Hz"``, ``"2.5 kHz"`` or a
        float [Hz]. None: all.
    channel : int, str or None
        Index, or a name as in the track's coordinates; case and blanks around it do not matter, and
        initials do (``"l"``, ``"FL"``). Of left and right also ``"mid"`` and ``"side"``: half the sum and
        half the difference of the two channels' values. That is what the sound's mid and side have
        wherever values add as samples do (spectra of complex numbers); of a waveform's minima and maxima
        it gives the bounds they lie within. None: all.

    Raises
    ------
    InvalidParameterError
        Lists the choices.
    """
    shape = track.shape[1:]
    picks = [slice(None)] * len(shape)
    names = track.axes[1:]
    mix: Mix | None = None
    if channel is not None:
        if CHANNEL in names:
            at = names.index(CHANNEL)
            known = _channel_names(track, shape[at])
            mix = _mix(track, channel, known)
            if mix is None:
                index = _index(track, "channel", channel, known, shape[at])
                picks[at] = slice(index, index + 1)
        else:
            _index(track, "channel", channel, ("Mono",), 1)
    if band is not None:
        axes = [i for i, name in enumerate(names) if name not in (CHANNEL, BOUND)]
        if len(axes) != 1 or track.format == "waveform-periodic":
            raise InvalidParameterError(
                f"{track.calculator_id!r:.60} has no single axis of bands: its axes are {', '.join(track.axes)}.",
                hint="Leave band out.",
                parameter="band",
            )
        at = axes[0]
        closest = _closest(track, names[at], shape[at], band)
        index = (
            closest
            if closest is not None
            else _index(track, "band", band, _names(track, names[at], shape[at]), shape[at])
        )
        picks[at] = slice(index, index + 1)
    return picks, mix


def _mix(track: FeatureTrack, wanted: object, names: tuple[str, ...]) -> Mix | None:
    text = wanted.strip().casefold() if isinstance(wanted, str) else ""
    folded = [name.strip().casefold() for name in names]
    if text not in ("mid", "side") or text in folded or folded != ["left", "right"]:
        return None
    if is_decibel(track.unit):
        raise InvalidParameterError(
            f"The {text} of {track.calculator_id!r:.60} cannot be told from the levels of left and right.",
            hint="Choose 0 or 1, or 'Left' or 'Right'.",
            parameter="channel",
        )
    return "mid" if text == "mid" else "side"


def _closest(track: FeatureTrack, axis: str, size: int, wanted: object) -> int | None:
    """Index of the band closest to a frequency; None if none is meant."""
    wanted_hz = frequency_hz(wanted)
    centres = track.axis_coords.get(axis)
    if wanted_hz is None or axis not in FREQUENCY_AXES or centres is None or len(centres) != size or size == 0:
        return None
    if np.asarray(centres).dtype.kind not in "fiu":
        return None
    values = np.asarray(centres, dtype=np.float64)
    steps = np.diff(values) if size > 1 else np.array([np.inf])
    if not values[0] - steps[0] / 2 <= wanted_hz <= values[-1] + steps[-1] / 2:
        raise InvalidParameterError(
            f"{track.calculator_id!r:.60} has no band at {wanted_hz:g} Hz.",
            hint=f"Choose a frequency from {values[0]:g} to {values[-1]:g} Hz.",
            parameter="band",
        )
    return int(np.argmin(np.abs(values - wanted_hz)))


def _names(track: FeatureTrack, axis: str, size: int) -> tuple[str, ...] | None:
    values = track.axis_coords.get(axis)
    if values is None or len(values) != size or np.asarray(values).dtype.kind not in "UO":
        return None
    return tuple(str(value) for value in values)


def _channel_names(track: FeatureTrack, size: int) -> tuple[str, ...]:
    return _names(track, CHANNEL, size) or _CONVENTIONAL.get(size) or tuple(f"Channel {i + 1}" for i in range(size))


def _index(track: FeatureTrack, what: str, wanted: object, names: tuple[str, ...] | None, size: int) -> int:
    index: int | None = None
    if isinstance(wanted, str):
        text = wanted.strip().casefold()
        if text.isascii() and text.isdigit() and str(int(text[:9])) == text:
            index = int(text)
        elif names is not None:
            index = _by_name(text, names)
    elif not isinstance(wanted, bool):
        try:
            index = operator.index(wanted)  # type: ignore[arg-type]
        except TypeError:
            index = None
    if index is None or not 0 <= index < size:
        choices = f"0 to {size - 1}" if size > 1 else "0"
        if names is not None:
            shown = ", ".join(repr(name) for name in names[:_SHOWN_CHOICES])
            choices += f", or {shown}" + (", ..." if len(names) > _SHOWN_CHOICES else "")
        raise InvalidParameterError(
            f"{track.calculator_id!r:.60} has no {what} {wanted!r:.60}.", hint=f"Choose {choices}.", parameter=what
        )
    return index


def _by_name(text: str, names: tuple[str, ...]) -> int | None:
    folded = [name.strip().casefold() for name in names]
    if text in folded:
        return folded.index(text)
    initials = ["".join(word[0] for word in name.split()) for name in folded]
    if initials.count(text) == 1:
        return initials.index(text)
    return 0 if folded == ["mono"] and text in _MONO_NAMES else None
