"""Results: rows, events and global values sealed as feature tracks."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.control import Control
from audiocache_nb.analysis.plan import Item
from audiocache_nb.errors import CalculatorContractError, CalculatorError, Cancelled, IngestError
from audiocache_nb.features.calculator import Layout
from audiocache_nb.features.track import Events, FeatureTrack, Global, Matrix, StoredRows

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource


def seal(
    source: AudioSource, item: Item, layout: Layout, data: NDArray[Any] | StoredRows, seconds: float
) -> FeatureTrack:
    """The finished track of a framewise feature, of rows that are stored already as the item wants them, or not."""
    if item.storage is not None and isinstance(data, np.ndarray) and data.dtype != item.storage.dtype:
        stored = np.empty(data.shape, item.storage.dtype)
        item.storage.encode(data.astype(np.float32), stored)
        data = stored
    return _track(source, item, data, layout.axes, seconds, layout=layout)


def seal_result(source: AudioSource, item: Item, value: Events | Global | Matrix, seconds: float) -> FeatureTrack:
    """The finished track of events, of a global value or of a matrix."""
    if isinstance(value, Matrix):
        data, times_s = _numbers(item, value.values, 2), _numbers(item, value.times_s, 1)
        if data.shape != (len(times_s), len(times_s)):
            raise CalculatorContractError(
                f"{item.calculator.id} returned {data.shape} for {len(times_s)} times.",
                hint="Return one row and one column for every time.",
            )
        coords = {"row": times_s, "column": times_s}
        return _track(source, item, data.astype(np.float32), ("row", "column"), seconds, coords=coords, form="matrix")
    if isinstance(value, Events):
        times_s = _numbers(item, value.times_s, 1)
        columns = [times_s[:, None]]
        names: tuple[str, ...] = ("time",)
        if value.values is not None:
            extra = _numbers(item, value.values, 2)
            if len(extra) != len(times_s):
                raise CalculatorContractError(
                    f"{item.calculator.id} returned {len(extra)} values for {len(times_s)} events.",
                    hint="Return one row of values for every time.",
                )
            columns.append(extra)
            names += _names(item, value.names, extra.shape[1])
        data = np.hstack(columns)[np.argsort(times_s, kind="stable")]
        return _track(source, item, data, ("event", "field"), seconds, coords={"field": np.array(names)}, form="events")
    data = _numbers(item, value.value, 2, row=True)
    coords = {"value": np.array(_names(item, value.names, data.shape[1]))}
    return _track(source, item, data, ("frame", "value"), seconds, coords=coords, form="global")


def _names(item: Item, names: tuple[str, ...], width: int) -> tuple[str, ...]:
    if names and len(names) != width:
        raise CalculatorContractError(
            f"{item.calculator.id} named {len(names)} of {width} values.", hint="Give one name for each value, or none."
        )
    return tuple(names) or tuple(f"value {n}" for n in range(width))


def _numbers(item: Item, value: Any, dimensions: int, *, row: bool = False) -> NDArray[np.float64]:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise CalculatorContractError(
            f"{item.calculator.id} returned something that is not numbers.",
            hint="Return numbers; names go into `names`.",
        ) from error
    if row:
        array = array.reshape(1, -1)
    elif dimensions == 2 and array.ndim == 1:
        array = array[:, None]
    if array.ndim != dimensions or not np.isfinite(array).all():
        raise CalculatorContractError(
            f"{item.calculator.id} returned {array.shape}, not finite numbers in rows.",
            hint="Return one row of finite numbers per event, or leave out what has none.",
        )
    return array


def _track(
    source: AudioSource,
    item: Item,
    data: NDArray[Any] | StoredRows,
    axes: tuple[str, ...],
    seconds: float,
    *,
    layout: Layout | None = None,
    coords: dict[str, NDArray[Any]] | None = None,
    form: Any = None,
) -> FeatureTrack:
    calculator, storage = item.calculator, item.storage if layout else None
    hop_seconds = layout.framing.hop_samples / source.sample_rate if layout else source.duration
    return FeatureTrack(
        feature=calculator.feature,
        calculator_id=calculator.id,
        version=item.version,
        label=calculator.title,
        unit=layout.unit if layout else calculator.unit,
        data=cast("NDArray[Any]", data),  # stored rows pass for an array: see FeatureTrack.data
        axes=axes,
        fill_value=layout.fill_value if layout else float(calculator.fill_value or 0.0),
        hop_seconds=hop_seconds,
        start_seconds=0.0,
        key=item.key,
        alignment=layout.alignment if layout else "start",
        format=form or (storage.format if storage else layout.format if layout else "float32"),
        scale=storage.scale if storage else 1.0,
        offset=storage.offset if storage else 0.0,
        axis_coords=layout.axis_coords if layout else (coords or {}),
        profile_id=item.descriptor.used_profile.id,
        parameters=item.used,
        provenance={
            **item.facts,
            "sample_rate": source.sample_rate,
            "seconds": seconds,
            "computed_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "numpy": np.__version__,
        },
    )


def needed_by(item: Item, known: Mapping[str, FeatureTrack]) -> tuple[FeatureTrack, ...]:
    """What an item is computed from, in the order of its dependencies.

    Parameters
    ----------
    known : mapping of str to FeatureTrack
        By key.

    Raises
    ------
    CalculatorError
        If something is not there: its own computation failed.
    """
    for dependency in item.dependencies:
        if dependency.key not in known:
            raise CalculatorError(
                f"{item.calculator.id} needs {dependency.descriptor}, which could not be computed.",
                hint="Look at that feature's own error first.",
            )
    return tuple(known[dependency.key] for dependency in item.dependencies)


class NamedErrors:
    """Whatever a calculator raises within is a `CalculatorError`, except that a job may be cancelled.

    A class of its own, because one made of a generator lets a `StopIteration` through as it is.

    Parameters
    ----------
    item : Item
    control : Control

    Raises
    ------
    Cancelled
        If the job was cancelled.
    IngestError
        If the audio could not be read: that is not the calculator's fault.
    CalculatorError
    """

    def __init__(self, item: Item, control: Control) -> None:
        self._item, self._control = item, control

    def __enter__(self) -> None:
        """Nothing is needed before."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, IngestError):
            return
        if isinstance(error, Cancelled) and self._control.cancelled:
            return
        raise as_calculator_error(self._item, error) from error


def as_calculator_error(item: Item, error: BaseException) -> CalculatorError:
    """The error that waiters and tables see; the original is its cause."""
    if isinstance(error, CalculatorError):
        return error
    text = type(error).__name__
    with contextlib.suppress(Exception):  # whose own text may fail, too
        text += f": {error}"
    wrapped = CalculatorError(
        f"Calculator {item.calculator.id!r} failed: {text[:400]}.",
        hint="The original exception is chained below.",
        calculator=item.calculator.id,
    )
    wrapped.__cause__ = error
    return wrapped
