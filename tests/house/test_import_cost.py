"""`import audiocache_nb` costs little: heavy modules come with their first use."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

LATER = {
    "IPython",
    "anywidget",
    "asyncio",
    "ipykernel",
    "ipywidgets",
    "librosa",
    "matplotlib",
    "pandas",
    "scipy.fft",
    "scipy.signal",
    "soundfile",
    "xarray",
}

# What many have loaded already counts for nothing: a session starts without them, where nobody else wants them.
LATER_IN_A_SESSION = {
    "asyncio",
    "audiocache_nb.analysis.engine",
    "audiocache_nb.analysis.plan",
    "audiocache_nb.audio.ingest",
    "audiocache_nb.cache.accounts",
    "audiocache_nb.cache.disk",
    "audiocache_nb.features.builtin",
    "audiocache_nb.features.fingerprint",
    "audiocache_nb.features.function",
    "audiocache_nb.features.releases",
    "audiocache_nb.features.steps",
    "audiocache_nb.features.walk",
    "audiocache_nb.models.publisher",
    "audiocache_nb.sampling.sampler",
    "audiocache_nb.scene.load",
    "audiocache_nb.scene.save",
    "audiocache_nb.timeline.diagnostics.diagnostics",
    "audiocache_nb.timeline.undo_steps",
    "difflib",
    "email",
    "importlib.metadata",
    "multiprocessing",
    "numpy.random",
    "scipy",
    "socket",
    "subprocess",
    "sysconfig",
    "tempfile",
    "uuid",
    "zipfile",
}


def modules_after(code: str) -> set[str]:
    """Names of the modules that a new interpreter has loaded once `code` has run."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_import_loads_nothing_heavy():
    loaded = modules_after("import audiocache_nb")
    assert "audiocache_nb" in loaded
    assert loaded & LATER == set()


def test_what_a_script_needs_loads_no_notebook():
    loaded = modules_after("import audiocache_nb as acn\nacn.AnalysisProfile\nacn.Session\nacn.calculators\nacn.errors")
    assert loaded & {"IPython", "anywidget", "ipykernel", "ipywidgets", "matplotlib", "pandas", "xarray"} == set()


@pytest.mark.parametrize(
    "start", ["from audiocache_nb import Session", "import audiocache_nb as acn\nacn.Session(cache_dir=False)"]
)
def test_a_session_starts_with_what_it_needs_alone(start: str):
    loaded = modules_after(start)
    assert "audiocache_nb.timeline.timeline" in loaded
    assert loaded & LATER_IN_A_SESSION - modules_after("import numpy, traitlets") == set()


def test_what_it_starts_without_is_there_by_that_name():
    ours = sorted(name for name in LATER_IN_A_SESSION if name.startswith("audiocache_nb"))
    assert [name for name in ours if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize(("use", "module"), [("acn.StatusBadge", "anywidget"), ("acn.FeaturePlot", "ipywidgets")])
def test_first_use_loads_it(use: str, module: str):
    assert module in modules_after(f"import audiocache_nb as acn\n{use}")


def test_every_public_name_is_there():
    import audiocache_nb

    missing = [name for name in audiocache_nb.__all__ if not hasattr(audiocache_nb, name)]
    assert missing == []
    assert set(audiocache_nb.__all__) <= set(dir(audiocache_nb))


def test_an_unknown_name_is_an_attribute_error():
    import audiocache_nb

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = audiocache_nb.no_such_name
