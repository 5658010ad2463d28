"""Floor 9: matplotlib figures of feature tracks, for papers and lessons.

matplotlib is loaded when the first figure is made, and pyplot never: no backend is chosen for the
notebook, no figure is kept alive, and nothing is shown twice.
"""

from __future__ import annotations

import functools
import io
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.track import FeatureTrack

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_COLUMNS: Final = 4096
MAX_ROWS: Final = 2048
MAX_EVENTS: Final = 20_000
MAX_CURVES: Final = 4
SIZE_INCHES: Final = (9.0, 3.2)

_DRAWING = threading.RLock()  # mathtext and fonts are shared between figures and not made for threads
_AXIS_TITLES: Final = {"bin": "frequency [Hz]", "channel": "channel"}


def plot_feature(ft: FeatureTrack, ax: Axes | None = None, *, channel: int = 0, cmap: str = "magma") -> Axes:
    """Draw a feature track.

    Images for features with many values per frame, curves for few, a filled band for waveforms,
    lines for events, bars for global values. Long tracks are reduced to their extremes, so no
    peak is lost: an hour draws as fast as a minute.

    Parameters
    ----------
    ft : FeatureTrack
    ax : matplotlib Axes, optional
        To draw into. None: a figure of its own, which a notebook shows when the returned axes, or
        their ``figure``, are the last line of a cell.
    channel : int
        Channel of an image that has several.
    cmap : str
        Colour map of images.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidTypeError
        If `ft` is no feature track.
    InvalidParameterError
        If the track has too many axes, or not that channel.

    Examples
    --------
    >>> ax = plot_feature(session.get(track, "spectrogram"))  # doctest: +SKIP
    >>> ax.figure.savefig("spectrogram.pdf")  # doctest: +SKIP
    """
    if not isinstance(ft, FeatureTrack):
        raise InvalidTypeError(
            f"plot_feature draws feature tracks, not {type(ft).__name__}.", hint="Pass what session.get() returns."
        )
    if ax is not None and not hasattr(ax, "set_title"):
        raise InvalidTypeError(f"ax is a {type(ax).__name__}, not axes of matplotlib.", hint="Use plt.subplots()[1].")
    with _DRAWING:
        if ax is None:
            ax = _new_axes()
        if ft.format == "events":
            _events(ax, ft)
        elif ft.format == "global":
            _bars(ax, ft)
        elif ft.axes[-1] == "bound":
            _bands(ax, ft)
        else:
            _frames(ax, ft, channel, cmap)
        ax.set_title(f"{ft.label or ft.feature} — {ft.calculator_id} {_version(ft.version)}")
    return ax


# ---- kinds ------------------------------------------------------------------------------------


def _frames(ax: Axes, ft: FeatureTrack, channel: int, cmap: str) -> None:
    data = _real(ft.values())
    if data.ndim == 3 and ft.axes[1] == "channel":
        if not 0 <= channel < data.shape[1]:
            raise InvalidParameterError(
                f"{ft.calculator_id!r:.60} has no channel {channel!r:.20}.", hint=f"It has {data.shape[1]} channels."
            )
        data = data[:, channel]
    if data.ndim > 2:
        raise InvalidParameterError(
            f"{ft.calculator_id!r:.60} has the axes {', '.join(ft.axes)}, which is more than a picture has.",
            hint="Draw a part of its data with matplotlib.",
        )
    if data.ndim == 2 and ft.axes[-1] != "channel" and data.shape[1] > MAX_CURVES:
        _image(ax, ft, data, cmap)
    else:
        _curves(ax, ft, data if data.ndim == 2 else data[:, None])


def _curves(ax: Axes, ft: FeatureTrack, data: NDArray[Any]) -> None:
    names = _names(ft, ft.axes[-1], data.shape[1]) if data.ndim == 2 and len(ft.axes) > 1 else None
    factor = _factor(len(data), MAX_COLUMNS)
    for i in range(data.shape[1]):
        label = names[i] if names else f"{ft.axes[-1]} {i}"
        if factor == 1:
            ax.plot(ft.times_s, data[:, i], label=label, linewidth=1.0)
        else:  # from the lowest to the highest value of each group and on to the next
            low, high = _extremes(data[:, i], factor)
            times = np.repeat(_group_times(ft, factor), 2)
            ax.plot(times, np.stack([low, high], axis=1).ravel(), label=label, linewidth=0.7)
    if data.shape[1] > 1:
        ax.legend(loc="upper right")
    ax.set_ylabel(_with_unit(ft.label or ft.feature, ft.unit))
    _time_axis(ax, ft)


