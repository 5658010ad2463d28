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
        way back each block's choices are made once more.

        Parameters
        ----------
        candidates : ndarray [shape=(n, k, 2)], n > 0
            Frequencies and probabilities; 0 where there are fewer than `k`.
        """
        starts = list(range(0, len(candidates), BLOCK_FRAMES))
        scores = [np.zeros((2, self._bins))]
        for number, start in enumerate(starts):
            block = candidates[start : start + BLOCK_FRAMES]
            scores.append(self._forward(block, scores[-1], context, first=start == 0)[0])
            context.progress((number + 1) / len(starts) / 2)
        state = int(np.argmax(scores.pop()))
        states = np.empty(len(candidates), np.intp)
        for number, start in reversed(list(enumerate(starts))):
            block = candidates[start : start + BLOCK_FRAMES]
            _, choices = self._forward(block, scores[number], context, first=start == 0)
            for t in range(len(block) - 1, -1, -1):
                states[start + t] = state
                state = self._before(state, int(choices[t].flat[state]))
            context.progress(1 - number / len(starts) / 2)
        return self._frequencies(states, candidates)

    def _before(self, state: int, choice: int) -> int:
        """The state before, from a choice: voicing times the number of steps, plus the step."""
        voicing, step = divmod(choice, 2 * self._reach + 1)
        return voicing * self._bins + state % self._bins + step - self._reach

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

    def _forward(
        self, candidates: NDArray[np.float32], score: NDArray[np.float64], context: ComputeContext, *, first: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
        """The best paths' scores after a block [shape=(2, bins)], and where each came from at every frame."""
        observed = self._observed(candidates)
        width = 2 * self._reach + 1
        choices = np.zeros(observed.shape, np.int16)
        padded = np.full((2, self._bins + 2 * self._reach), -np.inf)
        inner = padded[:, self._reach : self._reach + self._bins]
        around = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)
        chains = np.empty(around.shape)
        for t, seen in enumerate(observed):
            if t % 64 == 0:
                context.checkpoint()
            if first and t == 0:
                score = score + seen
                continue
            np.subtract(score, self._leave, out=inner)
            np.add(around, self._step, out=chains)
            step = np.argmax(chains, axis=2)
            best = np.take_along_axis(chains, step[:, :, None], axis=2)[:, :, 0]
            best = best[:, None] + self._voicing[:, :, None]  # voicing before, voicing now, bin
            before = np.argmax(best, axis=0)
            choices[t] = before * width + np.take_along_axis(step, before, axis=0)
            score = np.max(best, axis=0) + seen
            score -= np.max(score)
        return score, choices

    def _frequencies(self, states: NDArray[np.intp], candidates: NDArray[np.float32]) -> NDArray[np.float64]:
        bins = states % self._bins
        hz = self._fmin * 2 ** (bins / (12 * BINS_PER_SEMITONE))
        present = candidates[:, :, 0] > 0
        fits = present & (self._bin(np.where(present, candidates[:, :, 0], self._fmin)) == bins[:, None])
        likeliest = np.argmax(np.where(fits, candidates[:, :, 1], -1), axis=1)
        exact = candidates[np.arange(len(bins)), likeliest, 0]
        return np.where(states < self._bins, np.where(fits.any(axis=1), exact, hz), 0)
