"""What elements ask a session for, when that starts, and what stands between what is asked and what is there."""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from audiocache_nb.errors import InvalidTypeError, UnknownCalculatorError, UnknownFeatureError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.demand import BadWish
from audiocache_nb.timeline.demand_verbs import LOOK_S
from audiocache_nb.timeline.gate import Policy
from audiocache_nb.timeline.state import Track
from audiocache_nb.timeline.timeline import Timeline

if TYPE_CHECKING:
    from audiocache_nb.analysis.jobs import Job
    from audiocache_nb.timeline.diagnostics.diagnostics import Diagnostics
    from audiocache_nb.timeline.events import DemandChanged

Names = str | Descriptor | Iterable[str | Descriptor]
KEPT_ANSWERS = 10_000
_GROUPS = (list, tuple, set, frozenset)


@dataclasses.dataclass(slots=True)
class _Answer:
    """What a request was answered with, and while nothing has happened since, the answer to its repetition."""

    features: object
    names: frozenset[object] | None  # the same without an order
    profile: AnalysisProfile | None
    epoch: int
    jobs: list[weakref.ref[Job]]  # a job holds its recording, which may be removed
    element: Callable[[], object] | None  # a weak reference: another object may get the same address


class SessionDemand:
    """The part of a session that elements talk to."""

    timeline: Timeline
    _registry: Registry
    _lock: threading.Lock

    def _set_up_demand(self) -> None:
        self._answers: dict[tuple[object, str], _Answer] = {}
        self._diagnostics: Diagnostics | None = None

    def request(
        self,
        track: Track | str,
        features: Names,
        element: object = None,
        profile: AnalysisProfile | None = None,
    ) -> list[Job]:
        """Say that an element wants features; what is not there is computed in the background.

        What is expected to cost much waits for `compute`; see ``policy`` of `Session`. Asking for the
        same again costs next to nothing, so that it may be done for every picture that is drawn.

        Parameters
        ----------
        track : Track or str
        features : str, Descriptor or a list of them
            A feature's key ("rms"), a calculator's id ("mvmnt.rms") or a descriptor. The order does
            not matter; descriptors may have different profiles.
        element : str or object, optional
            Who asks. Asking again replaces what the element asked of this track before; without an
            element the wishes add up. An object is held weakly: what it asked for is released when
            it is garbage-collected.
        profile : AnalysisProfile, optional
            For what is named by a text.

        Returns
        -------
        list of Job
            The jobs that are on it; empty if everything is there, or waits.

        Raises
        ------
        UnknownTrackError
        UnknownFeatureError, UnknownCalculatorError
            Nothing is asked for then; `diagnostics` shows it until the element asks for something else.
        """
        self.timeline.look_at_code(every_s=LOOK_S)
        if not isinstance(features, (str, Descriptor, *_GROUPS)):
            features = listed(features)
        track_id = track.id if isinstance(track, Track) else track
        named = element is None or type(element) is str
        whose = (element if named else id(element), track_id)
        answer = self._answers.get(whose) if type(track_id) is str else None
        if (
            answer is not None
            and answer.epoch == self.timeline.store.epoch
            and _same(features, answer)
            and (profile is answer.profile or profile == answer.profile)
            and (answer.element is None or answer.element() is element)
        ):
            if not answer.jobs:
                return []
            known = [job for reference in answer.jobs if (job := reference()) is not None]
            if len(known) == len(answer.jobs) and not any(job.control.cancelled for job in known):
                return [job for job in known if not job.ended]
        with self.timeline.store.lock:
            jobs = self.timeline.request(track, self._resolve_for(track, features, profile, element), element)
            epoch = self.timeline.store.epoch
        if type(track_id) is str:
            if len(self._answers) >= KEPT_ANSWERS:
                self._answers.clear()
            held = None if named else weakref.ref(element)
            given = features if isinstance(features, (str, tuple, Descriptor)) else list(features)
            self._answers[whose] = _Answer(
                given, _unordered(features), profile, epoch, [weakref.ref(job) for job in jobs], held
            )
        return jobs

    def release(self, element: object) -> None:
        """The element wants nothing any more."""
        self.timeline.release(element)

    def subscribe_demand(self, callback: Callable[[DemandChanged], None]) -> Callable[[], None]:
        """Call `callback(event)` with what each element asks for now, and then with every change.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self.timeline.subscribe_demand(callback)

    @property
    def policy(self) -> Policy:
        """What starts by itself: ``"auto"``, ``"ask"``, ``"never"`` or ``"all"``; may be set at any time."""
        return self.timeline.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self.timeline.policy = policy

    def compute(self, track: Track | str | None = None) -> list[Job]:
        """Compute what is asked for and not fresh, whatever it costs; of one track, or of all.

        Returns
        -------
        list of Job
        """
        return self.timeline.compute(track)

    @property
    def diagnostics(self) -> Diagnostics:
        """What is asked for, what is there, what stands between the two and what to do about it."""
        with self._lock:
            if self._diagnostics is None:
                from audiocache_nb.timeline.diagnostics.diagnostics import Diagnostics

                self._diagnostics = Diagnostics(self.timeline)
            return self._diagnostics

    # --- inside ------------------------------------------------------------------------------

    def _resolve(self, features: Names, profile: AnalysisProfile | None) -> list[Descriptor]:
        return list(dict.fromkeys(self._registry.resolve(name, profile) for name in listed(features)))

    def _resolve_for(
        self, track: Track | str, features: Names, profile: AnalysisProfile | None, element: object
    ) -> list[Descriptor]:
        """As `_resolve`; what nobody makes is noted for whoever asked."""
        found: dict[Descriptor, None] = {}
        bad: list[BadWish] = []
        problem: Exception | None = None
        for name in listed(features):
            try:
                found[self._registry.resolve(name, profile)] = None
            except (UnknownFeatureError, UnknownCalculatorError) as error:
                problem = problem or error
                bad.append(self._bad_wish(name, profile, error.message))
        if problem is not None:
            self.timeline.refuse(track, bad, element)
            raise problem
        return list(found)

    def _bad_wish(self, name: str | Descriptor, profile: AnalysisProfile | None, reason: str) -> BadWish:
        import difflib  # only mistakes need it

        used = name.used_profile if isinstance(name, Descriptor) else profile or AnalysisProfile()
        text = (name.calculator or name.feature) if isinstance(name, Descriptor) else name.strip()
        known = [one for calculator in self._registry.list() for one in (calculator.feature, calculator.id)]
        close = difflib.get_close_matches(text.lower(), dict.fromkeys(known), n=1)
        meant = f" Did you mean {close[0]!r}?" if close and close[0] != text else ""
        return BadWish(text, used.id, reason + meant, name)


def _same(features: object, answer: _Answer) -> bool:
    """Whether the same is asked for as before, in whatever order."""
    if type(features) is type(answer.features) and features == answer.features:
        return True
    return answer.names is not None and _unordered(features) == answer.names


def _unordered(features: object) -> frozenset[object] | None:
    try:
        return frozenset(features) if isinstance(features, _GROUPS) else None
    except TypeError:  # a parameter that cannot be hashed
        return None


def listed(features: Any) -> list[str | Descriptor]:
    """What was named, as a list.

    Raises
    ------
    InvalidTypeError
        If nothing that names features was given.
    """
    if isinstance(features, (str, Descriptor)):
        return [features]
    if not isinstance(features, Iterable):
        raise InvalidTypeError(f"features is a {type(features).__name__}.", hint='Name them: ["rms", "spectrogram"].')
    return list(features)
