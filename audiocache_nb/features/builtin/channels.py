"""Names of channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LAYOUTS = {
    1: ("Mono",),
    2: ("Left", "Right"),
    3: ("Left", "Right", "Center"),
    4: ("Front Left", "Front Right", "Rear Left", "Rear Right"),
}


def channel_names(channels: int) -> NDArray[np.str_]:
    """Conventional names of `channels` channels [shape=(channels,)]."""
    return np.array(_LAYOUTS.get(channels) or [f"Channel {n + 1}" for n in range(channels)])
