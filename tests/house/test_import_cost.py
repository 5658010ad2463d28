"""`import audiocache_nb` costs little: heavy modules come with their first use."""

from __future__ import annotations

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
