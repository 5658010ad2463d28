"""Calculators made from a function by ``@acn.calculator``."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import CalculatorContractError, InvalidParameterError, InvalidTypeError
from audiocache_nb.features.calculator import (
    AudioFacts,
    Calculator,
    ComputeContext,
    Layout,
    Local,
    Locality,
    Whole,
    bin_frequencies,
)
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.keys import digest
from audiocache_nb.features.parameters import Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Channels, Frames, Magnitude, Mono, Span, Spectrum, Step
from audiocache_nb.features.track import Events, FeatureTrack, Global

if TYPE_CHECKING:
    from audiocache_nb.features.fingerprint import Fingerprint

INPUTS = ("samples", "channels", "frames", "spectrum")


class FunctionCalculator(Calculator):
    """A calculator whose work is done by one function.

    The function's first argument receives the input, a parameter called ``ctx`` the context, and its
    others with defaults are the calculator's parameters. Several features arrive as a tuple, or one by
    one if the function takes as many arguments.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        feature: str,
        unit: str = "",
        version: int | None = None,
        inputs: str | tuple[str, ...] | list[str] = "frames",
        id: str | None = None,
        label: str = "",
        locality: Locality | None = None,
        depends_on_tempo: bool = False,
        fill_value: float | None = None,
        axes: tuple[str, ...] | None = None,
    ) -> None:
        if not callable(function):
            raise InvalidTypeError(
                f"A {type(function).__name__} is not a function.", hint="Write @acn.calculator(...) above a def."
            )
        _check_declared(unit, label, inputs, depends_on_tempo, fill_value, axes)
        names_of_inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs or ())
        if not names_of_inputs or not all(map(str.strip, map(str, names_of_inputs))):
            raise InvalidParameterError(
                f"inputs is {inputs!r:.80}.", hint=f"Use one of {', '.join(INPUTS)}, or names of features."
            )
        if len(names_of_inputs) > 1 and set(names_of_inputs) & set(INPUTS):
            raise InvalidParameterError(
                f"inputs {inputs!r:.80} mixes audio and features.", hint="Use one or the other."
            )
        features = () if names_of_inputs[0] in INPUTS else names_of_inputs
        if features and (feature in features or id in features):
            raise InvalidParameterError(
                f"{id or feature!r:.80} cannot be computed from itself.", hint="Name another feature as its input."
            )
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            raise InvalidTypeError(
                "version is a whole number, or None for 'the code is the version'.",
                hint="Leave it out, or count it up with every change.",
            )
        cut = not features or isinstance(locality, Local)
        if locality is None:
            locality = Local() if inputs in ("frames", "spectrum") or features else Whole()
        if not isinstance(locality, (Local, Whole)):
            raise InvalidTypeError(
                "locality is acn.local(halo_frames) or acn.whole.",
                hint="Use acn.local(2) for frames and two neighbours on either side, acn.whole for everything.",
            )
        self.function = function
        self.feature = feature
        self.id = id or feature
        self.label = label
        self.unit = unit
        self.version = version
        self.inputs = inputs if isinstance(inputs, str) else names_of_inputs
        self.features = features
        self.locality = locality
        self.depends_on_tempo = depends_on_tempo
        self.fill_value = fill_value
        self.declared_axes = tuple(axes) if axes else None
        try:
            signature = inspect.signature(function)
        except ValueError:
            raise InvalidTypeError(
                f"{self.id}: what the function takes is not known.", hint="Wrap it in a def."
            ) from None
        names = list(signature.parameters)
        if not names or signature.parameters[names[0]].kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD):
            raise InvalidParameterError(
                f"{self.id}: the function takes no argument for its {inputs}.", hint="Write def f(frames, ...)."
            )
        self._wants_context = "ctx" in names[1:]
        self._spread = len(features) > 1 and _positional(signature) == len(features)
        self.parameters = Schema.from_function(function, skip=("ctx",))
        self.__doc__ = function.__doc__
        declared = [list(names_of_inputs) if features else inputs, repr(locality), unit, fill_value, self.declared_axes]
        self._declared = digest(declared)
        self._is_cut = bool(cut)
        self._code: tuple[Fingerprint, str] | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        return self._watch(self.function)

    @property
    def code(self) -> str:
        """Digest of the code and of what is declared about it, at this moment."""
        now = self.fingerprint
        if self._code is None or self._code[0] is not now:
            self._code = (now, digest([now.digest, self._declared])[:16])
        return self._code[1]

    @property
    def version_text(self) -> str:
        return f"code-{self.code}" if self.version is None else str(self.version)

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        if self.features:
            return {}  # what is used of the profile is in the keys of the features
        used: dict[str, Any] = {"hop_size": profile.hop_size}
        if self.inputs in ("frames", "spectrum"):
            used["window_size"] = profile.window_size
        if self.inputs == "spectrum":
            used |= {"fft_size": profile.transform_size, "window": profile.window}
        return used

    def _framing(self, profile: AnalysisProfile) -> Framing:
        if self.inputs in ("samples", "channels") and isinstance(self.locality, Local):
            return Framing(profile.hop_size, profile.hop_size, "cells")
        return Framing(profile.window_size, profile.hop_size, "center")

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        """As for any calculator; `tail` is () because only the function's result tells the width."""
        axes = self.declared_axes or ("frame", "value")
        coords: dict[str, NDArray[Any]] = {}
        if self.declared_axes and self.declared_axes[-1] == "bin":
            coords["bin"] = bin_frequencies(audio.sample_rate, profile.transform_size)
        fill = 0.0 if self.fill_value is None else float(self.fill_value)
        return Layout(
            framing=self._framing(profile), tail=(), axes=axes, unit=self.unit, fill_value=fill, axis_coords=coords
        )

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        framing = self._framing(profile)
        if self.features:
            return ()
        if isinstance(self.locality, Whole) and self.inputs in ("samples", "channels"):
            return (Mono() if self.inputs == "samples" else Channels(),)
        if self.inputs == "samples":
            return (Span(Mono(), framing),)
        if self.inputs == "channels":
            return (Span(Channels(), framing),)
        if self.inputs == "frames":
            return (Frames(framing),)
        return (Magnitude(Spectrum(framing, profile.window, True, profile.transform_size)),)

    def layout_like(
        self, dependency: Layout, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]
    ) -> Layout:
        return dataclasses.replace(self.layout(audio, profile, params), framing=dependency.framing)

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        return tuple(Descriptor(name, None, profile) for name in self.features)

    @property
    def is_derived(self) -> bool:
        return bool(self.features)

    @property
    def is_local(self) -> bool:
        """As of any calculator; of features, only what declares it itself is called for some rows at a time."""
        return isinstance(self.locality, Local) and self._is_cut

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Any:
        """Call the function; features arrive as their data, several of them as a tuple or as one argument each."""
        values = tuple(item.values() if isinstance(item, FeatureTrack) else item for item in inputs)
        if self._spread:
            return self._call(values, state, context)
        return self._call((values[0] if len(values) == 1 else values,), state, context)

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        return dict(params)

    def call(self, inputs: tuple[NDArray[Any], ...], state: Any, context: ComputeContext) -> Any:
        """The function's own result."""
        return self.compute_whole(inputs, state, context) if self.features else self._call(inputs[:1], state, context)

    def _call(self, values: tuple[Any, ...], state: Any, context: ComputeContext) -> Any:
        extra = {"ctx": context} if self._wants_context else {}
        return self.function(*values, **state, **extra)

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        out[...] = check_rows(self.id, self.call(inputs, state, context), len(out)).reshape(out.shape)


