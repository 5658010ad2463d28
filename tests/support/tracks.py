"""Tracks to put into a cache."""

from __future__ import annotations

import hashlib

import numpy as np

from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.features.track import FeatureTrack


def key_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def make_track(name: str = "a", data=None, *, audio: str = "sha256:0", seconds: float = 0.5, **changes) -> FeatureTrack:
    """A track with everything that a track can have."""
    if data is None:
        data = np.random.default_rng(len(name)).standard_normal((40, 3)).astype(np.float32)
    values = {
        "feature": "mel",
        "calculator_id": "mine.mel",
        "version": "1",
        "label": "Mel",
        "unit": "dB",
        "data": data,
        "axes": ("frame", "band", "channel", "more")[: data.ndim],
        "fill_value": -80.0,
        "hop_seconds": 512 / 44100,
        "start_seconds": 0.0,
        "key": key_of(name),
        "axis_coords": {"band": np.linspace(20, 20000, data.shape[1])} if data.ndim > 1 else {},
        "profile_id": "default",
        "parameters": {"n_mels": 3, "range": (20, 20000.0), "norm": None, "htk": True, "names": ["a", "ü"]},
        "provenance": {"audio": audio, "seconds": seconds, "dependencies": {"stft": key_of("stft")}},
    }
    return FeatureTrack(**{**values, **changes})


def long_data(megabytes: int = 8) -> np.ndarray:
    """Data of several chunks of 1024 rows."""
    return np.arange(megabytes << 18, dtype=np.float32).reshape(-1, 256)


def entry_path(root: str, key: str) -> str:
    """Where the entry of a key lies."""
    place = DiskCache(root).place
    return place.path_of(place.name_of(key))
