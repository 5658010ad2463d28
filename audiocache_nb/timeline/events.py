"""Events: what happened to the timeline, in order, each with its number."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.timeline.status import SourceStatus


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events; `sequence` grows by exactly one from event to event."""

    sequence: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrackAdded(Event):
    """A track was put on the timeline."""

    track_id: str
    source_id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrackChanged(Event):
    """A track was moved, trimmed or renamed."""

    track_id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrackRemoved(Event):
    """A track left the timeline."""

    track_id: str
    source_id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """A source's state or message changed."""

    source_id: str
    status: SourceStatus
    previous: SourceStatus


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProgressChanged(Event):
    """Running sources got further."""

    source_id: str
    status: SourceStatus


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStored(Event):
    """A feature's data are there."""

    source_id: str
    slot: Any
    key: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFailed(Event):
    """A feature could not be computed."""

    source_id: str
    slot: Any
    error: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DemandChanged(Event):
    """An element asks for something else than before.

    Attributes
    ----------
    wishes : mapping of str to tuple of Descriptor
        All that it asks for now, by track.
    """

    element: str
    wishes: Mapping[str, tuple[Descriptor, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsChanged(Event):
    """A regeneration got further, an issue was dismissed, or somebody asked for what nobody makes."""

    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CalculatorChanged(Event):
    """A calculator was registered, replaced or removed."""

    calculator_id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TempoChanged(Event):
    """The tempo map changed; no data did."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackRangeChanged(Event):
    """Somebody chose what is played, or left it to the clips again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CachesCleared(Event):
    """A source's features were thrown away."""

    source_id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TimelineReset(Event):
    """Everything was thrown away."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionClosed(Event):
    """The last event."""
