"""Arrays of any type and layout, copied once into frozen float32 samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.audio.limits import MAX_CHANNELS, check_channels
from audiocache_nb.audio.names import quoted
from audiocache_nb.errors import AudioLimitError, InvalidParameterError, InvalidTypeError

_SHAPES = "Give samples with shape (n,) or (n, channels)."


def own_samples(source: Any) -> tuple[NDArray[np.float32], int]:
    """Return a copy of `source` as float32 samples that nobody else can change.

    Integers are divided by full scale (``2**(bits - 1)``); uint8 is offset binary around 128, as in WAV
    files. Masked samples become 0.

    Parameters
    ----------
    source : array-like [shape=(n,) or (n, channels)]
        Anything numpy can see as an array of floats or signed integers (or uint8), of any byte order,
        layout or library.

    Returns
    -------
    samples : ndarray of float32 [shape=(n, channels)]
        C-contiguous. Not yet read-only: samples may still have to be cleaned.
    bits : int
        Resolution, as far as clipping is concerned: 8 for one-byte integers, else 16.

    Raises
    ------
    InvalidTypeError
        For objects, text, booleans, complex and wide unsigned numbers.
    InvalidParameterError
        For arrays of other than one or two dimensions.
    AudioLimitError
        For too many channels, which is also what (channels, n) looks like.
    """
    values = _as_array(source)
    _check_dtype(values.dtype)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2:
        raise InvalidParameterError(f"An array with {values.ndim} dimensions is no audio.", hint=_SHAPES)
    _check_layout(*values.shape)
    samples = np.empty(values.shape, np.float32)
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and that is reported as such
        np.copyto(samples, values, casting="unsafe")
    if values.dtype.kind == "u":
        samples -= 128
    if values.dtype.kind in "iu":
        samples *= np.float32(2.0 ** (1 - 8 * values.dtype.itemsize))
    return samples, 8 if values.dtype.itemsize == 1 else 16


def _as_array(source: Any) -> NDArray[Any]:
    if isinstance(source, np.ma.MaskedArray):
        return np.asarray(source.filled(128 if source.dtype == np.uint8 else 0))
    try:
        return np.asarray(source)
    except (TypeError, ValueError, RuntimeError) as error:
        # ragged lists, tensors on another device or with a gradient
        raise InvalidTypeError(
            f"A {type(source).__name__} could not be turned into an array: {quoted(str(error), limit=160)}.",
            hint="Convert it to a numpy array first, for example tensor.detach().cpu().numpy().",
        ) from error


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.kind in "fi" or dtype == np.uint8:
        return
    raise InvalidTypeError(
        f"An array of dtype {quoted(str(dtype))} is no audio.",
        hint="Use float32 (or another real float), a signed integer type, or uint8.",
        dtype=str(dtype)[:80],
    )


def _check_layout(frames: int, channels: int) -> None:
    if channels > MAX_CHANNELS >= frames:
        raise AudioLimitError(
            f"An array of shape ({frames:,}, {channels:,}) would be {channels:,} channels of {frames:,} samples.",
            hint=f"It looks like (channels, n): transpose it (array.T). {_SHAPES}",
            channels=channels,
            maximum=MAX_CHANNELS,
        )
    check_channels(channels)
