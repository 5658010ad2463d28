"""Code fingerprints: the version of a calculator that has no version number.

The fingerprint is a digest of the function's normalised text, of the values it closes over or reads
from its module where these are plain, of the functions and classes of the user's own code that it
reaches, and of the releases of the installed packages that it calls. Comments, formatting,
docstrings, annotations and names of local variables do not count.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from audiocache_nb.features.bounds import Bounds
from audiocache_nb.features.findings import Check
from audiocache_nb.features.walk import Walk, content_digest

HEAVY_S = 0.002
HEAVY_SHARE = 20  # what takes long to look at is looked at for a twentieth of the time at most


class Fingerprint:
    """What a function did when it was looked at.

    Attributes
    ----------
    digest : str
        Sixteen hexadecimal digits that change when the function's behaviour may have changed.
    parts : mapping of str to str
        What it consists of, by name: ``{"code": "#1f…", "helper _mel in my_features.py": "#3a…",
        "GAIN": "3.0", "scipy": "1.16.1"}``. Texts that begin with ``#`` are digests.
    uncacheable_reason : str
        Why nobody can tell whether two of these are the same, in one sentence; empty if one can.
    """

    def __init__(self, walk: Walk, content: bytes) -> None:
        self.digest = hashlib.sha256(content).hexdigest()[:16]
        self.parts: Mapping[str, str] = MappingProxyType(dict(sorted(walk.parts.items())))
        self.uncacheable_reason = "; ".join(walk.problems)
        self._checks: tuple[Check, ...] = tuple(walk.checks)
        self._contents = tuple(walk.contents)
        self._looked_s = 0.0
        self._took_s = 0.0

    def is_current(self, *, thorough: bool = False) -> bool:
        """Whether everything that was looked at is still there: cheap, and True only if nothing changed.

        Parameters
        ----------
        thorough : bool
            Look into big arrays and tables too, even if that was done a moment ago.
        """
        return all(check() for check in self._checks) and self._same_contents(thorough=thorough)

    def _same_contents(self, *, thorough: bool) -> bool:
        if not self._contents:
            return True
        resting_s = time.perf_counter() - self._looked_s
        if not thorough and self._took_s > HEAVY_S and resting_s < HEAVY_SHARE * self._took_s:
            return True
        began_s = time.thread_time()  # of this thread: a busy machine makes nothing heavy
        same = all(content_digest(value, written) == digest for value, written, digest in self._contents)
        self._looked_s, self._took_s = time.perf_counter(), time.thread_time() - began_s
        return same


def take(function: Callable[..., Any], bounds: Bounds | None = None) -> Fingerprint:
    """Look at a function, a class or an object, and at everything of the user's own that it reaches.

    Parameters
    ----------
    function : callable
    bounds : Bounds, optional
        How much is looked at; what is more than that is one of the reasons not to keep the results.
    """
    walk = Walk(bounds=bounds)
    content = walk.whole(function)
    return Fingerprint(walk, content)


def fingerprint(function: Callable[..., Any]) -> str:
    """Sixteen hexadecimal digits that change when the function's behaviour may have changed."""
    return take(function).digest


class Watched:
    """The fingerprint of something that may change: looked at again whenever it did.

    Parameters
    ----------
    function : callable
    of_warning : bool
        Only a warning follows from what is found: then less is looked at.
    """

    def __init__(self, function: Any, *, of_warning: bool = False) -> None:
        self._function = function
        self._of_warning = of_warning
        self._last: Fingerprint | None = None

    def now(self) -> Fingerprint:
        """The fingerprint at this moment; the same object as before if nothing changed."""
        last = self._last  # threads that come here at once find the same
        if last is None or not last.is_current():
            found = take(self._function, Bounds.of_warning() if self._of_warning else None)
            if last is not None and found.digest == last.digest:
                last._checks, last._contents = found._checks, found._contents  # other objects, but equal ones
                return last
            self._last = last = found
        return last
