"""What reads files of others, as functions of bytes; each raises documented errors or nothing."""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
import random
import sys
import unittest.mock
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from attacks import zips
from fuzz import bundles, mutate
from fuzz.oracle import Witness, check_error, check_session
from support import mvmnt
from support.scenes import archived, parts_of

import audiocache_nb as acn
from audiocache_nb.audio.ingest import load as load_audio
from audiocache_nb.audio.source import AudioSource
from audiocache_nb.cache.entry import chunks, parse, track_of, write_plan
from audiocache_nb.errors import AudioCacheError, BundleError, CacheError, DocumentError, UnsupportedFormatError
from audiocache_nb.features.registry import calculators
from audiocache_nb.scene import mvmnt_read
from audiocache_nb.scene.archive_reader import Archive
from audiocache_nb.scene.document import read_document
from audiocache_nb.scene.limits import ImportLimits
from audiocache_nb.scene.manifest import read_manifest
from audiocache_nb.scene.open import read_any

DOCUMENTED = (BundleError, DocumentError)
LIMITS = ImportLimits(
    file_bytes=1 << 22, entry_bytes=1 << 22, total_bytes=1 << 23, packed_entry_bytes=1 << 22, json_bytes=1 << 20
)
RATE = 8000
MEMORY_BYTES = 64 << 20  # more than before, whatever comes


class Target(NamedTuple):
    """What is run, what it may raise, what it starts from, and how that is changed."""

    run: Callable[[bytes], object]
    documented: tuple[type[BaseException], ...]
    seeds: list[bytes]
    mutate: Callable[[bytes, random.Random], bytes]

    def takes(self, data: bytes) -> bool:
        """Whether it takes these bytes; what it raises is documented, or an error of this program."""
        try:
            self.run(data)
        except self.documented as error:
            if not isinstance(error, AudioCacheError):
                return False  # of those that are documented as Python's own
            check_error(error)
            return False
        return True


