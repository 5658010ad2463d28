"""Freshness: the stored result is compared with the wanted one, and the difference is put in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from audiocache_nb.analysis.plan import Item
from audiocache_nb.errors import said
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline.state import FeatureEntry, FeatureState


@dataclasses.dataclass(frozen=True, slots=True)
class Freshness:
    """Whether a feature can be trusted, and why not.

    Attributes
    ----------
    state : {"missing", "queued", "running", "fresh", "stale", "failed", "bad_request"}
    causes : tuple of str
        What differs, old and new.
    """

    state: FeatureState
    causes: tuple[str, ...] = ()
    sentence: str = ""

    def explain(self) -> str:
        """One sentence that says why."""
        return self.sentence


SENTENCES: dict[str, str] = {
    "missing": "Nobody has computed it yet.",
    "queued": "Waiting for its turn.",
    "running": "Being computed.",
    "fresh": "Computed from this audio with these parameters and this calculator.",
}


def judge(entry: FeatureEntry, wanted: Item | None, active: FeatureState | None, problem: str = "") -> FeatureEntry:
    """The entry with its state, reason and causes worked out.

    Parameters
    ----------
    entry : FeatureEntry
    wanted : Item or None
        What would be computed now; None if that cannot be said (`problem` says why).
    active : {"queued", "running"} or None
        What the scheduler does about it.
    problem : str
    """
    if wanted is None:
        return dataclasses.replace(entry, state="bad_request", reason=problem, causes=(problem,), wanted_key="")
    causes: tuple[str, ...] = ()
    state: FeatureState
    if entry.track is not None and entry.track.key != wanted.key:
        causes = differences(entry.track, wanted)
    if active is not None:
        state, reason = active, SENTENCES[active]
    elif entry.exception is not None and entry.failed_key == wanted.key:
        state, reason = "failed", said(entry.exception)
    elif entry.track is None:
        state, reason = "missing", entry.lost or SENTENCES["missing"]
        causes = (entry.lost,) if entry.lost else ()
    elif causes:
        state, reason = "stale", "; ".join(causes)
    else:
        state, reason = "fresh", SENTENCES["fresh"]
    return dataclasses.replace(entry, state=state, reason=reason, causes=causes, wanted_key=wanted.key)


def differences(track: FeatureTrack, wanted: Item) -> tuple[str, ...]:
    """What differs between a stored result and the wanted one, as ``name old → new``."""
    found = []
    if track.version != wanted.calculator.version_text:
        old, new = track.version, wanted.calculator.version_text
        if old.startswith("code-") and new.startswith("code-"):
            found.append(f"code of {wanted.calculator.id} changed")
        else:
            found.append(f"calculator {wanted.calculator.id} version {old} → {new}")
    found += _changed(track.parameters, wanted.used)
    before = dict(track.provenance.get("dependencies", {}))
    found += [f"{name} changed" for name, key in wanted.needs.items() if before.get(name) != key]
    if not found and wanted.calculator.depends_on_tempo:
        found.append("tempo map changed")
    return tuple(found) or ("what it was computed from is not known any more",)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = [*new, *(name for name in old if name not in new)]
    return [
        f"{name} {old.get(name, 'not given')} → {new.get(name, 'not given')}"
        for name in names
        if old.get(name) != new.get(name) or (name in old) != (name in new)
    ]
