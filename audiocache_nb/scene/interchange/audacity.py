r"""Label files of Audacity: a line for each label, with its start, its end and its text between tabs.

A label made in a spectrogram is followed by a line ``\ low high`` with its range of frequencies in
Hz, -1 for none. Source: the chapter "Importing and Exporting Labels" of Audacity's manual.
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import ArrayLike

from audiocache_nb.features.track import Events, FeatureTrack
from audiocache_nb.scene.interchange.labels import Labels, labels_of
from audiocache_nb.scene.interchange.texts import Path, check_label, finite, read_text, write_text, wrong_line
from audiocache_nb.scene.limits import ImportLimits

FREQUENCIES = ("low_hz", "high_hz")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")  # what would begin a new column or line


def write_labels(what: FeatureTrack | Events | ArrayLike, path: Path) -> None:
    """Write events or regions as labels that Audacity imports.

    Parameters
    ----------
    what : FeatureTrack of events, Events, Labels or array_like [s]
        See `labels_of`. What has no text of its own gets its values as text. Values called ``low_hz`` and
        ``high_hz`` become the label's range of frequencies; NaN is none.
    path : path
        The file is replaced when the new one is complete.

    Raises
    ------
    DocumentError
        The file cannot be written.
    InvalidTypeError, InvalidParameterError
    """
    labels = labels_of(what)
    lines = []
    ranges = set(FREQUENCIES) <= set(labels.names)
    low, high = (labels.column(name) for name in FREQUENCIES) if ranges else (None, None)
    shown = labels.texts or Labels(labels.times_s, *_without_ranges(labels)).shown()
    for n, (start, end, text) in enumerate(zip(labels.times_s, labels.end_s, shown, strict=True)):
        lines.append(f"{start:.9f}\t{end:.9f}\t{_BREAKS.sub(' ', text)}")
        if low is not None and high is not None:
            lines.append(f"\\\t{_frequency(low[n])}\t{_frequency(high[n])}")
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_labels(path: Path, *, limits: ImportLimits | None = None) -> Labels:
    """Read a label file of Audacity.

    Parameters
    ----------
    path : path
    limits : ImportLimits, optional
        `json_bytes` is the longest file, `labels` the most labels, `string_length` the longest text.

    Returns
    -------
    Labels
        Sorted by their starts; regions have the value ``duration_s``, and labels of a spectrogram
        ``low_hz`` and ``high_hz``.

    Raises
    ------
    DocumentError, BundleLimitError
        With the number of the line.
    """
    limits = limits or ImportLimits()
    starts: list[float] = []
    ends: list[float] = []
    texts: list[str] = []
    ranges: dict[int, tuple[float, float]] = {}
    for number, line in enumerate(read_text(path, limits).replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        fields = line.split("\t", 2)
        if fields[0].strip() == "\\":
            if not starts or len(fields) != 3:
                raise wrong_line(path, number, "a range of frequencies without its label")
            low, high = (finite(field, path, number, "a frequency") for field in fields[1:])
            ranges[len(starts) - 1] = (low if low >= 0 else math.nan, high if high >= 0 else math.nan)
            continue
        if len(fields) < 2:
            raise wrong_line(path, number, "start and end are not parted by a tab")
        limits.check("labels", len(starts) + 1, "The number of labels")
        start, end = finite(fields[0], path, number, "the start"), finite(fields[1], path, number, "the end")
        if end < start:
            raise wrong_line(path, number, "the label ends before it begins")
        starts.append(start)
        ends.append(end)
        texts.append(check_label(fields[2] if len(fields) == 3 else "", limits, path))
    values = np.full((len(starts), 2), math.nan)
    for n, found in ranges.items():
        values[n] = found
    return Labels.of(starts, ends, texts, values=values if ranges else None, names=FREQUENCIES if ranges else ())


def _without_ranges(labels: Labels) -> tuple[ArrayLike | None, tuple[str, ...]]:
    kept = [n for n, name in enumerate(labels.names) if name not in FREQUENCIES]
    return (np.asarray(labels.values)[:, kept] if kept else None), tuple(labels.names[n] for n in kept)


def _frequency(value: float) -> str:
    return "-1.000000" if math.isnan(value) else f"{value:.6f}"
