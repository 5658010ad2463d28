"""Fixtures and settings for all tests."""

from __future__ import annotations

import itertools
import os
import pathlib
import sys
from collections.abc import Callable, Iterator

import hypothesis
import pytest

ROOT = pathlib.Path(__file__).parents[1]

# Many tests start processes; with this set, each of them would compile numpy and the rest anew, and take twice as long.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# librosa keeps what numba compiled beside its sources, and two processes that compile at once leave a mixture there
# that ends the process which loads it. So each process that shares the tests has a folder of its own.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
_numba = ROOT / ".pytest_cache" / "numba" / f"{sys.version_info.major}.{sys.version_info.minor}-{_worker}"
os.environ["NUMBA_CACHE_DIR"] = str(_numba)

# No deadline: a shared machine is slow now and then, and a test that depends on time proves nothing.
hypothesis.settings.register_profile("dev", deadline=None)
# Where everything is run at once, the same examples each time: who changes a line sees what that line did.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, max_examples=50)
hypothesis.settings.register_profile("few", deadline=None, derandomize=True, print_blob=True, max_examples=20)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long tests/fuzz goes on."""
    parser.addoption("--fuzz-seconds", type=float, default=1.0, help="seconds for each of the fuzzing targets")
    parser.addoption("--fuzz-seed", default="0", help="what the mutations follow from")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names that hold an address: processes that share the tests would not agree on what there is."""
    odd = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if odd:
        raise pytest.UsageError(f"give the parameters of these tests ids: {odd[:5]}")


@pytest.fixture(scope="session")
def _cache_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    folder = tmp_path_factory.mktemp("cache")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _own_cache_folder(_cache_folders: Iterator[pathlib.Path], monkeypatch: pytest.MonkeyPatch):
    """Keep tests away from the cache of whoever runs them, and from each other's."""
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_DIR", str(next(_cache_folders)))


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder of real recordings: AUDIOCACHE_NB_DATA, else shared/data beside the clone."""
    folder = pathlib.Path(os.environ.get("AUDIOCACHE_NB_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the real recordings are not on this machine (AUDIOCACHE_NB_DATA names their folder)")
    return folder


@pytest.fixture(scope="session")
def recording(data_dir: pathlib.Path) -> Callable[[str], pathlib.Path]:
    """Return the path of a real recording by its file name."""

    def path_of(name: str) -> pathlib.Path:
        path = data_dir / name
        assert path.is_file(), f"there is no recording {name!r} in {data_dir}"
        return path

    return path_of
