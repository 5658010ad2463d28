"""Freshness: the stored result is compared with the wanted one, and the difference is put in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from audiocache_nb.audio.names import display_text
from audiocache_nb.errors import said
from audiocache_nb.features.track import FeatureTrack
from audiocache_nb.timeline.state import FeatureEntry, FeatureState

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item


@dataclasses.dataclass(frozen=True, slots=True)
class Freshness:
    """Whether a feature can be trusted, and why not.

    Attributes
    ----------
    state : {"missing", "queued", "running", "fresh", "stale", "failed", "bad_request"}
    causes : tuple of str
        What differs, old and new.
    notes : tuple of str
        What is no reason to compute anything again, but worth knowing: code that was edited under an
        explicit version, results that cannot be kept.
    """

    state: FeatureState
    causes: tuple[str, ...] = ()
    sentence: str = ""
    notes: tuple[str, ...] = ()

    def explain(self) -> str:
        """One sentence that says why, and what else is worth knowing."""
        sentence = self.sentence
        if self.state in ("queued", "running") and self.causes:
            sentence = f"{sentence.rstrip('.')}: {'; '.join(self.causes)}."
        return " ".join((sentence, *self.notes))


CHANGED = "audio file changed on disk"
MAX_DEPTH = 8
LONGEST_CAUSE = 1000
SENTENCES: dict[str, str] = {
    "missing": "Nobody has computed it yet.",
    "queued": "Waiting for its turn.",
    "running": "Being computed.",
    "fresh": "Computed from this audio with these parameters and this calculator.",
}


def judge(
    entry: FeatureEntry, wanted: Item | None, active: FeatureState | None, problem: str = "", changed: str = ""
) -> FeatureEntry:
    """The entry with its state, reason and causes worked out.

    Parameters
    ----------
    entry : FeatureEntry
    wanted : Item or None
        What would be computed now; None if that cannot be said (`problem` says why).
    active : {"queued", "running"} or None
        What the scheduler does about it.
    problem : str
    changed : str
        What happened to the audio since it was taken in.
    """
    if wanted is None:
        return entry.renewed(state="bad_request", reason=problem, causes=(problem,), wanted_key="")
    causes: tuple[str, ...] = ()
    state: FeatureState
    if entry.track is not None and entry.track.key != wanted.key:
        causes = differences(entry.track, wanted)
    if entry.track is not None and changed:
        causes = (changed, *causes)
    if active is not None:
        state, reason = active, SENTENCES[active]
    elif entry.exception is not None and entry.failed_key == wanted.key:
        state, reason = "failed", said(entry.exception)
    elif entry.track is None:
        state, reason = "missing", entry.lost or SENTENCES["missing"]
        causes = (entry.lost,) if entry.lost else ()
    elif causes:
        sentences = (f"The {CHANGED} after it was taken in; session.refresh(track) takes it in again.", *causes[1:])
        state, reason = "stale", " ".join(sentences) if changed else "; ".join(causes)
    elif entry.marked:
        state, reason, causes = "stale", entry.marked, (entry.marked,)
    else:
        state, reason = "fresh", _origin(entry.track)
    return entry.renewed(
        state=state, reason=reason, causes=causes, wanted_key=wanted.key, notes=notes(entry.track, wanted)
    )


def _origin(track: FeatureTrack) -> str:
    """Where a result that is right comes from."""
    imported = track.provenance.get("imported")
    if not isinstance(imported, Mapping):
        return SENTENCES["fresh"]
    origin = f"Imported from {str(imported.get('from', 'a scene'))!r:.80}"
    proof = imported.get("verified")
    return f"{origin}, not computed here." if not proof else f"{origin} and verified: {proof!s:.80}."


def differences(track: FeatureTrack, wanted: Item) -> tuple[str, ...]:
    """What differs between a stored result and the wanted one, as ``name old → new``."""
    old = {**track.provenance, "version": track.version, "parameters": dict(track.parameters)}
    found = _facts_changed(old, wanted.facts)
    if not found and wanted.calculator.depends_on_tempo and "tempo" not in old:
        found.append("tempo map changed")
    # What a file says of its parameters is shown, not obeyed.
    shown = (
        one if one.isprintable() and len(one) <= LONGEST_CAUSE else display_text(one, limit=LONGEST_CAUSE)
        for one in found
    )
    return tuple(dict.fromkeys(shown)) or ("what it was computed from is not known any more",)


def notes(track: FeatureTrack | None, wanted: Item) -> tuple[str, ...]:
    """What is worth knowing about a result, although it does not make it wrong."""
    found = []
    if wanted.uncacheable_reason:
        found.append(f"It is kept in this session only: {wanted.uncacheable_reason}.")
    if track is not None and track.key == wanted.key:
        parts = source_changed(track, wanted)
        if parts:
            name, version = wanted.calculator.id, wanted.version
            found.append(f"The code of {name} was edited, but is still version {version}: {'; '.join(parts)}.")
    return tuple(found)


def source_changed(track: FeatureTrack, wanted: Item) -> tuple[str, ...]:
    """What was edited in a calculator's code since the result was computed, under the same explicit version."""
    before = track.provenance.get("code")
    if wanted.calculator.version is None or not isinstance(before, Mapping):
        return ()
    code = wanted.calculator.fingerprint
    if code is None or before.get("digest") == code.digest:
        return ()
    return tuple(_code_changed(before, wanted.facts["code"], wanted.calculator.id))


