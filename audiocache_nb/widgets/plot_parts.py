"""The layers of a plot as they are wanted, and as they are now."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import Registry, calculators
from audiocache_nb.models.protocol import EntryLike, SessionLike
from audiocache_nb.widgets.layers import Kind, Picture, expected_kind

MOST_PARTS = 24

Features = str | Descriptor | Iterable[str | Descriptor]


@dataclasses.dataclass
class Growth:
    """How far a layer was drawn while its feature was still being computed."""

    frames: int = 0
    building: bool = False
    next_s: float = 0.0


@dataclasses.dataclass
class Part:
    """One layer: what is wanted, and what is shown of it now."""

    name: str
    wanted: Descriptor
    kind: Kind
    label: str
    key: str = ""
    revision: int = 0
    picture: Picture | None = None
    growth: Growth = dataclasses.field(default_factory=Growth)


def find_entry(entries: Mapping[Any, EntryLike], wanted: Descriptor) -> EntryLike | None:
    """The entry of a resolved descriptor."""
    for entry in entries.values():
        slot = entry.slot
        if (
            slot.feature == wanted.feature
            and slot.calculator_id == wanted.calculator
            and slot.profile_id == wanted.used_profile.id
            and tuple(slot.params) == wanted.params
        ):
            return entry
    return None


def make_parts(
    session: SessionLike,
    track_id: str,
    features: Features,
    profile: AnalysisProfile | None,
    *,
    waveform: bool,
) -> list[Part]:
    """The layers for some features, each once, in order; the waveform comes first.

    Raises
    ------
    InvalidTypeError, InvalidParameterError
        `features` are none, or too many.
    UnknownFeatureError, UnknownCalculatorError
    """
    registry: Registry = getattr(session, "registry", calculators)
    wanted = list(dict.fromkeys(registry.resolve(feature, profile) for feature in _listed(features)))
    if waveform:
        wave = registry.resolve("waveform", profile)
        wanted = wanted if wave in wanted else [wave, *wanted]
    audio = session.store.snapshot().tracks[track_id].source
    parts: list[Part] = []
    for descriptor in wanted:
        calculator = registry.get(str(descriptor.calculator))
        default = registry.default_for(descriptor.feature).id == calculator.id
        name = _free(descriptor.feature if default else calculator.id, {part.name for part in parts})
        parts.append(Part(name, descriptor, expected_kind(calculator, audio, descriptor), calculator.label or name))
    return parts


def _listed(features: Features) -> list[str | Descriptor]:
    if isinstance(features, (str, Descriptor)):
        return [features]
    if not isinstance(features, Iterable):
        raise InvalidTypeError(
            f"feature is a {type(features).__name__}.", hint='Name it, or several: ["rms", "beats"].'
        )
    listed = list(features)
    if not 0 < len(listed) <= MOST_PARTS:
        raise InvalidParameterError(
            f"{len(listed)} features are to be plotted.", hint=f"Name at least one, and at most {MOST_PARTS}."
        )
    return listed


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number if the same feature is there already with other parameters."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free
