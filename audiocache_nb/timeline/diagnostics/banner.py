"""The banner: says that something needs somebody, and keeps quiet about what was waved away."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from audiocache_nb.timeline.diagnostics.rows import Kind

if TYPE_CHECKING:
    from audiocache_nb.timeline.diagnostics.ledger import Ledger

WORDS_OF: dict[Kind, str] = {"missing": "missing", "stale": "stale", "failed": "failed", "bad_request": "not known"}


class Banner:
    """Whether something needs somebody.

    It is visible while there is a problem that was not there when it was dismissed the last time.

    Parameters
    ----------
    ledger : Ledger
    fresh : callable
        Brings the ledger up to date.
    announce : callable
        Tells subscribers that something is another.
    """

    def __init__(self, ledger: Ledger, fresh: Callable[[], object], announce: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._fresh = fresh
        self._announce = announce
        self._dismissed: set[str] = set()

    def _problems(self) -> set[str]:
        self._fresh()
        return set(self._ledger.problems)

    @property
    def visible(self) -> bool:
        """Whether to show it."""
        problems = self._problems()
        self._forget(problems)
        return bool(problems - self._dismissed)

    @property
    def text(self) -> str:
        """What it says; empty if there is nothing to say."""
        self._fresh()
        counts = Counter(row.kind for row in list(self._ledger.problems.values()))
        total = sum(counts.values())
        if not total:
            return ""
        parts = [f"{counts[kind]} {word}" for kind, word in WORDS_OF.items() if counts[kind]]
        need = "1 feature needs" if total == 1 else f"{total} features need"
        return f"{need} attention: {', '.join(parts)}."

    @property
    def fingerprint(self) -> str:
        """Another one for other problems; empty without any."""
        problems = self._problems()
        return hashlib.sha256("\n".join(sorted(problems)).encode()).hexdigest()[:16] if problems else ""

    def dismiss(self) -> None:
        """Hide it until there is a new problem."""
        self._dismissed = self._problems()
        self._announce("banner dismissed")

    def _forget(self, problems: set[str]) -> None:
        """A problem that was solved and comes back is a new one; one that is being worked on is not solved."""
        busy = self._ledger.busy
        self._dismissed = {one for one in self._dismissed if one in problems or one.split("\x1f")[1] in busy}

    def __repr__(self) -> str:
        return f"<Banner: {self.text}>" if self.visible else "<Banner, hidden>"
