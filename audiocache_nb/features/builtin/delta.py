"""How fast any framewise feature changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.builtin.derived import table_of
from audiocache_nb.features.calculator import AudioFacts, Calculator, ComputeContext, Layout, local
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.parameters import Parameter, Schema
from audiocache_nb.features.profile import AnalysisProfile
from audiocache_nb.features.steps import Step


class Delta(Calculator):
    """Derivative of a feature over its frames, by Savitzky-Golay fits.

    ``D[t] = d^order/dt^order p_t(t)`` with the polynomial `p_t` of degree `order` that fits the frames
    ``t - width // 2 .. t + width // 2`` best in the sense of least squares. Within ``width // 2`` frames
    of an end, the polynomial of the first or last `width` frames is evaluated. The unit is that of the
    feature per frame (to the power of `order`); shape and time grid are those of the feature.

    Agrees with ``librosa.feature.delta(data, width=width, order=order)`` (``mode="interp"``). Where a
    feature has fewer frames than `width`, all of them make one fit (librosa refuses); with `order`
    frames or fewer the result is 0, as it is where nothing changes.

    Local with a halo of ``width - 1`` frames: one depends on ``width // 2`` frames on either side, but
    the very first and last on the `width` frames at that end. Blocks of any size give exactly the same numbers.

    Source: A. Savitzky and M. J. E. Golay, "Smoothing and differentiation of data by simplified least
    squares procedures", Analytical Chemistry 36, 1964.
    """

    id = "delta"
    feature = "delta"
    label = "Delta"
    version = 1
    inputs = ()
    locality = local(8)
    parameters = Schema(
        Parameter("of", str, "mfcc", description="The feature whose change is asked for; any framewise one."),
        Parameter("width", int, 9, minimum=3, maximum=255, description="Frames of a fit; an odd number."),
        Parameter("order", int, 1, minimum=1, maximum=4, description="1: slope, 2: acceleration..."),
    )

    def used_profile(self, profile: AnalysisProfile) -> dict[str, Any]:
        return {}

    def dependencies(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Descriptor, ...]:
        if params["width"] % 2 == 0 or params["width"] <= params["order"]:
            raise InvalidParameterError(
                f"width is {params['width']} and order is {params['order']}.",
                hint="Choose an odd width that is greater than the order.",
                parameter="width",
            )
        return (Descriptor(params["of"], None, profile),)

    def layout(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> Layout:
        """Stands for a feature of one value per frame; `layout_like` knows the feature."""
        framing = Framing(profile.window_size, profile.hop_size, "center")
        return Layout(framing=framing, tail=(1,), axes=("frame", "value"))

    def layout_like(
        self, dependency: Layout, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]
    ) -> Layout:
        power = "" if params["order"] == 1 else f"^{params['order']}"
        unit = f"{dependency.unit}/frame{power}" if dependency.unit else ""
        return dataclasses.replace(dependency, unit=unit, fill_value=0.0, format="float32", dtype=np.dtype(np.float32))

    def steps(self, audio: AudioFacts, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[Step, ...]:
        return ()

    def halo(self, profile: AnalysisProfile, params: Mapping[str, Any]) -> tuple[int, int]:
        return params["width"] - 1, params["width"] - 1

    def compute(self, inputs: tuple[Any, ...], out: NDArray[Any], state: Any, context: ComputeContext) -> None:
        values, changes = table_of(inputs[0]), out.reshape(len(out), -1)
        first = min(state["width"] - 1, context.first_frame)
        width, order = min(state["width"], len(values) - 1 + len(values) % 2), state["order"]
        if width <= order:
            out.fill(0)
            return
        # A row less than this from an end of what is here is as close to that of the recording.
        reach, end = width // 2, first + len(out)
        low, high = max(first, reach), min(end, len(values) - reach)
        if low < high:
            changes[low - first : high - first] = _middle(values, low, high, width, order, context)
        if first < reach:
            stop = min(end, reach)
            changes[: stop - first] = _ends(values[:width], order)[first:stop]
        start = max(first, len(values) - reach)
        if start < end:
            at = len(values) - width
            changes[start - first :] = _ends(values[at:], order)[start - at : end - at]


def _middle(
    values: NDArray[np.floating], first: int, end: int, width: int, order: int, context: ComputeContext
) -> NDArray[np.float64]:
    """The rows ``first .. end - 1``, which have a whole fit around them."""
    from scipy.signal import savgol_coeffs

    reach = width // 2
    middle = values[first:end].astype(np.float64)  # differences to it: what does not change is exactly 0
    total = np.zeros(middle.shape)
    for n, weight in enumerate(savgol_coeffs(width, order, deriv=order, use="dot")):
        context.checkpoint()
        total += weight * (values[first - reach + n : end - reach + n] - middle)
    return total


def _ends(values: NDArray[np.floating], order: int) -> NDArray[np.float64]:
    """Derivatives everywhere of the one polynomial that fits all rows."""
    from scipy.signal import savgol_filter

    changes = values - values[0].astype(np.float64)
    return np.asarray(savgol_filter(changes, len(values), order, deriv=order, axis=0, mode="interp"))


CALCULATORS = (Delta,)
