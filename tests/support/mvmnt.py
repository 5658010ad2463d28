"""A package as MVMNT writes them, synthesised: sorted JSON, deflated, features as little-endian files beside it."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile

import numpy as np
import soundfile

from support.sound import sound

SOURCE = "audio-1"
FOLDER = "assets/audio-features/audio-1/"


def wav():
    """A stereo WAV of 16 bits."""
    samples, rate = sound(0.6)
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def cache(features):
    """The metadata of a cache of version 3, and its files."""
    tracks, files = {}, {}
    for key, track in features.items():
        plain = {
            "key": track.feature,
            "calculatorId": track.calculator_id,
            "version": int(track.version),
            "frameCount": track.frame_count,
            "hopTicks": 45,
            "hopSeconds": track.hop_seconds,
            "startTimeSeconds": 0,
            "channelAliases": None,
            "futureField": {"kept": True},
        }
        if track.format == "waveform-minmax":
            data = np.concatenate([track.data[:, 0], track.data[:, 1]]).astype("<f4")
            plain |= {"channels": 1, "format": "waveform-minmax"}
            half = data.size // 2
            plain["dataRef"] = {"kind": "waveform-minmax", "type": "float32", "minLength": half, "maxLength": half}
        else:
            data = np.asarray(track.data, "<f4").reshape(-1)
            plain |= {"channels": track.width, "format": "float32"}
            plain["dataRef"] = {"kind": "typed-array", "type": "float32", "valueCount": data.size}
        plain["dataRef"]["filename"] = f"{track.feature}.f32"
        files[f"{track.feature}.f32"] = data.tobytes()
        tracks[key] = plain
    plain = {
        "version": 3,
        "audioSourceId": SOURCE,
        "hopSeconds": 512 / 22050,
        "startTimeSeconds": 0,
        "frameCount": 22,
        "analysisParams": {"windowSize": 2048, "hopSize": 512, "overlap": 4, "sampleRate": 22050},
        "analysisProfiles": {"default": {"id": "default", "windowSize": 2048, "hopSize": 512}},
        "defaultAnalysisProfileId": "default",
        "featureTracks": tracks,
    }
    return plain, files


def envelope(audio, *, schema=5):
    """The document of a scene with two clips of one recording, a MIDI track and two elements."""
    sha256 = hashlib.sha256(audio).hexdigest()
    descriptor = {"featureKey": "spectrogram", "calculatorId": "mvmnt.spectrogram", "bandIndex": None}
    elements = [
        {
            "id": "spectrum",
            "type": "audioSpectrum",
            "audioTrackId": {"type": "macro", "macroId": "m"},
            "features": {"type": "constant", "value": [descriptor]},
        },
        {"id": "meter", "type": "audioVolumeMeter", "audioTrackId": {"type": "constant", "value": "t2"}},
        {"id": "text", "type": "textOverlay", "text": {"type": "constant", "value": "héllo"}},
    ]
    if schema == 6:
        elements = {
            one["id"]: {
                "id": one["id"],
                "type": one["type"],
                "properties": {name: value for name, value in one.items() if name not in ("id", "type")},
            }
            for one in elements
        }
    return {
        "schemaVersion": schema,
        "format": "mvmnt.scene",
        "metadata": {"id": "s", "name": "Größe 音", "author": "x"},
        "scene": {"elements": elements, "macros": {"macros": {"m": {"type": "timelineTrackRef", "value": SOURCE}}}},
        "timeline": {
            "timeline": {
                "id": "tl",
                "name": "T",
                "globalBpm": 120,
                "beatsPerBar": 3,
                "masterTempoMap": [{"time": 0, "bpm": 120, "curve": "linear"}, {"time": 2, "tempo": 1e6 / 3}],
            },
            "tracks": {
                SOURCE: {
                    "id": SOURCE,
                    "name": "Größe",
                    "type": "audio",
                    "offsetTicks": 960,
                    "gain": 0.5,
                    "mute": False,
                },
                "midi": {"id": "midi", "name": "M", "type": "midi", "offsetTicks": 0},
                "t2": {
                    "id": "t2",
                    "name": "clip",
                    "type": "audio",
                    "audioSourceId": SOURCE,
                    "offsetTicks": 0,
                    "regionStartTick": 10,
                    "regionEndTick": 500,
                    "enabled": False,
                },
            },
            "tracksOrder": ["midi", "t2", SOURCE],
            "playbackRange": {"startTick": 0, "endTick": 1920},
            "playbackRangeUserDefined": True,
            "rowHeight": 30,
            "midiCache": {"x": {"kept": [1, 2.5]}},
            "audioFeatureCaches": {SOURCE: {"assetId": SOURCE, "assetRef": FOLDER + "feature_caches.json"}},
            "audioFeatureCacheStatus": {SOURCE: {"state": "pending", "updatedAt": 5}},
        },
        "assets": {
            "storage": "zip-package",
            "createdWith": "0.15",
            "audio": {
                "byId": {
                    sha256: {
                        "kind": "original",
                        "filename": "häng.wav",
                        "mimeType": "audio/wav",
                        "byteLength": len(audio),
                        "hash": sha256,
                        "durationSeconds": 0.6,
                        "sampleRate": 22050,
                        "channels": 2,
                        "durationSamples": 13230,
                    }
                }
            },
        },
        "references": {"audioIdMap": {SOURCE: sha256}},
        "futureThing": {"a": 1.0},
    }


def package(document, audio, cached, *, change=None):
    """The bytes of a ``.mvt``; `change` may edit the parts before they are packed."""
    plain, files = cached
    sha256 = hashlib.sha256(audio).hexdigest()
    parts = {
        "document.json": text(document),
        f"assets/audio/{sha256}/häng.wav": audio,
        FOLDER + "feature_caches.json": text(plain),
        **{FOLDER + name: data for name, data in files.items()},
        "assets/midi/x/midi.mid": b"MThd",
        "Icon.icns": b"icon",
    }
    if change is not None:
        parts = copy.copy(parts)
        change(parts)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
        for name, data in parts.items():
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def text(value):
    """JSON as the original writes it: keys sorted, nothing escaped that need not be."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
