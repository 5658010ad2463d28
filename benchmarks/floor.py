"""How fast this machine could be: what has to be moved and computed at least, at speeds measured here."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable

import numpy as np

WINDOW, HOP, BINS, MELS, COEFFICIENTS = 2048, 512, 1025, 128, 20


@dataclasses.dataclass(frozen=True)
class Floor:
    """What the suite needs at least.

    Attributes
    ----------
    moved_bytes : int
        Samples read once, results written once.
    flops : float
        Of transforms, magnitudes, logarithms (8 each) and filters that are not 0.
    moving_s, computing_s : float [s]
        At the speed of a copy, and at that of a matrix product, with all threads.
    transforms_s : float [s]
        Of scipy's transforms alone, on data that stay in the cache, with all threads.
    """

    moved_bytes: int
    flops: float
    moving_s: float
    computing_s: float
    transforms_s: float

    @property
    def seconds(self) -> float:
        """The larger of both: moving and computing can overlap."""
        return max(self.moving_s, self.computing_s)


def _rate(work: Callable[[], None], amount: float, threads: int, rounds: int = 5) -> float:
    """Amount per second, at best, when all threads do it."""
    best = math.inf
    for _ in range(rounds):
        workers = [threading.Thread(target=work) for _ in range(threads)]
        began_s = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        best = min(best, time.perf_counter() - began_s)
    return threads * amount / best


def floor(samples: int, output_bytes: int, threads: int) -> Floor:
    """Measure speeds and tell the floor of the suite for so many samples."""
    from scipy.fft import rfft

    local = threading.local()

    def arrays(name: str, *shape: int) -> np.ndarray:
        if not hasattr(local, name):
            setattr(local, name, np.ones(shape, np.float32))
        found: np.ndarray = getattr(local, name)
        return found

    def copy() -> None:
        a, b = arrays("a", 1 << 23), arrays("b", 1 << 23)
        for _ in range(8):
            np.copyto(b, a)

    def multiply() -> None:
        a, b, c = arrays("c", 512, 512), arrays("d", 512, 512), arrays("e", 512, 512)
        for _ in range(40):
            np.matmul(a, b, out=c)

    def transform() -> None:
        rows = arrays("f", 64, WINDOW)
        for _ in range(100):
            rfft(rows, axis=1)

    frames = 1 + samples // HOP
    transforms = 2.5 * WINDOW * math.log2(WINDOW)
    spectral = BINS * (4 + 8 + 8 + 12)  # magnitude, logarithm and level, centroid and roll-off and flatness, flux
    filters = 2 * (2 * BINS + 12 * BINS + MELS * COEFFICIENTS) + 8 * MELS
    flops = frames * (transforms + spectral + filters + WINDOW)
    moved = 4 * samples + output_bytes
    copied = _rate(copy, 8 * 4 * (1 << 23), threads)
    computed = _rate(multiply, 40 * 2 * 512**3, threads)
    transformed = _rate(transform, 100 * 64, threads)
    return Floor(moved, flops, moved / copied, flops / computed, frames / transformed)
