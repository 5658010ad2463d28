from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audiocache_nb.audio.digest import FORMAT_TAG, SampleDigest


def digest_of(blocks, rate=44100, channels=2):
    digest = SampleDigest(rate, channels)
    for block in blocks:
        digest.update(block)
    return digest.finish()


def test_the_digest_is_what_its_docstring_says():
    samples = np.array([[0.5, -0.5], [0.25, 1.0]], np.float32)
    text = f"{FORMAT_TAG}\nrate=44100\nchannels=2\n".encode() + samples.astype("<f4").tobytes() + b"\nframes=2\n"
    assert digest_of([samples]) == "sha256:" + hashlib.sha256(text).hexdigest()


@given(st.lists(st.integers(0, 100), max_size=20))
def test_blocks_do_not_matter(cuts):
    samples = np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32)
    assert digest_of(np.split(samples, sorted(cuts))) == digest_of([samples])


def test_layout_and_byte_order_do_not_matter():
    samples = np.random.default_rng(0).standard_normal((100, 2)).astype(np.float32)
    assert digest_of([np.asfortranarray(samples)]) == digest_of([samples])
    assert digest_of([samples.astype(">f4")]) == digest_of([samples])


def test_rate_channels_frames_and_samples_matter():
    samples = np.zeros((4, 2), np.float32)
    changed = samples.copy()
    changed[3, 1] = 1e-9
    others = {
        digest_of([samples]),
        digest_of([samples], rate=48000),
        digest_of([samples.reshape(8, 1)], channels=1),
        digest_of([samples[:3]]),
        digest_of([changed]),
        digest_of([]),
    }
    assert len(others) == 6


def test_a_digest_can_be_read_before_the_end():
    digest = SampleDigest(44100, 1)
    digest.update(np.zeros((3, 1), np.float32))
    early = digest.finish()
    digest.update(np.zeros((3, 1), np.float32))
    assert digest.finish() != early
    assert digest.finish() == digest_of([np.zeros((6, 1), np.float32)], channels=1)
