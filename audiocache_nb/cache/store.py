"""Finished features: in memory first, then on disk."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from audiocache_nb.cache.derived import derived_keys
from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cache.memory import MemoryCache, is_imported
from audiocache_nb.cache.writer import EXIT_S, Writer
from audiocache_nb.features.track import FeatureTrack


class CacheStore(MemoryCache):
    """What a session keeps: results in memory, and all of them on disk behind that.

    Putting never waits for the disk; getting opens at most one file and, of a long feature, reads
    its header only.

    Parameters
    ----------
    disk : DiskCache
    """

    def __init__(self, disk: DiskCache) -> None:
        super().__init__()
        self.disk = disk
        self.writer = Writer(disk)
        self.on_damage: Callable[[str], None] | None = None
        self._mapped: weakref.WeakValueDictionary[str, FeatureTrack] = weakref.WeakValueDictionary()
        this = weakref.ref(self)
        disk.on_damage = lambda key: _pass_on(this, key)

    def get(self, key: str) -> FeatureTrack | None:
        """The track of this key, or None."""
        found = super().get(key) or self._mapped.get(key) or self.writer.find(key)
        if found is None and not self.writer.forgets(key):
            found = self.disk.get(key)
            if found is not None:
                self._mapped[key] = found
        return found

    def put(self, track: FeatureTrack) -> None:
        """Keep a track, and write it when the disk has time, if anybody could tell later whether it is still right."""
        self._mapped.pop(track.key, None)
        super().put(track)
        if not track.provenance.get("uncacheable"):
            self.writer.submit(track)

    def get_derived(self, key: str) -> FeatureTrack | None:
        """What was made of a feature and kept beside it, or None."""
        return self.writer.find(key) or self.disk.get(key)

    def put_derived(self, track: FeatureTrack) -> None:
        """Write what was made of a feature; whoever made it has it in memory. It goes when the feature goes."""
        self.writer.submit(track)

    def discard(self, key: str) -> None:
        """Forget a track, wherever it is, and what was made of it."""
        super().discard(key)
        keys = {key, *derived_keys(key)}
        self.writer.forget(lambda track: track.key in keys)
        self._mapped.pop(key, None)
        for one in keys:
            self.disk.discard(one)

    def forget_imported(self, key: str) -> None:
        """Forget a track that came with a scene, and turned out to be damaged there; what is on disk was whole."""
        super().forget_imported(key)
        self.writer.forget(lambda track: track.key == key and is_imported(track))

    def discard_audio(self, digest: str) -> dict[str, int]:
        """Forget everything computed from some audio, as far as this session knows of it.

        `discard_stored` removes what earlier sessions have left.
        """

        def is_of_it(track: FeatureTrack) -> bool:
            return track.provenance.get("audio") == digest

        found = self.writer.forget(is_of_it)
        found |= {key: track.nbytes for key, track in list(self._mapped.items()) if is_of_it(track)}
        found |= super().discard_audio(digest)
        for key in found:
            self._mapped.pop(key, None)
            for one in (key, *derived_keys(key)):
                self.disk.discard(one)
        return found

    def discard_stored(self, digest: str) -> dict[str, int]:
        """Remove everything on disk that was computed from some audio; not to be called under a lock.

        Returns
        -------
        dict of str to int [bytes]
            Sizes of what was removed, by key.
        """
        return self.disk.discard_audio(digest)

    def clear(self) -> None:
        """Forget what is in memory; the disk keeps its entries."""
        super().clear()
        self._mapped.clear()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything has been written; False if the time [s] ran out."""
        return self.writer.flush(timeout)

    def close(self, timeout: float = EXIT_S) -> None:
        """Write what can be written in this time [s]."""
        self.writer.close(timeout)

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key) or key in self._mapped:
            return True
        return key in self.disk and not (isinstance(key, str) and self.writer.forgets(key))

    def _damaged(self, key: str) -> None:
        super().discard(key)
        self._mapped.pop(key, None)
        if self.on_damage is not None:
            self.on_damage(key)


def _pass_on(reference: weakref.ref[CacheStore], key: str) -> None:
    store = reference()
    if store is not None:
        store._damaged(key)
