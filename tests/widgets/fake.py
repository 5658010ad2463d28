"""Stand-ins: a session that does nothing by itself, a comm that records, audio facts."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from comm.base_comm import BaseComm

from audiocache_nb.errors import SessionClosedError
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import calculators
from audiocache_nb.features.track import FeatureTrack, Growing
from audiocache_nb.models.publisher import Publisher
from audiocache_nb.session_playhead import SessionPlayhead
from audiocache_nb.timing.tempo import Tempo


@dataclasses.dataclass(frozen=True)
class Progress:
    value: float
    label: str | None = None
    eta: float | None = None


@dataclasses.dataclass(frozen=True)
class Status:
    state: str = "idle"
    message: str | None = None
    progress: Progress | None = None
    updated_at: float = 1_700_000_000.0
    source_hash: str | None = None


@dataclasses.dataclass(frozen=True)
class Slot:
    feature: str
    calculator_id: str
    profile_id: str = "default"
    params: tuple = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Entry:
    slot: Slot
    descriptor: Descriptor
    label: str = ""
    state: str = "missing"
    track: FeatureTrack | None = None
    reason: str = ""
    error: str | None = None
    demanded: bool = False


@dataclasses.dataclass(frozen=True)
class Source:
    sample_rate: int = 44100
    channels: int = 2
    frames: int = 352_800
    duration: float = 8.0
    health: str = "ok"
    id: str = "src-1"
    digest: str = "sha256:0123456789abcdef"
    path: None = None
    array: None = None


@dataclasses.dataclass(frozen=True)
class SourceState:
    source: Source
    status: Status = Status()
    entries: Any = dataclasses.field(default_factory=lambda: MappingProxyType({}))


@dataclasses.dataclass(frozen=True)
class Track:
    id: str
    name: str
    source_id: str
    source: Source
    offset_ticks: int = 0
    region_start_tick: int | None = None
    region_end_tick: int | None = None
    gain: float = 1.0
    mute: bool = False
    enabled: bool = True


@dataclasses.dataclass(frozen=True)
class Snapshot:
    revision: int = 0
    tracks: Any = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    sources: Any = dataclasses.field(default_factory=lambda: MappingProxyType({}))


class FakeStore:
    def __init__(self) -> None:
        self._snapshot = Snapshot()
        self._lock = threading.RLock()
        self.subscribers: list = []

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def subscribe(self, callback):
        self.subscribers.append(callback)
        return lambda: self.subscribers.remove(callback)

    def change(self, **parts) -> None:
        with self._lock:
            self._snapshot = dataclasses.replace(self._snapshot, revision=self._snapshot.revision + 1, **parts)
        for callback in list(self.subscribers):
            callback(self._snapshot.revision)


class FakeSession(SessionPlayhead):
    """Records the verbs it is asked; tests change its state by hand."""

    store: Any = None
    publisher: Any = None

    def __init__(self) -> None:
        self.store = FakeStore()
        self.publisher = Publisher()
        self.tempo = Tempo()
        self.closed = False
        self.calls: list[tuple] = []
        self.grown: dict[str, tuple] = {}
        self.preferred: list[str] = []
        self.focused: dict[str, tuple[str, float, float]] = {}
        self.demand: dict[str, tuple] = {}
        self.fail_with: Exception | None = None
        self._numbers = itertools.count(1)
        self.own_watches = len(self.publisher._watches) if self.playhead else 0
        self.store.subscribe(lambda event: self.publisher.poke())

    @property
    def tracks(self):
        return self.store.snapshot().tracks

    def close(self) -> None:
        self.closed = True
        self.publisher.close()

    def add(self, name="drums.wav", **facts) -> Track:
        number = next(self._numbers)
        source = Source(**{"id": f"src-{number}", **facts})
        track = Track(f"track-{number}", name, source.id, source)
        now = self.store.snapshot()
        self.store.change(
            tracks=MappingProxyType({**now.tracks, track.id: track}),
            sources=MappingProxyType({**now.sources, source.id: SourceState(source)}),
        )
        return track

    def remove(self, track: Track) -> None:
        now = self.store.snapshot()
        self.store.change(tracks=MappingProxyType({k: v for k, v in now.tracks.items() if k != track.id}))

    def set_status(self, track: Track, state: str, message=None, progress=None, **more) -> None:
        self._replace(track, status=Status(state, message, progress, **more))

    def set_entry(self, track: Track, feature: str, state: str, data: FeatureTrack | None = None, **more) -> Entry:
        profile = more.pop("profile", None)
        descriptor = calculators.resolve(feature, profile)
        slot = Slot(descriptor.feature, descriptor.calculator, descriptor.used_profile.id, descriptor.params)
        label = more.pop("label", None) or calculators.get(descriptor.calculator).label or descriptor.feature
        entry = Entry(slot, descriptor, label, state, data, **more)
        entries = self.store.snapshot().sources[track.source_id].entries
        self._replace(track, entries=MappingProxyType({**entries, slot: entry}))
        return entry

    def clear_entries(self, track: Track) -> None:
        self._replace(track, entries=MappingProxyType({}))

    def _replace(self, track: Track, **parts) -> None:
        now = self.store.snapshot()
        state = dataclasses.replace(now.sources[track.source_id], **parts)
        self.store.change(sources=MappingProxyType({**now.sources, track.source_id: state}))

    def _verb(self, *call) -> None:
        if self.closed:
            raise SessionClosedError("The session is closed.")
        if self.fail_with is not None:
            raise self.fail_with
        self.calls.append(call)

    def stop(self, track) -> None:
        self._verb("stop", getattr(track, "id", track))

    def restart(self, track) -> None:
        self._verb("restart", getattr(track, "id", track))

    def reanalyze(self, track, names) -> None:
        self._verb("reanalyze", getattr(track, "id", track), list(names))

    def clear(self, track) -> None:
        self._verb("clear", getattr(track, "id", track))

    def compute(self, track=None) -> None:
        self._verb("compute", getattr(track, "id", track))

    def request(self, track, features, *, element, profile=None) -> None:
        self._verb("request", getattr(track, "id", track), list(features), element, profile)
        self.demand[element] = (getattr(track, "id", track), tuple(features), profile)

    def growing(self, track, feature):
        found = self.grown.get(feature.feature)
        return None if found is None else Growing(*found)

    def prefer(self, tracks) -> None:
        self.preferred = sorted(tracks)

    def focus(self, track, start, end, *, element) -> None:
        self.focused[element] = (track, start, end)

    def unfocus(self, element) -> None:
        self.focused.pop(element, None)

    def release(self, element) -> None:
        self._verb("release", element)
        self.demand.pop(element, None)


class RecordingComm(BaseComm):
    """A comm that keeps what was sent; `made` lists all of them."""

    made: ClassVar[list[RecordingComm]] = []
    broken = False
    kernel = "yes"  # what ipywidgets asks before it sends

    def __init__(self, *args, **kwargs) -> None:
        self.messages: list[tuple[str, dict, list]] = []
        RecordingComm.made.append(self)
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys) -> None:
        if self.broken:
            raise LookupError("no kernel in this thread")
        self.messages.append((msg_type, data or {}, list(buffers or [])))

    @property
    def updates(self) -> list[dict]:
        return [data["state"] for kind, data, _ in list(self.messages) if data.get("method") == "update"]

    @property
    def customs(self) -> list[tuple[dict, list]]:
        return [(data["content"], b) for _, data, b in list(self.messages) if data.get("method") == "custom"]

    def from_page(self, data: dict, buffers=()) -> None:
        self.handle_msg({"content": {"data": data}, "buffers": list(buffers)})

    def page_sends(self, content: Any) -> None:
        self.from_page({"method": "custom", "content": content})

    def page_sets(self, **state) -> None:
        self.from_page({"method": "update", "state": state, "buffer_paths": []})


def spectrogram_track(frames=400, bins=1025, key="spec-1", profile=None, data=None, **more) -> FeatureTrack:
    profile = profile or AnalysisProfile()
    if data is None:
        rng = np.random.default_rng(frames)
        data = rng.uniform(-80, 0, (frames, bins)).astype(np.float32)
    return FeatureTrack(
        **{
            "feature": "spectrogram",
            "calculator_id": "spectrogram",
            "version": "1",
            "label": "Spectrogram",
            "unit": "dB",
            "data": data,
            "axes": ("frame", "bin"),
            "fill_value": -80.0,
            "hop_seconds": 512 / 44100,
            "start_seconds": 0.0,
            "key": key,
            "axis_coords": {"bin": np.arange(data.shape[1]) * 44100 / 2048},
            "parameters": {**profile.values(), "fft_size": profile.transform_size},
            **more,
        }
    )


def waveform_track(frames=5512, channels=2, key="wave-1", data=None, **more) -> FeatureTrack:
    if data is None:
        rng = np.random.default_rng(frames)
        data = np.sort(rng.uniform(-0.8, 0.8, (frames, channels, 2)).astype(np.float32), axis=-1)
    return FeatureTrack(
        **{
            "feature": "waveform",
            "calculator_id": "waveform",
            "version": "1",
            "label": "Waveform",
            "unit": "",
            "data": data,
            "axes": ("frame", "channel", "bound"),
            "fill_value": 0.0,
            "hop_seconds": 64 / 44100,
            "start_seconds": 0.0,
            "key": key,
            "alignment": "start",
            "format": "waveform-minmax",
            "axis_coords": {"channel": np.array(["Left", "Right", "C3", "C4"][:channels])},
            "parameters": {"cell_samples": 64},
            **more,
        }
    )


def curve_track(frames=690, width=2, key="rms-1", data=None, **more) -> FeatureTrack:
    if data is None:
        data = np.abs(np.random.default_rng(frames).normal(0.1, 0.05, (frames, width))).astype(np.float32)
    return FeatureTrack(
        **{
            "feature": "rms",
            "calculator_id": "rms",
            "version": "1",
            "label": "RMS",
            "unit": "",
            "data": data,
            "axes": ("frame", "channel"),
            "fill_value": 0.0,
            "hop_seconds": 512 / 44100,
            "start_seconds": 0.0,
            "key": key,
            "axis_coords": {"channel": np.array([f"Channel {k + 1}" for k in range(data.shape[1])])},
            "parameters": {"window_size": 2048, "hop_size": 512},
            **more,
        }
    )
