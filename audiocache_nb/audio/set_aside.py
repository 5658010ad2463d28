"""Recordings set aside: what was in memory goes into a file without a name, and is mapped from there.

The file is gone with the last who looks at it, also if the process is killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from audiocache_nb.audio.origins import ArrayOrigin, BytesOrigin
from audiocache_nb.audio.source import AudioSource

PIECE_BYTES: Final = 1 << 20
ALIGNMENT: Final = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class AsideSamples(ArrayOrigin):
    """Samples in a file of ours.

    Attributes
    ----------
    aside : mmap
        The file; other recordings may lie there too.
    """

    aside: mmap.mmap


@dataclasses.dataclass(frozen=True, slots=True)
class AsideBytes(BytesOrigin):
    """Encoded audio in a file of ours."""

    aside: mmap.mmap


def set_aside(
    sources: Sequence[AudioSource], folder: pathlib.Path | None, goes_on: Callable[[], bool] = lambda: True
) -> list[AudioSource] | None:
    """Write what some recordings hold in memory into one file without a name, and map it, to be read only.

    Parameters
    ----------
    sources : sequence of AudioSource
        Arrays and encoded bytes, none of them empty.
    folder : Path or None
        Where the file takes up room; made if need be. None, or where nothing can be written: where the system
        keeps temporary files.
    goes_on : callable
        Asked between two pieces; False ends the writing.

    Returns
    -------
    list of AudioSource or None
        The same recordings, in that order, with their samples in the file; None if `goes_on` said no.

    Raises
    ------
    OSError
        If there is no room for them.
    """
    contents = [_content(source) for source in sources]
    if folder is not None:
        with contextlib.suppress(OSError):
            folder.mkdir(0o700, parents=True, exist_ok=True)
            return _written(sources, contents, folder, goes_on)
    return _written(sources, contents, None, goes_on)


def _content(source: AudioSource) -> memoryview:
    if source.array is not None:
        return memoryview(np.ascontiguousarray(source.array)).cast("B")
    assert isinstance(source.origin, BytesOrigin)
    return memoryview(source.origin.data)


def _written(
    sources: Sequence[AudioSource],
    contents: Sequence[memoryview],
    folder: pathlib.Path | None,
    goes_on: Callable[[], bool],
) -> list[AudioSource] | None:
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        starts = []
        for content in contents:
            starts.append(-(-file.tell() // ALIGNMENT) * ALIGNMENT)
            file.seek(starts[-1])
            for at in range(0, len(content), PIECE_BYTES):
                if not goes_on():
                    return None
                _write(file.fileno(), content[at : at + PIECE_BYTES])
        mapped = _map(file.fileno(), file.tell())
    return [_copy(source, mapped, at) for source, at in zip(sources, starts, strict=True)]


def _write(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _map(handle: int, size: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):  # before, each map costs one of the files that a process may have open
        return mmap.mmap(handle, size, access=mmap.ACCESS_READ, trackfd=False)
    return mmap.mmap(handle, size, access=mmap.ACCESS_READ)


def _copy(source: AudioSource, mapped: mmap.mmap, at: int) -> AudioSource:
    if source.array is not None:
        array = np.frombuffer(mapped, np.float32, source.array.size, at).reshape(source.array.shape)
        return dataclasses.replace(source, array=array, origin=AsideSamples(array, mapped))
    origin = source.origin
    assert isinstance(origin, BytesOrigin)
    data = memoryview(mapped)[at : at + len(origin.data)]
    return dataclasses.replace(source, origin=AsideBytes(data, origin.label, origin.frames, origin.clean, mapped))
