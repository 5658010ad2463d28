"""Floor 1: recordings, from any file or array to decoded, digested and measured samples.

``load`` takes audio in and returns an ``AudioSource``; ``AudioSource.open`` begins a pass over it.
libsndfile is loaded when the first file is.
"""

from audiocache_nb.audio.health import HealthReport
from audiocache_nb.audio.ingest import load
from audiocache_nb.audio.names import display_text
from audiocache_nb.audio.source import AudioSource, BlockReader

__all__ = ["AudioSource", "BlockReader", "HealthReport", "display_text", "load"]
