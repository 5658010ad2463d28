"""What models and widgets use of a session: nothing else of it is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from audiocache_nb.errors import InvalidTypeError, SessionClosedError, UnknownTrackError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.track import FeatureTrack

if TYPE_CHECKING:
    from audiocache_nb.models.playhead import Playhead
    from audiocache_nb.models.publisher import Publisher
    from audiocache_nb.timing.tempo import Tempo


class ProgressLike(Protocol):
    """How far a running analysis is."""

    @property
    def value(self) -> float: ...
    @property
    def label(self) -> str | None: ...
    @property
    def eta(self) -> float | None: ...


class StatusLike(Protocol):
    """State of one source: ``idle``, ``pending``, ``ready``, ``failed`` or ``stale``."""

    @property
    def state(self) -> str: ...
    @property
    def message(self) -> str | None: ...
    @property
    def progress(self) -> ProgressLike | None: ...
    @property
    def updated_at(self) -> float: ...


class SlotLike(Protocol):
    """Where a feature of a source is kept."""

    @property
    def feature(self) -> str: ...
    @property
    def calculator_id(self) -> str: ...
    @property
    def profile_id(self) -> str: ...
    @property
    def params(self) -> Any: ...


class EntryLike(Protocol):
    """One feature of one source, with its data if there are any."""

    @property
    def slot(self) -> SlotLike: ...
    @property
    def descriptor(self) -> Descriptor: ...
    @property
    def label(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def track(self) -> FeatureTrack | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def error(self) -> str | None: ...
    @property
    def demanded(self) -> bool: ...


class AudioLike(Protocol):
    """The facts about a recording that are shown."""

    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def duration(self) -> float: ...
    @property
    def health(self) -> Any: ...


class SourceLike(Protocol):
    """A source with its status and its features."""

    @property
    def source(self) -> AudioLike: ...
    @property
    def status(self) -> StatusLike: ...
    @property
    def entries(self) -> Mapping[Any, EntryLike]: ...


class TrackLike(Protocol):
    """A clip on the timeline."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def source_id(self) -> str: ...
    @property
    def source(self) -> AudioLike: ...
    @property
    def offset_ticks(self) -> float: ...
    @property
    def region_start_tick(self) -> float | None: ...
    @property
    def region_end_tick(self) -> float | None: ...
    @property
    def gain(self) -> float: ...
    @property
    def mute(self) -> bool: ...
    @property
    def enabled(self) -> bool: ...


class SnapshotLike(Protocol):
    """An immutable picture of the whole timeline."""

    @property
    def revision(self) -> int: ...
    @property
    def tracks(self) -> Mapping[str, TrackLike]: ...
    @property
    def sources(self) -> Mapping[str, SourceLike]: ...


class StoreLike(Protocol):
    """Where the truth is kept."""

    def snapshot(self) -> SnapshotLike: ...
    def subscribe(self, callback: Callable[[Any], None], /) -> Callable[[], None]: ...


class SessionLike(Protocol):
    """A session, as far as models and widgets see it.

    Its `publisher` is poked after every event of its `store`.
    """

    @property
    def store(self) -> StoreLike: ...
    @property
    def tracks(self) -> Mapping[str, Any]: ...
    @property
    def publisher(self) -> Publisher: ...
    @property
    def closed(self) -> bool: ...
    @property
    def tempo(self) -> Tempo: ...
    @property
    def playhead(self) -> Playhead: ...

    def stop(self, track: Any, /) -> Any: ...
    def restart(self, track: Any, /) -> Any: ...
    def reanalyze(self, track: Any, names: Sequence[Any], /) -> Any: ...
    def clear(self, track: Any, /) -> Any: ...
    def compute(self, track: Any = None, /) -> Any: ...
    def request(
        self, track: Any, features: Sequence[Any], /, *, element: str, profile: AnalysisProfile | None = None
    ) -> Any: ...
    def release(self, element: str, /) -> Any: ...
    def growing(self, track: Any, feature: Any, /) -> Any: ...
    def prefer(self, tracks: Iterable[Any], /) -> Any: ...
    def focus(self, track: Any, start: float, end: float, /, *, element: str) -> Any: ...
    def unfocus(self, element: str, /) -> Any: ...


def require_open(session: SessionLike) -> None:
    """Refuse a closed session.

    Raises
    ------
    SessionClosedError
    InvalidTypeError
        If it is no session.
    """
    if not isinstance(getattr(session, "closed", None), bool):
        raise InvalidTypeError(f"A {type(session).__name__} is no session.", hint="Pass an acn.Session first.")
    if session.closed:
        raise SessionClosedError("The session is closed.", hint="Open another one with acn.Session().")


def require_track(session: SessionLike, track: Any) -> str:
    """Id of a track that is on the timeline.

    Parameters
    ----------
    track : Track or str
        The track or its id.

    Raises
    ------
    UnknownTrackError
    """
    track_id = track if isinstance(track, str) else getattr(track, "id", None)
    known = session.store.snapshot().tracks
    if not isinstance(track_id, str) or track_id not in known:
        names = ", ".join(repr(name)[:60] for name in list(known)[:8]) or "none"
        raise UnknownTrackError(
            f"There is no track {track_id if track_id is not None else track!r:.80} on the timeline.",
            hint=f"Known: {names}. Add one with session.add_audio(...).",
        )
    return track_id
