"""What saving and loading a scene costs, beside the same arrays in numpy's own container."""

from __future__ import annotations

import operator
import os
import pathlib
import shutil
import time

import numpy as np
from report import Row, Section
from rounds import Sample, in_turn, ratios

import audiocache_nb as acn
from audiocache_nb.scene import digests

RATE_HZ = 44100
MUSIC_S = 180.0
FEATURES = [
    "spectrogram",
    "melspectrogram",
    "logmel",
    "mfcc",
    "chroma",
    "contrast",
    "rms",
    "waveform",
    "centroid",
    "zcr",
]
SAVE_TARGET = 1.2
FRAME_TARGET = 0.05


def measure(folder: pathlib.Path, *, quick: bool) -> Section:
    """Ten features of three minutes, in a folder of its own."""
    root = folder / "scenes"
    root.mkdir()
    rounds = 5 if quick else 15
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(int((30.0 if quick else MUSIC_S) * RATE_HZ)).astype(np.float32) * 0.1
    with acn.Session(False) as session:
        track = session.add_audio(audio, RATE_HZ, track_id="a")
        session.request(track, FEATURES, element="benchmark")
        session.compute()
        session.wait()
        arrays = {name: session.get(track, name).data for name in FEATURES}
        session.release("notebook")
        rows = [*_saving(root, session, arrays, rounds), *_loading(root, rounds)]
    shutil.rmtree(root, ignore_errors=True)
    return Section(
        "Scenes", rows, "Saved without the recording. Everything warm; what is written is forced to the disk."
    )


def _saving(root: pathlib.Path, session: acn.Session, arrays: dict[str, np.ndarray], rounds: int) -> list[Row]:
    def savez() -> None:
        with (root / "arrays.npz").open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())

    def first() -> None:
        digests._known.clear()
        session.save(root / "scene.zip", audio="none")

    def again() -> None:
        session.move("a", offset_ticks=480 - session.tracks["a"].offset_ticks)
        session.save(root / "scene.zip", audio="none")

    seconds = in_turn({"first": first, "again": again, "savez": savez}, rounds)
    size = (root / "scene.zip").stat().st_size
    rows = []
    for name, label in (("first", "session.save"), ("again", "session.save after an edit of a track")):
        times = ratios(seconds[name], seconds["savez"])
        low, high = times.spread
        detail = f"{size / 1e6:.0f} MB in {seconds[name].median * 1000:.0f} ms, quartiles {low:.2f} to {high:.2f} ×"
        rows.append(Row(f"{label} beside np.savez of the same arrays", times.median, "×", SAVE_TARGET, "less", detail))
    return rows


def _loading(root: pathlib.Path, rounds: int) -> list[Row]:
    closing_s: list[float] = []

    def load() -> acn.Session:
        session, _ = acn.load(root / "scene.zip", cache_dir=False)
        sample = session.sample("a", "spectrogram", time=10.0)
        assert sample is not None
        return session

    def close(session: acn.Session) -> None:
        began_s = time.perf_counter()
        session.close()
        closing_s.append(time.perf_counter() - began_s)

    def statuses() -> acn.Session:
        session, _ = acn.load(root / "scene.zip", cache_dir=False)
        assert session.status("a").state == "ready"
        return session

    def read() -> float:
        with np.load(root / "arrays.npz", allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in FEATURES}
        return float(found["spectrogram"][861].sum())

    def first() -> float:
        with np.load(root / "arrays.npz", allow_pickle=False) as arrays:
            return float(arrays["spectrogram"][861].sum())

    things = {"load": load, "status": statuses, "one array": first, "all arrays": read}
    seconds = in_turn(things, rounds, put_away={"load": close, "status": acn.Session.close})
    times = ratios(seconds["load"], seconds["all arrays"])
    one = ratios(seconds["load"], seconds["one array"])
    every = ratios(seconds["status"], seconds["all arrays"])
    closed = Sample(tuple(map(operator.add, seconds["load"].values, closing_s[-rounds:])))
    with_closing = ratios(closed, seconds["all arrays"]).median
    detail = f"{seconds['load'].median * 1000:.1f} ms with a session made; {with_closing:.3f} × with closing it, too"
    return [
        Row("first frame after acn.load beside np.load of all arrays", times.median, "×", FRAME_TARGET, "less", detail),
        Row("first frame after acn.load beside np.load of that array", one.median, "×"),
        Row(
            "first status after acn.load, with all features looked at, beside np.load of all arrays", every.median, "×"
        ),
    ]
