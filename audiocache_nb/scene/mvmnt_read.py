"""An MVMNT package as a scene of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from audiocache_nb.analysis.plan import Item, make_item
from audiocache_nb.audio.isolated import decode_isolated
from audiocache_nb.audio.names import display_text
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.cache.metadata import pack
from audiocache_nb.errors import AudioCacheError, InvalidParameterError
from audiocache_nb.features.calculator import Layout
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.keys import digest
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.capture import plain_descriptor
from audiocache_nb.scene.document import FORMAT, MAJOR, MINOR
from audiocache_nb.scene.imported_audio import absent_source
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.load import LoadedFeature, LoadedScene
from audiocache_nb.scene.mvmnt_caches import (
    METADATA,
    PERIODIC,
    SCALES,
    VERSION,
    CachedFeature,
    Unreadable,
    folder_of,
    read_feature,
)
from audiocache_nb.scene.mvmnt_demand import wishes
from audiocache_nb.scene.mvmnt_package import Package, as_utf_8, audio_bytes
from audiocache_nb.scene.mvmnt_tempo import beats_per_bar, tempo_entries
from audiocache_nb.scene.strict_json import parse
from audiocache_nb.timing.tempo_map import TempoMap

MAX_SECONDS = 48 * 3600


def read_mvmnt(package: Package, name: str, registry: Registry, limits: ImportLimits) -> LoadedScene:
    """Interpret a package.

    Audio is decoded in a process of its own; what cannot be decoded is named, and its track is there
    without sound. A cache that is damaged makes exactly its features missing.

    Parameters
    ----------
    package : Package
    name : str
        Of the file, for messages.
    registry : Registry
        Tells what calculators of this name compute here.
    limits : ImportLimits
    """
    warnings: list[str] = []
    if as_utf_8(package.document_bytes) is not package.document_bytes:
        warnings.append(
            "The package's texts are Latin-1, as older versions of MVMNT wrote them; other letters were lost."
        )
    timeline = package.timeline
    core = timeline["timeline"]
    entries = tempo_entries(core, warnings)
    tempo = TempoMap.of([tuple(entry) for entry in entries], beats_per_bar=beats_per_bar(core))
    by_foreign_id = _sources(package, warnings)
    tracks = _tracks(package, by_foreign_id, warnings)
    features = [
        feature
        for source_id, source in by_foreign_id.items()
        for feature in _features(package, source_id, source, registry, limits, warnings, name)
    ]
    known = {track["id"]: track["source"] for track in tracks}
    sources = {source.id: source for source in by_foreign_id.values()}
    document = {
        "format": FORMAT,
        "version": [MAJOR, MINOR],
        "timeline": {
            "tempo": {"entries": entries, "beats_per_bar": tempo.beats_per_bar},
            "tracks": tracks,
            "playback_range": _range(timeline, tempo),
        },
        "sources": [_plain_source(source) for source in sources.values()],
        "demand": _demand(package, known, registry, warnings),
        "features": [],
    }
    origin = {"from": name[:200], "sha256": _sha256(package.document_bytes)}
    return LoadedScene(document, sources, features, warnings, origin, len(package.document_bytes))


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


# --- recordings ----------------------------------------------------------------------------------


def _sources(package: Package, warnings: list[str]) -> dict[str, AudioSource]:
    """The recordings by the ids that the package calls them."""
    wanted = []
    for track_id, track in package.timeline["tracks"].items():
        if _is_audio(track):
            wanted.append(_text(track.get("audioSourceId")) or track_id)
    asset_of = package.member("references", "audioIdMap")
    records = package.member("assets", "audio", "byId")
    by_asset: dict[str, AudioSource] = {}
    found: dict[str, AudioSource] = {}
    for source_id in dict.fromkeys(wanted):
        asset_id = _text(asset_of.get(source_id)) or source_id
        record = records.get(asset_id)
        if not isinstance(record, Mapping):
            warnings.append(f"Audio cache entries missing for: {source_id}")
            record = {}
        if asset_id not in by_asset:
            by_asset[asset_id] = _source(package, source_id, asset_id, record, warnings)
        found[source_id] = by_asset[asset_id]
    return found


def _source(
    package: Package, source_id: str, asset_id: str, record: Mapping[str, Any], warnings: list[str]
) -> AudioSource:
    name = _text(record.get("filename")) or source_id
    reason = f"The recording {name!r:.80} is not in the package."
    if record:
        try:
            return decode_isolated(audio_bytes(package, asset_id, record), name)
        except AudioCacheError as error:
            reason = f"The recording {name!r:.80} cannot be used: {error.message}"
            warnings.append(reason)
    rate = _whole(record.get("sampleRate"), 1000, 768_000, 44_100)
    frames = _whole(record.get("durationSamples"), 0, rate * MAX_SECONDS, 0)
    plain = {
        "name": name[:200],
        "sample_rate": rate,
        "channels": _whole(record.get("channels"), 1, 64, 1),
        "frames": frames,
        # There are no samples to take a digest of: what names it in the package names it here.
        "digest": "sha256:" + digest(["mvmnt asset", asset_id]),
        "decode": {"decoder": "absent"},
    }
    return absent_source(plain, reason)


def _plain_source(source: AudioSource) -> dict[str, Any]:
    return {
        "id": source.id,
        "name": source.name,
        "digest": source.digest,
        "sample_rate": source.sample_rate,
        "channels": source.channels,
        "frames": source.frames,
        "decode": pack(dict(source.decode)),
    }


# --- tracks --------------------------------------------------------------------------------------


def _tracks(package: Package, sources: Mapping[str, AudioSource], warnings: list[str]) -> list[dict[str, Any]]:
    tracks = package.timeline["tracks"]
    order = package.timeline.get("tracksOrder")
    listed = [one for one in order if isinstance(one, str) and one in tracks] if isinstance(order, list) else []
    found = []
    for track_id in dict.fromkeys([*listed, *tracks]):
        track = tracks[track_id]
        if not _is_audio(track):
            continue
        start, end = _ticks(track.get("regionStartTick")), _ticks(track.get("regionEndTick"))
        if start is not None and start < 0:
            start = None
        if end is not None and end <= (start or 0):
            warnings.append(f"The region of {track_id!r:.80} ends before it begins; its end is left out.")
            end = None
        gain = track.get("gain", 1.0)
        found.append(
            {
                "id": track_id,
                "name": _text(track.get("name")) or track_id,
                "source": sources[_text(track.get("audioSourceId")) or track_id].id,
                "offset_ticks": _ticks(track.get("offsetTicks")) or 0.0,
                "region_start_tick": start,
                "region_end_tick": end,
                "gain": min(2.0, max(0.0, float(gain))) if _ticks(gain) is not None else 1.0,
                "mute": track.get("mute") is True,
                "enabled": track.get("enabled") is not False,
            }
        )
    return found


def _range(timeline: Mapping[str, Any], tempo: TempoMap) -> list[float] | None:
    chosen = timeline.get("playbackRange")
    if timeline.get("playbackRangeUserDefined") is not True or not isinstance(chosen, Mapping):
        return None
    start, end = _ticks(chosen.get("startTick")), _ticks(chosen.get("endTick"))
    if start is None or end is None or end <= start:
        return None
    return [float(tempo.ticks_to_seconds(start)), float(tempo.ticks_to_seconds(end))]


# --- features ------------------------------------------------------------------------------------


def _features(
    package: Package,
    source_id: str,
    source: AudioSource,
    registry: Registry,
    limits: ImportLimits,
    warnings: list[str],
    name: str,
) -> list[LoadedFeature]:
    cache = _cache(package, source_id, limits, warnings)
    tracks = cache.get("featureTracks")
    folder = folder_of(source_id)
    found = []
    for key, plain in tracks.items() if isinstance(tracks, Mapping) else ():
        try:
            feature = read_feature(key, _mapping(plain), cache, lambda file: package.entry(folder + file), limits)
            found.append(_loaded(feature, source, registry, name))
        except (Unreadable, AudioCacheError) as error:
            said = error.message if isinstance(error, AudioCacheError) else str(error)
            warnings.append(f"The feature {key!r:.80} of {source.name} was left out: {said}.")
    return found


def _cache(package: Package, source_id: str, limits: ImportLimits, warnings: list[str]) -> Mapping[str, Any]:
    caches = package.timeline.get("audioFeatureCaches")
    cache = caches.get(source_id) if isinstance(caches, Mapping) else None
    if not isinstance(cache, Mapping):
        return {}
    if "assetRef" in cache or "assetId" in cache:  # where it lies follows from the source, whatever it says
        data = package.entry(folder_of(source_id) + METADATA)
        if data is None:
            warnings.append(f"Missing audio feature payload for cache {source_id}")
            return {}
        try:
            cache = parse(as_utf_8(data), limits, name=METADATA)
        except AudioCacheError as error:
            warnings.append(f"Failed to parse audio feature payload for cache {source_id}: {error.message}")
            return {}
    if not isinstance(cache, Mapping) or cache.get("version") != VERSION:
        warnings.append(f"Unsupported audio feature cache version of {source_id}; its features were left out.")
        return {}
    return cache


def _loaded(feature: CachedFeature, source: AudioSource, registry: Registry, name: str) -> LoadedFeature:
    """The feature with a key: ours if it was computed as we would compute it, otherwise one of its own."""
    descriptor = Descriptor(feature.feature, feature.calculator, feature.profile)
    item = _item(descriptor, source, registry)
    track = _track(feature, source, item, name)
    return LoadedFeature(source.id, descriptor, track.key, track, nbytes=track.nbytes)


def _item(descriptor: Descriptor, source: AudioSource, registry: Registry) -> Item | None:
    try:
        calculator = registry.get(str(descriptor.calculator))
        if calculator.feature != descriptor.feature:
            return None
        return make_item(source, descriptor, calculator, registry=registry)
    except AudioCacheError:
        return None


def _layout(item: Item, source: AudioSource) -> Layout | None:
    """What the calculator of that name makes here; None for one that cannot say, or that is derived."""
    try:
        params = item.calculator.parameters.effective(dict(item.descriptor.params))
        return item.calculator.layout(source, item.descriptor.used_profile, params)
    except Exception:  # other people's code
        return None


def _track(feature: CachedFeature, source: AudioSource, item: Item | None, name: str) -> FeatureTrack:
    quantised = feature.kind in SCALES
    layout = None if item is None else _layout(item, source)
    axes: tuple[str, ...] = ("frame", "channel", "bound")[: feature.data.ndim]
    data, coords = feature.data, {}
    if feature.data.ndim == 3 and feature.data.shape[1] == 1:
        data, axes = feature.data[:, 0, :], ("frame", "bound")
    if feature.data.ndim == 2 and feature.feature.startswith("spectrogram"):
        axes = ("frame", "bin")
    elif feature.kind == PERIODIC:
        axes = ("frame", "sample")
    same_shape = layout is not None and tuple(layout.tail) == data.shape[1:]
    if layout is not None and same_shape:
        axes, coords = layout.axes, dict(layout.axis_coords)
    as_ours = item is not None and same_shape and item.version == feature.version and not quantised
    facts = {"audio": source.digest, "decode": dict(source.decode), "calculator": feature.calculator}
    own_key = digest(["mvmnt", source.digest, feature.calculator, feature.version, name, feature.name])
    return FeatureTrack(
        feature=feature.feature,
        calculator_id=feature.calculator,
        version=feature.version,
        label=item.calculator.title if item is not None else feature.feature,
        unit=layout.unit if layout is not None and same_shape else "dB" if feature.fill_value < 0 else "",
        data=np.array(data),
        axes=axes,
        fill_value=feature.fill_value,
        hop_seconds=feature.hop_seconds,
        start_seconds=feature.start_seconds,
        key=item.key if as_ours and item is not None else own_key,
        alignment="start",
        format=feature.kind,  # type: ignore[arg-type]  # one of those
        axis_coords=coords,
        profile_id=feature.profile.id,
        parameters=item.used if item is not None else {},
        provenance={**facts, "imported": {"from": name[:200]}},
        scale=SCALES.get(feature.kind, 1.0),
    )


# --- demand --------------------------------------------------------------------------------------


def _demand(
    package: Package, tracks: Mapping[str, str], registry: Registry, warnings: list[str]
) -> list[dict[str, Any]]:
    """Who asks for what. Profiles of other names were labels: nothing was ever computed with them."""
    asked: dict[tuple[str, str], dict[Descriptor, None]] = {}
    for wish in wishes(package.member("scene")):
        if wish.track not in tracks:
            continue
        calculator = wish.calculator or _default_calculator(wish.feature, registry)
        try:
            descriptor = Descriptor(wish.feature, calculator, AnalysisProfile())
        except InvalidParameterError as error:
            warnings.append(f"{display_text(wish.element)} asks for a feature that cannot be: {error.message}")
            continue
        asked.setdefault((wish.element, wish.track), {})[descriptor] = None
    return [
        {"element": element, "track": track, "features": [plain_descriptor(one) for one in wanted]}
        for (element, track), wanted in sorted(asked.items())
    ]


def _default_calculator(feature: str, registry: Registry) -> str:
    """MVMNT's own calculator of a feature, since that is what its elements mean."""
    own = f"mvmnt.{feature}"
    known = {calculator.id for calculator in registry.list()}
    if own in known:
        return own
    try:
        return registry.default_for(feature).id
    except AudioCacheError:
        return own


# --- values --------------------------------------------------------------------------------------


def _is_audio(track: object) -> bool:
    return isinstance(track, Mapping) and track.get("type") == "audio"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""


def _ticks(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if abs(value) <= 1e15 else None


def _whole(value: object, low: int, high: int, otherwise: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        return otherwise
    return int(value)
