"""A calculator, its parameters as sliders, and what comes out of it, at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from audiocache_nb.errors import AudioCacheError, InvalidParameterError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.models.protocol import EntryLike, SessionLike, SnapshotLike, require_open, require_track
from audiocache_nb.models.text import finite, message_text
from audiocache_nb.widgets.base import track_title
from audiocache_nb.widgets.composite import CompositeWidget
from audiocache_nb.widgets.explorer_controls import Control, catalogue, code, controls, refused_by
from audiocache_nb.widgets.fallback import Fallback
from audiocache_nb.widgets.feature_plot import FeaturePlot
from audiocache_nb.widgets.messages import CommandRequest, ExploreRequest, Request, done, refused
from audiocache_nb.widgets.plot_parts import find_entry
from audiocache_nb.widgets.status_badge import badge_values
from audiocache_nb.widgets.words import cost_text, progress_text, shape_text, size_text, work_text

STATES = {
    "missing": "Not computed",
    "queued": "Queued",
    "running": "Computing…",
    "fresh": "Up to date",
    "stale": "Stale",
    "failed": "Failed",
    "bad_request": "Bad request",
}
COLUMNS = ("Parameter", "Value", "Default", "Unit", "About")
FACTS = ("name", "value", "default", "unit", "about")


class CalculatorExplorer(CompositeWidget):
    """Sliders for the parameters of a calculator; what they lead to is computed and drawn while they move.

    The controls are made from the calculator's own schema (ranges, choices, descriptions) and from the
    parts of the profile that it uses. The latest setting wins: what was begun for an earlier one and is
    wanted by nobody ends. The plot keeps the last result until the next is there.

    Parameters
    ----------
    session : Session
    track : Track or str
    feature : str or Descriptor
        What to begin with.
    profile : AnalysisProfile, optional
        For a feature that is named by a text.

    Attributes
    ----------
    code : str
        The call that gives the feature with these settings.
    descriptor : Descriptor
        What is set.
    plot : FeaturePlot
        The drawing; its traits can be observed and linked.

    Raises
    ------
    UnknownTrackError, UnknownFeatureError, UnknownCalculatorError, SessionClosedError, WidgetError

    Examples
    --------
    >>> acn.CalculatorExplorer(session, track, "mfcc")  # doctest: +SKIP
    """

    view_name = "explorer"

    title = traitlets.Unicode().tag(sync=True)
    catalogue: traitlets.List[Any] = traitlets.List().tag(sync=True)
    calculator = traitlets.Unicode().tag(sync=True)
    about = traitlets.Unicode().tag(sync=True)
    controls: traitlets.List[Any] = traitlets.List().tag(sync=True)
    result = traitlets.Dict().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        session: SessionLike,
        track: Any,
        feature: str | Descriptor = "spectrogram",
        *,
        profile: AnalysisProfile | None = None,
    ) -> None:
        require_open(session)
        self._session = session
        self._track_id = require_track(session, track)
        self._registry: Registry = session.registry  # type: ignore[attr-defined]  # only real sessions have it
        self._element = f"explorer-{uuid.uuid4().hex[:12]}"
        self._choice_lock = threading.RLock()
        self._descriptor: Descriptor = self._registry.resolve(feature, profile)
        self._shown = self._descriptor
        self._how = self._expected = ""
        self._unsubscribe: Callable[[], None] = _nothing
        plot = FeaturePlot(session, self._track_id, self._descriptor, waveform=False)
        try:
            self._ask(self._descriptor)
            super().__init__(session, parts={"plot": plot}, **self._explorer_values(session, session.store.snapshot()))
        except BaseException:
            plot.close()
            session.release(self._element)
            raise
        self._unsubscribe = session.store.subscribe(self._look)

    @property
    def descriptor(self) -> Descriptor:
        """What is set."""
        return self._descriptor

    @property
    def plot(self) -> FeaturePlot:
        """The drawing."""
        plot: FeaturePlot = self.parts["plot"]
        return plot

    def set(self, **values: Any) -> None:
        """Set parameters of the calculator or of the profile, as the sliders do.

        Raises
        ------
        InvalidParameterError
            Nothing was changed.
        """
        profile = {name: values.pop(name) for name in self._descriptor.used_profile.values() if name in values}
        self.choose(
            str(self._descriptor.calculator),
            {**dict(self._descriptor.params), **values},
            {**self._descriptor.used_profile.values(), **profile},
        )
        self._session.publisher.flush()  # whoever reads `code` now means this

    def choose(
        self, calculator: str, params: Mapping[str, Any] | None = None, profile: Mapping[str, Any] | None = None
    ) -> None:
        """Explore a calculator with these parameters; what is not given has its default.

        Raises
        ------
        UnknownCalculatorError, InvalidParameterError
            Nothing was changed.
        """
        found = self._registry.get(calculator)
        used = _profile(profile or {})
        wanted = self._registry.resolve(Descriptor(found.feature, found.id, used, dict(params or {})))
        with self._choice_lock:
            if wanted != self._descriptor:
                self._ask(wanted)
                self._descriptor = wanted
        self._look(None)
        self._session.publisher.poke(self)

    def _ask(self, wanted: Descriptor) -> None:
        """Ask for a feature in place of the one before."""
        session: Any = self._session
        plan = session.plan(self._track_id, wanted)
        session.request(self._track_id, [wanted], element=self._element)
        self._how = "" if plan.missing else "from the cache"
        self._expected = cost_text(plan.seconds, plan.nbytes)

    # -- state ----------------------------------------------------------------------------------------

    def _entry(self, snapshot: SnapshotLike, wanted: Descriptor) -> EntryLike | None:
        track = snapshot.tracks.get(self._track_id)
        source = None if track is None else snapshot.sources.get(track.source_id)
        return None if source is None else find_entry(source.entries, wanted)

    def _look(self, _event: object) -> None:
        """Let the plot follow as soon as there is something to see; not under any lock of traits."""
        with self._choice_lock:
            wanted = self._descriptor
            if self._ended or self._session.closed or wanted == self._shown:
                return
            entry = self._entry(self._session.store.snapshot(), wanted)
            if entry is None or entry.state != "fresh":
                return
            self._shown = wanted
        try:
            self.plot.show(wanted)
        except AudioCacheError:  # the track or the calculator has gone meanwhile; the result says so
            self._shown = self._descriptor

    def _values(self, snapshot: SnapshotLike) -> Mapping[str, Any]:
        return self._explorer_values(self._session, snapshot)

    def _explorer_values(self, session: SessionLike, snapshot: SnapshotLike) -> dict[str, Any]:
        wanted = self._descriptor
        values: dict[str, Any] = {"catalogue": catalogue(self._registry), "result": self._result(snapshot, wanted)}
        track = snapshot.tracks.get(self._track_id)
        if track is not None:
            values["title"] = track_title(snapshot, self._track_id)
        try:
            calculator = self._registry.get(str(wanted.calculator))
            about = next(one["about"] for one in values["catalogue"] if one["id"] == calculator.id)
            values |= {"calculator": calculator.id, "about": about}
            if track is not None:
                values["controls"] = controls(calculator, wanted, track.source)
                values["code"] = code(self._track_id, wanted, self._registry)
        except (AudioCacheError, StopIteration) as error:  # it was taken away, or its parameters are others now
            values["result"] |= {"state": "failed", "word": STATES["failed"], "reason": message_text(error)}
        return values

    def _result(self, snapshot: SnapshotLike, wanted: Descriptor) -> dict[str, Any]:
        entry = self._entry(snapshot, wanted)
        state = "missing" if entry is None else entry.state
        data = None if entry is None else entry.track
        waiting: dict[str, Any] = getattr(self._session, "diagnostics").waiting  # noqa: B009 - not of SessionLike
        track = snapshot.tracks.get(self._track_id)
        cost = None if track is None else waiting.get(track.source_id)
        parts = []
        if state == "fresh" and data is not None:
            seconds = finite(data.provenance.get("seconds"))
            parts = [self._how or ("" if seconds is None else f"computed in {work_text(seconds)}")]
            parts += [shape_text(data), size_text(data.nbytes), data.unit]
        badge = badge_values(snapshot, self._track_id)
        busy = state in ("queued", "running")
        if busy:
            parts = [self._expected]
        return {
            "state": state,
            "word": STATES.get(state, STATES["missing"]),
            "reason": "" if state == "fresh" or entry is None else message_text(entry.reason),
            "facts": " · ".join(part for part in parts if part),
            "cost": cost_text(cost.seconds, cost.nbytes) if cost is not None and state in ("missing", "stale") else "",
            "progress": badge["progress"] if busy else None,
            "label": progress_text(badge["label"]) if busy else "",
            "behind": self._shown != wanted,
        }

    # -- the page -------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> bool:
        if isinstance(request, ExploreRequest):
            self._reply(request.id, lambda: self._explore(request))
        elif isinstance(request, CommandRequest) and request.verb == "compute":
            self._reply(request.id, lambda: self._compute(request.id))
        else:
            return False
        return True

    def _explore(self, request: ExploreRequest) -> dict[str, Any]:
        try:
            self.choose(request.calculator, request.params, request.profile)
        except InvalidParameterError as error:
            name = refused_by(error, [*request.params, *request.profile])
            message = message_text(f"{error.message} {error.hint}".strip())
            return {**refused(request.id, message), "parameter": name}
        return done(request.id, "")

    def _compute(self, request_id: int) -> dict[str, Any]:
        session: Any = self._session
        session.compute(self._track_id)
        return done(request_id, "")

    # -- the end --------------------------------------------------------------------------------------

    def _end(self) -> None:
        self._unsubscribe()
        super()._end()
        self._session.release(self._element)

    def _fallback(self) -> Fallback:
        def text(control: Control, fact: str) -> str:
            return "" if control[fact] is None else str(control[fact])

        table = [tuple(text(control, fact) for fact in FACTS) for control in self.controls]
        parts = [self.calculator, self.result["word"], self.result["facts"] or self.result["reason"]]
        return Fallback(f"{self.title} · Explorer", " · ".join(part for part in parts if part), COLUMNS, table)


def _profile(values: Mapping[str, Any]) -> AnalysisProfile:
    """A profile of these values; a name of its own is no value."""
    known = AnalysisProfile().values()
    for name in values:
        if name not in known:
            raise InvalidParameterError(
                f"A profile has no {name!r:.60}.", hint=f"It has {', '.join(known)}.", parameter=name
            )
    return AnalysisProfile(**dict(values))


def _nothing() -> None:
    """Stands for: there is nothing to end yet."""
