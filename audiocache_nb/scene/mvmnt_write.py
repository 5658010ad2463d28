"""Writing MVMNT packages: what was not changed stays as it was, to the byte."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from audiocache_nb.errors import BundleIntegrityError, IngestError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.archive_writer import ArchiveWriter, Buffer
from audiocache_nb.scene.atomic import replacing
from audiocache_nb.scene.audio_parts import audio_part
from audiocache_nb.scene.capture import Scene
from audiocache_nb.scene.load import LoadedScene
from audiocache_nb.scene.mvmnt_caches import METADATA, VERSION, Unreadable, file_stem, folder_of, write_feature
from audiocache_nb.scene.mvmnt_package import DOCUMENT, FORMAT, NEWEST, Package
from audiocache_nb.scene.report import SceneReport
from audiocache_nb.timing.tempo_map import TempoMap

_CREATED = "1970-01-01T00:00:00.000Z"  # the same scene gives the same bytes


@dataclasses.dataclass(frozen=True)
class Origin:
    """The package that a session was loaded from, and what was read from it.

    Attributes
    ----------
    package : Package
    scene : LoadedScene
    """

    package: Package
    scene: LoadedScene


def save_mvmnt(scene: Scene, path: str | os.PathLike[str], origin: Origin | None) -> SceneReport:
    """Write a scene as a package.

    Parameters
    ----------
    scene : Scene
    path : path
    origin : Origin or None
        Where the session came from: everything in it that we do not know, and every feature and
        recording that is still the same, is written as it was.

    Raises
    ------
    DocumentError
    """
    warnings: list[str] = []
    entries: dict[str, Part] = {}
    document = _blank() if origin is None else copy.deepcopy(origin.package.document)
    if origin is not None and origin.package.archive is not None:
        archive = origin.package.archive
        entries = {name: _as_it_was(archive, name) for name in archive.entries if name != DOCUMENT}
    _put_tempo(document, scene, origin)
    foreign = _put_tracks(document, scene, origin)
    for source_id, name in foreign.items():
        _put_audio(document, entries, scene, source_id, name, warnings)
        _put_features(document, entries, scene, source_id, name, origin, warnings)
    data = _json(document)
    if origin is not None and document == origin.package.document:
        data = origin.package.document_bytes
    with replacing(path) as file:
        with ArchiveWriter(file) as writer:
            for name, part in {DOCUMENT: _whole(data), **entries}.items():
                writer.add(name, part.nbytes, part.pieces(), digest=False)
        size = file.tell()
    return SceneReport(os.fspath(path), "saved", tuple(scene.notes), tuple(warnings), size)


class Part(NamedTuple):
    """An entry to be written, piece by piece."""

    nbytes: int
    pieces: Callable[[], Iterable[Buffer]]


def _whole(data: bytes) -> Part:
    return Part(len(data), lambda: [data])


def _as_it_was(archive: Archive, name: str) -> Part:
    """An entry of the package that the scene came from; one that is damaged by now ends the writing."""
    entry = archive.entries[name]

    def pieces() -> Iterator[Buffer]:
        crc = 0
        for chunk in archive.chunks(name):
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if crc != entry.crc:
            raise BundleIntegrityError(
                f"The entry {name!r:.80} of the package that this scene came from is damaged.",
                hint="What was there before is untouched. Load the package again.",
                entry=name,
            )

    return Part(entry.size, pieces)


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _blank() -> dict[str, Any]:
    """The envelope of an empty scene."""
    return {
        "format": FORMAT,
        "schemaVersion": NEWEST,
        "metadata": {
            "id": "scene",
            "name": "Scene",
            "author": "audiocache_nb",
            "createdAt": _CREATED,
            "modifiedAt": _CREATED,
            "format": "scene",
        },
        "scene": {"elements": {}, "elementsOrder": []},
        "timeline": {
            "timeline": {"id": "timeline", "name": "Timeline", "globalBpm": 120, "beatsPerBar": 4},
            "tracks": {},
            "tracksOrder": [],
            "playbackRangeUserDefined": False,
            "rowHeight": 30,
            "midiCache": {},
        },
        "assets": {"storage": "zip-package", "createdWith": "audiocache_nb", "audio": {"byId": {}}},
        "references": {"audioIdMap": {}},
    }


def _put_tempo(document: dict[str, Any], scene: Scene, origin: Origin | None) -> None:
    now = scene.document["timeline"]
    before = None if origin is None else origin.scene.document["timeline"]
    core = document["timeline"]["timeline"]
    if before is None or now["tempo"] != _as_captured(before["tempo"]):
        entries = now["tempo"]["entries"]
        core["globalBpm"] = entries[0][1]
        core["beatsPerBar"] = now["tempo"]["beats_per_bar"]
        if len(entries) > 1 or "masterTempoMap" in core:
            core["masterTempoMap"] = [{"time": at_s, "bpm": bpm, "curve": curve} for at_s, bpm, curve in entries]
        if isinstance(core.get("tempoAutomation"), dict):
            core["tempoAutomation"]["enabled"] = False  # it would win over the map
    chosen = now["playback_range"]
    if chosen is not None and (before is None or chosen != before.get("playback_range")):
        tempo = TempoMap.of([tuple(entry) for entry in now["tempo"]["entries"]])
        start, end = (float(tempo.seconds_to_ticks(time_s)) for time_s in chosen)
        document["timeline"]["playbackRange"] = {"startTick": start, "endTick": end}
        document["timeline"]["playbackRangeUserDefined"] = True


def _as_captured(tempo: Mapping[str, Any]) -> dict[str, Any]:
    """Entries as a session says them, that were read from a package."""
    made = TempoMap.of([tuple(entry) for entry in tempo["entries"]], beats_per_bar=tempo["beats_per_bar"])
    return {
        "entries": [[float(one.time_s), float(one.bpm), one.curve] for one in made.entries],
        "beats_per_bar": made.beats_per_bar,
    }


_FIELDS = {
    "name": "name",
    "offset_ticks": "offsetTicks",
    "region_start_tick": "regionStartTick",
    "region_end_tick": "regionEndTick",
    "gain": "gain",
    "mute": "mute",
    "enabled": "enabled",
}


def _put_tracks(document: dict[str, Any], scene: Scene, origin: Origin | None) -> dict[str, str]:
    """Bring the tracks up to date; returns the package's name of each source."""
    tracks = document["timeline"]["tracks"]
    order = document["timeline"].setdefault("tracksOrder", [])
    loaded = {} if origin is None else {one["id"]: one for one in origin.scene.document["timeline"]["tracks"]}
    now = {one["id"]: one for one in scene.document["timeline"]["tracks"]}
    for track_id in [one for one in loaded if one not in now]:
        tracks.pop(track_id, None)
        document["timeline"]["tracksOrder"] = order = [one for one in order if one != track_id]
    foreign: dict[str, str] = {}
    for track_id, track in now.items():
        before = loaded.get(track_id)
        if before is None:
            tracks[track_id] = {"id": track_id, "type": "audio", "solo": False, "audioSourceId": track["source"]}
            order.append(track_id)
        raw = tracks[track_id]
        foreign.setdefault(track["source"], raw.get("audioSourceId") or track_id)
        for ours, theirs in _FIELDS.items():
            if before is not None and before.get(ours) == track[ours]:
                continue
            if track[ours] is None:
                raw.pop(theirs, None)
            else:
                raw[theirs] = track[ours]
    return foreign


