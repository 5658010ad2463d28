"""Framing: which samples belong to which frame, against counting them one by one."""

from __future__ import annotations

import math
from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given

from audiocache_nb.features.framing import Framing

SAMPLES = st.integers(0, 400)
EIGHTHS = st.integers(8, 400).map(lambda eighths: eighths / 8)


def framings():
    whole = st.builds(Framing, st.integers(2, 60), st.integers(1, 60), st.sampled_from(["center", "start"]))
    cells = EIGHTHS.map(lambda hop: Framing(math.ceil(hop), hop, "cells"))
    return whole | cells


def naive_frames(framing: Framing, n: int) -> list[tuple[int, int]]:
    """First sample and one past the last of every frame, by walking along the signal."""
    found: list[tuple[int, int]] = []
    window, hop = framing.window_samples, Fraction(framing.hop_samples)
    k = 0
    while n > 0:
        anchor = k * hop
        if framing.mode == "center":
            if anchor > n:  # a frame for every hop that still touches the signal
                break
            found.append((int(anchor) - window // 2, int(anchor) - window // 2 + window))
        elif framing.mode == "start":
            if k and anchor + window > n:  # the first frame is there even if the signal is shorter
                break
            found.append((int(anchor), int(anchor) + window))
        else:
            if anchor >= n:
                break
            found.append((math.floor(anchor), math.ceil(anchor + hop)))
        k += 1
    return found


@given(framings(), SAMPLES)
def test_frames_are_those_of_the_naive_enumeration(framing, n):
    frames = naive_frames(framing, n)
    assert framing.frame_count(n) == len(frames)
    assert [(framing.first_sample(k), framing.end_sample(k)) for k in range(len(frames))] == frames


@given(framings(), SAMPLES)
def test_cells_and_centred_frames_leave_no_sample_out(framing, n):
    covered = set()
    for k in range(framing.frame_count(n)):
        covered |= set(range(framing.first_sample(k), framing.end_sample(k)))
    if framing.mode == "cells" or (framing.mode == "center" and framing.hop_samples <= framing.window_samples // 2):
        assert set(range(n)) <= covered


@given(framings(), st.integers(0, 300))
def test_reach_is_measured_from_the_anchor(framing, k):
    anchor = math.floor(k * framing.hop_samples)
    assert framing.first_sample(k) >= anchor - framing.left_samples
    assert framing.end_sample(k) <= anchor + framing.right_samples


@given(framings(), st.integers(0, 2000))
def test_the_first_frame_at_a_sample_is_the_first_one_anchored_there_or_later(framing, sample):
    first = framing.first_frame_at(sample)
    assert math.floor(first * framing.hop_samples) >= sample
    assert first == 0 or math.floor((first - 1) * framing.hop_samples) < sample


@given(st.integers(1, 2**20), st.integers(0, 2**40))
def test_long_recordings_are_counted_exactly(hop, k):
    framing = Framing(2048, hop, "center")
    assert framing.first_frame_at(k * hop) == k
    assert framing.frame_count(max(1, k * hop)) == 1 + max(1, k * hop) // hop


@pytest.mark.parametrize(
    ("n", "frames"),
    [
        (0, 0), (1, 1), (2047, 1), (2048, 1), (2049, 1), (2559, 1), (2560, 2),
        (2561, 2), (3071, 2), (3072, 3), (4096, 5), (11025, 18), (44100, 83),
    ],
)  # fmt: skip
def test_whole_windows_are_counted_as_the_original_counts_them(n, frames):
    assert Framing(2048, 512, "start").frame_count(n) == frames


@pytest.mark.parametrize(("n", "frames"), [(0, 0), (1, 1), (100, 2), (4096, 64), (11025, 173), (44100, 690)])
def test_cells_are_counted_as_the_original_counts_them(n, frames):
    assert Framing(64, 64, "cells").frame_count(n) == frames


@pytest.mark.parametrize(
    ("window", "hop", "frames"), [(1024, 256, 31), (2048, 2048, 4), (1000, 300, 27), (16, 8, 1101), (512, 1024, 9)]
)
def test_windows_and_hops_of_the_original_s_table(window, hop, frames):
    assert Framing(window, hop, "start").frame_count(8820) == frames


def test_a_cell_of_a_fraction_of_samples_covers_what_it_touches():
    framing = Framing(38, 37.5, "cells")
    assert [(framing.first_sample(k), framing.end_sample(k)) for k in range(3)] == [(0, 38), (37, 75), (75, 113)]
