"""librosa's features as calculators (needs the extra ``librosa``).

>>> from audiocache_nb.bridges.librosa import from_librosa
>>> contrast = from_librosa("spectral_contrast", feature="contrast", unit="dB")  # doctest: +SKIP
>>> session.get(track, "contrast")  # doctest: +SKIP

librosa needs the whole signal at once and much more memory than the built-in calculators; it is
there for what these do not have.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.bridges.signatures import accepts_any, hints_of, named, parameter_of
from audiocache_nb.errors import CalculatorContractError, InvalidParameterError, InvalidTypeError, MissingPackageError
from audiocache_nb.features.calculator import AudioFacts, ComputeContext, whole
from audiocache_nb.features.fingerprint import Fingerprint
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.registry import calculators

# What the profile says, by librosa's names, with the name of the profile's value.
_FROM_PROFILE = {
    "hop_length": "hop_size",
    "n_fft": "fft_size",
    "win_length": "window_size",
    "frame_length": "window_size",
    "window": "window",
}
_OF_TRANSFORMS = ("n_fft", "win_length", "window")
_GIVEN = ("y", "sr", "hop_length")
_CENTRED = {"center": True, "pad_mode": "constant"}
_PROBE_SAMPLES, _PROBE_RATE = 22050, 22050


def from_librosa(
    function: Callable[..., Any] | str,
    *,
    feature: str,
    unit: str = "",
    axes: tuple[str, str] | None = None,
    id: str | None = None,
    label: str = "",
    fill_value: float | None = None,
    **defaults: Any,
) -> LibrosaCalculator:
    """Make a calculator of a function that looks like those of ``librosa.feature``, and register it.

    The function receives the mono mix as ``y`` and the sample rate as ``sr``, and what it accepts
    of ``hop_length``, ``n_fft``, ``win_length``, ``window`` and ``frame_length`` from the analysis
    profile. Frames are centred, as everywhere: frame `k` lies at ``k * hop_length``, and there are
    ``1 + n // hop_length``. Its other keyword parameters, as far as they are numbers, texts, or yes
    or no, are the calculator's parameters; their ranges are not known.

    Parameters
    ----------
    function : callable or str
        Returns an array [shape=(width, frames) or (frames,)]. A str names one in ``librosa.feature``.
    feature : str
        Key of the feature.
    unit, label : str
    axes : (str, str), optional
        Names of the axes of a result that has a width; the first is ``"frame"``.
    id : str, optional
        Default: ``"librosa."`` and the function's name.
    fill_value : float, optional
        What silence is; default 0.
    **defaults
        Other defaults for the function's parameters. What is neither a number, nor a text, nor a yes
        or no is handed on and takes part in the version.

    Returns
    -------
    LibrosaCalculator
        Registered at once. It needs the whole signal; its version is that of librosa.

    Raises
    ------
    MissingPackageError
        If librosa is not installed.
    InvalidTypeError
        If it is no function.
    InvalidParameterError
        If the function takes no audio, does not take one of the defaults, or needs a value that is
        not among them.
    """
    made = LibrosaCalculator(
        _found(function) if isinstance(function, str) else function,
        defaults,
        feature=feature,
        unit=unit,
        axes=axes,
        id=id,
        label=label,
        fill_value=fill_value,
    )
    calculators.register(made)
    return made


def _found(name: str) -> Callable[..., Any]:
    try:
        features = importlib.import_module("librosa.feature")
    except ImportError as error:
        raise MissingPackageError(
            "librosa is not installed.", hint='Install it with: pip install "audiocache_nb[librosa]"', package="librosa"
        ) from error
    found = getattr(features, name.removeprefix("librosa.").removeprefix("feature."), None)
    if not callable(found):
        raise InvalidParameterError(f"There is no librosa.feature.{name[:60]}.", hint="Pass the function itself.")
    function: Callable[..., Any] = found
    return function


class LibrosaCalculator(FunctionCalculator):
    """A function of librosa's kind, called once with the whole signal.

    Parameters
    ----------
    function : callable
    defaults : mapping
        Values for its parameters.
    **options
        As for `FunctionCalculator`.
    """

    def __init__(self, function: Callable[..., Any], defaults: Mapping[str, Any], **options: Any) -> None:
        if not callable(function):
            raise InvalidTypeError(f"A {type(function).__name__} is not a function.", hint="Pass librosa.feature....")
        name = getattr(function, "__name__", type(function).__name__)
        options["id"] = options.get("id") or f"librosa.{name}"
        super().__init__(_stand_in, inputs="samples", locality=whole, **options)
        signature = _signature(name, function)
        self.function = function
        self.__doc__ = function.__doc__
        self._takes_rate = "sr" in named(signature)
        self._profile_names = _profile_names(function, signature, defaults)
        self.parameters, self._fixed = _parameters(name, function, signature, defaults, self._profile_names)
        of_librosa = str(getattr(function, "__module__", "")).partition(".")[0] == "librosa"
        self._release = f"librosa-{sys.modules['librosa'].__version__}" if of_librosa else "code"

    @property
    def fingerprint(self) -> Fingerprint:
        return self._watch(functools.partial(self.function, **self._fixed))

    @property
    def version_text(self) -> str:
        """The version of librosa, if the function is librosa's, and a digest of what was asked of it."""
        return f"{self._release}-{self.code}"

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        values = {**profile.values(), "fft_size": profile.transform_size}
        used = {"hop_size", *(_FROM_PROFILE[name] for name in self._profile_names)}
        return {name: values[name] for name in sorted(used)}

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of the call."""
        used = self.used_profile(profile)
        arguments = {name: used[_FROM_PROFILE[name]] for name in self._profile_names}
        if self._takes_rate:
            arguments["sr"] = audio.sample_rate
        return {**self._fixed, **params, **arguments}

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> NDArray[Any]:
        samples, hop = inputs[0], context.hop_size
        if not len(samples):
            return np.empty((0, 1), np.float32)
        # Silence after the end is what centred frames see there anyway; it spares functions a signal
        # that is shorter than their window.
        sizes = [state[name] for name in ("n_fft", "frame_length", "win_length") if name in self._profile_names]
        y = np.zeros(max(len(samples), *sizes, 1), np.float32)
        y[: len(samples)] = samples
        try:
            value = self.function(y=y, **state)
        except Exception as error:
            if type(error).__name__ == "ParameterError" and type(error).__module__.startswith("librosa"):
                raise InvalidParameterError(
                    f"librosa refuses this: {error}", hint="Choose other parameters."
                ) from error
            raise
        return self._rows(value, 1 + len(samples) // hop, 1 + len(y) // hop)

    def _rows(self, value: Any, count: int, expected: int) -> NDArray[Any]:
        """The result with frames first, and as many as there are."""
        if not isinstance(value, np.ndarray) or value.ndim not in (1, 2):
            got = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise CalculatorContractError(
                f"{self.id} returned {got}.", hint="Wrap the function in one that returns (width, frames) or (frames,)."
            )
        rows: NDArray[Any] = value.T
        if abs(len(rows) - expected) > 1:
            raise CalculatorContractError(
                f"{self.id} returned {len(rows)} frames where a hop of the profile's gives {expected}.",
                hint="A function that takes no hop_length needs a profile with its own hop, and centred frames.",
            )
        if len(rows) < count:  # with odd windows, the last frame is not full
            rows = np.concatenate([rows, rows[-1:]])
        return rows[:count]


def _stand_in(samples: NDArray[np.float32]) -> None:
    """What `FunctionCalculator` looks at in place of a function whose signature it would refuse."""


def _signature(name: str, function: Callable[..., Any]) -> inspect.Signature:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise InvalidTypeError(f"{name}: what the function takes is not known.", hint="Wrap it in a def.") from None
    if "y" not in named(signature):
        raise InvalidParameterError(f"{name} takes no audio: it has no parameter y.", hint="Wrap it in a def that has.")
    return signature


def _profile_names(
    function: Callable[..., Any], signature: inspect.Signature, defaults: Mapping[str, Any]
) -> tuple[str, ...]:
    """Which of the profile's values the function is given."""
    takes = named(signature)
    found = [name for name in ("hop_length", "frame_length") if name in takes]
    if "n_fft" in takes:  # without it, win_length counts frames or whatever else
        found += [name for name in _OF_TRANSFORMS if name in takes]
    if "hop_length" not in takes and accepts_any(signature):
        found += _handed_on(function, signature, defaults)
    return tuple(name for name in found if name not in defaults)


