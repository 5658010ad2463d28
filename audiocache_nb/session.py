"""The session: everything that a notebook needs, behind one object."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from audiocache_nb.analysis.costs import CostModel
from audiocache_nb.cache.location import budget_bytes, cache_directory
from audiocache_nb.cache.report import SessionCache
from audiocache_nb.errors import (
    CacheCorruptionError,
    IngestError,
    InvalidParameterError,
    InvalidTypeError,
    SessionClosedError,
)
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry, calculators
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.session_diagnostics import Names, SessionDemand, listed
from audiocache_nb.session_focus import SessionFocus
from audiocache_nb.session_freshness import SessionFreshness, checked_salt
from audiocache_nb.session_playhead import SessionPlayhead
from audiocache_nb.session_sampling import SessionSampling
from audiocache_nb.session_scene import SceneVerbs
from audiocache_nb.session_tracks import SessionTracks, checked_place
from audiocache_nb.timeline.elements import everything_of
from audiocache_nb.timeline.gate import ASK_ABOVE_MB, ASK_ABOVE_S, Gate, Policy
from audiocache_nb.timeline.state import Track
from audiocache_nb.timeline.status import SourceStatus
from audiocache_nb.timeline.store import TimelineStore
from audiocache_nb.timeline.timeline import Timeline
from audiocache_nb.timing.tempo import Tempo

if TYPE_CHECKING:
    from audiocache_nb.analysis.jobs import Job
    from audiocache_nb.analysis.report import PlanReport
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.models.playhead import Playhead
    from audiocache_nb.models.publisher import Publisher
    from audiocache_nb.timeline.events import Event

CHECKED_BY_GET_BYTES = 8 << 20  # bigger features are checked where they are touched


class Session(
    SessionDemand, SessionFocus, SessionFreshness, SessionPlayhead, SessionTracks, SessionSampling, SceneVerbs
):
    """A timeline of audio tracks, and the features that are computed for them.

    Parameters
    ----------
    cache_dir : path, False or None
        Where to keep results between sessions, and what calculators cost on this machine; any number
        of sessions may share it. None: the user's cache directory, or the one that the environment
        variable ``AUDIOCACHE_NB_CACHE_DIR`` names; False: nothing is written.
    workers : int >= 1, optional
        Analysis threads; None: from the machine.
    bpm : float > 0 [beats per minute]
    beats_per_bar : int >= 1
    registry : Registry, optional
        The calculators to use; None: `acn.calculators`.
    tempo_policy : {"project", "stale"}
        What a tempo edit does. ``"project"``: features are in seconds, so only the view of them in ticks
        and bars is another one, and only what depends on the tempo is computed again. ``"stale"``: besides,
        everything that is there counts as stale, with the message ``tempo updated`` or ``tempo map
        updated``, until `restart` or `reanalyze` have computed it again; so did MVMNT.
    cache_budget_bytes : int > 0 [bytes]
        What the cache directory may hold; beyond it, what is cheapest to compute again leaves first.
        None: what the environment variable ``AUDIOCACHE_NB_CACHE_BYTES`` says, or else 20 GB.
    salt : str, optional
        Part of the key of every result: another text is a way out of a cache that is known to be wrong.
        None: what the environment variable ``AUDIOCACHE_NB_SALT`` says, or else nothing.
    policy : {"auto", "ask", "never", "all"}
        What is asked for starts by itself if it is cheap, only after `compute`, only after `compute`
        and without a word about it, or always; with ``"all"``, every feature of new tracks is asked for.
    ask_above_s : float >= 0 [s]
    ask_above_mb : float >= 0 [MB]
        What is expected to cost more than this for one recording is not cheap.

    Examples
    --------
    >>> import audiocache_nb as acn
    >>> with acn.Session(cache_dir=False) as session:
    ...     track = session.add_audio(*acn.examples.load("sweep"))
    ...     session.get(track, "rms").axes
    ('frame', 'channel')
    """

    def __init__(
        self,
        cache_dir: str | os.PathLike[str] | Literal[False] | None = None,
        workers: int | None = None,
        bpm: float = 120.0,
        beats_per_bar: int = 4,
        *,
        registry: Registry | None = None,
        tempo_policy: Literal["project", "stale"] = "project",
        cache_budget_bytes: int | None = None,
        salt: str | None = None,
        policy: Policy = "auto",
        ask_above_s: float = ASK_ABOVE_S,
        ask_above_mb: float = ASK_ABOVE_MB,
    ) -> None:
        if workers is not None and (type(workers) is not int or workers < 1):
            raise InvalidParameterError(f"workers is {workers!r:.60}.", hint="Use a whole number from 1 on, or None.")
        if registry is not None and not isinstance(registry, Registry):
            raise InvalidTypeError(
                f"registry is a {type(registry).__name__}.", hint="Leave it out, or pass a Registry."
            )
        if tempo_policy not in ("project", "stale"):
            raise InvalidParameterError(f"tempo_policy is {tempo_policy!r:.60}.", hint='Use "project" or "stale".')
        self.cache_dir = cache_directory(cache_dir)
        self.tempo = Tempo(bpm=bpm, beats_per_bar=beats_per_bar)
        self._initial_tempo = (bpm, beats_per_bar)
        self._registry = registry or calculators
        costs = CostModel(None if self.cache_dir is None else self.cache_dir / "costs.json")
        self.cache = SessionCache(self.cache_dir, budget_bytes(cache_budget_bytes))
        self.timeline = Timeline(
            self._registry,
            workers=workers,
            tempo=self.tempo,
            costs=costs,
            cache=self.cache.store,
            salt=checked_salt(salt),
            gate=Gate(policy, ask_above_s=ask_above_s, ask_above_mb=ask_above_mb),
            tempo_policy=tempo_policy,
        )
        if self.cache_dir is not None:
            self.timeline.scheduler.outputs.folder = self.cache_dir / "tmp"
            self.timeline.history.sources.folder = self.cache_dir / "tmp"
        self.timeline.history.sources.notes = self.cache.notes
        self.cache.store.on_damage = self.timeline.entry_damaged
        self._tempo_subscription = self.tempo.subscribe(self.timeline.tempo_changed)
        self._lock = threading.Lock()
        self._set_up_demand()
        self._publisher: Publisher | None = None
        self._watch_cells()

    # --- life --------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self.timeline.closed

    def close(self) -> None:
        """End all work and all widgets' updates; within a second, whatever is running."""
        if self.closed:
            return
        self.timeline.close()
        self._unwatch_cells()
        self._tempo_subscription()
        if self._publisher is not None:
            self._publisher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def store(self) -> TimelineStore:
        """The timeline's state: `snapshot()` and `subscribe(callback)`."""
        return self.timeline.store

    @property
    def publisher(self) -> Publisher:
        """Copies state into widgets and models."""
        with self._lock:
            if self._publisher is None:
                from audiocache_nb.models.publisher import Publisher

                if self.closed:
                    raise SessionClosedError("The session is closed.", hint="Make a new acn.Session().")
                self._publisher = Publisher()
                publisher = self._publisher
                self.store.subscribe(lambda _event: publisher.poke())
            return self._publisher

    def playhead_made(self, playhead: Playhead) -> None:
        """What nobody shows on a plot is computed from the playhead on."""
        reference = weakref.ref(playhead)

        def playhead_s() -> float | None:
            there = reference()
            return None if there is None else there.time

        self.timeline.focus.playhead_s = playhead_s

    @property
    def registry(self) -> Registry:
        """The calculators this session uses."""
        return self._registry

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call `callback(event)` for every later event; returns the function that ends it."""
        return self.store.subscribe(callback)

    # --- tracks ------------------------------------------------------------------------------

    @property
    def tracks(self) -> Mapping[str, Track]:
        """Tracks by id, in the order they were added."""
        return self.store.snapshot().tracks

    def add_audio(
        self,
        source: Any,
        sample_rate: int | None = None,
        name: str | None = None,
        track_id: str | None = None,
        offset_ticks: float = 0,
        region_start_tick: float | None = None,
        region_end_tick: float | None = None,
        analyze: Literal["demand", "all", "none"] = "demand",
        *,
        nonfinite: Literal["refuse", "zero"] = "refuse",
        allow_partial: bool = False,
    ) -> Track:
        """Take audio in and put it on the timeline.

        Parameters
        ----------
        source : path, bytes, file object, array [shape=(n,) or (n, channels)] or AudioSource
            Arrays are copied; files are read once now, for their content's digest and health, and
            again, block by block, when something is computed.
        sample_rate : int [Hz]
            Required for arrays.
        name : str, optional
            What is shown; default: the file's name.
        track_id : str, optional
            Default: made of the name.
        offset_ticks, region_start_tick, region_end_tick : float [ticks]
            Where the clip lies, and which part of it is heard.
        analyze : {"demand", "all", "none"}
            Compute what is asked for, when it is asked for; every feature, now; or nothing until
            `restart`, `reanalyze` or `get` say so.
        nonfinite : {"refuse", "zero"}
            What becomes of NaN and infinite samples.
        allow_partial : bool
            Accept what could be decoded of a damaged stream.

        Returns
        -------
        Track

        Raises
        ------
        IngestError
            Nothing was added; the subclass says why.
        """
        from audiocache_nb.audio.ingest import load

        if analyze not in ("demand", "all", "none"):
            raise InvalidParameterError(f"analyze is {analyze!r:.60}.", hint='Use "demand", "all" or "none".')
        if self.closed:
            raise SessionClosedError("The session is closed.", hint="Make a new acn.Session().")
        place = checked_place(offset_ticks, region_start_tick, region_end_tick)
        chosen_id = None if track_id is None else _checked_id(track_id)
        audio = load(source, sample_rate=sample_rate, name=name, nonfinite=nonfinite, allow_partial=allow_partial)
        known = self.store.snapshot().sources.get(audio.id)
        shared = known.source if known is not None and _is_readable(known.source) else audio
        with self.store.lock:
            track = Track(
                id=chosen_id or _free_id(audio.name, self.tracks),
                name=audio.name,
                source=shared,
                tempo=self.tempo,
                **place,
            )
            self.timeline.add(track, hold=analyze == "none")
            if analyze == "all" or (analyze == "demand" and self.policy == "all"):
                self.timeline.request(
                    track, self.timeline.all_descriptors(track), everything_of(track.id), now=analyze == "all"
                )
        return track

    def remove(self, track: Track | str) -> None:
        """Take a track off the timeline; work for it ends."""
        self.timeline.remove(self.timeline.track(track).id)

    # --- features ----------------------------------------------------------------------------

    def get(
        self,
        track: Track | str,
        feature: str | Descriptor,
        profile: AnalysisProfile | None = None,
        *,
        timeout: float | None = None,
    ) -> FeatureTrack:
        """Ask for a feature and wait until it is there.

        Raises
        ------
        CalculatorError
            If it could not be computed; the original exception is the cause.
        WaitTimeoutError, JobCancelledError
        """
        descriptor = self._registry.resolve(feature, profile)
        found = self.timeline.get(track, descriptor, timeout)
        if found.nbytes <= CHECKED_BY_GET_BYTES:
            try:
                found.rows(0, found.frame_count)
            except CacheCorruptionError:  # it has been set aside: now it is computed
                found = self.timeline.get(track, descriptor, timeout)
        return found

    def peek(
        self, track: Track | str, feature: str | Descriptor, profile: AnalysisProfile | None = None
    ) -> FeatureTrack | None:
        """The feature if it is there, fresh or stale; asks for nothing."""
        return self.timeline.peek(track, self._registry.resolve(feature, profile))

    def plan(self, track: Track | str, features: Names, profile: AnalysisProfile | None = None) -> PlanReport:
        """What a request would do: the steps, the expected time and bytes, what is cached already.

        Nothing is computed. ``session.plan(track, ["rms", "spectrogram"]).explain()`` is a text.
        """
        return self.timeline.plan(track, self._resolve(features, profile))

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is queued or running; Ctrl-C ends the waiting, not the work.

        Raises
        ------
        WaitTimeoutError
        """
        self.timeline.wait(timeout)

    def status(self, track: Track | str) -> SourceStatus:
        """Where a track's source stands."""
        self.timeline.look(track)
        with self.store.lock:
            found = self.timeline.track(track)
            return self.store.snapshot().sources[found.source_id].status

    # --- verbs -------------------------------------------------------------------------------

    def stop(self, track: Track | str) -> None:
        """End the work on a track's source; what exists stays."""
        self.timeline.stop(track)

    def restart(self, track: Track | str) -> list[Job]:
        """Compute everything again that was asked for or is there."""
        return self.timeline.restart(track)

    def reanalyze(self, track: Track | str, names: Names) -> list[Job]:
        """Compute some calculators' features again, in all profiles there are; all others stay.

        Parameters
        ----------
        track : Track or str
        names : str, Descriptor or a list of them
            Ids of calculators or keys of features; a descriptor means its own profile only.
        """
        return self.timeline.reanalyze(track, listed(names))

    def clear(self, track: Track | str) -> int:
        """Throw a track's features away, those on disk and of all profiles as well; returns the bytes freed.

        Other tracks of the same audio lose theirs, too: results belong to what was heard.
        """
        return self.timeline.clear(track)

    def clear_all(self) -> None:
        """Take all tracks away, with everything computed for them; the cache directory keeps its results."""
        self.timeline.clear_all()

    def reset(self) -> None:
        """Begin anew: no tracks, and the tempo the session began with; the cache directory keeps its results."""
        self.timeline.clear_all()
        self.timeline.history.clear()
        self.timeline.playback_range = None
        bpm, beats_per_bar = self._initial_tempo
        self.tempo.beats_per_bar = beats_per_bar
        self.tempo.bpm = bpm

    # --- seeing ------------------------------------------------------------------------------

    def workbench(self, track: Track | str | None = None) -> Any:
        """Badge, transport, plot, inspector, caches and diagnostics of a track, together: an `acn.Workbench`."""
        from audiocache_nb.widgets.workbench import workbench

        return workbench(self, track)

    def __repr__(self) -> str:
        if self.closed:
            return "<Session, closed>"
        snapshot = self.store.snapshot()
        count = len(snapshot.tracks)
        states = [f"{track.id} {snapshot.sources[track.source_id].status.state}" for track in snapshot.tracks.values()]
        shown = ", ".join(states[:6]) + (", …" if count > 6 else "")
        return f"<Session: {count} track{'' if count == 1 else 's'}{'; ' if shown else ''}{shown}>"


def _is_readable(source: AudioSource) -> bool:
    try:
        source.check()
    except IngestError:
        return False
    return True


def _checked_id(track_id: object) -> str:
    if not isinstance(track_id, str) or not 0 < len(track_id.strip()) <= 120:
        raise InvalidParameterError(f"track_id is {track_id!r:.80}.", hint="Use a text of 1 to 120 characters.")
    return track_id.strip()


def _free_id(name: str, taken: Mapping[str, Track]) -> str:
    stem = re.sub(r"[^\w-]+", "-", name.rsplit(".", 1)[0]).strip("-").lower()[:60] or "track"
    candidate, n = stem, 2
    while candidate in taken:
        candidate, n = f"{stem}-{n}", n + 1
    return candidate
