"""Analysis profiles: the framing and transform parameters that calculators share."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import numbers
from typing import Any

from audiocache_nb.audio.limits import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.storage import STORAGES

WINDOWS = ("hann", "hamming", "blackman", "boxcar")
MAX_WINDOW_SAMPLES = 1 << 20
DEFAULT_PROFILE_ID = "default"


@dataclasses.dataclass(frozen=True, slots=True)
class AnalysisProfile:
    """How audio is framed and transformed.

    Parameters
    ----------
    window_size : int in 2 .. 2**20 [samples]
        Length of one frame.
    hop_size : int in 1 .. 2**20 [samples]
        Distance between the starts of two frames.
    fft_size : int >= window_size [samples] or None
        Frames are zero-padded to this length. None: the next power of two, at least 32.
    window : {"hann", "hamming", "blackman", "boxcar"}
        Calibrated calculators use the periodic form.
    min_decibels, max_decibels : float [dB]
        The range decibel features are clamped to.
    sample_rate : int in 1000 .. 768000 [Hz] or None
        The recording is resampled to this before anything else, see `audiocache_nb.audio.resampled.at_rate`; sizes are
        in samples of that rate, times stay seconds of the recording. None: as it is.
    storage : {"float32", "int16", "uint8"}
        How spectra in decibels are stored: exactly; in hundredths of a decibel; or in 255 steps over their range,
        a quarter of the bytes. Other features are not affected, see `Calculator.stored_range`.
    id : str
        Empty: ``"default"`` for the defaults, else a digest of the values, so that equal
        profiles are one and a label never stands for values it does not have.

    Raises
    ------
    InvalidParameterError
        Names the parameter and its allowed range.

    Examples
    --------
    >>> AnalysisProfile().id
    'default'
    >>> AnalysisProfile(window_size=4096).id == AnalysisProfile(window_size=4096).id
    True
    """

    window_size: int = 2048
    hop_size: int = 512
    fft_size: int | None = None
    window: str = "hann"
    min_decibels: float = -80.0
    max_decibels: float = 0.0
    storage: str = "float32"
    id: str = ""
    sample_rate: int | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "window_size", _integer("window_size", self.window_size, 2))
        put(self, "hop_size", _integer("hop_size", self.hop_size, 1))
        if self.fft_size is not None:
            put(self, "fft_size", _integer("fft_size", self.fft_size, self.window_size))
        if self.sample_rate is not None:
            put(
                self,
                "sample_rate",
                _integer("sample_rate", self.sample_rate, MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ, "hertz"),
            )
        _choice("window", self.window, WINDOWS)
        _choice("storage", self.storage, STORAGES)
        low, high = _finite("min_decibels", self.min_decibels), _finite("max_decibels", self.max_decibels)
        if low >= high:
            raise InvalidParameterError(
                f"min_decibels {low:g} is not below max_decibels {high:g}.",
                hint="Let min_decibels be the lower one.",
                parameter="min_decibels",
            )
        put(self, "min_decibels", low)
        put(self, "max_decibels", high)
        given: object = self.id
        if not isinstance(given, str) or len(given) > 120:
            raise InvalidParameterError(
                "A profile's id is a text of at most 120 characters.",
                hint="Leave it out, and it is made of the values.",
                parameter="id",
            )
        if not self.id:
            put(self, "id", self._digest_id())
        elif self.id == DEFAULT_PROFILE_ID and self.values() != _DEFAULTS:
            raise InvalidParameterError(
                f"The profile {DEFAULT_PROFILE_ID!r} has other values.", hint="Leave the id out.", parameter="id"
            )

    def _digest_id(self) -> str:
        values = self.values()
        if values == _DEFAULTS:
            return DEFAULT_PROFILE_ID
        for name in ("storage", "sample_rate"):
            if values[name] == _DEFAULTS[name]:
                del values[name]  # which profiles made before there was a choice do not have in their ids
        text = json.dumps(values, sort_keys=True)
        return "adhoc-" + hashlib.sha256(text.encode()).hexdigest()[:16]

    def values(self) -> dict[str, Any]:
        """The parameters without the id."""
        names = (field.name for field in dataclasses.fields(self) if field.name != "id")
        return {name: getattr(self, name) for name in names}

    def replace(self, **changes: Any) -> AnalysisProfile:
        """A copy with other values; its id follows from them unless one is given."""
        return dataclasses.replace(self, **{"id": "", **changes})

    @property
    def transform_size(self) -> int:
        """Length of the FFT really used [samples]."""
        return next_power_of_two(max(32, self.window_size)) if self.fft_size is None else self.fft_size


def next_power_of_two(n: int) -> int:
    """The smallest power of two that is not below ``n``."""
    return 1 << max(0, n - 1).bit_length()


def _choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise InvalidParameterError(
            f"{name} {value!r:.60} is not known.", hint=f"Use one of {', '.join(choices)}.", parameter=name
        )


def _integer(name: str, value: object, low: int, high: int = MAX_WINDOW_SAMPLES, unit: str = "samples") -> int:
    number = _real(value)
    if not number.is_integer() or not low <= number <= high:
        raise InvalidParameterError(
            f"{name} is {value!r:.60}, which is not a whole number from {low} to {high}.",
            hint=f"Choose {name} in that range, in {unit}.",
            parameter=name,
        )
    return int(number)


def _finite(name: str, value: object) -> float:
    number = _real(value)
    if not math.isfinite(number):
        raise InvalidParameterError(
            f"{name} is {value!r:.60}, which is not a finite number of decibels.",
            hint="Use a number, for example -80.",
            parameter=name,
        )
    return number + 0.0  # + 0.0 turns -0.0 into 0.0, which it equals


def _real(value: object) -> float:
    """The number, numpy's kinds included; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


_DEFAULTS = {
    "window_size": 2048,
    "hop_size": 512,
    "fft_size": None,
    "window": "hann",
    "min_decibels": -80.0,
    "max_decibels": 0.0,
    "storage": "float32",
    "sample_rate": None,
}