def _put_audio(
    document: dict[str, Any], entries: dict[str, Part], scene: Scene, source_id: str, name: str, warnings: list[str]
) -> None:
    """Embed a recording that the package does not have yet."""
    asset_of = document.setdefault("references", {}).setdefault("audioIdMap", {})
    records = document.setdefault("assets", {}).setdefault("audio", {}).setdefault("byId", {})
    if asset_of.get(name) in records or name in records:
        return
    source = next(one for one in scene.sources if one.id == source_id)
    try:
        part = audio_part(source)
        digest = hashlib.sha256()
        for piece in part.pieces:
            digest.update(piece)
    except IngestError as error:
        warnings.append(f"{source.name} is not in the package: {error.message}")
        return
    sha256 = digest.hexdigest()
    file = source.path.name if source.path is not None else f"{file_stem(source.name, set())}.wav"
    file = file.replace("/", "_").replace("\\", "_")[:120]
    asset_of[name] = sha256
    records[sha256] = {
        "kind": "original" if source.path is not None else "wav",
        "filename": file,
        "mimeType": "audio/wav" if source.path is None else "application/octet-stream",
        "byteLength": part.nbytes,
        "hash": sha256,
        "durationSeconds": source.duration,
        "sampleRate": source.sample_rate,
        "channels": source.channels,
        "durationSamples": source.frames,
    }
    entries[f"assets/audio/{sha256}/{file}"] = Part(part.nbytes, lambda: audio_part(source).pieces)


