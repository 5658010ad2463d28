"""The face of diagnostics: what a notebook and a widget ask and do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.timeline import events
from audiocache_nb.timeline.diagnostics import tables
from audiocache_nb.timeline.diagnostics.banner import Banner
from audiocache_nb.timeline.diagnostics.history import Entry, History
from audiocache_nb.timeline.diagnostics.ledger import Ledger
from audiocache_nb.timeline.diagnostics.regeneration import Regeneration, Regenerations
from audiocache_nb.timeline.diagnostics.rows import Group, Row
from audiocache_nb.timeline.state import Slot, Track

if TYPE_CHECKING:
    import pandas as pd

    from audiocache_nb.timeline.gate import Estimate
    from audiocache_nb.timeline.timeline import Timeline

Feature = str | Descriptor | Row
Profile = AnalysisProfile | str | None
FIXABLE = frozenset({"missing", "stale", "failed"})


class Diagnostics:
    """What elements ask for, compared with what is there.

    Reading costs as much as has changed since the last time. Everything may be called from any thread.

    Parameters
    ----------
    timeline : Timeline

    Examples
    --------
    >>> import audiocache_nb as acn
    >>> with acn.Session(cache_dir=False, policy="ask") as session:
    ...     track = session.add_audio(*acn.examples.load("sweep"))
    ...     jobs = session.request(track, "rms", element="plot")
    ...     session.diagnostics.groups[0].missing
    ('rms',)
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._ledger = Ledger(timeline)
        self._history = History()
        self._regenerations = Regenerations(timeline, self._history, self._ledger.name)
        self._banner = Banner(self._ledger, self._refresh, self._announce)

    # --- reading -----------------------------------------------------------------------------

    @property
    def groups(self) -> tuple[Group, ...]:
        """One group per source and profile, the one that needs somebody most first."""
        with self._timeline.store.lock:
            self._ledger.refresh()
            return self._ledger.groups

    @property
    def issues(self) -> tuple[Row, ...]:
        """Features that something can be done about, the worst first."""
        with self._timeline.store.lock:
            self._ledger.refresh()
            return self._ledger.issues

    @property
    def banner(self) -> Banner:
        """Whether something needs somebody: ``visible``, ``text``, ``fingerprint``, ``dismiss()``."""
        return self._banner

    @property
    def jobs(self) -> tuple[Regeneration, ...]:
        """Regenerations in the order of asking: those under way, and the latest 1,000 that have ended."""
        return self._regenerations.jobs

    @property
    def history(self) -> tuple[Entry, ...]:
        """The latest 1,000 things that were done, the oldest first."""
        return self._history.entries

    @property
    def dismissed(self) -> dict[str, frozenset[Slot]]:
        """What was dismissed, by source."""
        with self._timeline.store.lock:
            self._ledger.refresh()
            return {source_id: frozenset(slots) for source_id, slots in self._ledger.dismissed.items()}

    @property
    def waiting(self) -> dict[str, Estimate]:
        """What waits for `Session.compute`, by source: what all of it would cost."""
        with self._timeline.store.lock:
            return self._timeline.waiting()

    @property
    def revision(self) -> int:
        """Grows whenever any of this is another than before."""
        self._refresh()
        return self._ledger.revision

    def subscribe(self, callback: Callable[[Diagnostics], None]) -> Callable[[], None]:
        """Call `callback(diagnostics)` after every change, on the store's own thread; returns what ends it."""
        seen = self.revision

        def look(event: events.Event) -> None:
            nonlocal seen
            if not isinstance(event, events.ProgressChanged):
                now = self.revision
                if now != seen:
                    seen = now
                    callback(self)

        return self._timeline.store.subscribe(look)

    def explain(self, track: Track | str | None = None, feature: Feature | None = None, profile: Profile = None) -> str:
        """All that is known about one feature, about the issues of a track, or about all issues."""
        with self._timeline.store.lock:
            if feature is not None:
                assert track is not None, "a feature belongs to a track"
                found = self._timeline.track(track)
                slot = Slot.of(self._resolve(found, feature, profile))
                rows = [row for row in self._rows(found.source_id) if row.slot == slot]
                name = self._ledger.name(self._resolve(found, feature, profile))
                return rows[0].explain() if rows else f"{name} of {found.id}: nobody asks for it, and it is not there."
            rows = list(self.issues)
            if track is not None:
                rows = [row for row in rows if row.source_id == self._timeline.track(track).source_id]
            return "\n".join(row.explain() for row in rows) or "Everything that is asked for is there."

    def to_pandas(self, what: Literal["features", "groups", "jobs", "history"] = "features") -> pd.DataFrame:
        """As a table (needs pandas): one line per feature, group, regeneration, or thing that was done.

        Raises
        ------
        InvalidParameterError
        MissingPackageError
            If pandas is not installed.
        """
        if what == "features":
            return tables.rows_table(self.groups)
        if what == "groups":
            return tables.groups_table(self.groups)
        if what == "jobs":
            return tables.jobs_table(self.jobs)
        if what == "history":
            return tables.history_table(self.history)
        raise InvalidParameterError(
            f"There is no table {what!r:.40}.", hint='Use "features", "groups", "jobs" or "history".'
        )

    def __repr__(self) -> str:
        return tables.text(self.groups, self._banner.text)

    # --- doing -------------------------------------------------------------------------------

    def regenerate(
        self,
        track: Track | str,
        features: Feature | Iterable[Feature],
        profile: Profile = None,
        *,
        note: str = "",
    ) -> Regeneration:
        """Compute features again, fresh or not, whatever it costs.

        Parameters
        ----------
        track : Track or str
        features : str, Descriptor, Row or a list of them
        profile : AnalysisProfile or str, optional
            The profile or its id; None: the default one. Descriptors and rows have their own.
        note : str
            What to remember in the history.

        Returns
        -------
        Regeneration
            What is being regenerated already is not computed twice: then it is that job.

        Raises
        ------
        UnknownTrackError, UnknownFeatureError, UnknownCalculatorError, InvalidParameterError
        """
        with self._timeline.store.lock:
            found = self._timeline.track(track)
            wanted = [self._resolve(found, one, profile) for one in _listed(features)]
            return self._regenerations.start(found, wanted, note=note)

    def regenerate_all(self, track: Track | str | None = None, *, note: str = "") -> list[Regeneration]:
        """Compute what is missing, stale or failed, of one track or of all: one job for each group."""
        with self._timeline.store.changing():
            self._timeline._check_open()
            only = None if track is None else self._timeline.track(track).source_id
            jobs = []
            for group in self.groups:
                wanted = [row.descriptor for row in group.rows if row.kind in FIXABLE and row.descriptor is not None]
                if wanted and group.tracks and only in (None, group.source_id):
                    jobs.append(
                        self._regenerations.start(
                            group.tracks[0], wanted, action="regenerate_all", note=note, force=False
                        )
                    )
            return jobs

    def dismiss(self, track: Track | str, *features: Feature | Sequence[Feature], profile: Profile = None) -> int:
        """Let extraneous features be: they are no issue until somebody asks for them and leaves them again.

        Parameters
        ----------
        track : Track or str
        *features : str, Descriptor or Row
            None at all: everything extraneous of the track.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        InvalidParameterError
            For what is not extraneous.
        """
        return self._mark("dismiss", track, features, profile)

    def restore(self, track: Track | str, *features: Feature | Sequence[Feature], profile: Profile = None) -> int:
        """Take back what `dismiss` did; returns how many are extraneous again."""
        return self._mark("restore", track, features, profile)

    def delete_extraneous(
        self,
        track: Track | str | None = None,
        features: Feature | Iterable[Feature] | None = None,
        *,
        profile: Profile = None,
        note: str = "",
    ) -> int:
        """Delete data that nobody asks for, of one track or of all; what was dismissed stays.

        Returns
        -------
        int
            Bytes freed.
        """
        timeline = self._timeline
        freed = 0
        with timeline.store.changing() as change:
            timeline._check_open()
            self._ledger.refresh()
            found = None if track is None else timeline.track(track)
            source_ids = list(change.sources) if found is None else [found.source_id]
            slots: set[Slot] | None = None
            if features is not None:
                if found is None:
                    raise InvalidParameterError("features were named without a track.", hint="Name the track, too.")
                slots = {Slot.of(self._resolve(found, one, profile)) for one in _listed(features)}
            for source_id in source_ids:
                rows = [
                    row
                    for row in self._rows(source_id)
                    if row.kind == "extraneous" and row.slot is not None and (slots is None or row.slot in slots)
                ]
                if rows:
                    size = timeline.discard(change, source_id, [row.slot for row in rows if row.slot is not None])
                    freed += size
                    names = tuple(row.name for row in rows)
                    profiles = ", ".join(dict.fromkeys(row.profile for row in rows))
                    self._history.add(
                        "delete_extraneous", rows[0].tracks[0], profiles, names, note=note or f"{size} bytes freed"
                    )
            change.emit(events.DiagnosticsChanged(reason="delete_extraneous"))
        return freed

    # --- inside ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        with self._timeline.store.lock:
            self._ledger.refresh()

    def _announce(self, reason: str) -> None:
        with self._timeline.store.changing() as change:
            if not self._timeline.closed:
                change.emit(events.DiagnosticsChanged(reason=reason))

    def _rows(self, source_id: str) -> list[Row]:
        self._ledger.refresh()
        return [row for group in self._ledger.of_source(source_id) for row in group.rows]

    def _mark(
        self, action: str, track: Track | str, features: Sequence[Feature | Sequence[Feature]], profile: Profile
    ) -> int:
        before, after = ("extraneous", "dismissed") if action == "dismiss" else ("dismissed", "extraneous")
        with self._timeline.store.changing() as change:
            self._timeline._check_open()
            found = self._timeline.track(track)
            rows = {row.slot: row for row in self._rows(found.source_id) if row.slot is not None}
            chosen = [row for row in rows.values() if row.kind == before]
            if features:
                named = [self._resolve(found, one, profile) for several in features for one in _listed(several)]
                chosen = []
                for descriptor in named:
                    row = rows.get(Slot.of(descriptor))
                    if row is None or row.kind not in (before, after):
                        raise InvalidParameterError(
                            f"{self._ledger.name(descriptor)} of {found.id} is not {before}: "
                            + ("it is not there." if row is None else f"{row.kind}. {row.reason}"),
                            hint="d.explain() lists the issues.",
                        )
                    chosen += [row] if row.kind == before else []
            if not chosen:
                return 0
            slots = {row.slot for row in chosen if row.slot is not None}
            dismissed = self._ledger.dismissed.setdefault(found.source_id, set())
            if action == "dismiss":
                dismissed |= slots
            else:
                dismissed -= slots
            self._ledger.touch([found.source_id])
            profiles = ", ".join(dict.fromkeys(row.profile for row in chosen))
            self._history.add(action, found.id, profiles, tuple(row.name for row in chosen))
            change.emit(events.DiagnosticsChanged(reason=action))
            return len(chosen)

    def _resolve(self, track: Track, feature: Feature, profile: Profile) -> Descriptor:
        """The feature that is meant; a name that a row has means that row."""
        if isinstance(feature, Row):
            if feature.descriptor is None:
                raise InvalidParameterError(
                    f"{feature.name!r:.80} cannot be computed. {feature.reason}",
                    hint="Ask for a feature that acn.calculators.list() has.",
                )
            return feature.descriptor
        if isinstance(feature, Descriptor):
            return self._timeline.registry.resolve(feature)
        profile_id = profile if isinstance(profile, str) else (profile or AnalysisProfile()).id
        rows = [row for row in self._rows(track.source_id) if row.profile == profile_id and row.descriptor is not None]
        for row in rows:
            if row.name == feature and row.descriptor is not None:
                if isinstance(profile, AnalysisProfile):
                    return dataclasses.replace(row.descriptor, profile=profile)
                return row.descriptor
        if isinstance(profile, str):
            used = [row.descriptor.used_profile for row in rows if row.descriptor is not None]
            if not used and profile != AnalysisProfile().id:
                raise InvalidParameterError(
                    f"Nothing of {track.id!r:.80} has a profile {profile!r:.80}.",
                    hint="Pass an acn.AnalysisProfile(...).",
                )
            profile = used[0] if used else None
        return self._timeline.registry.resolve(feature, profile)


def _listed(features: Feature | Iterable[Feature]) -> list[Feature]:
    if isinstance(features, (str, Descriptor, Row)):
        return [features]
    if not isinstance(features, Iterable):
        raise InvalidTypeError(f"features is a {type(features).__name__}.", hint='Name them: ["rms", "spectrogram"].')
    return list(features)
