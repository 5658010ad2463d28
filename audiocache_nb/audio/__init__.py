"""Floor 1: recordings, from any file or array to decoded, digested and measured samples.

``load`` takes audio in and returns an ``AudioSource``; ``AudioSource.open`` begins a pass over it.
libsndfile is loaded when the first file is, and the readers with the first recording: profiles need the limits alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audiocache_nb.audio.health import HealthReport as HealthReport
    from audiocache_nb.audio.ingest import load as load
    from audiocache_nb.audio.names import display_text as display_text
    from audiocache_nb.audio.source import AudioSource as AudioSource
    from audiocache_nb.audio.source import BlockReader as BlockReader

_NAMES = {
    "AudioSource": "source",
    "BlockReader": "source",
    "HealthReport": "health",
    "display_text": "names",
    "load": "ingest",
}

__all__ = sorted(_NAMES)  # noqa: PLE0605 - one list of names is enough


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    return value
