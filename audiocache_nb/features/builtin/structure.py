"""Structure: where the recording is like itself, and where something new begins."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.derived import Derived, table_of
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, Layout
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import Events, Matrix

TAPER = 0.5
BLOCK_VALUES = 1 << 20
SYNC = Parameter(
    "sync", str, "time", choices=("time", "beats"), description="Columns at even steps, or one for every beat."
)
COLUMNS = (
    Parameter("of", str, "chroma", description="The feature that is compared with itself; any framewise one."),
    Parameter("step_s", float, 0.1, minimum=0.0, maximum=60.0, description="Least distance of two columns in seconds."),
    Parameter("max_columns", int, 2000, minimum=2, maximum=8000, description="The step grows so that it has no more."),
    SYNC,
)


def pooled(framing: Framing, audio: AudioFacts, params: Mapping[str, Any]) -> Framing:
    """The grid of the columns: as that of the feature, with so many times its hop as is asked for."""
    count = framing.frame_count(audio.frames)
    by_time = round(params["step_s"] * audio.sample_rate / framing.hop_samples)
    times = max(1, by_time, math.ceil(count / params["max_columns"]))
    return dataclasses.replace(framing, hop_samples=framing.hop_samples * times)


class SelfSimilarity(Derived):
    """How similar any two moments are (-1..1): a matrix over time.

    ``S[i, j] = sum_k X[i, k] X[j, k] / (|X[i]| |X[j]|)``, the cosine between the means `X` of a feature over the
    frames around the times of columns `i` and `j`. Columns are at least `step_s` apart and there are at most
    `max_columns` of them, so that the matrix stays small at any length. With ``sync="beats"`` there is one column for
    every one of ``beats``, over the frames from it up to the next (or for every other, every third.. if there are more
    than `max_columns`), and what comes before the first beat is left out. Where the feature is 0, as that of
    silence, the similarity is 0. Features of several axes are compared as one long vector.

    Needs all of the feature, and of ``beats`` if asked for.

    Source: J. Foote, "Visualizing music and audio using self-similarity", ACM Multimedia 1999.
    """

    id = "ssm"
    feature = "ssm"
    label = "Self-similarity"
    inputs = ("chroma",)
    gain = "invariant"
    parameters = Schema(*COLUMNS)

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        compared = Descriptor(params["of"], None, profile)
        return (compared, Descriptor("beats", None, profile)) if params["sync"] == "beats" else (compared,)

    def layout_like(
        self, dependency: Layout, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]
    ) -> Layout:
        layout = self.layout(audio, profile, params)
        if params["sync"] == "beats":
            return layout
        return dataclasses.replace(layout, framing=pooled(dependency.framing, audio, params))

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Matrix:
        track = inputs[0]
        values = table_of(track)
        if state["sync"] == "beats":
            times_s = inputs[1].times_s
            times_s = times_s[:: max(1, math.ceil(len(times_s) / state["max_columns"]))]
            means = _means_from(values, track.times_s, times_s)
        else:
            times = max(1, round(context.hop_size / (track.hop_seconds * context.sample_rate)))
            means = _means(values, times, times // 2 if track.alignment == "center" else 0)
            times_s = np.arange(len(means)) * context.hop_size / context.sample_rate
        context.checkpoint()
        length = np.linalg.norm(means, axis=1, keepdims=True)
        unit = np.divide(means, length, out=np.zeros_like(means), where=length > 0).astype(np.float32)
        similarity = np.clip(unit @ unit.T, -1, 1)
        context.checkpoint()
        return Matrix(similarity, times_s)


def _means(values: NDArray[np.floating], times: int, before: int) -> NDArray[np.float64]:
    """Means over `times` rows each, of which the first begin `before` rows before the first row.

    Returns
    -------
    ndarray [shape=(ceil(n / times), k)]
    """
    if not len(values):
        return np.zeros((0, values.shape[1]))
    middles = np.arange(0, len(values), times)
    starts, stops = np.maximum(0, middles - before), np.minimum(len(values), middles - before + times)
    sums = np.add.reduceat(values[: stops[-1]], starts, axis=0, dtype=np.float64)
    return np.asarray(sums / (stops - starts)[:, None])


def _means_from(
    values: NDArray[np.floating], row_times_s: NDArray[np.float64], starts_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Means over the rows from each time up to the next, of at least one row [shape=(len(starts_s), k)]."""
    if not len(starts_s):
        return np.zeros((0, values.shape[1]))
    starts = np.minimum(np.searchsorted(row_times_s, starts_s - 1e-9), len(values) - 1)
    stops = np.maximum(np.append(starts[1:], len(values)), starts + 1)
    total = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=total[1:])
    return np.asarray((total[stops] - total[starts]) / (stops - starts)[:, None])


