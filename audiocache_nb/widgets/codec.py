"""Tiles as messages: a JSON header, and one buffer of little-endian values in C order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.widgets.messages import TileRequest

DTYPES = {"float32": "<f4", "float64": "<f8", "uint8": "u1"}


def tile_message(request: TileRequest, start_bucket: int, values: NDArray[Any]) -> tuple[dict[str, Any], bytes]:
    """Header and buffer of a tile.

    Parameters
    ----------
    request : TileRequest
        What is answered; its address is repeated, so that the page need not remember it.
    start_bucket : int
        First bucket of the tile, counted in buckets of its level.
    values : ndarray of float32 [shape=(m, channels, 2)], uint8 [shape=(m, rows)] or float64 [shape=(m, fields)]
        NaN and infinities may occur: they travel in the buffer only.
    """
    dtype = values.dtype.name
    header = {
        "kind": "tile",
        "id": request.id,
        "layer": request.layer,
        "level": request.level,
        "index": request.index,
        "revision": request.revision,
        "dtype": dtype,
        "shape": list(values.shape),
        "start_bucket": int(start_bucket),
    }
    return header, np.ascontiguousarray(values, dtype=DTYPES[dtype]).tobytes()
