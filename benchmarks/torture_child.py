"""One question to a cache, in a process of its own: is the answer there, and is it right?

    python benchmarks/torture_child.py FOLDER CACHE [die]

FOLDER holds a world as `torture_worlds` makes it; CACHE names what is asked. One line of JSON comes back.
With `die`, the process kills itself where it would put its first cache entry in place.
"""

from __future__ import annotations

import json
import linecache
import os
import pathlib
import signal
import sys
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import soundfile


def cells(folder: pathlib.Path) -> dict[str, Any]:
    """Run the world's notebook, each cell as a file of its own that only the line cache knows, as IPython does."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for path in sorted((folder / "notebook").glob("*.py")):
        text, name = path.read_text(), f"/tmp/ipykernel/{path.stem}.py"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), space)
    return space


def samples(folder: pathlib.Path, config: dict[str, Any]) -> np.ndarray:
    """The recording as the array that the world wants."""
    values, _ = soundfile.read(folder / config["audio"], dtype="float32", always_2d=True)
    values = values.astype(config["dtype"])
    if config["layout"] == "fortran":
        return np.asfortranarray(values)
    if config["layout"] == "strided":
        return np.repeat(values, 2, axis=0)[::2]
    return values


def ask_ours(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask a session with a cache directory, and compare with one that has none."""
    import audiocache_nb as acn

    cells(folder)
    profile = acn.AnalysisProfile(**config["profile"]) if config["profile"] else None
    answers, hits = [], []
    for cache_dir in (folder / "cache", False):
        with acn.Session(cache_dir=cache_dir, bpm=config["bpm"], workers=1) as session:
            if config["as_array"]:
                track = session.add_audio(samples(folder, config), 8000)
            else:
                track = session.add_audio(folder / config["audio"])
            wanted = acn.Descriptor(config["feature"], config["calculator"], profile, config["params"])
            hits.append(not session.request(track, wanted))
            answers.append(np.array(session.get(track, wanted, timeout=120).data))
            for other in config["also"]:
                session.get(track, other, timeout=120)
    return {"hit": hits[0], "right": np.array_equal(*answers)}


def ask_joblib(folder: pathlib.Path, config: dict[str, Any], *, by_path: bool) -> dict[str, Any]:
    """Ask `joblib.Memory`: for the calculator's function, or for one that opens the file and calls it."""
    import joblib

    name = config["calculator"] or config["feature"]
    function = cells(folder)[name].function
    hop = dict(config["profile"]).get("hop_size", 512)
    extra = {"ctx": context_of(config["bpm"])} if config["feature"] == "pulse" else {}

    def frames_of(signal: np.ndarray) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(signal.mean(axis=1), 2048)[::hop]

    def of_file(path: str, name: str, hop: int, params: dict[str, Any], extra: dict[str, Any]) -> np.ndarray:  # noqa: ARG001 - parts of the key
        return function(frames_of(soundfile.read(path, always_2d=True)[0]), **params, **extra)

    memory = joblib.Memory(folder / "cache", verbose=0)
    if by_path:
        cached, plain = memory.cache(of_file), of_file
        given: tuple[Any, ...] = (str(folder / config["audio"]), name, hop, config["params"], extra)
        options: dict[str, Any] = {}
    else:
        cached, plain = memory.cache(function), function
        given, options = (frames_of(samples(folder, config)),), {**config["params"], **extra}
    hit = cached.check_call_in_cache(*given, **options)
    answer = cached(*given, **options)
    return {"hit": hit, "right": np.array_equal(answer, plain(*given, **options))}