def scene() -> acn.Session:
    """A session with everything in it, as small as can be."""
    session = acn.Session(cache_dir=False, workers=1, bpm=100)
    sound = np.sin(np.arange(RATE // 8) / 5).astype(np.float32)
    session.add_audio(sound, RATE, name="a", track_id="a")
    session.add_audio(sound[: RATE // 16], RATE, name="b", track_id="b", offset_ticks=480)
    small = acn.AnalysisProfile(window_size=64, hop_size=256, storage="uint8")
    session.request("a", ["rms", "onsets", "waveform"], element="plot")
    session.request("b", ["spectrogram", "rms"], element="meter", profile=small)
    session.tempo.set_map([(0.0, 100.0, "linear"), (2.0, 140.0)])
    session.wait()
    return session


@functools.cache
def exports(folder: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Bundle, document, package, and a package that was synthesised."""
    with scene() as session:
        found = []
        for name in ("x.zip", "x.json", "x.mvt"):
            session.save(f"{folder}/{name}")
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123
                found.append(file.read())
        sound = mvmnt.wav()
        features = {"rms": session.peek("a", "rms"), "waveform": session.peek("a", "mvmnt.waveform")}
        features = {key: track for key, track in features.items() if track is not None and str(track.version).isdigit()}
        found.append(mvmnt.package(mvmnt.envelope(sound), sound, mvmnt.cache(features)))
    return tuple(found)


@functools.cache
def bundles_of(folder: str) -> tuple[bytes, ...]:
    """Smaller bundles: one feature and no recording, and everything of one short recording in whole numbers."""
    found = []
    sound = np.sin(np.arange(900) / 5).astype(np.float32)
    with acn.Session(cache_dir=False, workers=1) as session:
        session.add_audio(sound, RATE, track_id="a")
        session.get("a", "rms")
        for audio in ("none", "embed"):
            session.save(f"{folder}/small.zip", audio=audio)
            found.append(pathlib.Path(folder, "small.zip").read_bytes())
            session.get("a", "spectrogram", profile=acn.AnalysisProfile(window_size=32, hop_size=64, storage="int16"))
            session.get("a", "tempo")
            session.request("a", ["zcr"], element="later")
            session.wait()
    return tuple(found)


def _touch(data: bytes) -> object:
    """Read everything that a scene's features hold; recordings are decoded elsewhere."""
    scene, _ = read_any(data, calculators, limits=LIMITS)
    for feature in scene.features:
        if feature.track is not None:
            with contextlib.suppress(CacheError):  # told when it is touched; nothing is shown then
                feature.track.values()
            _ = (feature.track.coords, repr(feature.track))
    return scene


def _package(folder: str, data: bytes) -> None:
    """As any scene; that audio is decoded in a process of its own is seen elsewhere, and takes a while."""
    with unittest.mock.patch.object(mvmnt_read, "decode_isolated", _decoded):
        _bundle(folder, data)


def _decoded(data: bytes, name: str) -> AudioSource:
    if data[:4] != b"RIFF":
        raise UnsupportedFormatError("no audio")
    return load_audio((np.zeros(RATE // 8, np.float32), RATE), name=name)


@functools.cache
def witness(folder: str) -> Witness:
    """The session that is not to be changed."""
    return Witness(folder)


def _bundle(folder: str, data: bytes) -> None:
    """All the way into a session: there is one, or nothing has happened."""
    other = witness(folder)
    shared = zlib.crc32(data) % 32 == 3  # looking for files takes a while
    try:
        session, report = acn.load(
            data, limits=LIMITS, cache_dir=other.cache_dir if shared else False, workers=1, policy="never"
        )
    except BaseException:
        other.check(files=shared)
        raise
    with session:
        check_session(session, report, data, folder)
    other.check(files=shared)


def _archive(data: bytes) -> None:
    for foreign in (False, True):
        with contextlib.suppress(BundleError), Archive(data, LIMITS, foreign=foreign) as archive:
            for name in archive.entries:
                with contextlib.suppress(BundleError):
                    archive.read(name)


def _entry(data: bytes) -> None:
    layout = parse(data, len(data))
    dtype, shape, at = layout.arrays["data"]
    count = int(np.prod(shape, dtype=object))
    tail = data[layout.tail[0] : layout.tail[1]]
    track = track_of(layout, np.frombuffer(data, dtype, count, at).reshape(shape), tail)
    _ = (track.values(), track.coords, repr(track))


def _read(reader: Callable[..., object], folder: str, data: bytes) -> None:
    path = f"{folder}/labels"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
    reader(path, limits=LIMITS)


def targets(folder: str) -> dict[str, Target]:
    """All of them, by name."""
    bundle, document, package, foreign = exports(folder)
    manifest = parts_of(bundle)["manifest.json"]
    bad = [data for _, data in (*zips.ambiguous(), *zips.only_for_strict())]
    entries = [data for name, data in parts_of(bundle).items() if name.endswith(".safetensors")]
    made = acn.FeatureTrack(
        "f", "c", "1", "F", "", np.zeros((3, 2), np.float32), ("frame", "bin"), 0.0, 0.1, 0.0, "k", axis_coords={}
    )
    header, tail = write_plan(made)
    entries.append(header + b"".join(chunks(made)) + tail)
    jams = json.dumps(
        {"annotations": [{"namespace": "a", "data": [{"time": 0, "duration": 1, "value": "x", "confidence": None}]}]}
    ).encode()

    def labels(data: bytes) -> None:
        for reader in (acn.interchange.read_labels, acn.interchange.from_csv, acn.interchange.from_jams):
            with contextlib.suppress(*DOCUMENTED):
                _read(reader, folder, data)

    def of_manifest(data: bytes) -> None:
        read_manifest(Archive(archived({**parts_of(bundle), "manifest.json": data}), LIMITS), LIMITS)

    return {
        "bundle": Target(
            functools.partial(_bundle, folder), DOCUMENTED, [bundle, *bundles_of(folder)], bundles.mutate_bundle
        ),
        "document": Target(lambda data: read_document(data, LIMITS), DOCUMENTED, [document], mutate.mutate_json),
        "scene document": Target(_touch, DOCUMENTED, [document], mutate.mutate_json),
        "manifest": Target(of_manifest, DOCUMENTED, [manifest], mutate.mutate_json),
        "archive": Target(_archive, (), [bundle[:2000], *bad], mutate.mutate_bytes),
        "package": Target(functools.partial(_package, folder), DOCUMENTED, [package, foreign], mutate.mutate_package),
        "entry": Target(_entry, (CacheError, ValueError), entries, mutate.mutate_bytes),
        "labels": Target(
            labels, (), [jams, b"0.5\t1.0\ta\n\\\t1\t2\n", b"start_s,end_s,label,x\n0,1,a,2\n"], mutate.mutate_bytes
        ),
    }


# --- what must not happen meanwhile --------------------------------------------------------------

FORBIDDEN = (
    "open",
    "socket.connect",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.system",
    "pickle.find_class",
    "import",
)
seen: list[tuple[str, object]] = []
_watched: list[str] = []
_MODULES = frozenset({*sys.stdlib_module_names, "audiocache_nb", "numpy"})


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watched or event not in FORBIDDEN:
        return
    what = arguments[0] if arguments else None
    if event == "import" and str(what).partition(".")[0] in _MODULES:  # their parts, when they are first used
        return
    if not isinstance(what, int) and not str(what).startswith(_watched[0]):
        seen.append((event, what))


_installed: list[bool] = []


@contextlib.contextmanager
def watching(folder: str) -> Iterator[None]:
    """Note whatever is opened or run outside a folder."""
    if not _installed:  # an audit hook stays as long as the process
        sys.addaudithook(_hook)
        _installed.append(True)
    seen.clear()
    _watched.append(folder)
    try:
        yield
    finally:
        _watched.clear()
