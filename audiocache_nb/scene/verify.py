"""Imported features, compared with what the same calculators make of the same audio here.

Of a local calculator's result, excerpts are computed; of any other, all of it. What agrees may be
trusted from then on, what does not counts as stale.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.analysis.engine import Pass
from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.outputs import Outputs
from audiocache_nb.analysis.plan import Item, Plan, make_plan
from audiocache_nb.analysis.runner import run_job
from audiocache_nb.analysis.segments import Segment, SegmentBuffers, SegmentReader, mix
from audiocache_nb.errors import AudioCacheError, CacheCorruptionError, InvalidParameterError, said
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.scene.report import FeatureNote, shown, table_of
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState
from audiocache_nb.timeline.timeline import Timeline

if TYPE_CHECKING:
    import pandas as pd

    from audiocache_nb.audio.source import AudioSource

DIFFERS = "does not agree with a recomputation"
RELATIVE = 1e-3  # machines differ in the last digits of a float32; what somebody made up differs in the first
_EVERYTHING = 1 << 62


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """What became of the imported features.

    Attributes
    ----------
    features : tuple of FeatureNote
        Their outcome is ``"verified"``, ``"differs"`` or ``"not checked"``.
    """

    features: tuple[FeatureNote, ...] = ()

    def of(self, outcome: str) -> tuple[FeatureNote, ...]:
        """The features with this outcome."""
        return tuple(note for note in self.features if note.outcome == outcome)

    def to_pandas(self) -> pd.DataFrame:
        """One row per feature (needs pandas)."""
        return table_of(self.features)

    def __str__(self) -> str:
        counts = [f"{len(self.of(outcome))} {outcome}" for outcome in ("verified", "differs", "not checked")]
        lines = [
            f"  {shown(note.recording)} · {shown(note.calculator)}: {note.outcome}"
            + (f" ({shown(note.reason)})" if note.reason else "")
            for note in self.features
        ]
        return "\n".join([f"imported features: {', '.join(counts)}", *lines])

    __repr__ = __str__


def verify_imported(
    timeline: Timeline, source_ids: Iterable[str], *, excerpts: int, seconds: float, seed: int | None
) -> Verification:
    """Compare the imported features of some sources with what is computed here.

    Parameters
    ----------
    timeline : Timeline
    source_ids : iterable of str
    excerpts : int >= 1
        How many stretches of a local calculator's result are computed.
    seconds : float > 0 [s]
        How long each is.
    seed : int or None
        Chooses their places. None: nobody can know them beforehand, which is what makes a sample worth something.

    Raises
    ------
    InvalidParameterError
    """
    count: object = excerpts
    if isinstance(count, bool) or not isinstance(count, int) or excerpts < 1:
        raise InvalidParameterError(f"excerpts is {excerpts!r:.40}.", hint="Use a whole number from 1 on.")
    if not 0 < seconds < float("inf"):
        raise InvalidParameterError(f"seconds is {seconds!r:.40}.", hint="Use a length in seconds.")
    random = np.random.default_rng(secrets.randbits(64) if seed is None else seed)
    notes: list[FeatureNote] = []
    for source_id in dict.fromkeys(source_ids):
        state = timeline.store.snapshot().sources[source_id]
        todo = {entry.slot: entry for entry in state.entries.values() if _is_unproven(entry)}
        if todo:
            spans = _spans(state.source, excerpts, seconds, random)
            notes += _of_source(timeline, state, todo, spans)
    return Verification(tuple(notes))


def _is_unproven(entry: FeatureEntry) -> bool:
    mark = None if entry.track is None else entry.track.provenance.get("imported")
    return isinstance(mark, Mapping) and not mark.get("verified")


def _spans(source: AudioSource, excerpts: int, seconds: float, random: np.random.Generator) -> list[tuple[int, int]]:
    """Stretches of samples, apart from each other: one within each part of the recording."""
    length = max(1, round(seconds * source.sample_rate))
    if excerpts * length >= source.frames:
        return [(0, source.frames)]
    edges = np.linspace(0, source.frames, excerpts + 1).astype(np.int64)
    spans = []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        first = int(random.integers(low, max(low + 1, high - length + 1)))
        spans.append((first, min(first + length, source.frames)))
    return spans


def _of_source(
    timeline: Timeline, state: SourceState, todo: Mapping[Slot, FeatureEntry], spans: list[tuple[int, int]]
) -> list[FeatureNote]:
    """Compute, compare, and put what was found into place."""
    source = state.source
    verdicts: dict[Slot, tuple[str, str]] = {}
    items: dict[Slot, Item] = {}
    for slot, entry in todo.items():
        item = timeline._bench.item_or_problem(source, entry.descriptor)
        assert entry.track is not None
        if not isinstance(item, Item):
            verdicts[slot] = ("not checked", said(item))
        elif item.key != entry.track.key:
            verdicts[slot] = ("not checked", "something else would be computed now")
        else:
            items[slot] = item
    local = {slot: item for slot, item in items.items() if item.calculator.is_in_pass}
    whole = {slot: item for slot, item in items.items() if slot not in local}
    seconds = sum(end - first for first, end in spans) / source.sample_rate
    proof = f"{len(spans)} excerpt{'' if len(spans) == 1 else 's'} of {seconds:.3g} s in all, computed again"
    own: dict[Slot, FeatureTrack] = {}
    everything = "all of it, computed again"
    proof = everything if seconds >= source.duration else proof
    for group, compute, said_proof in ((local, _excerpts, proof), (whole, _entirely, everything)):
        if not group:
            continue
        made, problems = compute(source, group, spans, timeline)
        for slot, item in group.items():
            entry = todo[slot]
            assert entry.track is not None
            if item.key not in made:
                verdicts[slot] = ("not checked", problems.get(item.key, "it could not be computed"))
                continue
            track, done = made[item.key]
            try:
                problem = _difference(entry.track, track, done)
            except CacheCorruptionError as error:  # in the scene's file: it costs this feature and no other one
                verdicts[slot] = ("not checked", said(error))
                continue
            verdicts[slot] = ("differs", problem) if problem else ("verified", said_proof)
            own[slot] = track if done.all() else _promoted(entry.track, track, said_proof)
    _settle(timeline, source.id, todo, verdicts, own)
    return [_note(source, todo[slot], *verdict) for slot, verdict in verdicts.items()]


Made = dict[str, tuple[FeatureTrack, NDArray[np.bool_]]]


def _excerpts(
    source: AudioSource, items: Mapping[Slot, Item], spans: list[tuple[int, int]], _timeline: Timeline
) -> tuple[Made, dict[str, str]]:
    """The rows of some stretches, by the engine itself; by key, with which rows they are."""
    plan = make_plan(source, items.values())
    problems = {item.key: said(error) for item, error in plan.broken}
    found: Made = {}
    for one in plan.passes:
        _one_pass(one, _at(spans, source, one.source), found, problems)
    return found, problems


def _at(spans: list[tuple[int, int]], source: AudioSource, heard: AudioSource) -> list[tuple[int, int]]:
    """The same stretches in samples of another rate."""
    return [
        tuple(min(heard.frames, -(-place * heard.sample_rate // source.sample_rate)) for place in span)  # type: ignore[misc]
        for span in spans
    ]


def _one_pass(plan: Plan, spans: list[tuple[int, int]], found: Made, problems: dict[str, str]) -> None:
    items = [task.item for group in plan.groups for task in group.tasks]
    job = Job(plan.source, [])
    try:
        work = _ExcerptPass(plan, spans, job)
    except (AudioCacheError, OSError) as error:  # the recording is not there
        problems.update(dict.fromkeys((item.key for item in items), said(error)))
        return
    try:
        work.work()
        if work.error is not None and not isinstance(work.error, Exception):
            raise work.error  # Ctrl-C
        for item in items:
            growing = work.growing(item.key)
            if growing is not None and work.error is None:
                found[item.key] = (growing.track, growing.done)
            elif work.error is not None:
                problems[item.key] = said(work.error)
    finally:
        work.close()


class _ExcerptPass(Pass):
    """A pass over some stretches of a recording only."""

    def __init__(self, plan: Plan, spans: list[tuple[int, int]], job: Job) -> None:
        # Rows that are never written take no memory, so that results may lie there as a whole.
        super().__init__(plan, job.control, outputs=Outputs(mapped_from_bytes=_EVERYTHING))
        left, right = plan.reach_samples
        longest = max((end - first for first, end in spans), default=1)
        self._reader.close()
        reader = _ExcerptReader(plan.source, left, right, mono=plan.needs_mono, size=longest)
        reader.source, reader.spans = plan.source, list(spans)
        self._reader = reader


class _ExcerptReader(SegmentReader):
    """Hands out some stretches of a recording."""

    source: AudioSource
    spans: list[tuple[int, int]]

    def next(self, buffers: SegmentBuffers) -> Segment | None:
        """The next stretch; None at the end."""
        if not self.spans:
            return None
        first, end = self.spans.pop(0)
        samples = buffers.samples[: end - first + self.left + self.right]
        samples[:] = 0
        low, high = max(0, first - self.left), min(self.total, end + self.right)
        at = low - (first - self.left)
        samples[at : at + high - low] = self.source.read(low, high - low)
        mono = mix(samples, buffers.mono) if self._mono else samples[:, 0]
        return Segment(samples, first - self.left, first, end, end == self.total, mono)


def _entirely(
    source: AudioSource, items: Mapping[Slot, Item], _spans: list[tuple[int, int]], timeline: Timeline
) -> tuple[Made, dict[str, str]]:
    """Whole results, by key."""
    found: Made = {}
    problems: dict[str, str] = {}

    def done(item: Item, track: FeatureTrack) -> None:
        found[item.key] = (track, np.ones(track.frame_count, np.bool_))

    def failed(item: Item, error: BaseException) -> None:
        problems[item.key] = said(error)

    job = Job(source, list(items.values()))
    job.find = timeline.cache.get  # in which nothing is that nobody vouches for
    try:
        run_job(job, timeline.scheduler.workers, done, failed)
    except AudioCacheError as error:
        problems.update(dict.fromkeys((item.key for item in items.values()), said(error)))
    except BaseException:
        job.control.cancel()
        raise
    return found, problems


def _difference(stored: FeatureTrack, made: FeatureTrack, done: NDArray[np.bool_]) -> str:
    """What is another than here; empty if nothing is."""
    if stored.shape != made.shape or stored.axes != made.axes or stored.format != made.format:
        return f"{DIFFERS}: {stored.shape} {stored.format}, not {made.shape} {made.format}"
    for name in ("hop_seconds", "start_seconds", "fill_value", "scale", "offset"):
        if not np.isclose(getattr(stored, name), getattr(made, name), rtol=1e-9, atol=1e-12):
            return f"{DIFFERS}: {name} {getattr(stored, name):g}, not {getattr(made, name):g}"
    if stored.unit != made.unit:
        return f"{DIFFERS}: its unit"
    for name, values in made.axis_coords.items():
        if not _close(np.asarray(stored.axis_coords.get(name, ())), values, 0.0):
            return f"{DIFFERS}: its coordinates of {name!r}"
    step = 1.01 * abs(made.scale) if made.is_quantised else 0.0
    for first, end in _runs(done):
        if not _close(stored.values(first, end), made.values(first, end), step):
            at_s = float(made.start_seconds + first * made.hop_seconds)
            return f"{DIFFERS}: its values from {at_s:.3g} s on" if made.is_framewise else f"{DIFFERS}: its values"
    return ""


def _runs(done: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], done, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _close(stored: NDArray[Any], made: NDArray[Any], step: float) -> bool:
    if made.dtype.kind not in "fciu":
        return bool(np.array_equal(stored.astype(str), made.astype(str)))
    if stored.shape != made.shape or stored.dtype.kind not in "fciu":
        return False
    if not made.size:
        return True
    finite = np.abs(made[np.isfinite(made)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(stored, made, rtol=RELATIVE, atol=max(step, 0.1 * RELATIVE * scale), equal_nan=True))


def _promoted(stored: FeatureTrack, made: FeatureTrack, proof: str) -> FeatureTrack:
    """The track that is trusted from now on: the data are theirs, what it says about itself is ours."""
    mark = {**stored.provenance["imported"], "verified": proof}
    seconds = stored.provenance.get("seconds")
    facts = {**made.provenance, "imported": mark, **({} if seconds is None else {"seconds": seconds})}
    data: Any = stored.rows_or_array
    return dataclasses.replace(made, data=data, provenance=facts)


def _settle(
    timeline: Timeline,
    source_id: str,
    todo: Mapping[Slot, FeatureEntry],
    verdicts: Mapping[Slot, tuple[str, str]],
    own: Mapping[Slot, FeatureTrack],
) -> None:
    """What agrees goes to the cache, what does not counts as stale; what has changed meanwhile stays as it is."""
    trusted: list[FeatureTrack] = []
    with timeline.store.changing() as change:
        state = change.sources.get(source_id)
        if state is None:
            return
        changed = []
        for slot, (outcome, reason) in verdicts.items():
            entry = state.entries.get(slot)
            if entry is None or entry.track is not todo[slot].track:
                continue
            if outcome == "verified":
                changed.append(dataclasses.replace(entry, track=own[slot]))
                trusted.append(own[slot])
            elif outcome == "differs":
                changed.append(dataclasses.replace(entry, marked=f"It {reason}"))
        change.put_source(state.with_entries(*changed))
        timeline._derive(change, source_id)
    for track in trusted:
        timeline.cache.put(track)


def _note(source: AudioSource, entry: FeatureEntry, outcome: str, reason: str) -> FeatureNote:
    assert entry.track is not None
    return FeatureNote(
        recording=source.name,
        feature=entry.slot.feature,
        calculator=entry.slot.calculator_id,
        profile=entry.slot.profile_id,
        outcome=outcome,
        reason=reason,
        nbytes=entry.track.nbytes,
    )
