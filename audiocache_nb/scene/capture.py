"""A timeline as a document, and what goes with it; taken at one moment, while work may go on."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
from collections.abc import Iterable, Mapping
from typing import Any

from audiocache_nb.audio.source import AudioSource
from audiocache_nb.cache.metadata import pack
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.document import FORMAT, MAJOR, MINOR
from audiocache_nb.scene.report import FeatureNote
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState, Track
from audiocache_nb.timeline.timeline import Timeline

UNFINISHED = "analysis was not finished when the scene was saved"


@dataclasses.dataclass(frozen=True)
class Scene:
    """A document with the recordings and features it names.

    Attributes
    ----------
    document : dict
    features : list of FeatureTrack
        In the order of ``document["features"]``.
    sources : list of AudioSource
        In the order of ``document["sources"]``.
    notes : list of FeatureNote
    """

    document: dict[str, Any]
    features: list[FeatureTrack]
    sources: list[AudioSource]
    notes: list[FeatureNote]


def capture(
    timeline: Timeline,
    tempo: Any,
    *,
    prune: bool,
    dismissed: Iterable[tuple[str, Descriptor]] = (),
) -> Scene:
    """What a timeline is like now.

    Parameters
    ----------
    timeline : Timeline
    tempo : Tempo
    prune : bool
        Leave out the features that nobody asks for, and those that were dismissed.
    dismissed : iterable of (source id, Descriptor)
    """
    with timeline.store.lock:
        snapshot = timeline.store.snapshot()
        tempo_map = tempo.snapshot()
        chosen_range = timeline.chosen_playback_range
        asked = {element: timeline.demand.of(element) for element in timeline.demand.elements}
        refused = {(source_id, Slot.of(descriptor)): descriptor for source_id, descriptor in dismissed}
    features: list[dict[str, Any]] = []
    tracks: list[FeatureTrack] = []
    notes: list[FeatureNote] = []
    for source_id, state in sorted(snapshot.sources.items()):
        for entry in sorted(state.entries.values(), key=lambda entry: str(entry.slot)):
            if entry.track is None:
                continue
            reason = _left_out(entry, dismissed=(source_id, entry.slot) in refused) if prune else ""
            notes.append(_note(state, entry, entry.track, "left out" if reason else "saved", reason))
            if not reason:
                features.append(_feature(source_id, entry, entry.track))
                tracks.append(entry.track)
    document = {
        "format": FORMAT,
        "version": [MAJOR, MINOR],
        "created_with": f"audiocache_nb {_version()}",
        "timeline": {
            "tempo": {
                "entries": [[float(one.time_s), float(one.bpm), one.curve] for one in tempo_map.entries],
                "beats_per_bar": tempo_map.beats_per_bar,
            },
            "playback_range": None if chosen_range is None else [float(time_s) for time_s in chosen_range],
            "tracks": [_track(track) for track in snapshot.tracks.values()],
        },
        "sources": [_source(source_id, state) for source_id, state in sorted(snapshot.sources.items())],
        "demand": [
            {
                "element": element,
                "track": track_id,
                "features": [plain_descriptor(one) for one in sorted(wanted, key=lambda one: str(Slot.of(one)))],
            }
            for element, by_track in sorted(asked.items())
            for track_id, wanted in sorted(by_track.items())
            if track_id in snapshot.tracks
        ],
        "dismissed": [
            {"source": source_id, "descriptor": plain_descriptor(descriptor)}
            for (source_id, _), descriptor in sorted(refused.items(), key=lambda item: (item[0][0], str(item[0][1])))
            if source_id in snapshot.sources
        ],
        "features": features,
    }
    return Scene(document, tracks, [state.source for _, state in sorted(snapshot.sources.items())], notes)


@functools.cache
def _version() -> str:
    return importlib.metadata.version("audiocache_nb")


def plain_descriptor(descriptor: Descriptor) -> dict[str, Any]:
    """A resolved descriptor in plain JSON values."""
    profile = descriptor.used_profile
    return {
        "feature": descriptor.feature,
        "calculator": str(descriptor.calculator),
        "profile": {"id": profile.id, **profile.values()},
        "params": pack(dict(descriptor.params)),
    }


def _left_out(entry: FeatureEntry, *, dismissed: bool) -> str:
    if dismissed:
        return "dismissed"
    return "" if entry.demanded else "nobody asks for it"


def _note(state: SourceState, entry: FeatureEntry, track: FeatureTrack, outcome: str, reason: str) -> FeatureNote:
    cost = track.provenance.get("seconds")
    return FeatureNote(
        recording=state.source.name,
        feature=entry.slot.feature,
        calculator=entry.slot.calculator_id,
        profile=entry.slot.profile_id,
        outcome=outcome,
        reason=reason,
        nbytes=track.nbytes,
        cost_s=float(cost) if isinstance(cost, (int, float)) else None,
    )


def _feature(source_id: str, entry: FeatureEntry, track: FeatureTrack) -> dict[str, Any]:
    origin: Mapping[str, Any] | None = track.provenance.get("imported")
    return {
        "source": source_id,
        "descriptor": plain_descriptor(entry.descriptor),
        "key": track.key,
        "array": None,
        "origin": None if origin is None else dict(origin),
    }


def _track(track: Track) -> dict[str, Any]:
    return {
        "id": track.id,
        "name": track.name,
        "source": track.source_id,
        "offset_ticks": float(track.offset_ticks),
        "region_start_tick": None if track.region_start_tick is None else float(track.region_start_tick),
        "region_end_tick": None if track.region_end_tick is None else float(track.region_end_tick),
        "gain": float(track.gain),
        "mute": track.mute,
        "enabled": track.enabled,
    }


def _source(source_id: str, state: SourceState) -> dict[str, Any]:
    source = state.source
    status, message = state.status.state, state.status.message
    if status == "pending":  # nobody is going to end it
        status, message = ("stale" if any(entry.track for entry in state.entries.values()) else "idle"), UNFINISHED
    return {
        "id": source_id,
        "name": source.name,
        "digest": source.digest,
        "sample_rate": source.sample_rate,
        "channels": source.channels,
        "frames": source.frames,
        "decode": pack(dict(source.decode)),
        "audio": None,
        "reference": None if source.path is None else {"name": source.path.name[:200]},
        "status": {"state": status, "message": None if message is None else message[:1000]},
    }
