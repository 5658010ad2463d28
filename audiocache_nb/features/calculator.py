"""Calculators: what the engine asks of whoever computes a feature."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Schema
from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.track import Alignment, TrackFormat

if TYPE_CHECKING:
    from audiocache_nb.features.descriptor import Descriptor
    from audiocache_nb.features.fingerprint import Fingerprint, Watched
    from audiocache_nb.features.profile import AnalysisProfile
    from audiocache_nb.features.steps import Step


@dataclasses.dataclass(frozen=True, slots=True)
class Local:
    """A frame depends on its own input and on that of at most `halo_frames` frames on either side.

    The input is what the recording holds in a frame or, of a calculator of features, their rows.
    """

    halo_frames: int = 0

    def __post_init__(self) -> None:
        halo: object = self.halo_frames
        if not isinstance(halo, int) or isinstance(halo, bool) or halo < 0:
            raise InvalidParameterError(
                f"halo_frames is {halo!r:.60}.", hint="Use a whole number of frames from 0 on.", parameter="halo_frames"
            )


@dataclasses.dataclass(frozen=True, slots=True)
class Whole:
    """Every value depends on the whole signal."""


Locality = Local | Whole
whole = Whole()


def local(halo_frames: int = 0) -> Local:
    """Declare that frames depend on at most `halo_frames` neighbours on either side."""
    return Local(halo_frames)


class AudioFacts(Protocol):
    """What a layout may depend on."""

    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def frames(self) -> int: ...


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The shape and meaning of a calculator's result for one source.

    Attributes
    ----------
    tail : tuple of int
        Shape of one row.
    axes : tuple of str
        Names of all axes, the first being that of the rows.
    framing : Framing
        The grid the rows lie on.
    dtype : dtype
        What the values are stored as.
    """

    framing: Framing
    tail: tuple[int, ...]
    axes: tuple[str, ...]
    unit: str = ""
    fill_value: float = 0.0
    axis_coords: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    format: TrackFormat = "float32"
    dtype: np.dtype[Any] = dataclasses.field(default_factory=lambda: np.dtype(np.float32))

    @property
    def alignment(self) -> Alignment:
        """What the time of a row means."""
        return "center" if self.framing.mode == "center" else "start"

    def with_width(self, width: int) -> Layout:
        """The layout of rows of `width` values, once that is known."""
        coords = {name: values for name, values in self.axis_coords.items() if len(values) == width}
        return dataclasses.replace(self, tail=(width,), axis_coords=coords)


class ComputeContext(Protocol):
    """What a calculator can see and say while it computes."""

    @property
    def sample_rate(self) -> int: ...
    @property
    def hop_size(self) -> int: ...
    @property
    def first_frame(self) -> int: ...
    @property
    def audio_frames(self) -> int: ...
    @property
    def times_s(self) -> NDArray[np.float64]: ...
    @property
    def tempo(self) -> Any: ...
    @property
    def scratch(self) -> Scratch: ...
    def progress(self, value: float) -> None: ...
    def checkpoint(self) -> None: ...


