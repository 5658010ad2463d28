"""The timeline's immutable state: tracks, sources and their features."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from audiocache_nb.errors import UnknownTrackError, said
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline.status import SourceStatus
from audiocache_nb.timing.clip import ClipMap
from audiocache_nb.timing.tempo import Tempo
from audiocache_nb.timing.tempo_map import TempoMap

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource

FeatureState = Literal["missing", "queued", "running", "fresh", "stale", "failed", "bad_request"]


class Slot(NamedTuple):
    """Where a feature belongs in a source: what was asked for, by name."""

    feature: str
    calculator_id: str
    profile_id: str
    params: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, descriptor: Descriptor) -> Slot:
        """The slot of a resolved descriptor."""
        assert descriptor.calculator is not None
        return cls(descriptor.feature, descriptor.calculator, descriptor.used_profile.id, descriptor.params)

    def __str__(self) -> str:
        parts = [self.calculator_id]
        if self.profile_id != "default":
            parts.append(self.profile_id)
        parts += [f"{name}={value!r}" for name, value in self.params]
        return ":".join(parts)


@dataclasses.dataclass(frozen=True)
class Track:
    """A clip on the timeline.

    Attributes
    ----------
    id, name, source_id : str
    source : AudioSource
    offset_ticks : float [ticks]
        Where the clip begins on the timeline.
    region_start_tick, region_end_tick : float or None [ticks]
        The part of the source that is heard, from the clip's own start.
    gain : float in 0 .. 2
    mute, enabled : bool
    tempo : Tempo or None
        Of the timeline it is on.
    """

    id: str
    name: str
    source: AudioSource
    offset_ticks: float = 0
    region_start_tick: float | None = None
    region_end_tick: float | None = None
    gain: float = 1.0
    mute: bool = False
    enabled: bool = True
    tempo: Tempo | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def clip(self) -> ClipMap:
        """Where it lies in seconds, at the tempo of now."""
        return ClipMap.from_ticks(
            TempoMap.constant() if self.tempo is None else self.tempo.snapshot(),
            offset_ticks=self.offset_ticks,
            region_start_tick=self.region_start_tick,
            region_end_tick=self.region_end_tick,
        )

    @property
    def start(self) -> float:
        """Timeline time at which it begins to sound, at the tempo of now [s]."""
        return self.clip.offset_s

    @property
    def end(self) -> float:
        """Timeline time at which it has ended, at the tempo of now [s]."""
        return self.clip.span_s(self.source.duration)[1]

    @property
    def duration(self) -> float:
        """How long it sounds, at the tempo of now [s]: its region, as far as the recording reaches."""
        start, end = self.clip.span_s(self.source.duration)
        return end - start

    @property
    def source_id(self) -> str:
        """Id of the source; tracks of the same audio share it."""
        return self.source.id

    def __repr__(self) -> str:
        audio = f"{self.source.channels} ch, {self.source.sample_rate} Hz, {self.source.duration:.2f} s"
        return f"<Track {self.id!r} {self.name!r}: {audio}>"


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureEntry:
    """One feature of a source, as far as it has got.

    Attributes
    ----------
    state : {"missing", "queued", "running", "fresh", "stale", "failed", "bad_request"}
    track : FeatureTrack or None
        The data, also while they are stale or being recomputed.
    reason : str
        Why the state is what it is, in one sentence.
    causes : tuple of str
        What differs between the stored and the wanted result.
    exception : BaseException or None
        Why the last attempt failed; its ``__cause__`` is the original.
    lost : str
        Why data that were there are not there any more.
    demanded : bool
        Whether some element asks for it.
    notes : tuple of str
        What is worth knowing although it makes nothing wrong.
    marked : str
        Why it counts as stale until it is computed again, although it is not: after a tempo edit, if the
        session's policy says so.
    """

    slot: Slot
    descriptor: Descriptor
    label: str
    state: FeatureState = "missing"
    track: FeatureTrack | None = None
    wanted_key: str = ""
    reason: str = ""
    causes: tuple[str, ...] = ()
    exception: BaseException | None = None
    failed_key: str = ""
    lost: str = ""
    demanded: bool = False
    notes: tuple[str, ...] = ()
    marked: str = ""

    def renewed(self, **changes: Any) -> FeatureEntry:
        """The entry with these fields: itself, if it has them already, as most have when all are looked through."""
        known = self.__dict__
        if all(known[name] is value or known[name] == value for name, value in changes.items()):
            return self
        entry = object.__new__(FeatureEntry)  # as `dataclasses.replace` does, in a fifth of the time
        entry.__dict__.update(known, **changes)
        return entry

    @property
    def error(self) -> str | None:
        """What went wrong, in words, while the state is ``failed``."""
        return said(self.exception) if self.state == "failed" and self.exception is not None else None


@dataclasses.dataclass(frozen=True, eq=False)
class SourceState:
    """A source with its status and its features.

    Attributes
    ----------
    changed : str
        What happened to the audio after it was taken in; empty if nothing did.
    """

    source: AudioSource
    status: SourceStatus
    entries: Mapping[Slot, FeatureEntry] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    changed: str = ""

    @functools.cached_property
    def calculators(self) -> Mapping[str, Slot]:
        """One slot of each calculator that has any here."""
        return {slot.calculator_id: slot for slot in self.entries}

    def with_entries(self, *changed: FeatureEntry) -> SourceState:
        """A copy with some entries added or replaced."""
        entries = {**self.entries, **{entry.slot: entry for entry in changed}}
        return SourceState(self.source, self.status, MappingProxyType(entries), self.changed)


@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything at one moment; never changes.

    Attributes
    ----------
    revision : int
        Grows with every change.
    tracks : mapping of str to Track, in order
    sources : mapping of str to SourceState
    prepared : dict
        What readers have made of this state for themselves; it goes when the state goes.
    """

    revision: int = 0
    tracks: Mapping[str, Track] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    sources: Mapping[str, SourceState] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    prepared: dict[Any, Any] = dataclasses.field(default_factory=dict, repr=False)

    def track(self, track: Track | str) -> Track:
        """The track as it is here.

        Raises
        ------
        UnknownTrackError
        """
        track_id: object = track.id if isinstance(track, Track) else track
        found = self.tracks.get(track_id) if isinstance(track_id, str) else None
        if found is None:
            raise UnknownTrackError(
                f"There is no track {track_id!r:.80}.", hint="session.tracks lists what there is.", track=str(track_id)
            )
        return found