def _bands(ax: Axes, ft: FeatureTrack) -> None:
    data = ft.data if ft.data.ndim == 3 else ft.data[:, None]
    names = _names(ft, "channel", data.shape[1])
    factor = _factor(len(data), MAX_COLUMNS)
    times = _group_times(ft, factor) + (0.0 if ft.alignment == "center" else ft.hop_seconds / 2)
    alpha = 0.6 if data.shape[1] > 1 else 1.0
    for i in range(data.shape[1]):
        low, high = _extremes(data[:, i, 0], factor)[0], _extremes(data[:, i, 1], factor)[1]
        label = names[i] if names else f"channel {i}"
        ax.fill_between(times, low, high, step="mid", label=label, alpha=alpha, linewidth=0.4)
    if data.shape[1] > 1:
        ax.legend(loc="upper right")
    ax.set_ylabel(_with_unit("amplitude", ft.unit))
    _time_axis(ax, ft)


def _image(ax: Axes, ft: FeatureTrack, data: NDArray[Any], cmap: str) -> None:
    axis, size = ft.axes[-1], data.shape[1]
    coords = ft.axis_coords.get(axis)
    names = _names(ft, axis, size)
    low_y, high_y, evenly = -0.5, size - 0.5, False
    if coords is not None and names is None and len(coords) == size and size > 1:
        steps = np.diff(np.asarray(coords, dtype=np.float64))
        evenly = bool(np.allclose(steps, steps[0]))
        if evenly:
            low_y, high_y = float(coords[0]) - steps[0] / 2, float(coords[-1]) + steps[0] / 2
    columns, rows = _factor(len(data), MAX_COLUMNS), _factor(size, MAX_ROWS)
    picture = _pool(_pool(data, columns).T, rows)
    if not len(data):
        picture = np.full((size, 1), np.nan)
    left, _ = _span(ft)  # the last group may reach beyond the last frame, and all are drawn equally wide
    right = left + picture.shape[1] * columns * ft.hop_seconds
    top = low_y + picture.shape[0] * rows * (high_y - low_y) / size
    low, high = _colour_range(ft, data)
    image = ax.imshow(
        picture,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(left, right, low_y, top),
        vmin=low,
        vmax=high,
        cmap=cmap,
    )
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02)
    bar.set_label(_with_unit(ft.label or ft.feature, ft.unit))
    ax.set_ylim(low_y, high_y)
    ax.set_ylabel(_AXIS_TITLES.get(axis, axis))
    if not evenly and coords is not None and len(coords) == size:
        ticks = np.unique(np.linspace(0, size - 1, min(size, 12 if names else 7)).round().astype(int))
        ax.set_yticks(ticks, [names[k] if names else f"{float(coords[k]):.4g}" for k in ticks])
    _time_axis(ax, ft)


