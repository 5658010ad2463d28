"""Classification: the features of one source, each under the one heading that says most."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from audiocache_nb.analysis.plan import Item
from audiocache_nb.errors import AudioCacheError, UnknownFeatureError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.timeline.demand import BadWish
from audiocache_nb.timeline.diagnostics.rows import PROBLEMS, Group, Kind, Row
from audiocache_nb.timeline.gate import estimate
from audiocache_nb.timeline.state import FeatureEntry, Slot, SourceState

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from audiocache_nb.features.registry import Registry
    from audiocache_nb.timeline.timeline import Timeline


def diagnose(
    timeline: Timeline,
    state: SourceState,
    tracks: Sequence[str],
    *,
    dismissed: AbstractSet[Slot],
    name: Callable[[Descriptor], str],
) -> tuple[Group, ...]:
    """The groups of one source; called under the store's lock.

    Everything is judged for the source as a whole: what any of its tracks asks for in any profile is
    not extraneous in another, and neither is what something asked for is computed from. Which band or
    channel somebody looks at is no part of what they ask for.
    """
    owners = timeline.demand.all_owners(tracks)
    needed = _needed(timeline, state, owners)
    wanted_keys = {state.entries[slot].wanted_key for slot in needed if slot in state.entries}
    rows: list[Row] = []
    todo: dict[str, list[Item]] = {}
    for slot, entry in state.entries.items():
        own = tuple(owners.get(slot, ()))
        kind = _kind(entry, needed=slot in needed, wanted_keys=wanted_keys, dismissed=slot in dismissed)
        row = _row(name(entry.descriptor), state, entry, kind, tuple(tracks), own)
        if kind in PROBLEMS:
            item = timeline._bench.item_or_problem(state.source, entry.descriptor)
            if isinstance(item, Item):
                todo.setdefault(slot.profile_id, []).append(item)
                calculator = item.calculator
                seconds = timeline.costs.estimate(
                    calculator.id, calculator.version_text, state.source.duration, local=calculator.is_in_pass
                )
                row = dataclasses.replace(row, cost_s=seconds)
        rows.append(row)
    for wish, names in timeline.demand.bad(tracks).items():
        if not _known(timeline.registry, wish):
            rows.append(
                Row(
                    wish.name,
                    "bad_request",
                    wish.reason,
                    state.source.id,
                    wish.profile_id,
                    tuple(tracks),
                    owners=tuple(names),
                )
            )
    return _grouped(timeline, state, tuple(tracks), rows, todo)


def _kind(entry: FeatureEntry, *, needed: bool, wanted_keys: AbstractSet[str], dismissed: bool) -> Kind:
    if entry.state in ("queued", "running"):
        return "regenerating"
    if not needed and entry.track is not None and entry.track.key not in wanted_keys:
        return "dismissed" if dismissed else "extraneous"
    if entry.state in ("bad_request", "failed", "missing", "stale"):
        return entry.state
    return "current"


def _needed(timeline: Timeline, state: SourceState, owners: dict[Slot, list[str]]) -> set[Slot]:
    """What is asked for, and what that is computed from."""
    found = set(owners)
    for slot in owners:
        entry = state.entries.get(slot)
        if entry is not None and timeline._bench.is_derived(slot):
            item = timeline._bench.item_or_problem(state.source, entry.descriptor)
            todo = list(item.dependencies) if isinstance(item, Item) else []
            while todo:
                one = todo.pop()
                found.add(Slot.of(one.descriptor))
                todo += one.dependencies
    return found


def _row(
    name: str,
    state: SourceState,
    entry: FeatureEntry,
    kind: Kind,
    tracks: tuple[str, ...],
    owners: tuple[str, ...],
) -> Row:
    reason = entry.reason
    if kind in ("extraneous", "dismissed"):
        reason = "Nobody asks for it."
    data = entry.track
    return Row(
        name,
        kind,
        reason,
        state.source.id,
        entry.slot.profile_id,
        tracks,
        label=entry.label,
        calculator=entry.slot.calculator_id,
        owners=owners,
        nbytes=0 if data is None else data.nbytes,
        stored=data is not None,
        causes=entry.causes,
        warnings=entry.notes,
        error=entry.error,
        state=entry.state,
        computed_at="" if data is None else str(data.provenance.get("computed_at", "")),
        descriptor=entry.descriptor,
        slot=entry.slot,
    )


def _grouped(
    timeline: Timeline,
    state: SourceState,
    tracks: tuple[str, ...],
    rows: list[Row],
    todo: dict[str, list[Item]],
) -> tuple[Group, ...]:
    by_profile: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (-row.severity, row.name)):
        by_profile.setdefault(row.profile, []).append(row)
    groups = []
    for profile, own in by_profile.items():
        cost = estimate(
            state.source,
            todo.get(profile, ()),
            costs=timeline.costs,
            workers=timeline.scheduler.workers,
            stored=timeline.cache.__contains__,
        )
        shown = state.source.name
        groups.append(Group(state.source.id, shown, profile, tracks, tuple(own), cost.seconds, cost.nbytes))
    return tuple(groups)


def name_of(registry: Registry, descriptor: Descriptor) -> str:
    """How a resolved descriptor is asked for, without its profile."""
    assert descriptor.calculator is not None
    try:
        default = registry.default_for(descriptor.feature).id
    except UnknownFeatureError:
        default = ""
    name = descriptor.feature if default == descriptor.calculator else descriptor.calculator
    if descriptor.params:
        name += " (" + ", ".join(f"{key}={value!r}" for key, value in descriptor.params) + ")"
    return name


def _known(registry: Registry, wish: BadWish) -> bool:
    """Whether what was not known when it was asked for is known by now."""
    try:
        registry.resolve(wish.wanted)
    except AudioCacheError:
        return False
    return True
