"""The session's sampling verbs: values of features at times of the timeline."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiocache_nb.errors import CacheCorruptionError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack, Growing
from audiocache_nb.timeline.state import Slot, Snapshot, Track
from audiocache_nb.timeline.timeline import Timeline
from audiocache_nb.timing.tempo import Tempo

if TYPE_CHECKING:
    from audiocache_nb.sampling.ranges import HistorySample, RangeSample
    from audiocache_nb.sampling.sampler import FrameSample, Sampler

P = ParamSpec("P")
R = TypeVar("R")
MOST_PREPARED: Final = 256
Band = int | float | str | None
Channel = int | str | None


def _none_where_damaged(read: Callable[P, R]) -> Callable[P, R | None]:
    """What turns out to be damaged on disk is not there: by then it has been set aside and is being computed again."""

    @functools.wraps(read)
    def careful(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return read(*args, **kwargs)
        except CacheCorruptionError:
            return None

    return careful


class TrackSampler:
    """A feature of a track, ready to be read again and again; made by `Session.sampler`.

    It follows the timeline: after a tempo edit, a move, a new result or a removal the next read is right.
    """

    def __init__(self, session: SessionSampling, key: tuple[Any, ...]) -> None:
        self._session = session
        self._key = key

    @_none_where_damaged
    def at(self, time: float) -> FrameSample | None:
        """As `Session.sample`, at one time of the timeline [s]."""
        sampler = self._session._prepared(self._key)
        return None if sampler is None else sampler.at(time)

    @_none_where_damaged
    def many(self, times: ArrayLike) -> NDArray[Any] | None:
        """As `Session.sample_many`, at many times of the timeline [s, shape=(n,)]."""
        sampler = self._session._prepared(self._key)
        return None if sampler is None else sampler.many(times)


class SessionSampling:
    """What a session says about features at times.

    Nothing here computes or requests anything. All times are seconds of the timeline; the clip's place, its
    region and the tempo are taken into account, as they are at that moment.
    """

    timeline: Timeline
    tempo: Tempo
    _registry: Registry

    @_none_where_damaged
    def sample(
        self,
        track: Track | str,
        feature: str | Descriptor,
        time: float,
        interpolation: str = "linear",
        smoothing: float | str = 0,
        band: Band = None,
        channel: Channel = None,
        profile: AnalysisProfile | None = None,
        *,
        kernel: str = "box",
        edges: str = "fill",
    ) -> FrameSample | None:
        """One frame at a time of the timeline; None only if the feature is not there.

        Parameters
        ----------
        track : Track or str
        feature : str or Descriptor
        time : float [s]
            Timeline time; the clip's place on the timeline is taken into account.
        interpolation : {"linear", "hold", "nearest", "cubic"}
        smoothing : float >= 0 [frames] or str
            Radius of a mean around the frame: a number of frames, or a time as ``"50 ms"``. Decibels are
            averaged as powers.
        band : int, float or str, optional
            One band instead of all: an index, a name, or a frequency as ``"440 Hz"`` or a float [Hz].
        channel : int or str, optional
            One channel instead of all: an index, a name, or ``"mid"`` or ``"side"`` of left and right.
        profile : AnalysisProfile, optional
            Data of another profile are never taken instead.
        kernel : {"box", "hann"}
            Whether all frames of the mean count alike, or the closer ones more.
        edges : {"fill", "hold"}
            Whether there is silence outside the recording, or its first and last frame go on.

        Returns
        -------
        FrameSample or None
            Outside the clip it holds the feature's fill value and says ``in_range=False``; of a feature
            that is still being computed it says ``partial=True``.

        Raises
        ------
        UnknownTrackError, UnknownFeatureError
        InvalidParameterError
            For a choice that does not exist; its hint lists those that do.
        """
        key = _key(track, feature, profile, interpolation, smoothing, kernel, band, channel, edges)
        sampler = self._prepared(key)
        return None if sampler is None else sampler.at(time)

    def sampler(
        self,
        track: Track | str,
        feature: str | Descriptor,
        *,
        interpolation: str = "linear",
        smoothing: float | str = 0,
        kernel: str = "box",
        band: Band = None,
        channel: Channel = None,
        edges: str = "fill",
        profile: AnalysisProfile | None = None,
    ) -> TrackSampler:
        """Make ready to read a feature of a track at many times; the parameters are those of `sample`.

        Examples
        --------
        >>> import audiocache_nb as acn
        >>> with acn.Session(cache_dir=False) as session:
        ...     track = session.add_audio(*acn.examples.load("sweep"))
        ...     _ = session.get(track, "rms")
        ...     level = session.sampler(track, "rms", smoothing="50 ms")
        ...     level.at(1.0).in_range
        True
        """
        key = _key(track, feature, profile, interpolation, smoothing, kernel, band, channel, edges)
        self._prepared(key)  # what is wrong with it is said now
        return TrackSampler(self, key)

    @_none_where_damaged
    def sample_many(
        self,
        track: Track | str,
        feature: str | Descriptor,
        times: ArrayLike,
        *,
        interpolation: str = "linear",
        smoothing: float | str = 0,
        kernel: str = "box",
        band: Band = None,
        channel: Channel = None,
        edges: str = "fill",
        profile: AnalysisProfile | None = None,
    ) -> NDArray[Any] | None:
        """Frames at many times of the timeline, in any order; None if the feature is not there.

        Parameters
        ----------
        times : array_like [shape=(n,)] [s]
        track, feature, interpolation, smoothing, kernel, band, channel, edges, profile
            See `sample`.

        Returns
        -------
        ndarray [shape=(n, width)] or None
        """
        key = _key(track, feature, profile, interpolation, smoothing, kernel, band, channel, edges)
        sampler = self._prepared(key)
        return None if sampler is None else sampler.many(times)

    @_none_where_damaged
    def sample_range(
        self,
        track: Track | str,
        feature: str | Descriptor,
        start: float,
        end: float,
        padding: int = 0,
        *,
        band: Band = None,
        channel: Channel = None,
        profile: AnalysisProfile | None = None,
        max_values: int | None = None,
    ) -> RangeSample | None:
        """The frames between two times of the timeline [s]; None if the feature is not there.

        Parameters
        ----------
        track, feature, band, channel, profile
            See `sample`.
        start, end : float [s]
            In either order; both frames are part of it.
        padding : int >= 0 [frames]
            How many frames more on either side.
        max_values : int, optional
            Refuse what would be bigger; None: 2**26.

        Returns
        -------
        RangeSample or None
            Its `mask` says which frames are there.
        """
        from audiocache_nb.sampling.ranges import MAX_VALUES
        from audiocache_nb.sampling.timeline import sample_range_at

        found, data, done = self._data(track, feature, profile)
        if data is None:
            return None
        most = MAX_VALUES if max_values is None else max_values
        return sample_range_at(
            data,
            found,
            self.tempo,
            start,
            end,
            padding=padding,
            band=band,
            channel=channel,
            max_values=most,
            done=done,
        )

    @_none_where_damaged
    def sample_history(
        self,
        track: Track | str,
        feature: str | Descriptor,
        time: float,
        count: int,
        spacing: float | None = None,
        *,
        interpolation: str = "nearest",
        smoothing: float | str = 0,
        kernel: str = "box",
        band: Band = None,
        channel: Channel = None,
        edges: str = "fill",
        profile: AnalysisProfile | None = None,
    ) -> HistorySample | None:
        """The last `count` frames up to a time of the timeline, oldest first; None if the feature is not there.

        Parameters
        ----------
        time : float [s]
        count : int >= 1
        spacing : float > 0 [s], optional
            Distance of two frames; None: the feature's hop.
        track, feature, interpolation, smoothing, kernel, band, channel, edges, profile
            See `sample`; by default real frames are taken, the closest ones.
        """
        from audiocache_nb.sampling.timeline import sample_history_at

        found, data, done = self._data(track, feature, profile)
        if data is None:
            return None
        return sample_history_at(
            data,
            found,
            self.tempo,
            time,
            count,
            spacing=spacing,
            interpolation=interpolation,
            smoothing=smoothing,
            kernel=kernel,
            band=band,
            channel=channel,
            edges=edges,
            done=done,
        )

    def growing(
        self, track: Track | str, feature: str | Descriptor, *, profile: AnalysisProfile | None = None
    ) -> Growing | None:
        """What there is of a feature that is being computed at this moment; None if there is nothing.

        Asks for nothing. Only features that are computed block by block grow; the others come as a whole.

        Returns
        -------
        (track, done) : FeatureTrack, ndarray of bool [shape=(frame_count,)]
            Rows of frames that are not done hold anything.
        """
        return self.timeline.growing(track, self._registry.resolve(feature, profile))

    # --- inside ------------------------------------------------------------------------------

    def _prepared(self, key: tuple[Any, ...]) -> Sampler | None:
        """The sampler of these choices, as the timeline and the tempo are now.

        It is kept with the state it belongs to, and goes with it: a move, a new result or a removed track
        makes another state.
        """
        snapshot, tempo = self.timeline.store.snapshot(), self.tempo.snapshot()
        try:
            known = snapshot.prepared.get(key)
        except TypeError:  # something in it cannot be hashed, and is refused below by its name
            return self._prepare(key, snapshot)[0]
        if known is not None and known[1] is tempo:
            prepared: Sampler = known[0]
            return prepared
        sampler, keeps = self._prepare(key, snapshot)
        if keeps:
            if len(snapshot.prepared) >= MOST_PREPARED:
                snapshot.prepared.clear()
            snapshot.prepared[key] = (sampler, tempo)
        return sampler

    def _prepare(self, key: tuple[Any, ...], snapshot: Snapshot) -> tuple[Sampler | None, bool]:
        from audiocache_nb.sampling.options import check_choices
        from audiocache_nb.sampling.timeline import sampler_at

        track_id, feature, profile, interpolation, smoothing, _, kernel, band, _, channel, _, edges = key
        found, data, done = self._data(track_id, feature, profile, snapshot)
        if data is None:
            check_choices(interpolation, smoothing, kernel, edges)  # what is wrong is said before there is anything
            return None, False
        sampler = sampler_at(
            data,
            found,
            self.tempo,
            interpolation=interpolation,
            smoothing=smoothing,
            kernel=kernel,
            band=band,
            channel=channel,
            edges=edges,
            done=done,
        )
        return sampler, done is None

    def _data(
        self,
        track: Track | str,
        feature: str | Descriptor,
        profile: AnalysisProfile | None,
        snapshot: Snapshot | None = None,
    ) -> tuple[Track, FeatureTrack | None, NDArray[np.bool_] | None]:
        """The track, its data as far as they are there, and which frames are."""
        snapshot = snapshot or self.timeline.store.snapshot()
        found = snapshot.track(track)
        slot = Slot.of(self._registry.resolve(feature, profile))
        entry = snapshot.sources[found.source_id].entries.get(slot)
        if entry is None or entry.track is not None:
            return found, None if entry is None else entry.track, None
        growing = self.timeline.growing(found, entry.descriptor)
        return (found, None, None) if growing is None else (found, growing.track, growing.done)


def _key(
    track: Track | str,
    feature: str | Descriptor,
    profile: AnalysisProfile | None,
    interpolation: str,
    smoothing: float | str,
    kernel: str,
    band: Band,
    channel: Channel,
    edges: str,
) -> tuple[Any, ...]:
    """Everything that was chosen. Types are part of it: 1, 1.0 and True are equal, but mean different things."""
    return (
        track.id if isinstance(track, Track) else track,
        feature,
        profile,
        interpolation,
        smoothing,
        type(smoothing),
        kernel,
        band,
        type(band),
        channel,
        type(channel),
        edges,
    )
