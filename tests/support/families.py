"""One feature of one source, with everything it depends on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audiocache_nb.analysis.jobs import Job
from audiocache_nb.analysis.plan import Item, make_item
from audiocache_nb.analysis.runner import run_job
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.track import FeatureTrack

BUILTIN = Registry(entry_points=False)


def compute(
    source: AudioSource,
    wanted: str | Calculator,
    profile: AnalysisProfile | None = None,
    *,
    registry: Registry = BUILTIN,
    threads: int = 2,
    **params: Any,
) -> FeatureTrack:
    """The track of a calculator, as a job computes it; its error is raised."""
    calculator = registry.get(wanted) if isinstance(wanted, str) else wanted
    descriptor = Descriptor(calculator.feature, calculator.id, profile, params)
    item = make_item(source, descriptor, calculator, registry=registry)
    tracks: dict[str, FeatureTrack] = {}
    errors: dict[str, BaseException] = {}

    def done(one: Item, track: FeatureTrack) -> None:
        tracks[one.key] = track

    def failed(one: Item, error: BaseException) -> None:
        errors[one.key] = error

    run_job(Job(source, [item]), threads, done, failed)
    if errors:
        raise next(iter(errors.values()))
    return tracks[item.key]


def named(track: FeatureTrack) -> dict[str, float]:
    """The values of a global track by their names."""
    return dict(zip(map(str, track.coords["value"]), map(float, track.data[0]), strict=True))


def compute_all(
    source: AudioSource, calculators: Iterable[Calculator], profile: AnalysisProfile | None = None, *, threads: int = 1
) -> dict[str, FeatureTrack]:
    """The tracks of calculators by their ids, in one job; the first error is raised."""
    items = [make_item(source, Descriptor(one.feature, one.id, profile), one, registry=BUILTIN) for one in calculators]
    tracks: dict[str, FeatureTrack] = {}
    errors: list[BaseException] = []
    run_job(
        Job(source, items),
        threads,
        lambda item, track: tracks.__setitem__(item.key, track),
        lambda _item, error: errors.append(error),
    )
    if errors:
        raise errors[0]
    return {item.calculator.id: tracks[item.key] for item in items}
