"""The status of a source: five states, and what is kept from one to the next."""

from __future__ import annotations

import dataclasses
import enum
import time
from typing import Final, Literal

from audiocache_nb.analysis.control import Progress

State = Literal["idle", "pending", "ready", "failed", "stale"]


class _Unset(enum.Enum):
    UNSET = 0


UNSET: Final = _Unset.UNSET


@dataclasses.dataclass(frozen=True, slots=True)
class SourceStatus:
    """Where a source stands.

    Attributes
    ----------
    state : {"idle", "pending", "ready", "failed", "stale"}
    message : str or None
    progress : Progress or None
        Only while pending.
    updated_at : float [s since the epoch]
    source_hash : str
        Digest of the audio's content; the same through all states.
    """

    state: State = "idle"
    message: str | None = None
    progress: Progress | None = None
    updated_at: float = dataclasses.field(default_factory=time.time)
    source_hash: str = ""


def next_status(
    previous: SourceStatus,
    state: State,
    *,
    message: str | _Unset | None = UNSET,
    progress: Progress | _Unset | None = UNSET,
) -> SourceStatus:
    """The status after a transition.

    A message that is not given is kept while the state stays and dropped when it changes. Progress
    that is not given is kept only from pending to pending. The hash is always kept.
    """
    if isinstance(message, _Unset):
        message = previous.message if previous.state == state else None
    if isinstance(progress, _Unset):
        progress = previous.progress if previous.state == state == "pending" else None
    if state != "pending":
        progress = None
    return SourceStatus(state, message, progress, time.time(), previous.source_hash)
