"""JAMS: JSON files with annotations of music, each of a namespace that says what its values mean.

Source: the JSON schemata of the format (version 0.3). A file holds ``file_metadata`` and a list of annotations;
an annotation holds observations with ``time``, ``duration``, ``value`` and ``confidence``.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from audiocache_nb.errors import DocumentError, DocumentValidationError, InvalidParameterError
from audiocache_nb.features.track import Events, FeatureTrack
from audiocache_nb.scene import schema as s
from audiocache_nb.scene.atomic import replacing
from audiocache_nb.scene.interchange.labels import Labels, labels_of
from audiocache_nb.scene.interchange.texts import Path, name_of
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.scene_file import content
from audiocache_nb.scene.strict_json import parse, stable

VERSION = "0.3.4"
# What the values of a namespace are: nothing (a number, or null) or a text.
_NAMESPACES = {"onsets": "onset", "beats": "beat"}
_SECONDS = s.number(-1e9, 1e9)
_OBSERVATION = s.record(
    {"time": _SECONDS, "duration": s.number(0, 1e9)}, {"value": s.anything, "confidence": s.anything}
)

Annotated = FeatureTrack | Events | ArrayLike


def to_jams(
    what: Annotated | Mapping[str, Annotated],
    path: Path,
    *,
    namespace: str | None = None,
    duration_s: float | None = None,
    title: str = "",
    artist: str = "",
) -> None:
    """Write events or regions as a JAMS file; the same labels give the same bytes.

    Parameters
    ----------
    what : FeatureTrack of events, Events, Labels or array_like [s], or a mapping of namespaces to these
        See `labels_of`. The value of an observation is the label's text, or else its first value.
    path : path
        Mostly ``song.jams``. The file is replaced when the new one is complete.
    namespace : str, optional
        Without one: ``onset`` and ``beat`` for these features, ``segment_open`` for regions, else ``tag_open``.
    duration_s : float [s], optional
        Length of the recording; without it, the last end.
    title, artist : str

    Raises
    ------
    InvalidParameterError
        A label begins before time zero, which JAMS has no place for.
    DocumentError, InvalidTypeError
    """
    many = what if isinstance(what, Mapping) else {namespace or _namespace(what): what}
    labels = {name: labels_of(one) for name, one in many.items()}
    for name, one in labels.items():
        if len(one) and one.times_s[0] < 0:
            raise InvalidParameterError(
                f"A label of {name!r:.60} begins at {one.times_s[0]:g} s; times of JAMS begin at 0.",
                hint="Leave it out, or move the labels.",
            )
    ends = [float(np.max(one.end_s)) for one in labels.values() if len(one)]
    length_s = float(duration_s) if duration_s is not None else max(ends, default=0.0)
    document = {
        "annotations": [
            {
                "namespace": name,
                "data": _observations(one, name),
                "annotation_metadata": _metadata(many[name]),
                "sandbox": {},
                "time": 0.0,
                "duration": length_s,
            }
            for name, one in labels.items()
        ],
        "file_metadata": {
            "title": title,
            "artist": artist,
            "release": "",
            "duration": length_s,
            "identifiers": {},
            "jams_version": VERSION,
        },
        "sandbox": {},
    }
    with replacing(path) as file:
        file.write(stable(document))


def from_jams(path: Path, namespace: str | None = None, *, limits: ImportLimits | None = None) -> Labels:
    """Read one annotation of a JAMS file.

    Parameters
    ----------
    path : path
    namespace : str, optional
        Without it, the file's only annotation.
    limits : ImportLimits, optional
        `json_bytes` is the longest file, `labels` the most observations.

    Returns
    -------
    Labels
        Texts for values that are texts (and, as JSON, for those that are lists or objects); numbers are the
        value ``value``, confidences the value ``confidence``.

    Raises
    ------
    DocumentError, BundleLimitError
    """
    limits = limits or ImportLimits()
    name = name_of(path)
    document = parse(content(path, limits), limits, name=name)
    annotation = s.record({"namespace": s.text(120), "data": s.anything})
    s.validate(document, s.record({"annotations": s.array(annotation, 10_000)}), name=name)
    found = [n for n, one in enumerate(document["annotations"]) if namespace in (None, one["namespace"])]
    if len(found) != 1:
        known = ", ".join(repr(one["namespace"][:40]) for one in document["annotations"][:10]) or "none"
        asked = "annotations" if namespace is None else f"annotations {namespace!r:.60}"
        raise DocumentError(
            f"{name!r:.80} holds {len(found)} {asked}, not one.", hint=f"Name one of its annotations: {known}."
        )
    data = document["annotations"][found[0]]["data"]
    pointer = f"/annotations/{found[0]}/data"
    rows = _rows(data, limits, name, pointer)
    return _labels(rows)


def _namespace(what: Any) -> str:
    known = _NAMESPACES.get(what.feature) if isinstance(what, FeatureTrack) else None
    return known or ("segment_open" if labels_of(what).is_regions else "tag_open")


def _metadata(what: Any) -> dict[str, Any]:
    tool = f"audiocache_nb {importlib.metadata.version('audiocache_nb')}"
    if isinstance(what, FeatureTrack):
        return {"annotation_tools": f"{tool}: {what.calculator_id} version {what.version}", "data_source": "program"}
    return {"annotation_tools": tool}


def _observations(labels: Labels, namespace: str) -> list[dict[str, Any]]:
    values: list[Any] = [None] * len(labels)
    others = [name for name in labels.other_names if name != "confidence"]
    if labels.texts:
        values = list(labels.texts)
    elif namespace.endswith("_open"):  # texts are all that these may hold
        values = list(labels.shown())
    elif others and namespace != "beat":  # there it would be the place in the bar
        values = [value if math.isfinite(value) else None for value in labels.column(others[0]).tolist()]
    sure: list[Any] = [None] * len(labels)
    if "confidence" in labels.names:
        sure = [value if math.isfinite(value) else None for value in labels.column("confidence").tolist()]
    lengths = (labels.end_s - labels.times_s).tolist()
    return [
        {"time": float(start), "duration": length, "value": value, "confidence": confidence}
        for start, length, value, confidence in zip(labels.times_s, lengths, values, sure, strict=True)
    ]


def _rows(data: Any, limits: ImportLimits, name: str, pointer: str) -> list[dict[str, Any]]:
    """The observations one by one, however they lie in the file: as a list, or as an object of lists."""
    if isinstance(data, dict):
        columns = {key: data.get(key) for key in ("time", "duration", "value", "confidence")}
        lists = {key: one for key, one in columns.items() if isinstance(one, list)}
        length = len(lists.get("time", ()))
        if {"time", "duration"} - set(lists) or any(len(one) != length for one in lists.values()):
            raise DocumentValidationError(
                f"{name!r:.80} is not as it has to be: {pointer}: columns of one length are needed.",
                hint="Nothing was read.",
                pointers=[pointer],
            )
        limits.check("labels", length, "The number of observations")
        data = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    elif isinstance(data, list):
        limits.check("labels", len(data), "The number of observations")

    def check(value: Any, _at: str, problems: list[s.Problem]) -> None:
        s.array(_OBSERVATION, limits.labels)(value, pointer, problems)

    s.validate(data, check, name=name)
    rows: list[dict[str, Any]] = data
    return rows


def _labels(rows: list[dict[str, Any]]) -> Labels:
    start = np.array([row["time"] for row in rows], np.float64)
    end = start + np.array([row["duration"] for row in rows], np.float64)
    names: list[str] = []
    columns: list[list[float]] = []
    texts: list[str] = []
    found = [row.get("value") for row in rows]
    if any(value is not None for value in found):
        if all(value is None or _is_number(value) for value in found):
            names.append("value")
            columns.append([math.nan if value is None else float(value) for value in found])
        else:
            texts = [_text(value) for value in found]
    sure = [row.get("confidence") for row in rows]
    if any(map(_is_number, sure)):
        names.append("confidence")
        columns.append([math.nan if value is None or not _is_number(value) else float(value) for value in sure])
    return Labels.of(start, end, texts, values=np.array(columns).T if names else None, names=names)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
