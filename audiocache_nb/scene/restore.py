"""A loaded scene becomes a timeline; nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audiocache_nb.analysis.plan import Item
from audiocache_nb.audio.names import display_text
from audiocache_nb.errors import AudioCacheError, DocumentError
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.imported_feature import OTHER_AUDIO
from audiocache_nb.scene.load import LoadedFeature, LoadedScene, descriptor_of
from audiocache_nb.scene.report import FeatureNote
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState, Track
from audiocache_nb.timeline.store import Change
from audiocache_nb.timeline.timeline import Timeline

LONGEST_MESSAGE = 1000


def restore(timeline: Timeline, tempo: Any, scene: LoadedScene, *, trust: bool) -> list[FeatureNote]:
    """Put a scene on an empty timeline.

    What this machine has computed itself is taken from its cache, everything else from the scene: it
    is shown, and counts for what the scene asks for, but is given to no cache unless `trust`.

    Parameters
    ----------
    timeline : Timeline
    tempo : Tempo
    scene : LoadedScene
    trust : bool
        Treat the scene's features like those computed here.

    Returns
    -------
    list of FeatureNote

    Raises
    ------
    DocumentError
        Something in the document cannot be; the timeline is as it was.
    """
    plain = scene.document["timeline"]
    try:
        tempo.beats_per_bar = plain["tempo"]["beats_per_bar"]
        tempo.set_map([tuple(entry) for entry in plain["tempo"]["entries"]])
    except (AudioCacheError, TypeError, ValueError) as error:
        raise DocumentError(
            f"The scene's tempo cannot be: {str(error)[:200]}", hint="The file is damaged; nothing was imported."
        ) from error
    notes: list[FeatureNote] = []
    placed: list[LoadedFeature] = []
    with timeline.store.changing() as change:
        for track in plain["tracks"]:
            timeline.add(_track(track, scene))
        for asked in scene.document["demand"]:
            wanted = [descriptor_of(one) for one in asked["features"]]
            timeline.demand.publish(asked["element"], asked["track"], wanted)
        for source in scene.document["sources"]:
            if source["id"] not in change.sources:
                continue  # no track plays it
            own = [feature for feature in scene.features if feature.source_id == source["id"]]
            placed += own
            notes += _put(timeline, change, source["id"], own)
            _demanded(timeline, change, source["id"])
            timeline._derive(change, source["id"])
            message = _message(source, change.sources[source["id"]].status.state)
            if message is not None:
                timeline._derive(change, source["id"], message=message)
        chosen = plain.get("playback_range")
        if chosen is not None and chosen[0] < chosen[1]:
            timeline.playback_range = (float(chosen[0]), float(chosen[1]))
        timeline.history.clear()  # there is nothing before a scene
    if trust:  # only now: whatever ended the loading before has left no trace in any cache
        for feature, note in zip(placed, notes, strict=True):
            if note.outcome == "loaded" and feature.track is not None:
                timeline.cache.put(feature.track)
    return notes


def _track(plain: Mapping[str, Any], scene: LoadedScene) -> Track:
    return Track(
        id=plain["id"],
        name=plain["name"],
        source=scene.sources[plain["source"]],
        offset_ticks=plain["offset_ticks"],
        region_start_tick=plain.get("region_start_tick"),
        region_end_tick=plain.get("region_end_tick"),
        gain=plain.get("gain", 1.0),
        mute=plain.get("mute", False),
        enabled=plain.get("enabled", True),
    )


def _put(timeline: Timeline, change: Change, source_id: str, features: list[LoadedFeature]) -> list[FeatureNote]:
    """Put the features of a source in their places, or say why they are not there."""
    state = change.sources[source_id]
    placed = [_placed(timeline, state, feature) for feature in features]
    change.put_source(state.with_entries(*(entry for entry, _ in placed)))
    return [note for _, note in placed]


def _placed(timeline: Timeline, state: SourceState, feature: LoadedFeature) -> tuple[FeatureEntry, FeatureNote]:
    slot = Slot.of(feature.descriptor)
    item = timeline._bench.item_or_problem(state.source, feature.descriptor)
    own = timeline.cache.get(item.key) if isinstance(item, Item) else None
    loaded, problem = feature.track, feature.problem
    if loaded is not None and _passes_for_another(loaded, state, item):
        loaded, problem = None, OTHER_AUDIO
    track: FeatureTrack | None = own or loaded
    outcome = "from the cache" if own is not None else "loaded" if track is not None else "missing"
    label, lost = (timeline._bench.label(slot), problem) if track is None else (track.label, "")
    entry = FeatureEntry(slot, feature.descriptor, label or timeline._bench.label(slot), track=track, lost=lost)
    cost = None if track is None else track.provenance.get("seconds")
    note = FeatureNote(
        recording=state.source.name,
        feature=slot.feature,
        calculator=slot.calculator_id,
        profile=slot.profile_id,
        outcome=outcome,
        reason="" if track is not None else problem,
        nbytes=feature.nbytes if track is None else track.nbytes,
        cost_s=float(cost) if isinstance(cost, (int, float)) else None,
    )
    return entry, note


def _passes_for_another(track: FeatureTrack, state: SourceState, item: object) -> bool:
    """Whether data of other audio would count as what is wanted now; as stale they may stay what they were."""
    other = track.provenance.get("audio", state.source.digest) != state.source.digest
    return other and (not isinstance(item, Item) or track.key == item.key)


def _demanded(timeline: Timeline, change: Change, source_id: str) -> None:
    """What is asked for and did not come with the scene has a place all the same."""
    state = change.sources[source_id]
    asked = timeline._wanted(change, source_id)
    blank = [timeline._bench.blank(state, slot, descriptor) for slot, descriptor in asked.items()]
    change.put_source(state.with_entries(*blank))


def _message(source: Mapping[str, Any], state: str) -> str | None:
    """What the status said when the scene was saved, if it is the same now."""
    saved = source.get("status") or {}
    message = saved.get("message")
    if not isinstance(message, str) or saved.get("state") != state:
        return None
    return display_text(message, limit=LONGEST_MESSAGE)