class Novelty(Derived):
    """Where something new begins: peaks between stretches that are alike within and unlike each other.

    ``n[t] = sum_ij K[i, j] S[t + i, t + j] / sum_ij |K[i, j]|`` with the self-similarity `S` and the checkerboard
    ``K[i, j] = sign(i) sign(j) exp(-(i^2 + j^2) / (2 (L/2)^2))``, ``i, j = -L .. L``, ``L = kernel // 2`` columns. Less
    than `L` columns from an end, `L` is that distance, so that beginning and end are not novel themselves.
    The grid is that of the columns of ``ssm``: a multiple of the hop, at least `step_s`. With ``sync="beats"`` the
    result is events: the times of the beats, with the novelty at each.

    Silence has novelty 0. Needs all of ``ssm``.

    Source: J. Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000; the taper is
    that of M. Müller, Fundamentals of Music Processing, 2015, section 4.4.
    """

    id = "novelty"
    feature = "novelty"
    label = "Novelty"
    inputs = ("ssm",)
    gain = "invariant"
    parameters = Schema(
        *COLUMNS,
        Parameter("kernel", int, 64, minimum=2, maximum=512, description="Columns that the checkerboard covers."),
    )

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        wanted = {parameter.name: params[parameter.name] for parameter in COLUMNS}
        return (Descriptor("ssm", "ssm", profile, wanted),)

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Any:
        curve = self._curve(inputs[0].data, state, context)
        if state["sync"] == "beats":
            return Events(inputs[0].coords["row"], curve, ("novelty",))
        return curve

    @staticmethod
    def _curve(similarity: NDArray[np.float32], state: Any, context: ComputeContext) -> NDArray[np.float32]:
        count, half = len(similarity), state["kernel"] // 2
        out = np.zeros((count, 1), np.float32)
        for t in range(1, min(half, (count + 1) // 2)):  # the ends, where smaller boards fit
            context.checkpoint()
            board = checkerboard(t)
            for middle in {t, count - 1 - t}:
                part = similarity[middle - t : middle + t + 1, middle - t : middle + t + 1]
                out[middle] = np.sum(part * board)
        inner = count - 2 * half
        if inner > 0:
            board = checkerboard(half)
            row, column = similarity.strides
            shape, strides = (inner, *board.shape), (row + column, row, column)
            parts = np.lib.stride_tricks.as_strided(similarity, shape, strides, writeable=False)
            size = max(1, BLOCK_VALUES // board.size)
            for start in range(0, inner, size):
                context.checkpoint()
                rows = np.einsum("tij,ij->t", parts[start : start + size], board)
                out[half + start : half + start + len(rows), 0] = rows
                context.progress((start + len(rows)) / inner)
        return out


def checkerboard(half: int) -> NDArray[np.float32]:
    """Foote's kernel with a Gaussian taper; its absolute values add up to 1 [shape=(2 * half + 1, 2 * half + 1)].

    Parameters
    ----------
    half : int > 0
    """
    position = np.arange(-half, half + 1)
    arm = np.sign(position) * np.exp(-0.5 * (position / (TAPER * half)) ** 2)
    board = np.outer(arm, arm)
    return np.asarray(board / np.abs(board).sum(), np.float32)


CALCULATORS = (SelfSimilarity, Novelty)
