"""Which values of a row are meant by a band and a channel."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.track import FeatureTrack

CHANNEL = "channel"
BOUND = "bound"
_MONO_NAMES = ("mono", "mid", "m")
_CONVENTIONAL = {1: ("Mono",), 2: ("Left", "Right")}
_SHOWN_CHOICES = 12


def select_values(track: FeatureTrack, *, band: int | str | None, channel: int | str | None) -> NDArray[Any]:
    """Narrow a track's data to a band and a channel.

    Parameters
    ----------
    track : FeatureTrack
    band : int, str or None
        Index along the axis that is neither the frame nor the channel (bins, mel bands, ...), or a
        name if that axis has names. None: all.
    channel : int, str or None
        Index, or a name as in the track's coordinates; case and blanks around it do not matter, and
        initials do (``"l"``, ``"FL"``). None: all.

    Returns
    -------
    ndarray [shape=(frame_count, ...)]
        A view, with as many axes as `track.data`.

    Raises
    ------
    InvalidParameterError
        Lists the choices.
    """
    shape = track.data.shape[1:]
    picks = [slice(None)] * len(shape)
    names = track.axes[1:]
    if channel is not None:
        if CHANNEL in names:
            at = names.index(CHANNEL)
            index = _index(track, "channel", channel, _channel_names(track, shape[at]), shape[at])
            picks[at] = slice(index, index + 1)
        else:
            _index(track, "channel", channel, ("Mono",), 1)
    if band is not None:
        axes = [i for i, name in enumerate(names) if name not in (CHANNEL, BOUND)]
        if len(axes) != 1:
            raise InvalidParameterError(
                f"{track.calculator_id!r:.60} has no single axis of bands: its axes are {', '.join(track.axes)}.",
                hint="Leave band out.",
                parameter="band",
            )
        at = axes[0]
        index = _index(track, "band", band, _names(track, names[at], shape[at]), shape[at])
        picks[at] = slice(index, index + 1)
    return track.data[(slice(None), *picks)]


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
