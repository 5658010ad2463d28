"""Saving a session's scene, and loading one."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from audiocache_nb.errors import AudioCacheError, InvalidTypeError, SessionClosedError

if TYPE_CHECKING:
    from audiocache_nb.features.descriptor import Descriptor
    from audiocache_nb.scene.limits import ImportLimits
    from audiocache_nb.scene.mvmnt_write import Origin
    from audiocache_nb.scene.report import SceneReport
    from audiocache_nb.scene.verify import Verification
    from audiocache_nb.session import Session
    from audiocache_nb.timeline.state import Track


class SceneVerbs:
    """The verbs of a session that have to do with scenes."""

    _document: Mapping[str, Any] | None = None  # of the scene that was loaded
    _mvmnt_origin: Origin | None = None

    @property
    def _unknown_parts(self) -> dict[str, Any] | None:
        """What we do not know of the scene that was loaded, to be kept when it is saved again."""
        from audiocache_nb.scene.document import unknown_parts

        return None if self._document is None else unknown_parts(self._document)

    def save(
        self: Any,
        path: str | os.PathLike[str],
        prune: bool = True,  # noqa: FBT001, FBT002 - a public name
        audio: Literal["embed", "reference", "none"] = "embed",
        *,
        on_progress: Callable[[float], object] | None = None,
    ) -> SceneReport:
        """Write the scene to a file: tracks, tempo, who asks for what, and the features that are there.

        The same scene gives the same bytes. The file that was there before stays until the new one is
        complete, whatever happens in between. Work that is going on is not waited for.

        Parameters
        ----------
        path : path
            ``scene.zip``: a bundle with features and, unless `audio` says otherwise, recordings.
            ``scene.json``: a document that names them. ``scene.mvt``: a package for MVMNT.
        prune : bool
            Leave out features that nobody asks for, or that were dismissed.
        audio : {"embed", "reference", "none"}
            What becomes of the recordings: copied into the bundle, named, or left out.
        on_progress : callable (float) -> object, optional
            Told the part that is done, 0 .. 1; raise in it to give up.

        Returns
        -------
        SceneReport
            What was saved and what was left out, with bytes and what it would cost to compute.

        Raises
        ------
        DocumentError, InvalidParameterError, SessionClosedError
        """
        from audiocache_nb.scene.capture import capture
        from audiocache_nb.scene.save import save_scene

        if self.closed:
            raise SessionClosedError("The session is closed.", hint="Save before session.close().")
        _require_path(path)
        scene = capture(self.timeline, self.tempo, prune=prune, dismissed=_dismissed(self))
        if os.fspath(path).lower().endswith(".mvt"):
            from audiocache_nb.scene.mvmnt_write import save_mvmnt

            return save_mvmnt(scene, path, self._mvmnt_origin)
        return save_scene(scene, path, audio=audio, unknown=self._unknown_parts, on_progress=on_progress)

    def prune(self: Any) -> int:
        """Throw away the features that `save` would leave out: nobody asks for them, or they were dismissed.

        Returns
        -------
        int [bytes]
            What was freed.
        """
        for track in self.tracks:
            self.diagnostics.restore(track)
        freed: int = self.diagnostics.delete_extraneous(note="pruned")
        return freed

    def verify_imported(
        self: Any,
        track: Track | str | None = None,
        *,
        excerpts: int = 3,
        seconds: float = 2.0,
        seed: int | None = None,
    ) -> Verification:
        """Compare imported features with what is computed here, and trust those that agree.

        Of local calculators' results a few excerpts are computed, of others all. What agrees is kept in
        the cache like what was computed here; what does not is stale, with the reason. A sample proves
        no more than a sample: who has to be sure calls `reanalyze`.

        Parameters
        ----------
        track : Track or str, optional
            Only its features; without it, those of all tracks.
        excerpts : int
            How many, each somewhere in a part of its own of the recording.
        seconds : float [s]
            How long each is.
        seed : int, optional
            The places follow from it; without it nobody can know them beforehand.

        Returns
        -------
        Verification
            What agrees, what differs, and what could not be compared, for example because the recording
            did not come with the scene.

        Raises
        ------
        InvalidParameterError, UnknownTrackError, SessionClosedError
        """
        from audiocache_nb.scene.verify import verify_imported

        if self.closed:
            raise SessionClosedError("The session is closed.", hint="Load the scene again.")
        tracks = self.tracks.values() if track is None else [self.timeline.track(track)]
        return verify_imported(
            self.timeline, [one.source_id for one in tracks], excerpts=excerpts, seconds=seconds, seed=seed
        )


def _require_path(path: object) -> None:
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidTypeError(f"The path of a scene is a {type(path).__name__}.", hint='Name a file: "scene.zip".')


def _dismissed(session: Any) -> list[tuple[str, Descriptor]]:
    sources = session.store.snapshot().sources
    return [
        (source_id, sources[source_id].entries[slot].descriptor)
        for source_id, slots in session.diagnostics.dismissed.items()
        for slot in slots
        if source_id in sources and slot in sources[source_id].entries
    ]


def load(
    path: str | os.PathLike[str] | bytes,
    trust: bool = False,  # noqa: FBT001, FBT002 - acn.load("scene.zip", True) reads well enough
    *,
    limits: ImportLimits | None = None,
    resolve: Callable[[Mapping[str, Any]], Any] | None = None,
    **session: Any,
) -> tuple[Session, SceneReport]:
    """Open a scene that `Session.save` wrote, or one of MVMNT.

    Nothing is computed: features are mapped where they lie in the file, opened when somebody looks at
    them or at anything that follows from them, and checked when they are touched. Nothing outside the
    file is opened, and nothing in it is executed.

    Parameters
    ----------
    path : path or bytes
    trust : bool
        Count the scene's features as computed here, and keep them in the cache. Without it they are
        marked as imported, serve this scene, and never get into the cache that other sessions share,
        unless `Session.verify_imported` finds that they agree with what is computed here.
    limits : ImportLimits, optional
        What is accepted.
    resolve : callable (mapping) -> path, bytes, array, (array, sample_rate) or None
        Asked for recordings that did not come with the scene; see `read_scene`.
    **session
        Passed on to `Session`: ``cache_dir``, ``workers``, ...

    Returns
    -------
    session : Session
    report : SceneReport
        What was loaded, and what is missing and why.

    Raises
    ------
    BundleError, DocumentError
        There is no session then.
    """
    from audiocache_nb.features.registry import calculators
    from audiocache_nb.scene.mvmnt_write import Origin
    from audiocache_nb.scene.open import read_any
    from audiocache_nb.scene.report import LateReport
    from audiocache_nb.scene.restore import restore
    from audiocache_nb.session import Session

    opened: list[weakref.ref[Session]] = []

    def damaged(key: str) -> None:
        for reference in opened:
            alive = reference()
            if alive is not None:
                alive.timeline.cache.forget_imported(key)  # if it was trusted, the same damaged data would come back
                alive.timeline.entry_damaged(key)

    if not isinstance(path, bytes):
        _require_path(path)
    if not isinstance(trust, bool):
        raise InvalidTypeError(f"trust is a {type(trust).__name__}.", hint="Pass True or False.")
    registry = session.get("registry") or calculators
    scene, package = read_any(path, registry, limits=limits, resolve=resolve, damaged=damaged)
    made = Session(**session)
    try:
        opened.append(weakref.ref(made))
        notes = restore(made.timeline, made.tempo, scene, trust=trust)
        if package is None:
            made._document = scene.document
        else:
            made._mvmnt_origin = Origin(package, scene)
        _dismiss_again(made, scene.document.get("dismissed", []))
    except BaseException:
        made.close()
        raise
    shown = "bytes" if isinstance(path, bytes) else os.fspath(path)
    return made, LateReport(str(shown), "loaded", notes, tuple(scene.warnings), scene.nbytes)


def _dismiss_again(session: Session, dismissed: list[Mapping[str, Any]]) -> None:
    """What was dismissed stays so, where it is there at all."""
    from audiocache_nb.scene.load import descriptor_of

    for plain in dismissed:
        track = next((one for one in session.tracks.values() if one.source_id == plain["source"]), None)
        if track is not None:
            with contextlib.suppress(AudioCacheError):  # it did not come with the scene
                session.diagnostics.dismiss(track, descriptor_of(plain["descriptor"]))