def ask_audinterface(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask `audinterface.Feature`, whose cache goes by file names."""
    import audinterface

    space = cells(folder)
    function = space[config["calculator"] or config["feature"]].function
    hop, context = dict(config["profile"]).get("hop_size", 512), context_of(config["bpm"])
    extra = {"ctx": context} if config["feature"] == "pulse" else {}

    def of_samples(signal: np.ndarray, sampling_rate: int) -> np.ndarray:  # noqa: ARG001 - it is passed by name
        frames = np.lib.stride_tricks.sliding_window_view(np.mean(signal, axis=0), 2048)[::hop]
        calls.append(1)
        return np.array([np.mean(function(frames, **config["params"], **extra))])

    calls: list[int] = []
    made = audinterface.Feature(["value"], process_func=of_samples)
    answer = made.process_files([str(folder / config["audio"])], cache_root=str(folder / "cache"))
    hit = not calls
    fresh = made.process_files([str(folder / config["audio"])])
    return {"hit": hit, "right": np.array_equal(answer.values, fresh.values)}


def ask_datasets(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask `datasets.Dataset.map`, whose cache goes by the data set and by the function as it is pickled."""
    import datasets

    datasets.disable_progress_bars()
    name = config["calculator"] or config["feature"]
    function = cells(folder)[name].function
    hop = dict(config["profile"]).get("hop_size", 512)
    extra = {"bpm": config["bpm"]} if config["feature"] == "pulse" else {}

    def of_row(row: dict[str, Any], params: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        signal = soundfile.read(row["path"], always_2d=True)[0]
        frames = np.lib.stride_tricks.sliding_window_view(signal.mean(axis=1), 2048)[:: row["hop"]]
        context = {"ctx": context_of(extra["bpm"])} if extra else {}
        return {"value": np.asarray(function(frames, **params, **context), np.float64).tolist()}

    home = folder / "cache" / str(hop)
    rows = {"path": [str(folder / config["audio"])], "hop": [hop]}
    if not home.exists():
        datasets.Dataset.from_dict(rows).save_to_disk(str(home))
    made = datasets.load_from_disk(str(home))
    if made["path"][0] != rows["path"][0]:  # another data set
        made = datasets.Dataset.from_dict(rows)
    before = set(home.glob("cache-*.arrow"))
    given = {"params": config["params"], "extra": extra}
    answer = np.array(made.map(of_row, fn_kwargs=given)["value"][0])
    hit = bool(before) and set(home.glob("cache-*.arrow")) == before
    return {
        "hit": hit,
        "right": np.array_equal(answer, of_row({"path": rows["path"][0], "hop": hop}, **given)["value"]),
    }


def ask_lhotse(folder: pathlib.Path, config: dict[str, Any]) -> dict[str, Any]:
    """Ask lhotse to store features for recordings that its manifest does not have yet."""
    import dataclasses

    import lhotse

    name = config["calculator"] or config["feature"]
    function = cells(folder)[name].function
    hop = dict(config["profile"]).get("hop_size", 512)
    extra = {"ctx": context_of(config["bpm"])} if config["feature"] == "pulse" else {}
    calls: list[int] = []
    path = folder / config["audio"]
    count = lhotse.utils.compute_num_frames(soundfile.info(path).duration, hop / 8000, 8000)

    @dataclasses.dataclass
    class Settings:
        hop: int = 512

    class Extractor(lhotse.FeatureExtractor):
        name, config_type = "torture", Settings

        def extract(self, samples: Any, sampling_rate: int) -> np.ndarray:
            calls.append(1)
            return self.compute(np.atleast_2d(samples).mean(axis=0))

        def compute(self, signal: np.ndarray) -> np.ndarray:
            frames = np.lib.stride_tricks.sliding_window_view(signal, 2048)[::hop]
            value = np.asarray(function(frames, **config["params"], **extra), np.float32)
            value = value.reshape(len(frames), -1)
            return np.pad(value, ((0, count - len(value)), (0, 0)))  # lhotse wants frames up to the end

        @property
        def frame_shift(self) -> float:
            return hop / 8000

        def feature_dim(self, sampling_rate: int) -> int:
            return 1

    (folder / "cache").mkdir(exist_ok=True)
    cuts = lhotse.CutSet.from_cuts([lhotse.Recording.from_file(path).to_cut()])
    done = cuts.compute_and_store_features_batch(
        Extractor(Settings(hop)),
        storage_path=folder / "cache" / "features",
        manifest_path=folder / "cache" / "cuts.jsonl",
        num_workers=0,
        storage_type=lhotse.NumpyFilesWriter,
        overwrite=False,
    )
    answer = next(iter(done)).load_features()
    fresh = Extractor(Settings(hop)).compute(soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1))
    return {"hit": not calls, "right": answer is not None and np.array_equal(answer, fresh)}


def context_of(bpm: float) -> SimpleNamespace:
    """What a calculator that reads the tempo looks at."""
    return SimpleNamespace(tempo=SimpleNamespace(entries=[SimpleNamespace(bpm=bpm)]))


CACHES = {
    "audiocache_nb": ask_ours,
    "joblib by path": lambda folder, config: ask_joblib(folder, config, by_path=True),
    "joblib by array": lambda folder, config: ask_joblib(folder, config, by_path=False),
    "audinterface": ask_audinterface,
    "datasets": ask_datasets,
    "lhotse": ask_lhotse,
}


def die_when_it_puts_in_place(folder: pathlib.Path) -> None:
    """Kill this process at the first attempt to give something in the cache directory its final name."""
    cache = str(folder / "cache")

    def instead(real: Any) -> Any:
        def call(source: Any, target: Any, *args: Any, **options: Any) -> Any:
            inside = str(target).startswith(cache) or "dst_dir_fd" in options or "src_dir_fd" in options
            if inside and not str(target).endswith(".json"):
                os.kill(os.getpid(), signal.SIGKILL)
            return real(source, target, *args, **options)

        return call

    for name in ("replace", "rename", "link"):
        setattr(os, name, instead(getattr(os, name)))


def main() -> None:
    """Answer one question."""
    folder, cache = pathlib.Path(sys.argv[1]), sys.argv[2]
    config = json.loads((folder / "config.json").read_text())
    sys.path[:0] = [str(folder / "site-packages"), str(folder / "lib")]
    if config["clock_s"]:
        seconds, nanoseconds = time.time, time.time_ns
        time.time = lambda: seconds() + config["clock_s"]
        time.time_ns = lambda: nanoseconds() + int(config["clock_s"] * 1e9)
    if "die" in sys.argv[3:]:
        die_when_it_puts_in_place(folder)
    print(json.dumps(CACHES[cache](folder, config)))


if __name__ == "__main__":
    main()
