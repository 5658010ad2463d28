"""Controls of the explorer: made from a calculator's schema and from the profile, and code made of their values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from audiocache_nb.audio.limits import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.parameters import Parameter
from audiocache_nb.features.profile import MAX_WINDOW_SAMPLES, WINDOWS, AnalysisProfile
from audiocache_nb.features.registry import Registry
from audiocache_nb.features.storage import STORAGES
from audiocache_nb.models.protocol import AudioLike
from audiocache_nb.models.text import display_text, finite, message_text

FAMILIES: dict[str, tuple[str, ...]] = {
    "Your own": (),
    "Level and waveform": ("rms", "waveform", "zcr", "peaks", "loudness"),
    "Spectrum": ("spectrogram", "stft", "mel", "bands", "cqt", "hpss"),
    "Shape of the spectrum": ("shape", "flux", "contrast", "moments"),
    "Pitch and harmony": ("chroma", "yin", "pyin", "period"),
    "Rhythm": ("onset_strength", "onsets", "tempogram", "tempo_curve", "beats"),
    "Structure": ("structure", "delta"),
    "Voice": ("voice", "voice_quality"),
    "Health": ("health",),
    "MVMNT": ("mvmnt",),
    "Plug-ins": (),
}
BUILTIN = "audiocache_nb.features.builtin."
HERTZ = re.compile(r"\b(Hz|hertz)\b", re.IGNORECASE)
UNITS = (("_ms", "ms"), ("_s", "s"), ("_hz", "Hz"), ("_db", "dB"), ("_bpm", "BPM"), ("_percent", ""))
LINE = 80
SAMPLE_RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000)
FRAME_SIZES = tuple(2**n for n in range(5, 16))

Control = dict[str, Any]


def catalogue(registry: Registry) -> list[dict[str, str]]:
    """All calculators, grouped by family; those of one's own first."""
    order = {name: n for n, name in enumerate(FAMILIES)}
    found = [
        {
            "id": display_text(calculator.id),
            "label": display_text(calculator.title),
            "family": family(calculator),
            "about": about(calculator),
        }
        for calculator in registry.list()
    ]
    return sorted(found, key=lambda one: (order[one["family"]], one["label"].casefold(), one["id"]))


def family(calculator: Calculator) -> str:
    """Under which heading a calculator is found."""
    module = type(calculator).__module__
    if module.startswith(BUILTIN):
        name = module.removeprefix(BUILTIN)
        return next((title for title, modules in FAMILIES.items() if name in modules), "Spectrum")
    return "Your own" if isinstance(calculator, FunctionCalculator) else "Plug-ins"


def about(calculator: Calculator) -> str:
    """The first sentence of its documentation."""
    function = getattr(calculator, "function", None)
    text = (function.__doc__ if function is not None else type(calculator).__doc__) or ""
    return message_text(text.strip().split("\n\n")[0].replace("`", ""))


def controls(calculator: Calculator, descriptor: Descriptor, audio: AudioLike) -> list[Control]:
    """One control for every parameter that changes the result, with its value of now."""
    values = calculator.parameters.effective(dict(descriptor.params))
    rate_hz = descriptor.used_profile.sample_rate or audio.sample_rate
    own = [_own(parameter, values[name], rate_hz) for name, parameter in calculator.parameters.items()]
    return own + _of_profile(calculator, descriptor)


def _own(parameter: Parameter, value: Any, rate_hz: int) -> Control:
    low, high = parameter.minimum, parameter.maximum
    hertz = bool(HERTZ.search(parameter.description))
    if hertz and high is not None and high > rate_hz / 2:
        high = rate_hz / 2  # what is beyond can be typed, and cannot be heard
    unit = next((unit for ending, unit in UNITS if parameter.name.endswith(ending)), "Hz" if hertz else "")
    kind = "choice" if parameter.choices else {int: "int", float: "float", bool: "bool"}.get(parameter.kind, "text")
    return {
        "group": "params",
        "name": parameter.name,
        "kind": kind,
        "value": value,
        "default": parameter.default,
        "minimum": finite(low),
        "maximum": finite(high),
        "choices": list(parameter.choices),
        "optional": parameter.default is None,
        "unit": unit,
        "about": message_text(parameter.description),
    }


