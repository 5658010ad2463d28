"""What it costs to keep diagnostics up to date, and to ask for the same again and again."""

from __future__ import annotations

import time

import numpy as np
from report import Row, Section
from rounds import Sample

import audiocache_nb as acn
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.diagnostics.diagnostics import Diagnostics
from audiocache_nb.timeline.state import Track

FEATURES = ("rms", "waveform", "spectrogram", "chroma", "mfcc", "centroid", "flux", "zcr", "rolloff", "flatness")
DIFF_TARGET = 1.0
PUBLISH_TARGET = 5.0
PER_SECOND = 10_000


def many(tracks: int) -> tuple[acn.Session, list[Track]]:
    """A session in which nothing is computed, and its tracks with ten requests each."""
    session = acn.Session(cache_dir=False, policy="never", registry=Registry(entry_points=False))
    found = []
    for number in range(tracks):
        track = session.add_audio(np.full(64, number / tracks, np.float32), 8000, name=f"t{number}")
        session.request(track, FEATURES, element=f"plot {number}")
        found.append(track)
    return session, found


def diffs(tracks: int, rounds: int) -> tuple[Sample, Sample]:
    """Milliseconds of finding everything out afresh, and of bringing it up to date after one change."""
    session, found = many(tracks)
    afresh, update = [], []
    with session:
        diagnostics = session.diagnostics
        assert len(diagnostics.groups) == tracks
        for number in range(rounds):
            began_s = time.perf_counter()
            count = len(Diagnostics(session.timeline).groups)
            afresh.append((time.perf_counter() - began_s) * 1000)
            assert count == tracks
            wanted = FEATURES[: 5 + number % 2]
            session.request(found[number * 7 % tracks], wanted, element=f"plot {number * 7 % tracks}")
            before = diagnostics._ledger.examined
            began_s = time.perf_counter()
            diagnostics._refresh()
            update.append((time.perf_counter() - began_s) * 1000)
            assert diagnostics._ledger.examined - before <= len(FEATURES)
            session.timeline.store.committed.pop()  # the one that was made for comparison
    return Sample(tuple(afresh)), Sample(tuple(update))


def publishing(seconds: float) -> Sample:
    """Share of one thread [%] that ten thousand equal requests a second take."""
    shares = []
    with acn.Session(cache_dir=False) as session:
        tracks = [
            session.add_audio(np.full(8000, level, np.float32), 8000, name=f"{level}") for level in (0.1, 0.2, 0.3)
        ]
        names = ["rms", "waveform", "spectrogram"]
        elements = [f"plot {number}" for number in range(5)]
        pairs = [(track, element) for track in tracks for element in elements]
        for track, element in pairs:
            session.request(track, names, element=element)
        session.wait()
        for _ in range(max(3, int(10 * seconds))):
            began_s = time.perf_counter()
            for _ in range(PER_SECOND // 10 // len(pairs)):
                for track, element in pairs:
                    session.request(track, names, element=element)
            spent_s = (time.perf_counter() - began_s) / (PER_SECOND // 10 // len(pairs) * len(pairs))
            shares.append(100 * spent_s * PER_SECOND)
    return Sample(tuple(shares))


def measure(*, quick: bool) -> Section:
    """Diffs of many tracks, then requests."""
    tracks, rounds = (1000, 5) if quick else (1000, 25)
    afresh, update = diffs(tracks, rounds)
    share = 100 * update.median / afresh.median
    published = publishing(0.5 if quick else 3.0)
    detail = f"{update.median:.2f} of {afresh.median:.0f} ms"
    asked = f"{published.median / 100 / PER_SECOND * 1e6:.2f} µs each, of 15 elements in turn"
    return Section(
        "Diagnostics and demand",
        [
            Row(
                f"one change in {tracks} × {len(FEATURES)} features, of all afresh",
                share,
                "%",
                DIFF_TARGET,
                "less",
                detail,
            ),
            Row(
                f"{PER_SECOND:,} equal requests a second, of one thread",
                published.median,
                "%",
                PUBLISH_TARGET,
                "less",
                asked,
            ),
        ],
    )