def _events(ax: Axes, ft: FeatureTrack) -> None:
    times = ft.times_s
    if len(times) > MAX_EVENTS:
        times = times[:: -(-len(times) // MAX_EVENTS)]
    ax.vlines(times, 0.0, 1.0, transform=ax.get_xaxis_transform(), linewidth=1.0, label=ft.label or ft.feature)
    ax.set_yticks([])
    ax.set_ylabel(ft.label or ft.feature)
    ax.set_xlabel("time [s]")
    if len(times):
        room = max(0.05 * float(times[-1] - times[0]), 0.05)
        ax.set_xlim(float(times[0]) - room, float(times[-1]) + room)


def _bars(ax: Axes, ft: FeatureTrack) -> None:
    values = _real(ft.data).reshape(-1)
    names = _names(ft, ft.axes[-1], len(values)) or [str(i) for i in range(len(values))]
    bars = ax.bar(range(len(values)), values)
    ax.bar_label(bars, [f"{value:.4g}" for value in values])
    ax.set_xticks(range(len(values)), names)
    ax.set_xlabel(ft.axes[-1])
    ax.set_ylabel(_with_unit(ft.label or ft.feature, ft.unit))
    ax.margins(y=0.15)


# ---- axes and reductions -------------------------------------------------------------------------


def _version(version: str) -> str:
    return f"v{version}" if version[:1].isdigit() else version


def _real(data: NDArray[Any]) -> NDArray[Any]:
    return np.abs(data) if data.dtype.kind == "c" else data


def _with_unit(text: str, unit: str) -> str:
    return f"{text} [{unit}]" if unit else text


def _names(ft: FeatureTrack, axis: str, size: int) -> list[str] | None:
    values = ft.axis_coords.get(axis)
    if values is None or len(values) != size or np.asarray(values).dtype.kind not in "UO":
        return None
    return [str(value) for value in values]


def _span(ft: FeatureTrack) -> tuple[float, float]:
    """From where the first frame holds to where the last one ends [s]."""
    left = ft.start_seconds - (ft.hop_seconds / 2 if ft.alignment == "center" else 0.0)
    return left, left + ft.frame_count * ft.hop_seconds


def _time_axis(ax: Axes, ft: FeatureTrack) -> None:
    ax.set_xlabel("time [s]")
    left, right = _span(ft)
    if right > left:
        ax.set_xlim(left, right)


def _factor(count: int, limit: int) -> int:
    """How many neighbours become one, so that at most `limit` remain."""
    return max(1, -(-count // limit))


def _group_times(ft: FeatureTrack, factor: int) -> NDArray[np.float64]:
    """Mean time of each group's frames [s]."""
    starts = np.arange(0, ft.frame_count, factor)
    ends = np.minimum(starts + factor, ft.frame_count)
    return np.asarray(ft.start_seconds + (starts + ends - 1) / 2 * ft.hop_seconds, dtype=np.float64)


def _extremes(values: NDArray[Any], factor: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lowest and highest of each group; NaN only where the whole group is."""
    if factor == 1 or not len(values):
        return values, values
    starts = np.arange(0, len(values), factor)
    return np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)


def _pool(rows: NDArray[Any], factor: int) -> NDArray[Any]:
    """Highest of each group of rows."""
    if factor == 1 or not len(rows):
        return rows
    return np.asarray(np.fmax.reduceat(rows, np.arange(0, len(rows), factor), axis=0))


def _colour_range(ft: FeatureTrack, data: NDArray[Any]) -> tuple[float, float]:
    """The range the feature was clamped to, so that pictures compare; else that of the data."""
    low, high = ft.parameters.get("min_decibels"), ft.parameters.get("max_decibels")
    if ft.unit == "dB" and isinstance(low, (int, float)) and isinstance(high, (int, float)) and low < high:
        return float(low), float(high)
    finite = np.isfinite(data)
    if not finite.any():
        return 0.0, 1.0
    low, high = float(np.min(data, where=finite, initial=np.inf)), float(np.max(data, where=finite, initial=-np.inf))
    return (low, high) if low < high else (low - 0.5, high + 0.5)


# ---- figures without pyplot ------------------------------------------------------------------------


def _new_axes() -> Axes:
    figure_class, axes_class = _classes()
    figure = figure_class(figsize=SIZE_INCHES, layout="constrained")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    axes: Axes = figure.add_subplot(axes_class=axes_class)
    return axes


def _png(figure: Any) -> bytes:
    with _DRAWING:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


@functools.cache
def _classes() -> tuple[Any, Any]:
    """Figure and axes that show themselves in a notebook.

    A figure made without pyplot has no rich representation until some code of the notebook loads
    pyplot. These bring their own, so that the last line of a cell is displayed, once, either way.
    """
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    class FeatureFigure(Figure):
        """A figure with a picture of its own."""

        def _repr_png_(self) -> bytes:
            return _png(self)

    class FeatureAxes(Axes):
        """Axes that stand for their figure."""

        def _repr_png_(self) -> bytes:
            return _png(self.figure)

    return FeatureFigure, FeatureAxes
