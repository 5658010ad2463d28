"""A loaded scene becomes a timeline; nothing is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from audiocache_nb.analysis.plan import Item
from audiocache_nb.audio.names import display_text
from audiocache_nb.errors import AudioCacheError, DocumentError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.imported_feature import OTHER_AUDIO
from audiocache_nb.scene.load import LoadedFeature, LoadedScene, descriptor_of
from audiocache_nb.scene.report import FeatureNote
from audiocache_nb.timeline.late import LateState
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState, Track
from audiocache_nb.timeline.status import SourceStatus, next_status
from audiocache_nb.timeline.timeline import Timeline

LONGEST_MESSAGE = 1000


def restore(
    timeline: Timeline, tempo: Any, scene: LoadedScene, *, trust: bool
) -> Callable[[], tuple[FeatureNote, ...]]:
    """Put a scene on an empty timeline.

    What this machine has computed itself is taken from its cache, everything else from the scene: it
    is shown, and counts for what the scene asks for, but is given to no cache unless `trust`.

    A feature is opened when somebody looks at it, and all of them when somebody looks at anything that
    follows from all: a status, the list of features, what is told here. Nothing is said of a feature before.

    Parameters
    ----------
    timeline : Timeline
    tempo : Tempo
    scene : LoadedScene
    trust : bool
        Treat the scene's features like those computed here.

    Returns
    -------
    callable () -> tuple of FeatureNote
        Tells what became of each feature.

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
    openings: list[_Opening] = []
    with timeline.store.changing() as change:
        for track in plain["tracks"]:
            timeline.add(_track(track, scene))
        for asked in scene.document["demand"]:
            wanted = [descriptor_of(one) for one in asked["features"]]
            timeline.demand.publish(asked["element"], asked["track"], wanted)
        for source in scene.document["sources"]:
            blank = change.sources.get(source["id"])
            if blank is None:
                continue  # no track plays it
            own = [feature for feature in scene.features if feature.source_id == source["id"]]
            opening = _Opening(timeline, blank, own, timeline._wanted(change, source["id"]), source)
            openings.append(opening)
            change.put_source(LateState.of(blank.source, opening))
        chosen = plain.get("playback_range")
        if chosen is not None and chosen[0] < chosen[1]:
            timeline.playback_range = (float(chosen[0]), float(chosen[1]))
        timeline.history.clear()  # there is nothing before a scene
    if trust:  # only when all are open: whatever ended the loading before has left no trace in any cache
        placed = [pair for opening in openings for pair in zip(opening.features, opening.notes(), strict=True)]
        for feature, note in placed:
            if note.outcome == "loaded" and feature.track is not None:
                timeline.cache.put(feature.track)
    return lambda: tuple(note for opening in openings for note in opening.notes())


class _Opening:
    """Opens the features of a source that came with a scene.

    There is no lock: all of it follows from what does not change, whoever asks and however often, and what
    was there first stays.

    Parameters
    ----------
    timeline : Timeline
    blank : SourceState
        The source without any feature.
    features : list of LoadedFeature
    wanted : dict of Slot to Descriptor
        What is asked of it.
    saved : mapping
        What the document says of the source.
    """

    def __init__(
        self,
        timeline: Timeline,
        blank: SourceState,
        features: list[LoadedFeature],
        wanted: dict[Slot, Descriptor],
        saved: Mapping[str, Any],
    ) -> None:
        self.features = features
        self._timeline: Timeline | None = timeline  # None once all is open: a report may live longer than that
        self._blank = blank
        self._wanted = wanted
        self._saved = saved
        self._slots = [Slot.of(feature.descriptor) for feature in features]
        self._places = {slot: n for n, slot in enumerate(self._slots)}  # of two with one name, the later one counts
        self._placed: dict[int, tuple[FeatureEntry, FeatureNote]] = {}
        self._state: dict[str, SourceState] = {}

    def one(self, slot: Slot) -> FeatureEntry | None:
        place = self._places.get(slot)
        if place is None or self._state:
            return self.all().entries.get(slot)
        entry = self._entry(place)
        return entry if entry.demanded or entry.state != "missing" else None

    def all(self) -> SourceState:
        timeline = self._timeline
        if timeline is None or self._state:
            return self._state["all"]
        entries = {slot: self._entry(place) for slot, place in self._places.items()}
        bench = timeline._bench
        for slot, descriptor in self._wanted.items():  # what did not come with the scene has a place all the same
            entries.setdefault(slot, bench.blank(self._blank, slot, descriptor))
        state = timeline._derived(self._blank.with_entries(*entries.values()), self._wanted)
        message = _message(self._saved, state.status.state)
        status = state.status if message is None else next_status(state.status, state.status.state, message=message)
        status = dataclasses.replace(status, updated_at=self._blank.status.updated_at)
        found = self._state.setdefault("all", dataclasses.replace(state, status=status))
        if len(self._placed) == len(self.features):
            self._timeline = None
        return found

    @property
    def before(self) -> SourceStatus | None:
        """Where the source stood when it was saved; None once all is open."""
        state = (self._saved.get("status") or {}).get("state")
        if self._state or state is None:
            return None
        return next_status(self._blank.status, state, message=_message(self._saved, state))

    def notes(self) -> list[FeatureNote]:
        """What became of each feature."""
        return [self._place(place)[1] for place in range(len(self.features))]

    def _entry(self, place: int) -> FeatureEntry:
        return self._place(place)[0]

    def _place(self, place: int) -> tuple[FeatureEntry, FeatureNote]:
        timeline = self._timeline
        if timeline is None or place in self._placed:
            return self._placed[place]
        slot = self._slots[place]
        entry, note = _placed(timeline, self._blank, slot, self.features[place])
        wanted = self._wanted.get(slot)
        judged = timeline._bench.judged(self._blank.with_entries(entry), slot, wanted)
        return self._placed.setdefault(place, (judged.renewed(demanded=wanted is not None), note))


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


def _placed(
    timeline: Timeline, state: SourceState, slot: Slot, feature: LoadedFeature
) -> tuple[FeatureEntry, FeatureNote]:
    """A feature in its place, or why it is not there."""
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


def _message(source: Mapping[str, Any], state: str) -> str | None:
    """What the status said when the scene was saved, if it is the same now."""
    saved = source.get("status") or {}
    message = saved.get("message")
    if not isinstance(message, str) or saved.get("state") != state:
        return None
    return display_text(message, limit=LONGEST_MESSAGE)
