"""Disks that fail: file calls that raise where a test wants them to."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection

from audiocache_nb.cache.files import Files


class FaultFiles(Files):
    """File calls of which some fail.

    Parameters
    ----------
    fail_at : int >= 0, optional
        The number of the call that fails, counted from 0 on over all operations (or those of `only`).
        None: none does, which is how to count them.
    error : int
        What it fails with, one of `errno`.
    forever : bool
        All later calls fail as well, as on a full disk; otherwise just this one.
    only : collection of str, optional
        Names of the operations that count, for example ``{"write", "create"}``.

    Attributes
    ----------
    calls : list of str
        The operations asked for so far.

    Examples
    --------
    >>> import errno
    >>> from audiocache_nb.cache.disk import DiskCache
    >>> cache = DiskCache("/nowhere", files=FaultFiles(fail_at=0, error=errno.EACCES))
    >>> cache.get("0" * 64) is None
    True
    """

    def __init__(
        self,
        fail_at: int | None = None,
        error: int = 0,
        *,
        forever: bool = True,
        only: Collection[str] | None = None,
    ) -> None:
        self.fail_at = fail_at
        self.error = error
        self.forever = forever
        self.only = only
        self.calls: list[str] = []

    def before(self, operation: str, path: str) -> None:
        """Count the call, and raise if it is its turn."""
        if self.only is not None and operation not in self.only:
            return
        number = len(self.calls)
        self.calls.append(operation)
        if self.fail_at is not None and (number == self.fail_at or (self.forever and number > self.fail_at)):
            raise OSError(self.error, os.strerror(self.error), path or None)

    @property
    def counts(self) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(self.calls)
