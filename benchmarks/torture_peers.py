"""The question of `torture_child` to caches of others, each asked in the way that its documentation shows.

The notebook is what its author would have written for that cache: functions without our decorator. Everything
that a call can name (parameters, hop, tempo) is named, and where a cache goes by a folder, people name the
folder after the feature and its parameters.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import soundfile
from torture_notebook import WINDOW, cell, cells, context_of, framed, framed_file, samples

RATE = 8000
DECORATOR = re.compile(r"^@acn\.calculator\(.*\)\n", re.MULTILINE)


@dataclasses.dataclass
class Wish:
    """What the world wants, in terms that every cache knows.

    Attributes
    ----------
    path : str
    name : str
        Of the function.
    hop : int [samples]
    params : dict
        Keyword arguments of the function, the tempo as well if it reads it.
    label : str
        All of this but the path, as people name folders.
    """

    path: str
    name: str
    hop: int
    params: dict[str, Any]
    label: str

    @classmethod
    def of(cls, folder: pathlib.Path, config: dict[str, Any]) -> Wish:
        """What a world's configuration says."""
        name, hop = config["calculator"] or config["feature"], config["profile"].get("hop_size", 512)
        given = {**config["params"], **({"bpm": config["bpm"]} if name == "pulse" else {})}
        label = "-".join([name, f"hop={hop}", *(f"{key}={value}" for key, value in sorted(given.items()))])
        params = {**config["params"], **({"ctx": context_of(config["bpm"])} if name == "pulse" else {})}
        return cls(str(folder / config["audio"]), name, hop, params, label)


def plain(text: str) -> str:
    """A cell without our decorator."""
    return DECORATOR.sub("", text)


def by_path(text: str) -> str:
    """A cell whose functions of frames are functions of a file."""
    head = re.compile(r"^def (\w+)\(frames, \*, (.*)\):\n", re.MULTILINE)
    return head.sub(r"def \1(path, hop, *, \2):\n    frames = framed_file(path, hop)\n", plain(text))


def ask_joblib(folder: pathlib.Path, config: dict[str, Any], *, files: bool) -> dict[str, Any]:
    """Ask `joblib.Memory`, for a function of a file or for one of frames."""
    import joblib

    wish = Wish.of(folder, config)
    function = cells(folder, {"framed_file": framed_file}, edit=by_path if files else plain)[wish.name]
    given: tuple[Any, ...] = (wish.path, wish.hop)
    if not files:
        given = (framed(samples(folder, config).mean(axis=1), wish.hop),)
    cached = joblib.Memory(folder / "cache", verbose=0).cache(function)
    hit = cached.check_call_in_cache(*given, **wish.params)
    answer = cached(*given, **wish.params)
    return {"hit": hit, "right": np.array_equal(answer, function(*given, **wish.params))}


def ask_audinterface(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask `audinterface.Feature` for an index of files; what it has computed goes by that index and a folder."""
    import audformat
    import audinterface

    wish = Wish.of(folder, config)
    function = cells(folder, edit=plain)[wish.name]
    calls: list[int] = []

    def of_samples(signal: np.ndarray, sampling_rate: int) -> np.ndarray:  # noqa: ARG001 - it is passed by name
        calls.append(1)
        return np.asarray(function(framed(signal[0], wish.hop), **wish.params), np.float64)[np.newaxis]

    made = audinterface.Feature(
        wish.name,
        name=wish.name,
        params={"hop": wish.hop, **config["params"]},
        process_func=of_samples,
        process_func_applies_sliding_window=True,
        channels=[0, 1],
        mixdown=True,
        sampling_rate=RATE,
        win_dur=WINDOW / RATE,
        hop_dur=wish.hop / RATE,
    )
    index = audformat.filewise_index([wish.path])
    answer = made.process_index(index, cache_root=str(folder / "cache" / wish.label))
    hit = not calls
    return {"hit": hit, "right": np.array_equal(answer.values, made.process_index(index).values)}


def ask_datasets(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask `datasets.Dataset.map` over a data set of audio files; it goes by their times and the pickled function."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HOME"] = str(folder / "cache" / "hub")
    import datasets

    datasets.disable_progress_bars()
    wish = Wish.of(folder, config)
    space = cells(folder, {"framed_file": framed_file}, edit=plain)
    text = (
        f'def of_row(row, hop, **p):\n    return {{"value": {wish.name}(framed_file(row["audio"], hop), **p).tolist()}}'
    )
    cell(text, space)
    home = folder / "cache" / "data"
    rows = datasets.load_dataset(
        "audiofolder",
        data_files=wish.path,
        split="train",
        cache_dir=str(home),
        features=datasets.Features({"audio": datasets.Value("string")}),  # opened by the function itself
    )
    before = set(home.rglob("cache-*.arrow"))
    given = {"hop": wish.hop, **wish.params}
    answer = np.array(rows.map(space["of_row"], fn_kwargs=given, remove_columns=["audio"])[0]["value"])
    hit = bool(before) and set(home.rglob("cache-*.arrow")) == before
    return {"hit": hit, "right": np.array_equal(answer, space["of_row"]({"audio": wish.path}, **given)["value"])}


def ask_lhotse(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask lhotse to store features of the cuts that the manifest of this feature does not have yet."""
    import lhotse

    wish = Wish.of(folder, config)
    function = cells(folder, edit=plain)[wish.name]
    count = lhotse.utils.compute_num_frames(soundfile.info(wish.path).duration, wish.hop / RATE, RATE)
    calls: list[int] = []

    def compute(signal: np.ndarray) -> np.ndarray:
        value = np.asarray(function(framed(signal, wish.hop), **wish.params), np.float32)
        return np.pad(value, (0, count - len(value)))[:, np.newaxis]  # lhotse wants frames up to the end

    @dataclasses.dataclass
    class Settings:
        hop: int
        params: dict[str, Any]

    class Extractor(lhotse.FeatureExtractor):
        name, config_type = wish.name, Settings

        def extract(self, samples: Any, sampling_rate: int) -> np.ndarray:
            calls.append(1)
            return compute(np.atleast_2d(samples).mean(axis=0))

        @property
        def frame_shift(self) -> float:
            return wish.hop / RATE

        def feature_dim(self, sampling_rate: int) -> int:
            return 1

    home = folder / "cache" / wish.label
    home.mkdir(parents=True, exist_ok=True)
    cut = lhotse.Recording.from_file(wish.path).to_cut()
    done = lhotse.CutSet.from_cuts([cut]).compute_and_store_features_batch(
        Extractor(Settings(wish.hop, wish.params)),
        storage_path=home / "features",
        manifest_path=home / "cuts.jsonl",
        num_workers=0,
        storage_type=lhotse.NumpyFilesWriter,
        overwrite=False,
    )
    (found,) = [one for one in done if one.recording_id == cut.recording_id]
    fresh = compute(soundfile.read(wish.path, dtype="float32", always_2d=True)[0].mean(axis=1))
    return {"hit": not calls, "right": np.array_equal(found.load_features(), fresh)}


CACHES: dict[str, Callable[[pathlib.Path, dict[str, Any]], dict[str, Any]]] = {
    "joblib by path": lambda folder, config: ask_joblib(folder, config, files=True),
    "joblib by array": lambda folder, config: ask_joblib(folder, config, files=False),
    "datasets": ask_datasets,
    "lhotse": ask_lhotse,
    "audinterface": ask_audinterface,
}