def _check_declared(  # everything may come from a notebook, whatever is annotated
    unit: object, label: object, inputs: object, depends_on_tempo: object, fill_value: object, axes: object
) -> None:
    for name, text in (("unit", unit), ("label", label)):
        if not isinstance(text, str):
            raise InvalidTypeError(f"{name} is a {type(text).__name__}, not a text.", hint="Leave it out, or quote it.")
    if inputs is not None and not isinstance(inputs, (str, tuple, list)):
        raise InvalidTypeError(
            f"inputs is a {type(inputs).__name__}.", hint=f"Use one of {', '.join(INPUTS)}, or names of features."
        )
    if not isinstance(depends_on_tempo, bool):
        raise InvalidTypeError(f"depends_on_tempo is a {type(depends_on_tempo).__name__}.", hint="Pass True or False.")
    is_number = isinstance(fill_value, (int, float, np.number)) and type(fill_value) is not bool
    if fill_value is not None and not (is_number and np.isfinite(fill_value)):
        raise InvalidParameterError(f"fill_value is {fill_value!r:.60}.", hint="Use a finite number, or None.")
    if axes is not None and not (isinstance(axes, (tuple, list)) and len(axes) == 2 and axes[0] == "frame"):
        raise InvalidParameterError(f"axes is {axes!r:.80}.", hint='Name two axes, the first being "frame".')


def _positional(signature: inspect.Signature) -> int:
    """How many arguments must be given by place; the context is given by name."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one for one in signature.parameters.values() if one.kind in kinds and one.default is Parameter.empty]
    return sum(one.name != "ctx" for one in needed)


def check_rows(name: str, value: Any, rows: int, spare: tuple[int, int] = (0, 0)) -> NDArray[np.float32]:
    """The rows that a function returned, as float32 [shape=(rows, width)].

    Parameters
    ----------
    spare : (int, int)
        How many rows before and after these it was given as well, and may return.

    Raises
    ------
    CalculatorContractError
        For another number of rows, for more than two dimensions, for values that are not finite numbers.
    """
    want = f"({rows},) or ({rows}, width) numbers"
    if isinstance(value, (Events, Global)):
        raise CalculatorContractError(
            f"{name} returned {type(value).__name__} from a run of frames.", hint="Declare locality=acn.whole for that."
        )
    if np.any(getattr(value, "mask", False)):
        raise CalculatorContractError(f"{name} returned masked values.", hint="Fill them with numbers.")
    if type(value) is not np.ndarray:
        try:
            value = np.asarray(value)
        except Exception as error:
            raise CalculatorContractError(
                f"{name} returned {type(value).__name__}, not {want}.", hint="Return an array with one row per frame."
            ) from error
    if value.dtype.kind not in "fiub" or value.ndim not in (1, 2) or 0 in value.shape[1:]:
        raise CalculatorContractError(
            f"{name} returned {value.dtype} of shape {value.shape}, not {want}.", hint="Return one row per frame."
        )
    if len(value) == rows + sum(spare):
        value = value[spare[0] : spare[0] + rows]
    if len(value) != rows:
        raise CalculatorContractError(
            f"{name} returned {len(value)} rows for {rows} frames.", hint=f"Return {want}.", rows=len(value)
        )
    result = np.array(value, dtype=np.float32, ndmin=2)  # a copy: the function may hand out its own buffer
    if value.ndim == 1:
        result = result.reshape(rows, 1)
    if not np.isfinite(result).all():
        bad = int((~np.isfinite(result)).sum())
        raise CalculatorContractError(
            f"{name} returned {bad} values that are not finite.", hint="Add a small number before log or division."
        )
    return result
