"""What the elements of an MVMNT scene ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# What an element of this type needs when it says nothing itself.
NEEDS = {
    "audioSpectrum": ("spectrogram",),
    "audioVolumeMeter": ("rms",),
    "audioWaveform": ("waveform",),
    "audioOscilloscope": ("waveform",),
}
_FEATURES = ("features", "audioFeatures", "featureDescriptor")


class Wish(NamedTuple):
    """An element wants a feature of a track."""

    element: str
    track: str
    feature: str
    calculator: str | None
    profile_id: str


def wishes(scene: Mapping[str, Any]) -> Iterator[Wish]:
    """What a scene's elements ask for; what is not understood is passed over.

    Parameters
    ----------
    scene : mapping
        ``scene`` of the envelope. Its elements are a list with bindings beside their id (schemas 4
        and 5), or objects by id with bindings below ``properties`` (schema 6).
    """
    macros = _mapping(_mapping(scene.get("macros")).get("macros"))
    elements = scene.get("elements")
    if isinstance(elements, Mapping):
        listed = [{"id": name, **_mapping(one)} for name, one in elements.items()]
    else:
        listed = [dict(_mapping(one)) for one in elements] if isinstance(elements, list) else []
    for element in listed:
        yield from _wishes_of(element, macros)


def _wishes_of(element: Mapping[str, Any], macros: Mapping[str, Any]) -> Iterator[Wish]:
    name, kind = element.get("id"), element.get("type")
    bindings = {**element, **_mapping(element.get("properties"))}
    track = _value(bindings.get("audioTrackId"), macros)
    if isinstance(track, list):
        track = track[0] if track else None
    if not isinstance(name, str) or not name or not isinstance(track, str) or not track:
        return
    profile = _value(bindings.get("analysisProfileId"), macros)
    profile_id = profile if isinstance(profile, str) and profile else "default"
    given = next((_value(bindings[one], macros) for one in _FEATURES if bindings.get(one) is not None), None)
    descriptors = given if isinstance(given, list) else [given] if isinstance(given, Mapping) else []
    for one in descriptors:
        feature = _mapping(one).get("featureKey")
        calculator = _mapping(one).get("calculatorId")
        own = _mapping(one).get("analysisProfileId")
        if isinstance(feature, str) and feature.strip():
            yield Wish(
                name,
                track,
                feature.strip(),
                calculator if isinstance(calculator, str) and calculator else None,
                own if isinstance(own, str) and own else profile_id,
            )
    if not descriptors and isinstance(kind, str):
        for feature in NEEDS.get(kind, ()):
            yield Wish(name, track, feature, None, profile_id)


def _value(binding: Any, macros: Mapping[str, Any]) -> Any:
    """What a binding stands for now."""
    if not isinstance(binding, Mapping) or "type" not in binding:
        return binding
    if binding["type"] == "macro":
        macro = binding.get("macroId")
        return _mapping(macros.get(macro) if isinstance(macro, str) else None).get("value")
    return binding.get("value")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
