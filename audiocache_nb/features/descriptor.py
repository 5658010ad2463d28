"""Descriptors: which feature is meant."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from audiocache_nb.errors import InvalidParameterError, InvalidTypeError
from audiocache_nb.features.profile import AnalysisProfile

MAX_NAME = 120
USUAL: Final = AnalysisProfile()


@dataclasses.dataclass(frozen=True, slots=True)
class Descriptor:
    """One feature, as asked for.

    Parameters
    ----------
    feature : str
        Key of the feature (``"rms"``).
    calculator : str or None
        Id of the calculator; None: the default calculator of that feature.
    profile : AnalysisProfile or None
        None: the default profile.
    params : mapping or tuple of pairs
        Values for the calculator's own parameters that differ from its defaults.

    Notes
    -----
    Band, channel, smoothing and interpolation are chosen when a feature is sampled;
    they never take part in its identity.
    """

    feature: str
    calculator: str | None = None
    profile: AnalysisProfile | None = None
    params: Any = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "feature", _name("feature", self.feature))
        if self.calculator is not None:
            put(self, "calculator", _name("calculator", self.calculator))
        if self.profile is None:
            put(self, "profile", USUAL)
        elif not isinstance(self.profile, AnalysisProfile):
            raise InvalidTypeError(
                f"profile is a {type(self.profile).__name__}.", hint="Pass an acn.AnalysisProfile(...)."
            )
        try:
            values = {str(name): value for name, value in dict(self.params).items()}
        except (TypeError, ValueError):
            raise InvalidTypeError(
                f"params is a {type(self.params).__name__}.", hint="Pass a dict of parameter names and values."
            ) from None
        put(self, "params", tuple((name, values[name]) for name in sorted(values)))

    @property
    def used_profile(self) -> AnalysisProfile:
        """The profile, never None."""
        assert self.profile is not None  # set in __post_init__
        return self.profile

    def __str__(self) -> str:
        text = self.calculator or self.feature
        if self.used_profile.id != "default":
            text += f" @ {self.used_profile.id}"
        if self.params:
            text += " (" + ", ".join(f"{name}={value!r}" for name, value in self.params) + ")"
        return text


def _name(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidTypeError(
            f"The name of a {what} is a text, not {type(value).__name__}.", hint='Write it in quotes: "rms".'
        )
    name = value.strip()
    if not name or len(name) > MAX_NAME:
        raise InvalidParameterError(
            f"The name of a {what} has 1 to {MAX_NAME} characters, not {len(name)}.",
            hint="Choose a shorter name, or any at all.",
        )
    return name