def _of_profile(calculator: Calculator, descriptor: Descriptor) -> list[Control]:
    profile, usual = descriptor.used_profile, AnalysisProfile()
    used = {*calculator.used_profile(profile), "sample_rate"}
    if calculator.is_derived:
        used |= {"window_size", "hop_size"}  # of what it is computed from
    params = calculator.parameters.effective(dict(descriptor.params))
    if calculator.stored_range(profile, params) is not None:
        used.add("storage")
    size = {"kind": "int", "unit": "samples", "choices": list(FRAME_SIZES)}
    level = {"kind": "float", "unit": "dB", "minimum": -200.0, "maximum": 60.0}
    facts: dict[str, Control] = {
        "window_size": {**size, "minimum": 2, "maximum": MAX_WINDOW_SAMPLES, "about": "Length of one frame."},
        "hop_size": {**size, "minimum": 1, "maximum": MAX_WINDOW_SAMPLES, "about": "Distance of two frames."},
        "fft_size": {
            **size,
            "minimum": profile.window_size,
            "maximum": MAX_WINDOW_SAMPLES,
            "optional": True,
            "about": "Frames are padded with zeros to this length.",
        },
        "window": {"kind": "choice", "choices": list(WINDOWS), "about": "Shape of the window."},
        "min_decibels": {**level, "about": "Levels below are raised to this."},
        "max_decibels": {**level, "about": "Levels above are lowered to this."},
        "sample_rate": {
            "kind": "int",
            "unit": "Hz",
            "choices": list(SAMPLE_RATES),
            "minimum": MIN_SAMPLE_RATE_HZ,
            "maximum": MAX_SAMPLE_RATE_HZ,
            "optional": True,
            "about": "The recording is resampled to this first.",
        },
        "storage": {"kind": "choice", "choices": list(STORAGES), "about": "How levels are stored."},
    }
    blank: Control = {"minimum": None, "maximum": None, "choices": [], "optional": False, "unit": "", "about": ""}
    return [
        {
            **blank,
            **fact,
            "group": "profile",
            "name": name,
            "value": getattr(profile, name),
            "default": getattr(usual, name),
        }
        for name, fact in facts.items()
        if name in used
    ]


def code(track_id: str, descriptor: Descriptor, registry: Registry) -> str:
    """The call that gives this feature, to be pasted into a cell."""
    usual = AnalysisProfile()
    profile = descriptor.used_profile
    changed = {name: value for name, value in profile.values().items() if value != getattr(usual, name)}
    default = registry.default_for(descriptor.feature).id == descriptor.calculator
    parts = [repr(descriptor.feature)]
    if not default:
        parts.append(f"calculator={descriptor.calculator!r}")
    if descriptor.params:
        parts.append(f"params={dict(descriptor.params)!r}")
    if changed:
        parts.append(f"profile=acn.AnalysisProfile({_keywords(changed)})")
    wanted = parts[0] if len(parts) == 1 else f"acn.Descriptor({', '.join(parts)})"
    if len(wanted) > LINE - 20:
        wanted = "acn.Descriptor(\n" + "".join(f"        {part},\n" for part in parts) + "    )"
    name = re.sub(r"\W+", "_", descriptor.feature).strip("_")
    variable = name if name.isidentifier() else "feature"
    line = f"{variable} = session.get({track_id!r}, {wanted})"
    if len(line) <= LINE and "\n" not in line:
        return line
    return f"{variable} = session.get(\n    {track_id!r},\n    {wanted},\n)"


def _keywords(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def refused_by(error: Any, names: Iterable[str]) -> str:
    """The parameter that an error is about, or an empty text."""
    name = str(error.context.get("parameter", ""))
    return name if name in set(names) else ""