class Calculator(abc.ABC):
    """Base of all calculators.

    Attributes
    ----------
    id, feature, label, unit : str
        Identity, the feature it makes, and how that is shown.
    version : int or None
        An explicit version is the contract; with None the code itself is the version.
    inputs : str or tuple of str
        ``"samples"``, ``"channels"``, ``"frames"``, ``"spectrum"`` or names of features.
    locality : Local or Whole
        How far around it a frame looks, with the default parameters.
    parameters : Schema
        The calculator's own parameters.
    depends_on_tempo : bool
        Only then does the tempo map take part in the key.
    promises_finite : bool
        Whether `compute` always fills its rows with finite numbers; if not, every run of rows is checked.
    gain : {"", "invariant", "linear", "quadratic", "decibels"} or a tuple of these
        What becomes of the values when the recording is multiplied by `g` > 0: the same, times `g`, times ``g^2``, or
        plus ``20 log10 g`` as far as they are above what silence is. A tuple says it of every column of the last
        axis; "" says nothing.
    """

    id: str
    feature: str
    label: str = ""
    unit: str = ""
    version: int | None = None
    inputs: str | tuple[str, ...] = "frames"
    locality: Locality = Local()
    parameters: Schema = Schema()
    depends_on_tempo: bool = False
    fill_value: float | None = None
    promises_finite: bool = False
    gain: str | tuple[str, ...] = ""

    @property
    def version_text(self) -> str:
        """The version as it enters the key; without an explicit one it follows the code, whenever that changes."""
        code = self.fingerprint if self.version is None else None
        return str(self.version) if code is None else f"code-{code.digest}"

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What its code does at this moment; None for installed calculators, whose version says it."""
        from audiocache_nb.features.kinds import is_installed_class  # what code does is a question of its own code only

        if self.version is not None and is_installed_class(type(self)):
            return None
        return self._watch(self)

    def _watch(self, function: Any) -> Fingerprint:
        watched: Watched | None = self.__dict__.get("_watched")
        if watched is None:
            from audiocache_nb.features.fingerprint import Watched

            watched = self.__dict__["_watched"] = Watched(function, of_warning=self.version is not None)
        return watched.now()

    @property
    def uncacheable_reason(self) -> str:
        """Why its results cannot be kept beyond the session: nobody could tell whether they are still right."""
        code = self.fingerprint if self.version is None else None
        return "" if code is None else code.uncacheable_reason

    @property
    def title(self) -> str:
        """The label, or else the feature's name."""
        return self.label or self.feature

    @abc.abstractmethod
    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        """The profile's parameters that really change the result; they enter the key."""

    @abc.abstractmethod
    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        """Shape, axes and unit of the result."""

    @abc.abstractmethod
    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        """The shared intermediate results that `compute` receives, in this order."""

    def stored_range(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[float, float] | None:
        """Lowest and highest level of what is worth storing as whole numbers [dB].

        None, for whatever is no spectrum in decibels: the values are always stored as they are.
        """
        return None

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        """How many frames before and after the rows it writes `compute` also receives.

        Of features only the rows that there are: fewer at the beginning and at the end of the recording.
        """
        frames = self.locality.halo_frames if isinstance(self.locality, Local) else 0
        return frames, frames

    def prepare(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Any:
        """Constants that `compute` receives as `state`; made once for a run over a source."""
        return {**self.used_profile(profile), **params}

    def compute(self, inputs: tuple[NDArray[Any], ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        """Write the rows of one run of frames into `out` [shape=(frames, *tail)]; local calculators have this.

        The inputs are read-only and are reused after the call: keep no reference to them. May be
        called from several threads at once, for different frames.

        Parameters
        ----------
        inputs : tuple
            The results of `steps` for the frames of `out` and the halo. Of a calculator of features, one
            FeatureTrack for each dependency that holds just the rows of these frames, the first of `out` being row
            ``min(before, context.first_frame)``; dependencies without frames come as they are.
        """
        raise NotImplementedError(f"{self.id} is not local")

    def compute_whole(self, inputs: tuple[Any, ...], state: Any, context: ComputeContext) -> Any:
        """All of the result at once; calculators that declare `whole` have this.

        Parameters
        ----------
        inputs : tuple
            The results of `steps` for the whole signal, then one FeatureTrack for each dependency.

        Returns
        -------
        ndarray [shape=(frame_count, ...)], Events, Global or Matrix
        """
        raise NotImplementedError(f"{self.id} is not computed as a whole")

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        """The features it is computed from, which need not be resolved; their keys enter the key."""
        return ()

    def layout_like(
        self, dependency: Layout, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]
    ) -> Layout:
        """The layout, given that of the first dependency; overridden by calculators that work on any feature."""
        return self.layout(audio, profile, params)

    @property
    def is_derived(self) -> bool:
        """Whether it is computed from other features."""
        return type(self).dependencies is not Calculator.dependencies

    @property
    def is_local(self) -> bool:
        """Whether frames can be computed block by block, from the audio or from other features."""
        return isinstance(self.locality, Local)

    @property
    def locality_text(self) -> str:
        """How far around it a frame looks: ``local(4)``, ``whole``."""
        locality = self.locality if self.is_local else whole
        return f"local({locality.halo_frames})" if isinstance(locality, Local) else "whole"

    @property
    def is_in_pass(self) -> bool:
        """Whether frames are computed block by block from the audio alone, in one pass with others."""
        return self.is_local and not self.is_derived

    def __repr__(self) -> str:
        return f"<Calculator {self.id} v{self.version_text} of {self.feature!r}, {self.locality_text}>"


def bin_frequencies(sample_rate: float, fft_size: int) -> NDArray[np.float64]:
    """Centre frequencies of the bins of a one-sided transform [Hz, shape=(fft_size // 2 + 1,)]."""
    return np.arange(fft_size // 2 + 1, dtype=np.float64) * (sample_rate / fft_size)


def window_values(name: str, size: int, *, periodic: bool) -> NDArray[np.float64]:
    """A window [shape=(size,)], periodic (for spectra) or symmetric.

    Sums of cosines ``sum_j (-1)^j a_j cos(2 pi j n / N)`` with N = size if periodic, else size - 1.
    Agrees with ``scipy.signal.get_window(name, size, fftbins=periodic)``.
    """
    terms = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46), "blackman": (0.42, 0.5, 0.08), "boxcar": (1.0,)}[name]
    length = size if periodic else size - 1
    phase = np.arange(size) * (2 * math.pi / max(1, length))
    values = np.zeros(size)
    for order, weight in enumerate(terms):
        values += (-1) ** order * weight * np.cos(order * phase)
    return values
