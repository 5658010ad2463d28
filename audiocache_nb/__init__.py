"""Audio feature caches for notebooks: import, ask, compute in the background, see, sample.

>>> import audiocache_nb as acn
>>> session = acn.Session(cache_dir=False)
>>> track = session.add_audio(*acn.examples.load("sweep"))  # or a path, bytes, a file object
>>> session.get(track, "rms").frame_count > 0
True
>>> session.close()

Where to begin
--------------
Session
    Tracks, features, tempo, playhead, diagnostics, saving. ``session.workbench(track)`` shows it all.
calculators, calculator
    ``acn.calculators.list()`` is what can be asked for; ``@acn.calculator`` adds to it.
AnalysisProfile, Descriptor
    How audio is framed and transformed; a feature with its calculator, profile and parameters.
FeaturePlot, Transport, FrameInspector, CachesPanel, DiagnosticsTable, StatusBadge, CalculatorExplorer, Workbench
    The widgets. ``acn.plotting`` draws figures with matplotlib.
examples, load, interchange, testing
    Sounds with known truth; scenes that were saved; labels for other programs; checks of a calculator's contract.
AudioCacheError
    What every error of this package is; it carries ``code`` and ``hint``.

Names are loaded when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "Session": "session",
    "AnalysisProfile": "features.profile",
    "load": "session_scene",
    "ImportLimits": "scene.limits",
    "Descriptor": "features.descriptor",
    "FeatureTrack": "features.track",
    "Events": "features.track",
    "Global": "features.track",
    "Matrix": "features.track",
    "Calculator": "features.calculator",
    "local": "features.calculator",
    "whole": "features.calculator",
    "Range": "features.parameters",
    "calculator": "features.registry",
    "calculators": "features.registry",
    "StatusBadge": "widgets.status_badge",
    "CachesPanel": "widgets.caches_panel",
    "CalculatorExplorer": "widgets.calculator_explorer",
    "DiagnosticsTable": "widgets.diagnostics_table",
    "FeaturePlot": "widgets.feature_plot",
    "FrameInspector": "widgets.frame_inspector",
    "Transport": "widgets.transport",
    "Workbench": "widgets.workbench",
    **dict.fromkeys(
        (
            "AudioCacheError",
            "AudioLimitError",
            "BundleError",
            "BundleFormatError",
            "BundleIntegrityError",
            "BundleLimitError",
            "CacheCorruptionError",
            "CacheError",
            "CacheVersionError",
            "CalculatorContractError",
            "CalculatorError",
            "Cancelled",
            "DecoderCrashedError",
            "DocumentError",
            "DocumentValidationError",
            "DocumentVersionError",
            "IngestError",
            "InvalidParameterError",
            "InvalidTypeError",
            "JobCancelledError",
            "MissingPackageError",
            "NonFiniteAudioError",
            "SessionClosedError",
            "SourceChangedError",
            "SourceMissingError",
            "TruncatedAudioError",
            "UnknownCalculatorError",
            "UnknownFeatureError",
            "UnknownTrackError",
            "UnsupportedFormatError",
            "WaitTimeoutError",
            "WidgetError",
        ),
        "errors",
    ),
}
_MODULES = {
    "errors": "errors",
    "examples": "audio.examples",
    "interchange": "scene.interchange",
    "plotting": "plotting",
    "testing": "testing",
}

__all__ = sorted(["__version__", *_NAMES, *_MODULES])  # noqa: PLE0605 - one list of names is enough

if TYPE_CHECKING:
    from audiocache_nb import errors as errors
    from audiocache_nb import plotting as plotting
    from audiocache_nb import testing as testing
    from audiocache_nb.audio import examples as examples
    from audiocache_nb.errors import AudioCacheError as AudioCacheError
    from audiocache_nb.errors import CalculatorError as CalculatorError
    from audiocache_nb.features.calculator import Calculator as Calculator
    from audiocache_nb.features.calculator import local as local
    from audiocache_nb.features.calculator import whole as whole
    from audiocache_nb.features.descriptor import Descriptor as Descriptor
    from audiocache_nb.features.parameters import Range as Range
    from audiocache_nb.features.profile import AnalysisProfile as AnalysisProfile
    from audiocache_nb.features.registry import calculator as calculator
    from audiocache_nb.features.registry import calculators as calculators
    from audiocache_nb.features.track import Events as Events
    from audiocache_nb.features.track import FeatureTrack as FeatureTrack
    from audiocache_nb.features.track import Global as Global
    from audiocache_nb.features.track import Matrix as Matrix
    from audiocache_nb.scene import interchange as interchange
    from audiocache_nb.scene.limits import ImportLimits as ImportLimits
    from audiocache_nb.session import Session as Session
    from audiocache_nb.session_scene import load as load
    from audiocache_nb.widgets.caches_panel import CachesPanel as CachesPanel
    from audiocache_nb.widgets.calculator_explorer import CalculatorExplorer as CalculatorExplorer
    from audiocache_nb.widgets.diagnostics_table import DiagnosticsTable as DiagnosticsTable
    from audiocache_nb.widgets.feature_plot import FeaturePlot as FeaturePlot
    from audiocache_nb.widgets.frame_inspector import FrameInspector as FrameInspector
    from audiocache_nb.widgets.status_badge import StatusBadge as StatusBadge
    from audiocache_nb.widgets.transport import Transport as Transport
    from audiocache_nb.widgets.workbench import Workbench as Workbench


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
