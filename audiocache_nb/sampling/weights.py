"""How much each frame counts: interpolation and smoothing as small weight vectors."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.sampling.options import Edges, Interpolation, KernelShape

_DB_TO_LOG = math.log(10.0) / 10.0
_LEAST_POWER = 1e-37


def cubic_weights(t: Any) -> tuple[Any, Any, Any, Any]:
    """Catmull-Rom weights of the frames i-1, i, i+1, i+2 at ``i + t``.

    The curve through four points of Catmull and Rom (1974) with tension 1/2::

        (2 p1 + (p2 - p0) t + (2 p0 - 5 p1 + 4 p2 - p3) t² + (3 p1 - p0 - 3 p2 + p3) t³) / 2

    Parameters
    ----------
    t : float or ndarray in 0 .. 1
    """
    return (
        0.5 * t * (-1.0 + t * (2.0 - t)),
        0.5 * (2.0 + t * t * (-5.0 + 3.0 * t)),
        0.5 * t * (1.0 + t * (4.0 - 3.0 * t)),
        0.5 * t * t * (t - 1.0),
    )


def nodes_of(position: Any, interpolation: Interpolation) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Frames that take part at a position, and their weights.

    Parameters
    ----------
    position : float or ndarray [frames]
        Time in frames since frame 0; the frames returned may lie outside the track.
    interpolation : {"hold", "nearest", "linear", "cubic"}

    Returns
    -------
    frames, weights : tuple
        As many of each as the interpolation touches.
    """
    if interpolation == "nearest":  # a tie goes to the earlier frame
        return (np.ceil(position - 0.5),), (1.0,)
    below = np.floor(position)
    if interpolation == "hold":
        return (below,), (1.0,)
    t = position - below
    if interpolation == "linear":
        return (below, below + 1), (1.0 - t, t)
    return (below - 1, below, below + 1, below + 2), cubic_weights(t)


def to_power(db: NDArray[Any]) -> NDArray[Any]:
    """``10**(db / 10)``."""
    power = np.asarray(db * db.dtype.type(_DB_TO_LOG))
    return np.exp(power, out=power)


def to_db(power: NDArray[Any]) -> NDArray[Any]:
    """``10 log10(power)``, with a floor at -370 dB."""
    db = np.asarray(np.maximum(power, power.dtype.type(_LEAST_POWER)))
    np.log10(db, out=db)
    db *= 10.0
    return db


@dataclasses.dataclass(frozen=True, slots=True)
class Kernel:
    """A weighted mean over ``2 radius + 1`` frames.

    The weights of the frames ``j`` steps away sum to 1::

        box:   1 / (2 radius + 1)
        hann:  (1 + cos(pi j / (radius + 1))) / (2 radius + 2)

    The Hann weights are those of a window of ``2 radius + 3`` frames without the zeros at its ends.

    Parameters
    ----------
    frame_count : int > 0
    radius : int > 0 [frames]
    shape : {"box", "hann"}
    edges : {"fill", "hold"}
        What stands for frames outside the track: silence, or the frame at the edge.
    shrinks : bool
        Leave frames outside the track out instead (for tracks whose silence is NaN).
    """

    frame_count: int
    radius: int
    shape: KernelShape
    edges: Edges
    shrinks: bool

    def weights(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weights of frames so many steps away, also where that is further than the radius."""
        inside = np.abs(steps) <= self.radius
        if self.shape == "box":
            return inside / (2 * self.radius + 1)
        return np.asarray(inside * (1.0 + np.cos(np.pi / (self.radius + 1) * steps)) / (2 * self.radius + 2))

    def tail(self, beyond: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weight of all frames that are more than so many steps away, on one side."""
        near = np.clip(beyond, 0, self.radius)
        if self.shape == "box":
            return np.asarray((self.radius - near) / (2 * self.radius + 1))
        theta = np.pi / (self.radius + 1)
        cosines = 0.5 * np.sin((near + 0.5) * theta) / np.sin(0.5 * theta) - 0.5  # of the near ones, summed
        return np.asarray((self.radius - near - cosines) / (2 * self.radius + 2))

    def spans(self, nodes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First frame and one past the last frame that count, for each node in the track."""
        return np.maximum(nodes - self.radius, 0), np.minimum(nodes + self.radius + 1, self.frame_count)

    def missing(self, nodes: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight of what lies before frame 0 and behind the last frame, for each node."""
        return self.tail(nodes), self.tail(self.frame_count - 1 - nodes)

    def matrix(self, nodes: NDArray[np.int64]) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
        """Weights of a few nodes that lie close together.

        Returns
        -------
        first : int
            Frame of the first column.
        weights : ndarray [shape=(len(nodes), frames)]
        silence : ndarray [shape=(len(nodes),)]
            Weight of the fill value.
        """
        first, end = self.spans(nodes)
        base = int(np.min(first))
        columns = np.arange(base, int(np.max(end)))
        weights = self.weights(columns - nodes[:, None])
        before, behind = self.missing(nodes)
        if self.shrinks:
            return base, weights / (1.0 - before - behind)[:, None], np.zeros(len(nodes))
        if self.edges == "fill":
            return base, weights, before + behind
        weights[before > 0, 0] += before[before > 0]
        weights[behind > 0, -1] += behind[behind > 0]
        return base, weights, np.zeros(len(nodes))

    def inner(self, nodes: int) -> NDArray[np.float64]:
        """Weights of so many neighbouring nodes, away from the ends [shape=(nodes, 2 radius + nodes)]."""
        steps = np.arange(-self.radius, self.radius + nodes)
        return self.weights(steps - np.arange(nodes)[:, None])
