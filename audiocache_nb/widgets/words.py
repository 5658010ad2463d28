"""Words and numbers as the widgets write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audiocache_nb.features.profile import next_power_of_two
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.models.protocol import AudioLike
from audiocache_nb.models.text import display_text, finite

STATE_TEXTS = {
    "ready": "Analysed",
    "pending": "Analysing…",
    "failed": "Failed",
    "stale": "Stale",
    "idle": "Not analysed",
}
SHOWN_PARAMETERS = 8


def state_text(state: str) -> str:
    """What the badge says."""
    return STATE_TEXTS.get(state, STATE_TEXTS["idle"])


def progress_text(label: str | None) -> str:
    """What a running analysis says it is doing; None: there is no progress yet."""
    if label is None or label in ("preparing", "start"):
        return "Preparing analysis…"
    if not label:
        return "Processing audio features…"
    return "Finalising analysis…" if label == "complete" else display_text(label)


def cached_text(cached: int, entries: int) -> str:
    """How many feature tracks are there."""
    if cached:
        return f"Cached {cached} feature track{'' if cached == 1 else 's'}."
    return "Cached feature metadata available." if entries else "No analysed feature data stored yet."


def audio_text(source: AudioLike) -> str:
    """The recording in one line: ``2 channels · 44.1 kHz · 8.00 s``."""
    channels = f"{source.channels} channel{'' if source.channels == 1 else 's'}"
    return f"{channels} · {source.sample_rate / 1000:.6g} kHz · {duration_text(source.duration)}"


def duration_text(duration_s: float) -> str:
    """``8.00 s``, ``3:07.4``, ``1:02:03``."""
    seconds = finite(duration_s) or 0.0
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    if seconds < 3599.95:
        minutes, rest = divmod(round(seconds, 1), 60)
        return f"{int(minutes)}:{rest:04.1f}"
    hours, rest = divmod(round(seconds), 3600)
    return f"{int(hours)}:{int(rest // 60):02d}:{int(rest % 60):02d}"


def size_text(size_bytes: int) -> str:
    """Bytes in decimal units: ``2.8 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size, units = float(size_bytes), iter(("kB", "MB", "GB", "TB", "PB"))
    unit = "B"
    while size >= 999.5 and unit != "PB":
        size, unit = size / 1000, next(units)
    return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"


def work_text(seconds: float) -> str:
    """An expected duration, as roughly as it is known: ``0.2 s``, ``42 s``, ``12 min``, ``3.5 h``."""
    seconds = finite(seconds) or 0.0
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 89.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5370 else f"{seconds / 3600:.1f} h"


def cost_text(seconds: float, nbytes: int) -> str:
    """What some work is expected to cost: ``about 42 s, 610 MB``."""
    time = work_text(seconds)
    size = f", {size_text(nbytes)}" if nbytes else ""  # which is not always known beforehand
    return f"{'' if time.startswith('under') else 'about '}{time}{size}"


def shape_text(track: FeatureTrack) -> str:
    """The shape with the names of its axes: ``690 frames × 1025 bins``."""
    if track.format == "global":
        return f"{track.width} value{'' if track.width == 1 else 's'}"
    if track.format == "events":
        return f"{track.frame_count} event{'' if track.frame_count == 1 else 's'}"
    sizes = list(zip(track.shape, track.axes, strict=True))
    bounds = len(sizes) > 1 and sizes[-1] == (2, "bound")
    parts = [f"{size} {_counted(display_text(name, 40), size)}" for size, name in sizes[: -1 if bounds else None]]
    return " × ".join(parts) + (" (min, max)" if bounds else "")


def _counted(name: str, count: int) -> str:
    """``frame``, ``frames``, ``pitch classes``."""
    name = name.replace("_", " ")
    return name if count == 1 else f"{name}{'es' if name.endswith('s') else 's'}"


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """The parameters in one line: ``window 2048 · hop 512 · hann``.

    Values that follow from others are left out: the padded length if it is the usual one, the sample rate
    if it is the recording's own, the decibel range and the storage if they are the default ones.
    """
    rest = dict(parameters)
    window, hop, fft = rest.pop("window_size", None), rest.pop("hop_size", None), rest.pop("fft_size", None)
    parts = []
    if window is not None:
        parts.append(f"window {window}")
    if hop is not None:
        parts.append(f"hop {hop}")
    usual = next_power_of_two(max(32, window)) if isinstance(window, int) else None
    if fft is not None and fft != usual:
        parts.append(f"fft {fft}")
    kind = rest.pop("window", None)
    if kind is not None:
        parts.append(display_text(kind, 40))
    storage, rate_hz = rest.pop("storage", "float32"), rest.pop("sample_rate", None)
    if rate_hz is not None:
        parts.append(f"{_value(rate_hz)} Hz")
    low, high = rest.pop("min_decibels", None), rest.pop("max_decibels", None)
    if (low, high) not in ((None, None), (-80.0, 0.0)):
        parts.append(f"{_value(low)} … {_value(high)} dB")
    if storage != "float32":
        parts.append(f"stored as {display_text(storage, 40)}")
    others = [f"{display_text(str(name).replace('_', ' '), 40)} {_value(value)}" for name, value in rest.items()]
    if len(others) > SHOWN_PARAMETERS:
        others = [*others[:SHOWN_PARAMETERS], "…"]
    return " · ".join(parts + others)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return display_text(value, 40)
