"""A small still picture of a plot, for where no widget can be shown: saved notebooks, code hosts, exports.

Drawn with numpy alone, in a few milliseconds, from the same tiles as the page's: it is made whenever a
plot is displayed, and must not hold that up.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.widgets.layers import Picture

WIDTH = 720
MOST_BYTES = 40_000
GAP = 8
_HEIGHTS = {"minmax": 40, "image": 120, "curve": 64, "events": 28}
_MOST_LANES = 2
_FIXED = ((255, 255, 255), (225, 229, 234), (31, 102, 181), (184, 84, 0), (29, 122, 70), (168, 50, 78))
_PAPER, _FRAME, _INK = 0, 1, 2
_COLOURS = len(_FIXED)
_EVENTS = 5
_SHADES = 96
# The colour map "heat" of the page, at nine even steps.
_HEAT = (
    (7, 7, 21),
    (46, 5, 74),
    (98, 3, 99),
    (155, 5, 98),
    (204, 51, 53),
    (223, 110, 26),
    (232, 163, 51),
    (234, 213, 117),
    (249, 250, 212),
)


def still_png(pictures: Sequence[Picture], t0_s: float, t1_s: float, *, width: int = WIDTH) -> bytes | None:
    """Draw pictures below each other.

    Parameters
    ----------
    pictures : sequence of Picture
    t0_s, t1_s : float [s]
        What is visible, in the time of the recording.
    width : int > 0 [pixels]

    Returns
    -------
    bytes or None
        A PNG file of at most 40 kB; None if there is nothing to draw.
    """
    drawn = [_draw(picture, t0_s, t1_s, width) for picture in pictures if picture.pyramid.buckets]
    if not drawn or not t1_s > t0_s:
        return None
    gap = np.zeros((GAP, width), np.uint8)
    image = np.concatenate([part for pane in drawn for part in (pane, gap)][:-1])
    for shades in (_SHADES, 32, 16, 8):
        png = _png(image, shades)
        if len(png) <= MOST_BYTES:
            return png
    return _png(image[::2, ::2], 8)


def _draw(picture: Picture, t0_s: float, t1_s: float, width: int) -> NDArray[np.uint8]:
    height = _HEIGHTS[picture.kind]
    if picture.kind == "events":
        return _marks(picture, t0_s, t1_s, width, height)
    values, low, high = _columns(picture, t0_s, t1_s, width)
    if picture.kind == "image":
        pane = _empty(height, width)
        rows = np.linspace(values.shape[1], 0, height + 1).astype(int)
        for y in range(height):
            first = min(rows[y + 1], values.shape[1] - 1)
            column = values[low, first : max(rows[y], first + 1)].max(axis=1)
            pane[y, high > low] = (_COLOURS + (column.astype(np.uint16) * (_SHADES - 1) // 255))[high > low]
        return pane
    lanes = min(values.shape[1], _MOST_LANES) if picture.kind == "minmax" else 1
    panes = [_empty(height, width) for _ in range(lanes)]
    for channel in range(min(values.shape[1], _MOST_LANES if picture.kind == "minmax" else 3)):
        lane = panes[channel if picture.kind == "minmax" else 0]
        ink = _INK + (0 if picture.kind == "minmax" else channel)
        _fill(lane, values[:, channel], low, high, picture, ink)
    return np.concatenate(panes)


def _empty(height: int, width: int) -> NDArray[np.uint8]:
    pane = np.full((height, width), _PAPER, np.uint8)
    pane[[0, -1]] = _FRAME
    pane[:, [0, -1]] = _FRAME
    return pane


def _columns(
    picture: Picture, t0_s: float, t1_s: float, width: int
) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
    """Buckets of a fitting level, and which of them lie behind each column: ``low <= k < high``."""
    pyramid = picture.pyramid
    per_pixel = (t1_s - t0_s) / width
    level = math.floor(math.log(max(per_pixel / picture.hop_s, 1.0), pyramid.factor) + 1e-9)
    level = min(level, pyramid.levels - 1)
    bucket_s = picture.hop_s * pyramid.factor**level
    start_s = picture.t0_s - (picture.hop_s / 2 if picture.aligned == "center" else 0)
    count = -(-pyramid.buckets // pyramid.factor**level)
    first = min(max(0, math.floor((t0_s - start_s) / bucket_s)), count - 1)
    last = min(max(first + 1, math.ceil((t1_s - start_s) / bucket_s)), count)
    tiles = range(first // pyramid.tile_buckets, (last - 1) // pyramid.tile_buckets + 1)
    values = np.concatenate([pyramid.tile(level, index)[1] for index in tiles])
    offset = tiles[0] * pyramid.tile_buckets
    edges = (t0_s + np.arange(width + 1) * per_pixel - start_s) / bucket_s - offset
    low = np.clip(np.floor(edges[:-1] + 1e-6).astype(np.intp), 0, len(values) - 1)
    high = np.clip(np.ceil(edges[1:] - 1e-6).astype(np.intp), 0, len(values))
    outside = (edges[1:] <= 0) | (edges[:-1] >= len(values))
    return values, low, np.where(outside, low, np.maximum(high, low + 1))


def _fill(
    pane: NDArray[np.uint8],
    values: NDArray[Any],
    low: NDArray[np.intp],
    high: NDArray[np.intp],
    picture: Picture,
    ink: int,
) -> None:
    """From the lowest to the highest value behind each column, joined to the one before."""
    height = len(pane)
    scale = (height - 1) / (picture.value_max - picture.value_min)
    before: tuple[int, int] | None = None
    for x in range(pane.shape[1]):
        part = values[low[x] : high[x]]
        if not len(part) or np.isnan(part).all():
            before = None
            continue
        ends = (np.nanmax(part), np.nanmin(part))
        top, bottom = (int(np.clip(round((picture.value_max - float(end)) * scale), 0, height - 1)) for end in ends)
        reach = (top, bottom) if before is None else (min(top, before[1]), max(bottom, before[0]))
        pane[reach[0] : reach[1] + 1, x] = ink
        before = (top, bottom)


def _marks(picture: Picture, t0_s: float, t1_s: float, width: int, height: int) -> NDArray[np.uint8]:
    pane = _empty(height, width)
    pyramid = picture.pyramid
    tiles = range(-(-pyramid.buckets // pyramid.tile_buckets))
    rows = np.concatenate([pyramid.tile(0, index)[1] for index in tiles])
    rows = rows[(rows[:, 0] >= t0_s) & (rows[:, 0] < t1_s)]
    strength = rows[:, 1] / picture.value_max if rows.shape[1] > 1 else np.ones(len(rows))
    strength = np.nan_to_num(np.clip(strength, 0.15, 1.0), nan=1.0)
    columns = ((rows[:, 0] - t0_s) / (t1_s - t0_s) * width).astype(int)
    for x, share in zip(columns.tolist(), strength.tolist(), strict=True):
        pane[height - round(share * (height - 3)) :, x] = _EVENTS
    return pane


def _png(image: NDArray[np.uint8], shades: int) -> bytes:
    """An indexed PNG with so many shades of the colour map."""
    step = _SHADES / shades
    coloured = image >= _COLOURS
    indices = np.where(coloured, _COLOURS + ((image - _COLOURS) / step).astype(np.uint8), image).astype(np.uint8)
    at = np.linspace(0, len(_HEAT) - 1, shades)
    heat = np.stack([np.interp(at, np.arange(len(_HEAT)), part) for part in zip(*_HEAT, strict=True)], axis=1)
    palette = np.concatenate([np.array(_FIXED), heat]).round().astype(np.uint8)
    rows = np.zeros((len(indices), indices.shape[1] + 1), np.uint8)  # each begins with the number of its filter: none
    rows[:, 1:] = indices
    header = struct.pack(">IIBBBBB", indices.shape[1], len(indices), 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
