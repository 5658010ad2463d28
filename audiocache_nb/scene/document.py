"""Scene documents: what is in them, which versions are read, and what becomes of what we do not know.

A document says everything about a scene but the numbers: tempo, tracks, recordings by their digests,
who asks for which features, and which features there are. Whatever a later minor version adds is
kept when the scene is saved again.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from audiocache_nb.errors import DocumentError, DocumentVersionError
from audiocache_nb.scene import schema as s
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.strict_json import parse

FORMAT = "audiocache_nb.scene"
MAJOR, MINOR = 1, 0
STATES = ("idle", "ready", "failed", "stale")

_NAME = s.text(200)
_LONGEST_ID, _MOST_MEMBERS = 120, 40
_ID = s.text(_LONGEST_ID, empty=False)
_TICKS = s.number(-1e15, 1e15)
_HASH = s.text(80, empty=False)


@functools.lru_cache(4)
def _schema(limits: ImportLimits) -> s.Check:
    descriptor = _descriptor()
    entry = s.record({"entry": _ID})
    source = s.record(
        {
            "id": _ID,
            "name": _NAME,
            "digest": _HASH,
            "sample_rate": s.integer(1000, 768_000),
            "channels": s.integer(1, 64),
            "frames": s.integer(),
            "decode": s.members(s.anything, 40),
        },
        {
            "audio": s.nullable(entry),
            "reference": s.nullable(s.record({"name": _NAME})),
            "status": s.record({"state": s.one_of(*STATES)}, {"message": s.nullable(s.text(1000))}),
        },
    )
    track = s.record(
        {"id": _ID, "name": _NAME, "source": _ID, "offset_ticks": _TICKS},
        {
            "region_start_tick": s.nullable(_TICKS),
            "region_end_tick": s.nullable(_TICKS),
            "gain": s.number(0, 16),
            "mute": s.boolean,
            "enabled": s.boolean,
        },
    )
    tempo_entry = s.array(s.anything, 3)
    return s.record(
        {
            "format": s.one_of(FORMAT),
            "version": s.array(s.integer(), 2, length=2),
            "timeline": s.record(
                {
                    "tempo": s.record(
                        {"entries": s.array(tempo_entry, limits.tempo_events), "beats_per_bar": s.integer(1, 64)}
                    ),
                    "tracks": s.unique(s.array(track, limits.tracks), "id"),
                },
                {"playback_range": s.nullable(s.array(s.number(), 2, length=2))},
            ),
            "sources": s.unique(s.array(source, limits.tracks), "id"),
            "demand": s.array(
                s.record({"element": s.text(200, empty=False), "track": _ID, "features": s.array(descriptor, 1000)}),
                limits.descriptors,
            ),
            "features": s.array(
                s.record(
                    {"source": _ID, "descriptor": descriptor, "key": _HASH},
                    {"array": s.nullable(entry), "origin": s.nullable(s.members(s.anything, 20))},
                ),
                limits.descriptors,
            ),
        },
        {
            "created_with": s.text(80),
            "dismissed": s.array(s.record({"source": _ID, "descriptor": descriptor}), limits.descriptors),
        },
    )


def _descriptor() -> s.Check:
    """A feature that is asked for or there: of these there are more than of all else, and most are right."""
    check = s.record(
        {"feature": _ID, "calculator": _ID, "profile": s.members(s.anything, _MOST_MEMBERS)}, {"params": s.anything}
    )

    def quick(value: Any, at: str, problems: list[s.Problem]) -> None:
        if type(value) is dict and len(value) >= 3:
            feature, calculator, profile = map(value.get, ("feature", "calculator", "profile"))
            texts = type(feature) is str is type(calculator) and 0 < len(feature) <= _LONGEST_ID >= len(calculator) > 0
            if texts and type(profile) is dict and len(profile) <= _MOST_MEMBERS:
                return
        check(value, at, problems)

    return quick


def read_document(data: bytes, limits: ImportLimits, *, name: str = "document") -> dict[str, Any]:
    """A document that is as it has to be.

    Raises
    ------
    DocumentError
        It is no scene document.
    DocumentVersionError
        A later program wrote it.
    DocumentValidationError, BundleLimitError
    """
    document = parse(data, limits, name=name)
    check_version(document, name=name)
    check_document(document, limits, name=name)
    return dict(document)


def check_version(document: Any, *, name: str) -> None:
    """Make sure that this program knows the document's version."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DocumentError(
            f"{name!r:.80} is no scene document.", hint="acn.load reads scenes that session.save wrote."
        )
    version = document.get("version")
    if isinstance(version, list) and version and isinstance(version[0], int) and version[0] > MAJOR:
        raise DocumentVersionError(
            f"{name!r:.80} has version {version[0]} of the format; this program reads up to {MAJOR}.",
            hint=f"Install a later audiocache_nb that reads version {version[0]}.",
            found=version[:2],
            supported=[MAJOR, MINOR],
        )


