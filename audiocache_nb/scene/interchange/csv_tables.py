"""Events and regions as CSV: a line for each, with its start, its end, its label and its values."""

from __future__ import annotations

import csv
import io

import numpy as np
from numpy.typing import ArrayLike

from audiocache_nb.features.track import Events, FeatureTrack
from audiocache_nb.scene.interchange.labels import Labels, labels_of
from audiocache_nb.scene.interchange.texts import Path, check_label, finite, read_text, write_text, wrong_line
from audiocache_nb.scene.limits import ImportLimits

_STARTS = ("start_s", "time_s", "start", "time", "onset", "begin")
_ENDS = ("end_s", "end", "offset", "stop")
_LENGTHS = ("duration_s", "duration", "length")
_TEXTS = ("label", "text", "name")


def to_csv(what: FeatureTrack | Events | ArrayLike, path: Path) -> None:
    """Write events or regions as CSV.

    Parameters
    ----------
    what : FeatureTrack of events, Events, Labels or array_like [s]
        See `labels_of`. The columns are ``start_s``, ``end_s`` of regions, ``label`` where there are texts, and
        the values, all with as many digits as bring back the same numbers.
    path : path
        The file is replaced when the new one is complete.

    Raises
    ------
    DocumentError, InvalidTypeError, InvalidParameterError
    """
    labels = labels_of(what)
    columns: dict[str, list[object]] = {"start_s": np.asarray(labels.times_s, np.float64).tolist()}
    if labels.is_regions:
        columns["end_s"] = labels.end_s.tolist()
    if labels.texts:
        columns["label"] = list(labels.texts)
    for name in labels.other_names:
        columns[name] = labels.column(name).tolist()
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_text(path, file.getvalue())


def from_csv(path: Path, *, limits: ImportLimits | None = None) -> Labels:
    """Read events or regions from CSV.

    Parameters
    ----------
    path : path
        Parted by commas, semicolons or tabs. The first line may name the columns: one is called ``start_s``,
        ``time``, ``onset`` or the like; one may be called ``end_s`` or ``duration_s``, one ``label``; the others hold
        numbers. Without such a line the columns are start, or start and label, or start, end and label.
    limits : ImportLimits, optional
        `json_bytes` is the longest file, `labels` the most lines, `string_length` the longest text.

    Returns
    -------
    Labels

    Raises
    ------
    DocumentError, BundleLimitError
        With the number of the line.
    """
    limits = limits or ImportLimits()
    text = read_text(path, limits)
    first = text.partition("\n")[0]
    delimiter = next((one for one in "\t;," if one in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    starts: list[float] = []
    ends: list[float] = []
    texts: list[str] = []
    others: list[list[float]] = []
    names: list[str] | None = None
    kinds: list[str] = []
    try:
        for row in reader:
            if not any(field.strip() for field in row):
                continue
            if names is None:
                names, kinds, is_header = _columns(row, path)
                if is_header:
                    continue
            limits.check("labels", len(starts) + 1, "The number of lines")
            if len(row) != len(names):
                raise wrong_line(path, reader.line_num, f"{len(row)} columns instead of {len(names)}")
            start, length, other = 0.0, 0.0, []
            end: float | None = None
            for name, kind, field in zip(names, kinds, row, strict=True):
                if kind == "text":
                    texts.append(check_label(field, limits, path))
                    continue
                is_blank = kind == "value" and field.strip().lower() in ("", "nan")
                value = float("nan") if is_blank else finite(field, path, reader.line_num, name)
                match kind:
                    case "start":
                        start = value
                    case "end":
                        end = value
                    case "length":
                        length = value
                    case _:
                        other.append(value)
            end = start + length if end is None else end
            if end < start:
                raise wrong_line(path, reader.line_num, "it ends before it begins")
            starts.append(start)
            ends.append(end)
            others.append(other)
    except csv.Error as error:
        raise wrong_line(path, reader.line_num, str(error)) from None
    rest = [name for name, kind in zip(names or (), kinds, strict=True) if kind == "value"]
    values = np.array(others, np.float64).reshape(len(starts), len(rest))
    return Labels.of(starts, ends, texts, values=values if rest else None, names=rest)


def _columns(row: list[str], path: Path) -> tuple[list[str], list[str], bool]:
    """Names and kinds of the columns, and whether the row names them."""
    if _is_number(row[0]):
        numbers = [_is_number(field) for field in row]
        kinds = ["start", *(("end" if number else "text") for number in numbers[1:2])]
        kinds += ["value" if number or "text" in kinds else "text" for number in numbers[2:3]]
        kinds += ["value"] * (len(row) - len(kinds))
        return [f"column {n}" for n in range(1, len(row) + 1)], kinds, False
    names = [field.strip()[:120] for field in row]
    kinds = []
    for choices in (_STARTS, _ENDS, _LENGTHS, _TEXTS):
        kinds.append(next((name for choice in choices for name in names if name.lower() == choice), ""))
    start, end, length, text = kinds
    if not start or len(set(names)) != len(names):
        raise wrong_line(path, 1, "no column is called start_s or time, or two have one name")
    known = {start: "start", text: "text", **({end: "end"} if end else {length: "length"})}
    return names, [known.get(name, "value") if name else "value" for name in names], True


def _is_number(text: str) -> bool:
    try:
        float(text.strip().replace(",", "."))
    except ValueError:
        return False
    return True
