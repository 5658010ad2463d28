"""The likeliest path through candidates of the pitch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.features.calculator import ComputeContext

BINS_PER_SEMITONE = 10
OCTAVES_PER_S = 35.92
IMPOSSIBLE = -700.0
BLOCK_FRAMES = 1024


class PitchPath:
    """A hidden Markov model of pitches, voiced or not.

    Parameters
    ----------
    fmin, fmax : float [Hz]
    hop_s : float [s]
        Distance of two frames.
    switch : float
        Probability that voicing changes from a frame to the next.
    """

    def __init__(self, fmin: float, fmax: float, *, hop_s: float, switch: float) -> None:
        self._fmin = fmin
        self._bins = int(12 * BINS_PER_SEMITONE * math.log2(fmax / fmin)) + 1
        reach = round(OCTAVES_PER_S * 12 * hop_s) * BINS_PER_SEMITONE // 2
        self._reach = min(reach, self._bins - 1)
        steps = np.arange(-self._reach, self._reach + 1)
        triangle = 1 - np.abs(steps) / (reach + 1)
        inside = np.convolve(np.ones(self._bins), triangle, mode="full")[self._reach : self._reach + self._bins]
        self._leave = np.log(inside)  # what a bin's transitions add up to, near the ends of the range
        self._step = np.log(triangle)
        self._voicing = np.log([[1 - switch, switch], [switch, 1 - switch]])

    def follow(self, candidates: NDArray[np.float32], context: ComputeContext) -> NDArray[np.float64]:
        """The frequency of every frame, 0 where there is none [Hz, shape=(n,)].

        Only the scores at the beginning of every block of frames are kept on the way forward; on the
        way back each block's scores are computed once more, and choices made along the path.

        Parameters
        ----------
        candidates : ndarray [shape=(n, k, 2)], n > 0
            Frequencies and probabilities; 0 where there are fewer than `k`.
        """
        starts = list(range(0, len(candidates), BLOCK_FRAMES))
        kept = [np.zeros((2, self._bins))]
        for number, start in enumerate(starts):
            block = candidates[start : start + BLOCK_FRAMES]
            scores = self._scores(block, kept[-1], context, first=start == 0)
            kept.append(scores[-1].copy())
            context.progress((number + 1) / len(starts) / 2)
        state = int(np.argmax(kept.pop()))
        states = np.empty(len(candidates), np.intp)
        for number, start in reversed(list(enumerate(starts))):
            block = candidates[start : start + BLOCK_FRAMES]
            if number < len(starts) - 1:  # those of the last block are still there
                scores = self._scores(block, kept[number], context, first=start == 0)
            for t in range(len(block) - 1, -1, -1):
                states[start + t] = state
                if start + t:
                    state = self._before(state, scores[t - 1] if t else kept[number])
            context.progress(1 - number / len(starts) / 2)
        return self._frequencies(states, candidates)

    def _before(self, state: int, score: NDArray[np.float64]) -> int:
        """The state from which the best path comes to a state, from the scores one frame earlier."""
        voiced, pitch = divmod(state, self._bins)
        low, high = max(0, pitch - self._reach), min(self._bins, pitch + self._reach + 1)
        skip = low - (pitch - self._reach)
        chains = score[:, low:high] - self._leave[low:high]
        chains += self._step[skip : skip + high - low]
        voiced_from, unvoiced_from = chains.argmax(axis=1).tolist()
        if chains[0, voiced_from] + self._voicing[0, voiced] >= chains[1, unvoiced_from] + self._voicing[1, voiced]:
            return int(low + voiced_from)
        return int(self._bins + low + unvoiced_from)

    def _observed(self, candidates: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logarithms of the probabilities of a block's states [shape=(n, 2, bins)]."""
        rows, ranks = np.nonzero(candidates[:, :, 0])
        probability = np.zeros((len(candidates), self._bins))
        np.add.at(probability, (rows, self._bin(candidates[rows, ranks, 0])), candidates[rows, ranks, 1])
        observed = np.full((len(candidates), 2, self._bins), IMPOSSIBLE)
        np.log(probability, out=observed[:, 0], where=probability > 0)
        rest = np.clip(1 - probability.sum(axis=1), 0, 1) / self._bins
        observed[:, 1] = np.log(np.maximum(rest, math.exp(IMPOSSIBLE)))[:, None]
        return observed

    def _bin(self, hz: NDArray[np.float32]) -> NDArray[np.intp]:
        pitch = 12 * BINS_PER_SEMITONE * np.log2(hz.astype(np.float64) / self._fmin)
        return np.clip(np.rint(pitch), 0, self._bins - 1).astype(np.intp)

    def _scores(
        self, candidates: NDArray[np.float32], score: NDArray[np.float64], context: ComputeContext, *, first: bool
    ) -> NDArray[np.float64]:
        """The best paths' scores at every frame of a block [shape=(n, 2, bins)], from those before it.

        Steps up and down by as much are equally likely: the better of the two is found first, then the best of
        all lengths, for voiced and unvoiced states that lie beside each other with nothing but a gap between.
        """
        scores = self._observed(candidates)
        bins, reach = self._bins, self._reach
        row = np.full(2 * bins + 3 * reach, -np.inf)
        shape, strides = (2, bins), (8 * (bins + reach), 8)
        before = np.ndarray(shape, row.dtype, row, 8 * reach, strides)
        shifted = np.lib.stride_tricks.sliding_window_view(row, 2 * bins + reach)
        up, down, likely = shifted[reach:], shifted[reach::-1], self._step[reach:, None]
        chains = np.empty(up.shape)
        longest = np.empty(up.shape[1])
        best = np.ndarray(shape, row.dtype, longest, 0, strides)[:, None]  # voicing before, voicing now, bin
        pairs, voicing = np.empty((2, 2, bins)), self._voicing[:, :, None]
        for t in range(len(scores)):
            if t % 64 == 0:
                context.checkpoint()
            now = scores[t]  # what the frame itself says, so far
            if first and t == 0:
                now += score
            else:
                np.subtract(score, self._leave, out=before)
                np.maximum(up, down, out=chains)
                np.add(chains, likely, out=chains)
                np.maximum.reduce(chains, axis=0, out=longest)
                np.add(best, voicing, out=pairs)
                now += np.maximum(pairs[0], pairs[1], out=pairs[0])
                now -= now.max()
            score = now
        return scores

    def _frequencies(self, states: NDArray[np.intp], candidates: NDArray[np.float32]) -> NDArray[np.float64]:
        bins = states % self._bins
        hz = self._fmin * 2 ** (bins / (12 * BINS_PER_SEMITONE))
        present = candidates[:, :, 0] > 0
        fits = present & (self._bin(np.where(present, candidates[:, :, 0], self._fmin)) == bins[:, None])
        likeliest = np.argmax(np.where(fits, candidates[:, :, 1], -1), axis=1)
        exact = candidates[np.arange(len(bins)), likeliest, 0]
        return np.where(states < self._bins, np.where(fits.any(axis=1), exact, hz), 0)