def _put_features(
    document: dict[str, Any],
    entries: dict[str, Part],
    scene: Scene,
    source_id: str,
    name: str,
    origin: Origin | None,
    warnings: list[str],
) -> None:
    """Write the features that are new or other than they were; the others stay as they lie there."""
    before = {} if origin is None else {one.key: one for one in origin.scene.features if one.source_id == source_id}
    changed = [
        track
        for plain, track in zip(scene.document["features"], scene.features, strict=True)
        if plain["source"] == source_id and track.key not in before
    ]
    fresh = _recomputed(scene, source_id, before)
    if not changed and not fresh:
        return
    caches = document["timeline"].setdefault("audioFeatureCaches", {})
    folder = folder_of(name)
    present = entries.get(folder + METADATA)
    cache = _present_cache(caches.get(name), b"".join(present.pieces()) if present is not None else None)
    cache = cache or _blank_cache(name)
    tracks = cache["featureTracks"]
    composite = any(":" in key for key in tracks)
    taken = {entry[len(folder) :].rpartition(".")[0] for entry in entries if entry.startswith(folder)}
    tempo = TempoMap.of([tuple(entry) for entry in scene.document["timeline"]["tempo"]["entries"]])
    for track in [*changed, *fresh]:
        key = f"{track.feature}:{track.profile_id}" if composite or track.profile_id != "default" else track.feature
        old = (tracks.get(key) or {}).get("dataRef") or {}
        stem = str(old.get("filename", "")).rpartition(".")[0] if old.get("type") == "float32" else ""
        try:
            plain, file, nbytes, pieces = write_feature(
                track, key, int(tempo.hop_ticks(track.hop_seconds)), stem or file_stem(key, taken)
            )
        except Unreadable as problem:
            warnings.append(f"{track.feature} by {track.calculator_id} is not in the package: {problem}.")
            continue
        tracks[key] = {**(tracks.get(key) or {}), **plain}
        entries[folder + file] = Part(nbytes, pieces)
        cache.setdefault("analysisParams", {}).setdefault("calculatorVersions", {})[track.calculator_id] = plain[
            "version"
        ]
        cache["frameCount"] = cache.get("frameCount") or plain["frameCount"]
    entries[folder + METADATA] = _whole(_json(cache))
    caches[name] = {"assetId": name, "assetRef": folder + METADATA}
    statuses = document["timeline"].setdefault("audioFeatureCacheStatus", {})
    statuses[name] = {**(statuses.get(name) or {"updatedAt": 0}), "state": "ready"}


def _recomputed(scene: Scene, source_id: str, before: Mapping[str, Any]) -> Iterable[FeatureTrack]:
    """Features that have the key they had, but were computed here since."""
    return [
        track
        for plain, track in zip(scene.document["features"], scene.features, strict=True)
        if plain["source"] == source_id and track.key in before and "imported" not in track.provenance
    ]


def _present_cache(referenced: object, stored: bytes | None) -> dict[str, Any] | None:
    """The cache as it is in the package, inline or as an entry of its own."""
    found: Any = None
    if stored is not None:
        try:
            found = json.loads(stored)
        except (ValueError, RecursionError):
            found = None
    elif isinstance(referenced, dict) and "featureTracks" in referenced:
        found = copy.deepcopy(referenced)
    if isinstance(found, dict) and found.get("version") == VERSION and isinstance(found.get("featureTracks"), dict):
        return found
    return None


def _blank_cache(name: str) -> dict[str, Any]:
    profile = {"id": "default", "windowSize": 2048, "hopSize": 512, "overlap": 4, "sampleRate": 0}
    return {
        "version": VERSION,
        "audioSourceId": name,
        "hopSeconds": 0,
        "startTimeSeconds": 0,
        "frameCount": 0,
        "analysisParams": {"windowSize": 2048, "hopSize": 512, "overlap": 4, "calculatorVersions": {}},
        "analysisProfiles": {"default": profile},
        "defaultAnalysisProfileId": "default",
        "featureTracks": {},
    }
