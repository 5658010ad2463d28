"""What a transport plays: which bytes the page gets, and where on the timeline they are heard."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import pathlib
from collections.abc import Callable, Collection
from typing import Any

from audiocache_nb.errors import AudioCacheError
from audiocache_nb.models.places import place_of, timeline_range_s
from audiocache_nb.models.text import message_text
from audiocache_nb.widgets.audio_root import served_path
from audiocache_nb.widgets.audio_wave import Heard, Pieces, StoredFile, mix, whole

HEAD_BYTES = 16
# What every browser plays, by the file's name.
TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
}
NOTHING = "There is nothing to hear: no track is on the timeline."
GONE = "The track was removed."


@dataclasses.dataclass(frozen=True)
class Media:
    """A recording as a page is told about it, and how to get its bytes.

    Attributes
    ----------
    key : str
        Equal for equal bytes.
    way : {"file", "pieces", "none"}
        Whether the page fetches it from its server or asks for pieces.
    path : list of str
        Of the file on the server.
    mime : str
    offset_s : float [s]
        Timeline time at which `start_s` of the recording is heard.
    start_s, end_s : float [s]
        What is heard of it.
    gain : float
        0 if it is muted.
    title : str
    reason : str
        Why there is nothing to hear.
    open : callable () -> Pieces, or None
    """

    key: str = ""
    way: str = "none"
    path: tuple[str, ...] = ()
    mime: str = "audio/wav"
    offset_s: float = 0.0
    start_s: float = 0.0
    end_s: float = 0.0
    gain: float = 1.0
    title: str = ""
    reason: str = ""
    open: Callable[[], Pieces] | None = dataclasses.field(default=None, compare=False)

    def values(self) -> dict[str, Any]:
        """What the page is told."""
        told = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "open"}
        return {**told, "path": list(self.path)}


def describe(snapshot: Any, tempo: Any, track_id: str | None, refused: Collection[str], title: str) -> Media:
    """What is to be heard of a timeline.

    One track (or the only one there is) is the recording itself, placed by the page: moving it, its
    gain and its mute cost nothing. Several are mixed here.

    Parameters
    ----------
    snapshot : Snapshot
    tempo : TempoMap
    track_id : str or None
        None: everything that is not muted.
    refused : collection of str
        Keys that the page could not play.
    """
    if track_id is not None:
        track = snapshot.tracks.get(track_id)
        return Media(title=title, reason=GONE) if track is None else _clip(track, tempo, refused, title)
    tracks = [track for track in snapshot.tracks.values() if track.enabled]
    if not tracks:
        return Media(title=title, reason=NOTHING)
    if len(tracks) == 1:
        return _clip(tracks[0], tempo, refused, title)
    return _mix(snapshot, tracks, tempo, title)


def _clip(track: Any, tempo: Any, refused: Collection[str], title: str) -> Media:
    source = track.source
    place = place_of(track, tempo)
    begin_s, end_s = place.span_s(source.duration)
    where: dict[str, Any] = {
        "offset_s": begin_s,
        "start_s": place.region_start_s,
        "end_s": place.region_start_s + end_s - begin_s,
        "gain": 0.0 if track.mute or not track.enabled else float(track.gain),
        "title": title,
    }
    path: pathlib.Path | None = getattr(source, "path", None)
    mime = TYPES.get(path.suffix.lower()) if path is not None else None
    key = source.digest.rpartition(":")[2][:32]
    if path is not None and mime is not None and f"{key}-file" not in refused:
        served = served_path(path)
        if served is not None:
            opener = _stored(source, path)
            return Media(f"{key}-file", "file", tuple(served), mime, **where, open=opener)
    if path is not None and mime is not None and f"{key}-bytes" not in refused:
        return Media(f"{key}-bytes", "pieces", (), mime, **where, open=_stored(source, path))
    if f"{key}-wave" not in refused:
        return Media(f"{key}-wave", "pieces", **where, open=lambda: whole(source))
    return Media(**where, reason="The browser cannot play this recording.")


def _stored(source: Any, path: pathlib.Path) -> Callable[[], Pieces]:
    return lambda: StoredFile(path, source.check)


def _mix(snapshot: Any, tracks: list[Any], tempo: Any, title: str) -> Media:
    start_s, end_s = timeline_range_s(snapshot, tempo)
    parts = []
    for track in tracks:
        if track.mute or not track.gain:
            continue
        place = place_of(track, tempo)
        begin_s, stop_s = place.span_s(track.source.duration)
        heard_until_s = place.region_start_s + stop_s - begin_s
        parts.append(Heard(track.source, begin_s - start_s, place.region_start_s, heard_until_s, float(track.gain)))
    duration_s = end_s - start_s
    if not parts or not math.isfinite(duration_s) or duration_s <= 0:
        return Media(offset_s=start_s, end_s=max(0.0, duration_s), title=title, reason="All tracks are muted.")
    told = [(part.source.digest, part.begin_s, part.start_s, part.end_s, part.gain) for part in parts]
    key = hashlib.sha256(repr((told, duration_s)).encode()).hexdigest()[:32] + "-mix"
    return Media(key, "pieces", offset_s=start_s, end_s=duration_s, title=title, open=lambda: mix(parts, duration_s))


def opened(media: Media) -> tuple[Pieces | None, str]:
    """The bytes of a recording, or why there are none."""
    if media.open is None:
        return None, media.reason
    try:
        return media.open(), ""
    except AudioCacheError as error:
        return None, message_text(f"{error.message} {error.hint}".strip())
    except OSError:
        return None, "The file cannot be read any more."
