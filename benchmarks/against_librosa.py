"""The same features by librosa, as one writes it down first."""

from __future__ import annotations

import concurrent.futures
import math
import os
import pathlib
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from report import Row, Section
from rounds import Sample, in_turn, ratios
from signals import SAMPLE_RATE_HZ, music, written

import audiocache_nb as acn
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.source import AudioSource

MVMNT = ["mvmnt.spectrogram", "mvmnt.rms", "mvmnt.waveform"]
DEFAULTS = ["spectrogram", "rms", "waveform"]
CELL_SAMPLES = 64
WINDOW, HOP, BLOCK_FRAMES = 2048, 512, 96
TARGET = 8.0


def by_librosa(y: NDArray[np.float32]) -> tuple[Any, ...]:
    """Spectrogram in decibels, root mean square, minimum and maximum of cells; librosa's defaults."""
    import librosa

    levels = librosa.amplitude_to_db(np.abs(librosa.stft(y)))
    rms = librosa.feature.rms(y=y)
    cells = librosa.util.frame(y, frame_length=CELL_SAMPLES, hop_length=CELL_SAMPLES)
    return levels, rms, cells.min(axis=0), cells.max(axis=0)


def by_librosa_per_channel(y: NDArray[np.float32]) -> tuple[Any, ...]:
    """As `by_librosa`, with root mean square, minimum and maximum of every channel [shape=(channels, n)]."""
    import librosa

    levels = librosa.amplitude_to_db(np.abs(librosa.stft(librosa.to_mono(y))))
    rms = librosa.feature.rms(y=y)
    cells = librosa.util.frame(y, frame_length=CELL_SAMPLES, hop_length=CELL_SAMPLES)
    return levels, rms, cells.min(axis=-2), cells.max(axis=-2)


def by_us(source: Any, names: list[str], sample_rate: int | None = None) -> list[acn.FeatureTrack]:
    """The features through a session of their own, with all that belongs to one."""
    with acn.Session(cache_dir=False, ask_above_s=math.inf, ask_above_mb=math.inf) as session:
        track = session.add_audio(source, sample_rate)
        session.request(track, names)
        session.wait()
        found = [session.peek(track, name) for name in names]
    assert all(one is not None and one.frame_count for one in found)
    return [one for one in found if one is not None]


def bare_spectrogram(y: NDArray[np.float32]) -> NDArray[np.float32]:
    """The spectrogram of ``mvmnt.*`` as a loop over blocks on all processors, with nothing around it.

    What numpy and scipy allow at most for the three features, of which the two others are left out.
    """
    frames = np.lib.stride_tricks.sliding_window_view(y, WINDOW)[::HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    out = np.empty((len(frames), WINDOW // 2 + 1), np.float32)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    edges = np.linspace(0, len(frames), threads + 1).astype(int)

    def work(first: int, end: int) -> None:
        windowed = np.empty((BLOCK_FRAMES, WINDOW), np.float32)
        for start in range(first, end, BLOCK_FRAMES):
            rows = out[start : min(start + BLOCK_FRAMES, end)]
            np.multiply(frames[start : start + len(rows)], window, out=windowed[: len(rows)])
            np.abs(scipy.fft.rfft(windowed[: len(rows)], axis=1), out=rows)
            rows *= np.float32(2 / WINDOW)
            rows += np.float32(1e-8)
            np.log10(rows, out=rows)
            rows *= np.float32(20)
            np.clip(rows, np.float32(-80), np.float32(0), out=rows)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
    return out


def _row(name: str, librosa_s: Sample, our_s: Sample, target: float | None) -> Row:
    times = ratios(librosa_s, our_s)
    low, high = times.spread
    detail = f"{low:.1f} to {high:.1f}; librosa {librosa_s.median * 1000:.0f} ms, here {our_s.median * 1000:.0f} ms"
    used = [min(sample.processor_s) * 1000 for sample in (librosa_s, our_s)]
    detail += f"; of the processor at best {used[0]:.0f} and {used[1]:.0f} ms"
    return Row(name, times.median, "×", target, "more", detail)


def measure(folder: pathlib.Path, *, quick: bool) -> Section:
    """Compare both on the same sound, in turn."""
    import librosa

    seconds, rounds = (30, 5) if quick else (180, 15)
    mono, stereo = music(seconds), music(seconds, 2)
    rows = []

    def compare(name: str, theirs: Any, ours: Any, target: float | None = TARGET) -> None:
        measured = in_turn({"librosa": theirs, "here": ours}, rounds, warm_up=2)
        rows.append(_row(name, measured["librosa"], measured["here"], target))

    held = load(mono, sample_rate=SAMPLE_RATE_HZ)
    y = np.ascontiguousarray(mono[:, 0])
    compare("mvmnt.*, from an array", lambda: by_librosa(y), lambda: by_us(held, MVMNT))
    compare(
        "what numpy and scipy allow for these: their spectrogram alone, with nothing around it",
        lambda: by_librosa(y),
        lambda: bare_spectrogram(y),
        None,
    )
    for kind in ("wav", "flac"):
        path = written(folder, mono, kind)
        source: AudioSource = load(path)

        def from_file(path: pathlib.Path = path) -> tuple[Any, ...]:
            return by_librosa(librosa.load(path, sr=None)[0])

        label = kind.upper()
        compare(f"mvmnt.*, from a {label} file", from_file, lambda source=source: by_us(source, MVMNT), None)
        compare(
            f"mvmnt.*, from a {label} file nobody has seen yet (digest, health, features)",
            from_file,
            lambda path=path: by_us(path, MVMNT),
            None,
        )
        alone = in_turn({"decoding": lambda source=source: source.read(0, source.frames)}, rounds)["decoding"]
        rows.append(Row(f"decoding the {label} file alone, which both have to", alone.median * 1000, "ms"))
    both = load(stereo, sample_rate=SAMPLE_RATE_HZ)
    planar = np.ascontiguousarray(stereo.T)
    compare("defaults, mono array", lambda: by_librosa(y), lambda: by_us(held, DEFAULTS), None)
    compare("defaults, stereo array", lambda: by_librosa_per_channel(planar), lambda: by_us(both, DEFAULTS), None)
    return Section(
        f"Times faster than librosa {librosa.__version__} on {seconds} s of audio",
        rows,
        f"Medians of {rounds} interleaved rounds, with quartiles. librosa is called with its defaults.",
    )
