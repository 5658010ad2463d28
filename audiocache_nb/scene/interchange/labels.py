"""Labels: events and regions with a text each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.track import Events, FeatureTrack

DURATION = "duration_s"
_LENGTHS = (DURATION, "duration", "length_s")
_ENDS = ("end_s", "end", "offset_s")
_LATEST_S = 1e9  # thirty years


@dataclasses.dataclass(frozen=True, eq=False)
class Labels(Events):
    """Events or regions in source time, sorted by their starts.

    Attributes
    ----------
    times_s : ndarray [shape=(n,)] [s]
        Where they begin.
    values : ndarray [shape=(n, k)] or None
        Numbers about each. Regions have one that is called ``duration_s``.
    names : tuple of str
        Names of the `k` values.
    texts : tuple of str
        What is written on each: `n` texts, or none at all.

    Examples
    --------
    >>> labels = Labels.of([2.0, 0.5], [3.5, 1.0], ["chorus", "verse"])
    >>> labels.texts, labels.end_s.tolist()
    (('verse', 'chorus'), [1.0, 3.5])
    """

    texts: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        start_s: ArrayLike,
        end_s: ArrayLike | None = None,
        texts: Sequence[str] = (),
        *,
        values: ArrayLike | None = None,
        names: Sequence[str] = (),
    ) -> Self:
        """Labels from columns.

        Parameters
        ----------
        start_s, end_s : array_like [shape=(n,)] [s]
            Without ends, or with the starts as ends: events.
        texts : sequence of str
        values : array_like [shape=(n, k)], optional
        names : sequence of str
            Names of the `k` values.

        Raises
        ------
        InvalidParameterError
            The columns have different lengths, a time is not finite, or an end is before its start.
        """
        start = _times("start_s", start_s)
        end = start if end_s is None else _times("end_s", end_s)
        columns = np.empty((len(start), 0)) if values is None else np.asarray(values, np.float64)
        columns = columns[:, None] if columns.ndim == 1 else columns
        texts, names = tuple(map(str, texts)), tuple(map(str, names))
        lengths = {"end_s": len(end), "texts": len(texts) or len(start), "values": len(columns)}
        for name, length in lengths.items():
            if length != len(start):
                raise InvalidParameterError(
                    f"There are {len(start)} starts, but {length} of {name}.",
                    hint="Give one for every start.",
                    parameter=name,
                )
        if columns.ndim != 2 or columns.shape[1] != len(names):
            raise InvalidParameterError(
                f"values has the shape {columns.shape}, but there are {len(names)} names.",
                hint="Give one name per column.",
                parameter="names",
            )
        wrong = np.flatnonzero(end < start)
        if len(wrong):
            first = int(wrong[0])
            raise InvalidParameterError(
                f"Label {first} would end at {end[first]:g} s, before its start at {start[first]:g} s.",
                hint="Let every end come after its start.",
                index=first,
            )
        if np.any(end > start):
            columns, names = np.column_stack([end - start, columns]), (DURATION, *names)
        order = np.argsort(start, kind="stable")
        return cls(
            times_s=start[order],
            values=columns[order] if names else None,
            names=names,
            texts=tuple(texts[n] for n in order) if any(texts) else (),
        )

    @property
    def is_regions(self) -> bool:
        """Whether some of them last."""
        return DURATION in self.names

    @property
    def end_s(self) -> NDArray[np.float64]:
        """Where they end [shape=(n,)] [s]."""
        start = np.asarray(self.times_s, np.float64)
        return start + self.column(DURATION) if self.is_regions else start.copy()

    @property
    def other_names(self) -> tuple[str, ...]:
        """Names of the values, without the duration."""
        return tuple(name for name in self.names if name != DURATION)

    def column(self, name: str) -> NDArray[np.float64]:
        """One of the values of each label [shape=(n,)]."""
        return np.asarray(self.values, np.float64)[:, self.names.index(name)]

    def __len__(self) -> int:
        return len(self.times_s)

    def shown(self) -> tuple[str, ...]:
        """A text for each: its own, else its values."""
        if self.texts:
            return self.texts
        names = self.other_names
        rows = zip(*(self.column(name) for name in names), strict=True) if names else (() for _ in range(len(self)))
        if len(names) == 1:
            return tuple(f"{value:.6g}" for (value,) in rows)
        return tuple(", ".join(f"{name} {value:.6g}" for name, value in zip(names, row, strict=True)) for row in rows)


def labels_of(what: FeatureTrack | Events | ArrayLike) -> Labels:
    """Anything that says when something happens, as labels.

    Parameters
    ----------
    what : FeatureTrack of events, Events, Labels or array_like
        Times [shape=(n,)] or starts and ends [shape=(n, 2)] [s]. A value called ``duration_s``,
        ``duration``, ``end_s`` or ``end`` makes regions of events.

    Returns
    -------
    Labels

    Raises
    ------
    InvalidTypeError
        A track of frames, or something that is no times at all.
    InvalidParameterError
    """
    if isinstance(what, Labels):
        return what
    if isinstance(what, FeatureTrack):
        if what.format != "events":
            raise InvalidTypeError(
                f"{what.feature} has a value for every frame, not events.",
                hint="Use track.to_pandas() or track.to_xarray().",
            )
        fields = [str(name) for name in what.axis_coords.get("field", ("time", *map(str, range(1, what.width))))]
        return _from_columns(what.data[:, 0], np.asarray(what.data[:, 1:], np.float64), fields[1:])
    if isinstance(what, Events):
        columns = np.empty((len(np.atleast_1d(what.times_s)), 0)) if what.values is None else np.asarray(what.values)
        columns = columns[:, None] if columns.ndim == 1 else columns
        names = what.names or tuple(f"value {n}" for n in range(columns.shape[1]))
        return _from_columns(what.times_s, columns, names)
    try:
        times = np.asarray(what, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"A {type(what).__name__} holds no times.", hint="Give events, or an array.") from error
    if times.ndim == 2 and times.shape[1] == 2:
        return Labels.of(times[:, 0], times[:, 1])
    return Labels.of(times)


def _from_columns(start_s: Any, columns: NDArray[Any], names: Sequence[str]) -> Labels:
    start, end = np.asarray(start_s, np.float64), None
    for place, name in enumerate(names):
        if name.lower() in (*_LENGTHS, *_ENDS):
            end = columns[:, place] + (start if name.lower() in _LENGTHS else 0.0)
            columns, names = np.delete(columns, place, axis=1), [one for one in names if one != name]
            break
    return Labels.of(start, end, values=columns if names else None, names=names)


def _times(name: str, values: ArrayLike) -> NDArray[np.float64]:
    times = np.array(values, np.float64)
    if times.ndim != 1:
        raise InvalidParameterError(f"{name} has {times.ndim} dimensions.", hint="Give one time for each.")
    wrong = np.flatnonzero(~(np.abs(times) <= _LATEST_S))
    if len(wrong):
        raise InvalidParameterError(
            f"{name}[{wrong[0]}] is {times[wrong[0]]:g} s.", hint="Times are finite, in seconds.", index=int(wrong[0])
        )
    return times
