"""What calculators cost on this machine: measured, remembered, used for estimates."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pathlib
import threading
from collections.abc import Mapping

from audiocache_nb.features.track import FeatureTrack

UNKNOWN_LOCAL = 0.0005  # of a transform and what follows; those that share it cost less
UNKNOWN_WHOLE = 0.02
DECODING = 0.001
MEMORY = 0.3  # weight of the newest measurement
MAX_BYTES = 1 << 20
MIN_AUDIO_S = 1.0


class CostModel:
    """Seconds of work per second of audio, by calculator.

    Parameters
    ----------
    path : Path or None
        A small JSON file that outlives the session; None: only in memory. A file that cannot be
        read or written is no error: estimates then start from a guess.
    """

    def __init__(self, path: pathlib.Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._rates: dict[str, float] = _read(path) if path is not None else {}
        self._changed = False

    @staticmethod
    def _name(calculator_id: str, version: str) -> str:
        return f"{calculator_id} {version}"

    def record(self, track: FeatureTrack, audio_s: float) -> None:
        """Learn from a finished feature; very short audio tells nothing."""
        seconds = track.provenance.get("seconds")
        if not isinstance(seconds, (int, float)) or audio_s < MIN_AUDIO_S:
            return
        name, rate = self._name(track.calculator_id, track.version), float(seconds) / audio_s
        with self._lock:
            before = self._rates.get(name)
            self._rates[name] = rate if before is None else (1 - MEMORY) * before + MEMORY * rate
            self._changed = True

    def estimate(self, calculator_id: str, version: str, audio_s: float, *, local: bool) -> float:
        """Expected seconds of work on one thread [s]; a guess for a calculator that never ran."""
        with self._lock:
            rate = self._rates.get(self._name(calculator_id, version))
        if rate is None:
            rate = UNKNOWN_LOCAL if local else UNKNOWN_WHOLE
        return rate * audio_s

    def knows(self, calculator_id: str, version: str) -> bool:
        """Whether the estimate rests on a measurement."""
        with self._lock:
            return self._name(calculator_id, version) in self._rates

    @property
    def rates(self) -> Mapping[str, float]:
        """Everything learned so far."""
        with self._lock:
            return dict(self._rates)

    def save(self) -> bool:
        """Write what was learned, whole or not at all; False if that was not possible or needed."""
        with self._lock:
            if self._path is None or not self._changed:
                return False
            text = json.dumps({"format": 1, "seconds_per_second": self._rates}, indent=1, sort_keys=True)
            self._changed = False
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(0o700, parents=True, exist_ok=True)
            temporary.write_text(text)
            temporary.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            return False
        return True


def _read(path: pathlib.Path) -> dict[str, float]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        found = json.loads(path.read_text())["seconds_per_second"]
        return {str(name): float(rate) for name, rate in found.items() if math.isfinite(rate) and rate >= 0}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
