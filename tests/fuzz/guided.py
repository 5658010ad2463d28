"""The targets under a fuzzer that is guided by coverage; needs the extra ``fuzz``, which only this uses.

::

    PYTHONPATH=tests python tests/fuzz/guided.py bundle -max_total_time=60

Everything behind the name goes to libFuzzer. What is mutated are our own kinds of change, applied by its choice.
"""

from __future__ import annotations

import pathlib
import random
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["audiocache_nb.scene", "audiocache_nb.cache"]):
    from fuzz.targets import seen, targets, watching


def main() -> None:
    """Fuzz one target until libFuzzer says stop."""
    name, *options = sys.argv[1:]
    folder = tempfile.mkdtemp()
    target = targets(folder)[name]
    for data in target.seeds[:3]:  # imports are done now
        target.takes(data)
    corpus = pathlib.Path(folder, "corpus")
    corpus.mkdir()
    for number, data in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(data)

    def one(data: bytes) -> None:
        with watching(folder):
            target.takes(data)
        if seen:
            raise AssertionError(f"{name}: {seen}")

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        made = atheris.Mutate(data, max_size) if rng.random() < 0.3 else target.mutate(data, rng)
        return bytes(made[:max_size])

    atheris.Setup([sys.argv[0], "-max_len=200000", *options, str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
