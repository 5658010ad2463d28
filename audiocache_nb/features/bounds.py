"""How much of what a function reaches is looked at, before it counts as more than can be told."""

from __future__ import annotations

import dataclasses


class TooMuch(Exception):
    """There is more than can be looked at."""


@dataclasses.dataclass
class Bounds:
    """What may still be looked at, so that no look takes long whatever there is.

    Attributes
    ----------
    objects : int
        Objects that are not plain values; functions and classes of the user's own count apart.
    values : int
        Values of any kind.
    nbytes : int [bytes]
        Content of arrays and texts.
    codes : int
        Functions and classes.
    """

    objects: int = 10_000
    values: int = 100_000
    nbytes: int = 64 << 20
    codes: int = 10_000

    @classmethod
    def of_warning(cls) -> Bounds:
        """For what only a warning follows from."""
        return cls(objects=500, values=5_000, nbytes=1 << 20, codes=500)

    def spend(self, *, objects: int = 0, values: int = 0, nbytes: int = 0, codes: int = 0) -> None:
        """Look at something.

        Raises
        ------
        TooMuch
            It is not to be looked at.
        """
        self.objects -= objects
        self.values -= values
        self.nbytes -= nbytes
        self.codes -= codes
        if min(self.objects, self.values, self.nbytes, self.codes) < 0:
            raise TooMuch

    def copy(self) -> Bounds:
        """What may be looked at now, to come back to."""
        return dataclasses.replace(self)

    def fall_back(self, before: Bounds) -> None:
        """Give up on something: what comes after it may take half of what it might have taken."""
        self.objects, self.values, self.nbytes = before.objects // 2, before.values // 2, before.nbytes // 2
        self.codes = before.codes
