"""Check of what a calculator says becomes of its values when the recording is louder."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.testing.cases import Case

LAWS = ("", "invariant", "linear", "quadratic", "decibels")
GAIN = 0.5  # a power of two: samples lose no digit
STEP_DB = 20 * math.log10(GAIN)
RELATIVE, WITHIN_DB = 1e-5, 1e-3
ADVICE = 'Declare another gain ("invariant", "linear", "quadratic", "decibels"), or none.'


def law(case: Case) -> None:
    """The values of half the gain are as declared."""
    said = case.calculator.gain
    laws = (said,) if isinstance(said, str) else tuple(said)
    wrong = [one for one in laws if one not in LAWS]
    if wrong:
        case.log.problem("gain", f"gain {wrong[0]!r:.60}", ADVICE)
        return
    if not any(laws):
        case.log.skip("gain", "it does not say what a gain does")
        return
    louder = case.result.rows
    softer = case.bench(case.main.samples * np.float32(GAIN)).call().rows
    if louder.shape != softer.shape:
        if set(laws) == {"invariant"}:
            got = f"{len(softer)} rows at half the gain, {len(louder)} before"
            case.log.problem("gain", got, ADVICE, case.where)
        return
    if not isinstance(said, str) and len(laws) != louder.shape[-1]:
        got = f"{len(laws)} laws for {louder.shape[-1]} columns"
        case.log.problem("gain", got, "Give one for each, or one for all.")
        return
    columns = len(laws)
    for column, one in enumerate(laws):
        before, after = (rows.reshape(len(rows), -1, columns)[..., column] for rows in (louder, softer))
        worst = _departure(one, before, after, case.main.layout.fill_value)
        if worst:
            where = f"column {column}" if columns > 1 else "the values"
            got = f"at half the gain, {where} should follow the law {one!r}: {worst}"
            case.log.problem("gain", got, ADVICE, case.where)
            return


def _departure(law: str, before: NDArray[np.generic], after: NDArray[np.generic], fill: float) -> str:
    """The first value that is not as the law has it, in words; empty if there is none."""
    if not law or not before.size:
        return ""
    a, b = (values.astype(np.complex128 if np.iscomplexobj(values) else np.float64) for values in (before, after))
    if law == "decibels":
        # what is near the lowest level has nowhere to go
        above = (a > fill - 2 * STEP_DB) & (b > fill - STEP_DB)
        if not above.any():
            return f"none is 12 dB above the fill value {fill:g}"
        wanted, off = a + STEP_DB, np.where(above, np.abs(b - a - STEP_DB) > WITHIN_DB, False)
    else:
        wanted = a * {"invariant": 1, "linear": GAIN, "quadratic": GAIN**2}[law]
        off = np.abs(b - wanted) > RELATIVE * np.abs(wanted).max()
    if not off.any():
        return ""
    place = tuple(int(index) for index in np.argwhere(off)[0])
    return f"row {place[0]} goes from {a[place]:.6g} to {b[place]:.6g}, not to {wanted[place]:.6g}"
