"""What the cache directory costs and saves: hits beside computing, a glance at ten hours, other containers."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from report import Row, Section
from rounds import in_turn, ratios

import audiocache_nb as acn
from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.store import CacheStore
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.sampling.shelf import PyramidShelf
from audiocache_nb.widgets.pictures import make_picture

RATE_HZ = 44100
HOP_SAMPLES = 512
HIT_MS = 1.0
GLANCE_MS = 5.0
FEATURES = ["mfcc", "chroma", "melspectrogram", "f0.yin"]
MUSIC_S = 180.0
LONG_S = 36_000.0
OVERVIEW_S = 600.0
OVERVIEW_TARGET = 10.0
TIMES = 20


def measure(folder: pathlib.Path, *, quick: bool) -> Section:
    """Everything in a folder of its own."""
    root = folder / "cache"
    rounds = 5 if quick else 15
    rows = [
        *_sessions(root, 30.0 if quick else MUSIC_S, rounds),
        *_looks(root, rounds),
        *_ten_hours(root, rounds),
        *_overview(root, rounds),
        *_containers(folder, rounds),
    ]
    shutil.rmtree(root, ignore_errors=True)
    return Section("Cache directory", rows, "Everything warm: what was written lies in the system's own cache.")


def _sessions(root: pathlib.Path, duration_s: float, rounds: int) -> list[Row]:
    """A session that finds its results, beside one that computes them; both read all values."""
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(int(duration_s * RATE_HZ)).astype(np.float32) * 0.1

    def run(cache_dir: pathlib.Path | Literal[False]) -> None:
        with acn.Session(cache_dir) as session:
            track = session.add_audio(audio, RATE_HZ)
            session.request(track, FEATURES)
            for name in FEATURES:
                session.get(track, name).data.sum()

    run(root)
    seconds = in_turn({"computed": lambda: run(False), "found": lambda: run(root)}, rounds)
    times = ratios(seconds["computed"], seconds["found"])
    detail = f"{seconds['found'].median * 1000:.0f} ms instead of {seconds['computed'].median * 1000:.0f} ms"
    detail += ", of which taking the audio in is the greater part"
    name = f"{len(FEATURES)} features of {duration_s:.0f} s, found instead of computed"
    return [Row(name, times.median, "×", 5, "more", detail)]


def _looks(root: pathlib.Path, rounds: int) -> list[Row]:
    """One look for a key, as the session does it under its lock."""
    track = _track("look", np.zeros((15_504, 1025), np.float32))
    DiskCache(str(root)).put(track)
    cache = DiskCache(str(root))
    things = {"hit": _often(lambda: cache.get(track.key)), "miss": _often(lambda: cache.get("0" * 64))}
    seconds = in_turn(things, rounds)
    detail = "64 MB, of which the header is read"
    return [
        Row("a hit", seconds["hit"].median / TIMES * 1000, "ms", HIT_MS, "less", detail),
        Row("a miss", seconds["miss"].median / TIMES * 1e6, "µs"),
    ]


def _ten_hours(root: pathlib.Path, rounds: int) -> list[Row]:
    """Two seconds out of the middle, opened anew each time and checked anew."""
    frames = int(LONG_S * RATE_HZ / HOP_SAMPLES)
    track = _track("long", np.zeros((frames, 12), np.float32))
    DiskCache(str(root)).put(track)
    middle, count = frames // 2, int(2 * RATE_HZ / HOP_SAMPLES)
    read: list[int] = []

    def glance() -> None:
        cache = DiskCache(str(root))
        found = cache.get(track.key)
        assert found is not None
        found.rows(middle, middle + count).sum()
        read.append(cache.counters.bytes_read)

    seconds = in_turn({"glance": _often(glance)}, rounds)["glance"]
    detail = f"chroma, {track.nbytes / 1e6:.0f} MB, of which {read[-1] / 1e6:.1f} MB are read and checked"
    return [Row("2 s of ten hours, opened anew", seconds.median / TIMES * 1000, "ms", GLANCE_MS, "less", detail)]


def _overview(root: pathlib.Path, rounds: int) -> list[Row]:
    """What a plot needs of a long spectrogram, in a session that finds it on disk, beside one that builds it there."""
    frames = int(OVERVIEW_S * RATE_HZ / HOP_SAMPLES)
    track = _track("overview", np.random.default_rng(2).uniform(-80, 0, (frames, 1025)).astype(np.float32))
    store = CacheStore(DiskCache(str(root)))
    store.disk.put(track)
    make_picture(track, _nothing, shelf=PyramidShelf(store))
    store.flush()

    def draw(*, kept: bool) -> None:
        fresh = CacheStore(DiskCache(str(root)))
        found = fresh.get(track.key)
        assert found is not None
        picture = make_picture(found, _nothing, shelf=PyramidShelf(fresh) if kept else None)
        picture.pyramid.tile(picture.pyramid.levels - 1, 0)

    seconds = in_turn({"found": lambda: draw(kept=True), "built": lambda: draw(kept=False)}, max(3, rounds // 2))
    store.discard(track.key)
    detail = f"{track.nbytes / 1e6:.0f} MB; {seconds['found'].median * 1000:.1f} ms instead of "
    detail += f"{seconds['built'].median * 1000:.0f} ms"
    times = ratios(seconds["built"], seconds["found"]).median
    name = f"overview of a spectrogram of {OVERVIEW_S:.0f} s, found instead of built"
    return [Row(name, times, "×", OVERVIEW_TARGET, "more", detail)]


def _nothing() -> None:
    """Nobody stops it."""


def _containers(folder: pathlib.Path, rounds: int) -> list[Row]:
    """The same spectrogram in an entry and in a file of `numpy.savez`, which checks its content as well."""
    data = np.random.default_rng(1).standard_normal((15_504, 1025)).astype(np.float32)
    track, path = _track("container", data), folder / "container.npz"
    root = str(folder / "containers")
    writer = DiskCache(root)

    def first_frame() -> None:
        found = DiskCache(root).get(track.key)
        assert found is not None
        found.rows(0, 1).sum()

    def everything() -> None:
        found = DiskCache(root).get(track.key)
        assert found is not None
        found.data.sum()

    def savez(rows: slice) -> None:
        with np.load(path) as archive:
            archive["data"][rows].sum()

    things = {
        "write": lambda: writer.put(track),
        "savez": lambda: np.savez(path, data=data),
        "first": first_frame,
        "savez first": lambda: savez(slice(1)),
        "all": everything,
        "savez all": lambda: savez(slice(None)),
    }
    things["write"]()
    things["savez"]()
    seconds = in_turn(things, max(3, rounds // 2))
    shutil.rmtree(root, ignore_errors=True)

    def row(name: str, one: str, target: float | None) -> Row:
        times = ratios(seconds[f"savez {one}" if one != "write" else "savez"], seconds[one])
        detail = f"{seconds[one].median * 1000:.3g} ms"
        return Row(f"{name} (64 MB), to numpy.savez", times.median, "×", target, "more", detail)

    return [row("write", "write", None), row("first frame", "first", 10), row("read and check all", "all", 1)]


def _often(look: Callable[[], Any]) -> Callable[[], None]:
    """So that what happens between two measurements counts little."""

    def all_of_them() -> None:
        for _ in range(TIMES):
            look()

    return all_of_them


def _track(name: str, data: np.ndarray) -> FeatureTrack:
    return FeatureTrack(
        feature=name,
        calculator_id=name,
        version="1",
        label=name,
        unit="",
        data=data,
        axes=("frame", "bin"),
        fill_value=0.0,
        hop_seconds=HOP_SAMPLES / RATE_HZ,
        start_seconds=0.0,
        key=f"{name:0>64}",
    )