def check_document(document: Any, limits: ImportLimits, *, name: str) -> None:
    """Make sure that a document is as it has to be; done before it is written, too."""
    s.validate(document, _checked_links(_schema(limits)), name=name)


def _checked_links(inner: s.Check) -> s.Check:
    """Everything that is named is there."""

    def check(value: Any, at: str, problems: list[s.Problem]) -> None:
        inner(value, at, problems)
        if problems:
            return
        sources = {source["id"] for source in value["sources"]}
        tracks = {track["id"] for track in value["timeline"]["tracks"]}
        places = [
            *(
                (f"/timeline/tracks/{n}/source", t["source"], sources)
                for n, t in enumerate(value["timeline"]["tracks"])
            ),
            *((f"/features/{n}/source", f["source"], sources) for n, f in enumerate(value["features"])),
        ]
        problems += [
            s.Problem(place, f"there is no {name!r:.60}") for place, name, known in places if name not in known
        ]
        problems += [
            s.Problem(f"/demand/{n}/track", f"there is no {asked['track']!r:.60}")
            for n, asked in enumerate(value["demand"])
            if asked["track"] not in tracks
        ]

    return check


# --- what we do not know -------------------------------------------------------------------------

_KNOWN: dict[str, frozenset[str]] = {
    "": frozenset({"format", "version", "created_with", "timeline", "sources", "demand", "features", "dismissed"}),
    "timeline": frozenset({"tempo", "tracks", "playback_range"}),
    "tracks": frozenset(
        {
            "id",
            "name",
            "source",
            "offset_ticks",
            "region_start_tick",
            "region_end_tick",
            "gain",
            "mute",
            "enabled",
        }
    ),
    "sources": frozenset(
        {"id", "name", "digest", "sample_rate", "channels", "frames", "decode", "audio", "reference", "status"}
    ),
    "tempo": frozenset({"entries", "beats_per_bar"}),
    "demand": frozenset({"element", "track", "features"}),
    "features": frozenset({"source", "descriptor", "key", "array", "origin"}),
}
# By what members an item of a list is the same one later.
_NAMED = {"tracks": ("id",), "sources": ("id",), "demand": ("element", "track"), "features": ("source", "key")}


def unknown_parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a later minor version has added to the document and to what is in it, as far as it can be found again."""

    def rest(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: copy.deepcopy(item) for name, item in value.items() if name not in _KNOWN[kind]}

    def by_name(kind: str, values: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], Any]:
        found = {_name_of(kind, value): rest(kind, value) for value in values}
        return {name: value for name, value in found.items() if value}

    return {
        "": rest("", document),
        "timeline": rest("timeline", document["timeline"]),
        "tempo": rest("tempo", document["timeline"]["tempo"]),
        "tracks": by_name("tracks", document["timeline"]["tracks"]),
        **{kind: by_name(kind, document[kind]) for kind in ("sources", "demand", "features")},
        "minor": document["version"][1],
    }


def with_unknown_parts(document: dict[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """The document with what was not known when its scene was loaded, as far as it still applies."""
    document = {**unknown[""], **document}
    document["version"] = [MAJOR, max(MINOR, unknown["minor"])]
    document["timeline"] = {**unknown["timeline"], **document["timeline"]}
    document["timeline"]["tempo"] = {**unknown["tempo"], **document["timeline"]["tempo"]}
    for kind, holder in (
        ("tracks", document["timeline"]),
        ("sources", document),
        ("demand", document),
        ("features", document),
    ):
        known = unknown[kind]
        holder[kind] = [{**known.get(_name_of(kind, value), {}), **value} for value in holder[kind]]
    return document


def _name_of(kind: str, value: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(value[member] for member in _NAMED[kind])