def _facts_changed(old: Mapping[str, Any], new: Mapping[str, Any], depth: int = 0) -> list[str]:
    """What is not the same in what two keys were made of; what is not known of the old one is left out."""
    found: list[str] = []
    name = new["calculator"]
    if old.get("key_format", new["key_format"]) != new["key_format"]:
        found.append(f"format {old['key_format']} → {new['key_format']}")
    if old.get("audio", new["audio"]) != new["audio"]:
        found.append("audio changed")
    if "decode" in old:
        decoders = old["decode"].get("decoder"), new["decode"].get("decoder")
        of = f"{decoders[1]} " if decoders[0] == decoders[1] else ""
        found += [of + one for one in _changed(old["decode"], new["decode"])]
    if old["version"] != new["version"]:
        if str(old["version"]).startswith("code-") and str(new["version"]).startswith("code-"):
            found += _code_changed(old.get("code", {}), new.get("code", {}), name)
        else:
            found.append(f"calculator {name} version {old['version']} → {new['version']}")
    found += _changed(old["parameters"], new["parameters"])
    if old.get("salt", "") != new.get("salt", ""):
        found.append(f"salt {old.get('salt') or 'none'} → {new.get('salt') or 'none'}")
    if "tempo" in old and "tempo" in new and old["tempo"] != new["tempo"]:
        words = [text.rpartition(" (")[0] for text in (old["tempo"], new["tempo"])]
        found.append("tempo map changed" + (f": {words[0]} → {words[1]}" if words[0] != words[1] else ""))
    before, suppliers = dict(old.get("dependencies", {})), old.get("suppliers", {})
    for one, key in new["dependencies"].items():
        if before.get(one) != key:
            inner = []
            if one in suppliers and depth < MAX_DEPTH:
                inner = _facts_changed(suppliers[one], new["suppliers"][one], depth + 1)
            found.append(f"{one} changed" + (f" ({'; '.join(inner)})" if inner else ""))
    found += [f"{one} is not used any more" for one in before if one not in new["dependencies"]]
    return found


def _code_changed(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> list[str]:
    """The parts of a calculator's code that are not what they were."""
    before, after = dict(old.get("parts", {})), dict(new.get("parts", {}))
    found = []
    for part in [*after, *(one for one in before if one not in after)]:
        texts = before.get(part), after.get(part)
        if texts[0] == texts[1] or not before:
            continue
        label = f"code of {name}" if part == "code" else part
        if texts[0] is None:
            found.append(f"{label} is new")
        elif texts[1] is None:
            found.append(f"{label} is not used any more")
        elif texts[0].startswith("#") or texts[1].startswith("#"):
            found.append(f"{label} changed")
        else:
            found.append(f"{label} {texts[0]} → {texts[1]}")
    return found or [f"code of {name} changed"]


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = [*new, *(name for name in old if name not in new)]
    return [
        f"{name} {old.get(name, 'not given')} → {new.get(name, 'not given')}"
        for name in names
        if old.get(name) != new.get(name) or (name in old) != (name in new)
    ]
