"""What an import accepts, checked before anything is allocated."""

from __future__ import annotations

import dataclasses
from typing import Final

from audiocache_nb.errors import BundleLimitError, InvalidParameterError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImportLimits:
    """Limits of an import; every one can be raised by who knows where a file comes from.

    Attributes
    ----------
    file_bytes, entry_bytes, total_bytes : int [bytes]
        Of the archive, of one entry and of all entries together, unpacked. Arrays are mapped, not read.
    packed_entry_bytes : int [bytes]
        Of one compressed entry, unpacked: that has to go into memory.
    ratio : int
        How many times bigger than its packed form an entry may be.
    entries : int
        Entries of the archive.
    json_bytes : int [bytes]
        Of a document or manifest.
    json_depth, string_length : int
        Nesting and characters of a text within one.
    dimensions : int
        Axes of an array.
    tracks, descriptors, tempo_events : int
        How many a scene may have.
    labels : int
        Events and regions of a file of labels.

    Examples
    --------
    >>> ImportLimits(entry_bytes=64 << 30).entry_bytes
    68719476736
    """

    file_bytes: int = 16 << 30
    entry_bytes: int = 8 << 30
    total_bytes: int = 16 << 30
    packed_entry_bytes: int = 1 << 30
    ratio: int = 200
    entries: int = 4_096
    json_bytes: int = 64 << 20
    json_depth: int = 32
    string_length: int = 4_096
    dimensions: int = 4
    tracks: int = 1_000
    descriptors: int = 10_000
    tempo_events: int = 100_000
    labels: int = 1_000_000

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value: object = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidParameterError(
                    f"{field.name} is {value!r:.60}.", hint="Limits are whole numbers from 1 on.", parameter=field.name
                )

    def check(self, name: str, value: int, what: str) -> None:
        """Refuse what is over a limit.

        Parameters
        ----------
        name : str
            The limit.
        value : int
            What was found.
        what : str
            Whose value it is, as the beginning of a sentence.

        Raises
        ------
        BundleLimitError
        """
        allowed: int = getattr(self, name)
        if value > allowed:
            raise BundleLimitError(
                f"{what}: {value:,} is over the limit {name} = {allowed:,}; nothing was imported.",
                hint=f"If you trust the file: limits=ImportLimits({name}={value}).",
                limit=name,
                value=value,
                allowed=allowed,
            )


USUAL: Final = ImportLimits()
