"""Health of the recording: clipping, silence, offset, correlation of the channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.builtin.channels import channel_names
from audiocache_nb.features.builtin.derived import Derived
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Span, Step
from audiocache_nb.features.track import Events, Global

CELLS_PER_S = 10
VALUES = ("clipped samples", "clipping runs", "mean", "power", "product with the first channel")
CLIP_LEVEL = Parameter(
    "clip_level", float, 0.999, minimum=0.1, maximum=1.0, description="Samples at or beyond this level are clipped."
)

SILENCE = Parameter("silence_db", float, -60.0, minimum=-200.0, maximum=0.0, description="Power below this is silence.")
KINDS = ("clipping", "silence", "offset")


def _framing(sample_rate: int) -> Framing:
    cell = max(1, round(sample_rate / CELLS_PER_S))
    return Framing(cell, cell, "cells")


class HealthCells(Calculator):
    """What ``health`` is added up from, for every channel and every 100 ms.

    Per cell and channel: the number of samples with ``|x| >= clip_level``; the number of stretches of such
    samples that begin in the cell; the mean of `x`; that of ``x^2``; that of the product with the first
    channel. The last cell ends with the recording and its means are those of the samples it has.

    Local: a stretch begins where the sample before, in the cell before, is not clipped. Blocks of any
    size give the same numbers. The profile is not used. Silence gives zeros.
    """

    id = "health.cells"
    feature = "health.cells"
    label = "Health by the tenth of a second"
    version = 1
    inputs = "channels"
    locality = local(1)
    gain = ("", "", "linear", "quadratic", "quadratic")
    parameters = Schema(CLIP_LEVEL)
    promises_finite = True

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {}

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        return Layout(
            framing=_framing(audio.sample_rate),
            tail=(audio.channels, len(VALUES)),
            axes=("frame", "channel", "value"),
            axis_coords={"channel": channel_names(audio.channels), "value": np.array(VALUES)},
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return (Span(Channels(), _framing(audio.sample_rate)),)

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return 1, 0

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        return _framing(audio.sample_rate).window_samples, np.float32(params["clip_level"])

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        cell, level = state
        rows = len(out)
        counts = np.full(rows, float(cell))
        counts[-1] = min(cell, context.audio_frames - (context.first_frame + rows - 1) * cell)
        first: NDArray[np.float64] | None = None
        for c in range(out.shape[1]):
            clipped = np.abs(inputs[0][cell - 1 :, c]) >= level
            begins = clipped[1:] & ~clipped[:-1]
            out[:, c, 0] = clipped[1:].reshape(rows, cell).sum(axis=1)
            out[:, c, 1] = begins.reshape(rows, cell).sum(axis=1)
            values = inputs[0][cell:, c].astype(np.float64).reshape(rows, cell)
            first = values if first is None else first
            out[:, c, 2] = values.sum(axis=1) / counts
            out[:, c, 3] = np.einsum("ij,ij->i", values, values) / counts
            out[:, c, 4] = np.einsum("ij,ij->i", values, first) / counts


class Health(Derived):
    """What may be wrong with the recording, as numbers.

    - ``clipped_samples``: samples of all channels with ``|x| >= clip_level``.
    - ``clipping_runs``: stretches of them, each within one channel.
    - ``silence_share`` (0..1): share of the time, in steps of 100 ms, in which the mean power of every
      channel lies below ``silence_db`` re full scale (``10 log10 mean x^2``).
    - ``correlation`` (-1..1): Pearson's, of the first two channels: 1 for one sound in both, near -1 where
      one is upside down and mono would lose it. 1 with a single channel, 0 where one is silent.
    - ``dc_<channel>``: mean of each channel's samples.

    How many samples were no numbers, and whether there were as many as the file's header promised, is known when a
    recording is read: ``track.source.health``. A recording without samples has zeros. Needs all of ``health.cells``.
    """

    id = "health"
    feature = "health"
    label = "Health"
    inputs = ("health.cells",)
    parameters = Schema(
        CLIP_LEVEL,
        SILENCE,
    )

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        return (Descriptor("health.cells", "health.cells", None, {"clip_level": params["clip_level"]}),)

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Global:
        track = inputs[0]
        cells = track.data.astype(np.float64)
        names = [str(name).lower().replace(" ", "_") for name in track.coords["channel"]]
        counts = np.full(len(cells), float(context.hop_size))
        if len(cells):
            counts[-1] = context.audio_frames - (len(cells) - 1) * context.hop_size
        means = np.einsum("t,tcv->cv", counts, cells[:, :, 2:]) / max(1, context.audio_frames)
        quiet = (cells[:, :, 3] < 10 ** (state["silence_db"] / 10)).all(axis=1)
        silence = float(counts[quiet].sum() / max(1, context.audio_frames))
        values = [cells[:, :, 0].sum(), cells[:, :, 1].sum(), silence, _correlation(means), *means[:, 0]]
        return Global(
            values,
            ("clipped_samples", "clipping_runs", "silence_share", "correlation", *(f"dc_{name}" for name in names)),
        )


def _correlation(means: NDArray[np.float64]) -> float:
    """Of the first two channels, from the means of `x`, ``x^2`` and ``x`` times the first channel."""
    variance = means[:, 1] - means[:, 0] ** 2
    # what is left of a constant is rounding
    if (variance[:2] <= 1e-7 * means[:2, 1]).any():
        return 0.0
    if len(means) == 1:
        return 1.0
    covariance = means[1, 2] - means[0, 0] * means[1, 0]
    return float(np.clip(covariance / np.sqrt(variance[0] * variance[1]), -1, 1))


class HealthEvents(Derived):
    """Where something may be wrong with the recording: stretches that are clipped, silent, or off centre.

    Each event has its time [s] and, as values, the ``kind`` (its place in ("clipping", "silence", "offset")), the
    ``channel`` from 0 (-1: all), the ``duration_s``, and an ``amount``:

    - clipping: tenths of a second in a row with samples at or beyond `clip_level`; the amount is their number.
    - silence: at least `least_silence_s` in which the mean power of every channel lies below `silence_db` re full
      scale; the amount is the mean power, linear.
    - offset: where the mean of a channel over the second around is at least `offset` away from 0; the amount is the
      mean over the stretch.

    A sound recording has none; one that is silent from end to end is one event. Needs all of ``health.cells``.
    """

    id = "health.events"
    feature = "health.events"
    label = "Health over time"
    inputs = ("health.cells",)
    parameters = Schema(
        CLIP_LEVEL,
        SILENCE,
        Parameter(
            "least_silence_s", float, 0.5, minimum=0.0, maximum=3600.0, description="Shorter silence is a pause."
        ),
        Parameter("offset", float, 0.01, minimum=1e-4, maximum=1.0, description="A mean this far from 0 is an offset."),
    )

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        return (Descriptor("health.cells", "health.cells", None, {"clip_level": params["clip_level"]}),)

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Events:
        cells = inputs[0].data.astype(np.float64)
        count, channels = cells.shape[:2]
        edges_s = np.minimum(np.arange(count + 1) * context.hop_size, context.audio_frames) / context.sample_rate
        found: list[tuple[float, int, int, float, float]] = []

        def note(
            kind: str, channel: int, where: NDArray[np.bool_], amounts: Any, how: Any, least_s: float = 0.0
        ) -> None:
            for start, stop in _stretches(where):
                length_s = edges_s[stop] - edges_s[start]
                if length_s >= least_s:
                    amount = float(how(amounts[start:stop]))
                    found.append((edges_s[start], KINDS.index(kind), channel, length_s, amount))

        quiet = (cells[:, :, 3] < 10 ** (state["silence_db"] / 10)).all(axis=1)
        note("silence", -1, quiet, cells[:, :, 3], np.mean, state["least_silence_s"])
        for c in range(channels):
            context.checkpoint()
            note("clipping", c, cells[:, c, 0] > 0, cells[:, c, 0], np.sum)
            around = _around(cells[:, c, 2], CELLS_PER_S)
            note("offset", c, np.abs(around) >= state["offset"], cells[:, c, 2], np.mean)
        found.sort()
        rows = np.array(found).reshape(-1, 5)
        return Events(rows[:, 0], rows[:, 1:], ("kind", "channel", "duration_s", "amount"))


def _stretches(where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of cells that are set: the first, and one past the last."""
    steps = np.flatnonzero(np.diff(where.astype(np.int8), prepend=0, append=0))
    return list(zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True))


def _around(values: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    """Means over so many cells around each, fewer at the ends [shape=(n,)]."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    place = np.arange(len(values))
    start, stop = np.maximum(0, place - cells // 2), np.minimum(len(values), place + cells // 2 + 1)
    return np.asarray((total[stop] - total[start]) / (stop - start))


CALCULATORS = (HealthCells, Health, HealthEvents)