def _handed_on(function: Callable[..., Any], signature: inspect.Signature, defaults: Mapping[str, Any]) -> list[str]:
    """What goes through ``**kwargs`` to some other function; only trying tells."""
    values: dict[str, Any] = {"hop_length": 512, "n_fft": 2048, "win_length": 2048, "window": "hann"}
    y = np.random.default_rng(0).uniform(-0.5, 0.5, _PROBE_SAMPLES).astype(np.float32)
    rate = {"sr": _PROBE_RATE} if "sr" in named(signature) else {}
    for count in (4, 2, 1):
        names = [name for name in list(values)[:count] if name not in defaults]
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            try:
                function(y=y, **rate, **defaults, **{name: values[name] for name in names})
            except TypeError:  # an argument that nobody expected
                continue
        return names  # it may not have liked the sound, but it has taken the arguments
    return []


def _parameters(
    name: str,
    function: Callable[..., Any],
    signature: inspect.Signature,
    defaults: Mapping[str, Any],
    from_profile: tuple[str, ...],
) -> tuple[Schema, dict[str, Any]]:
    """The schema, and the values that are handed on as they are."""
    takes, hints = named(signature), hints_of(function)
    for given in defaults:
        if given in _GIVEN:
            raise InvalidParameterError(
                f"{given} comes from the recording and the profile.", hint="Leave it out.", parameter=given
            )
        if given in _CENTRED and defaults[given] != _CENTRED[given]:
            raise InvalidParameterError(
                f"{given} is {_CENTRED[given]!r}: frames are centred and padded with silence.", hint="Leave it out."
            )
        if given not in takes and not accepts_any(signature):
            raise InvalidParameterError(f"{name} takes no {given!r:.60}.", hint=f"It takes {', '.join(takes)}.")
    missing = [
        one
        for one, parameter in takes.items()
        if parameter.default is parameter.empty and one not in (*_GIVEN, *from_profile, *defaults)
    ]
    if missing:
        raise InvalidParameterError(f"{name} needs {', '.join(missing)}.", hint=f"Pass {missing[0]}=...")
    found: list[Parameter] = []
    fixed: dict[str, Any] = {}
    own = {one: parameter.default for one, parameter in takes.items()}
    for one, value in {**own, **defaults}.items():
        if one in (*_GIVEN, *_CENTRED, *from_profile):
            continue
        parameter = parameter_of(one, value, hints.get(one))
        if parameter is not None:
            found.append(parameter)
        elif one in defaults:
            fixed[one] = value
    return Schema(*found), fixed
