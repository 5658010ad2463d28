"""Edits while a session lives: cells that run again, modules that are reloaded, files that are written to."""

from __future__ import annotations

import importlib
import itertools
import linecache
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import soundfile
from support.wait import until

import audiocache_nb as acn
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.registry import Registry

RATE = 8000
WAIT_S = 60
NOISE = np.random.default_rng(1).uniform(-0.5, 0.5, (RATE, 2)).astype(np.float32)
CELL = """
import numpy as np
import audiocache_nb as acn

GAIN = 2.0
TABLE = {"low": 1}

def _weight(x):
    return x * GAIN

def level(frames, *, power: float = 1.0):
    return _weight(np.abs(frames).mean(axis=1)) ** power * TABLE["low"]
"""


class Notebook:
    """Runs cells as IPython does: each is a file that only the line cache knows."""

    def __init__(self, registry: Registry) -> None:
        self.space: dict = {"__name__": "__main__", "calls": []}
        self.registry = registry
        self._numbers = itertools.count()

    def run(self, text: str) -> None:
        text, name = textwrap.dedent(text), f"/tmp/ipykernel/cell {id(self)} {next(self._numbers)}.py"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), self.space)

    def define(self, function: str, **options) -> FunctionCalculator:
        options = {"inputs": "frames", "feature": function, **options}
        return self.registry.register(FunctionCalculator(self.space[function], **options))


@pytest.fixture
def registry():
    return Registry(entry_points=False)


@pytest.fixture
def notebook(registry):
    made = Notebook(registry)
    made.run(CELL)
    made.define("level")
    return made


@pytest.fixture
def session(registry, tmp_path):
    with acn.Session(tmp_path / "cache", workers=1, registry=registry) as made:
        yield made


@pytest.fixture
def shell(session, monkeypatch):
    """What runs the cells of a notebook, and tells the session."""
    from IPython.core.events import EventManager

    made = type("Shell", (), {})()
    made.events = EventManager(made, {"post_run_cell": lambda result: None})
    monkeypatch.setattr("IPython.get_ipython", lambda: made)
    session._watch_cells()
    return made


@pytest.fixture
def track(session):
    return session.add_audio(NOISE, RATE, name="noise", analyze="none")


@pytest.fixture
def settled(session, track, notebook):
    """The feature is there, and nobody asks for it any more: what goes stale stays so."""
    session.get(track, "level", timeout=WAIT_S)
    session.release("notebook")
    return session.freshness(track, "level")


class TestCells:
    @pytest.mark.parametrize(
        ("cell", "cause"),
        [
            ("def _weight(x):\n    return x / GAIN", "helper _weight in the notebook changed"),
            ("GAIN = 3.0", "GAIN 2.0 → 3.0"),
            ("GAIN = 2", "GAIN 2.0 → 2"),
            ("TABLE['low'] = 2", "TABLE {'low': 1} → {'low': 2}"),
            ("TABLE = {'low': 3}", "TABLE {'low': 1} → {'low': 3}"),
        ],
    )
    def test_what_it_reads_is_noticed_and_named(self, session, track, notebook, settled, cell, cause):
        assert settled.state == "fresh"
        notebook.run(cell)
        freshness = session.freshness(track, "level")
        assert (freshness.state, freshness.causes) == ("stale", (cause,))
        assert freshness.explain() == cause
        assert session.status(track).state == "stale"

    @pytest.mark.parametrize(
        "cell",
        [
            "def _weight(y: float) -> float:\n    '''Say it.'''\n    # and comment it\n    return y * GAIN",
            "GAIN = 2.0",
            "TABLE = {'low': 1}",
            "sum = max = abs\ndef another():\n    return 1",
        ],
    )
    def test_what_changes_nothing_is_no_change(self, session, track, notebook, settled, cell):
        notebook.run(cell)
        assert session.freshness(track, "level").state == "fresh"

    def test_a_helper_that_hides_a_builtin_is_a_change(self, session, track, notebook, registry):
        notebook.run("def longest(frames):\n    return np.array([max(row) for row in frames])")
        notebook.define("longest")
        session.get(track, "longest", timeout=WAIT_S)
        session.release("notebook")
        notebook.run("max = min")
        assert session.freshness(track, "longest").state == "stale"

    def test_what_is_asked_for_is_computed_again_by_itself(self, session, track, notebook):
        session.get(track, "level", timeout=WAIT_S)
        before = session.peek(track, "level").data.copy()
        session.restart(track)
        session.wait(WAIT_S)
        notebook.run("GAIN = 4.0")
        assert np.allclose(session.get(track, "level", timeout=WAIT_S).data, 2 * before)

    def test_back_again_is_there_without_work(self, session, track, notebook, settled):
        first = session.peek(track, "level")
        notebook.run("GAIN = 4.0")
        session.get(track, "level", timeout=WAIT_S)
        notebook.run("GAIN = 2.0")
        assert session.request(track, "level") == []
        assert session.peek(track, "level").key == first.key

    def test_other_features_stay_what_they_are(self, session, track, notebook, settled):
        session.get(track, "rms", timeout=WAIT_S)
        notebook.run("GAIN = 4.0")
        assert session.freshness(track, "rms").state == "fresh"

    def test_a_feature_of_features_says_whose_fault_it_is(self, session, track, notebook):
        notebook.run("def double(rows):\n    return 2 * rows")
        notebook.define("double", inputs=("level",))
        session.get(track, "double", timeout=WAIT_S)
        session.release("notebook")
        notebook.run("GAIN = 4.0")
        assert session.freshness(track, "double").causes == ("level changed (GAIN 2.0 → 4.0)",)

    def test_under_an_explicit_version_it_is_a_note(self, session, track, notebook):
        notebook.define("level", version=3)
        session.get(track, "level", timeout=WAIT_S)
        notebook.run("GAIN = 4.0")
        freshness = session.freshness(track, "level")
        assert freshness.state == "fresh"
        assert freshness.notes == ("The code of level was edited, but is still version 3: GAIN 2.0 → 4.0.",)
        assert "GAIN 2.0 → 4.0" in freshness.explain()
        assert freshness.notes[0] in repr(session.diagnostics)

    def test_a_class_without_a_version_goes_by_its_code(self, session, track, notebook, registry):
        text = """
        from audiocache_nb.features.calculator import Calculator
        from audiocache_nb.features.function import FunctionCalculator

        class Loudest(FunctionCalculator):
            def compute(self, inputs, out, state, context):
                out[...] = np.abs(inputs[0]).max(axis=1, keepdims=True) * FACTOR

        FACTOR = 1.0
        """
        notebook.run(text)
        made = notebook.space["Loudest"](notebook.space["level"], feature="loudest", inputs="frames")
        assert made.version_text == made.version_text
        before = made.version_text
        notebook.run("GAIN = 8.0")
        assert made.version_text != before

    def test_every_cell_of_ipython_is_followed_by_a_look(self, session, track, notebook, settled, shell):
        notebook.run("GAIN = 5.0")
        assert session.store.snapshot().sources[track.source_id].status.state == "ready"
        shell.events.trigger("post_run_cell", None)
        assert session.store.snapshot().sources[track.source_id].status.state == "stale"
        session.close()
        assert not shell.events.callbacks["post_run_cell"]


class TestState:
    """What a function writes down is no part of it; what it also reads cannot be kept."""

    def test_a_log_does_not_count(self, session, track, notebook):
        notebook.run("""
        log, count, n = [], {"calls": 0}, 0

        def busy(frames):
            global n
            n += 1
            log.append(len(frames))
            count["calls"] += 1
            return np.abs(frames).max(axis=1)
        """)
        made = notebook.define("busy")
        before = made.version_text
        session.get(track, "busy", timeout=WAIT_S)
        assert notebook.space["n"] == notebook.space["count"]["calls"] == len(notebook.space["log"]) > 0
        assert made.version_text == before
        assert made.uncacheable_reason == ""
        assert session.freshness(track, "busy").state == "fresh"

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (
                "if 1 not in memo:\n        memo[1] = 2.0\n    return frames[:, 0] * memo[1]",
                "it changes memo, which it also reads",
            ),
            ("return rng.normal(size=len(frames))", "rng is a random generator"),
            ("return frames[:, 0] * len(file.name)", "what is in file, a TextIOWrapper, cannot be told"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_told_stays_in_the_session(self, session, track, notebook, tmp_path, text, reason):
        with (tmp_path / "x.txt").open("w") as file:
            notebook.space |= {"memo": {}, "rng": np.random.default_rng(0), "file": file}
            notebook.run(f"def strange(frames):\n    {text}")
            made = notebook.define("strange")
            assert made.uncacheable_reason == reason
            stored = session.get(track, "strange", timeout=WAIT_S)
            freshness = session.freshness(track, "strange")
            assert (freshness.state, freshness.notes) == ("fresh", (f"It is kept in this session only: {reason}.",))
            assert session.get(track, "strange", timeout=WAIT_S) is stored
            session.get(track, "rms", timeout=WAIT_S)
            assert session.cache.flush(WAIT_S)
            assert session.cache.info().entries == 1

    def test_what_is_another_thing_whenever_it_runs_gives_what_it_gave_last(self, session, track, notebook):
        notebook.run("""
        seen = []

        def restless(frames):
            mine = seen
            mine.append(1)
            return np.full(len(frames), float(len(mine)))
        """)
        notebook.define("restless")
        stored = session.get(track, "restless", timeout=WAIT_S)
        assert stored.provenance["unsure"] is True
        session.wait(WAIT_S)
        assert session.freshness(track, "restless").state == "stale"

    def test_what_is_edited_while_it_runs_is_not_kept_under_the_old_name(self, session, track, notebook):
        entered, go = threading.Event(), threading.Event()
        notebook.space |= {"entered": entered, "go": go}
        notebook.run("""
        def factor():
            return 1.0

        def slow(samples):
            entered.set()
            go.wait(60)
            return acn.Global(factor())
        """)
        notebook.define("slow", inputs="samples")
        old = session.registry.get("slow").version_text
        track = session.add_audio(NOISE, RATE)
        session.request(track, "slow")
        assert entered.wait(WAIT_S)
        notebook.run("def factor():\n    return 2.0")
        go.set()
        assert session.get(track, "slow", timeout=WAIT_S).data == 2.0
        notebook.run("def factor():\n    return 1.0")
        assert session.registry.get("slow").version_text == old
        assert session.get(track, "slow", timeout=WAIT_S).data == 1.0


class TestModules:
    @pytest.fixture
    def module(self, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(str(tmp_path / "lib"))
        (tmp_path / "lib").mkdir()
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        path = tmp_path / "lib" / "acn_tortured_module.py"
        path.write_text("def scale(x):\n    return 3 * x\n")
        yield path
        sys.modules.pop("acn_tortured_module", None)

    @pytest.mark.parametrize(
        "cell",
        [
            "import acn_tortured_module as own\ndef outer(frames):\n    return own.scale(frames[:, 0])",
            "def outer(frames):\n    import acn_tortured_module\n    return acn_tortured_module.scale(frames[:, 0])",
            "def outer(frames):\n    from acn_tortured_module import scale\n    return scale(frames[:, 0])",
        ],
        ids=["global", "inside", "by name"],
    )
    def test_a_module_that_is_edited_counts_when_it_is_reloaded(self, session, track, notebook, module, cell):
        notebook.run(cell)
        notebook.define("outer")
        session.get(track, "outer", timeout=WAIT_S)
        session.release("notebook")
        module.write_text("def scale(x):\n    return 4 * x\n")
        os.utime(module, (1, 1))
        assert session.freshness(track, "outer").state == "fresh"  # what runs is still the old one
        importlib.reload(sys.modules["acn_tortured_module"])
        freshness = session.freshness(track, "outer")
        assert freshness.causes == ("helper scale in acn_tortured_module.py changed",)

    def test_code_that_is_put_into_the_same_function_counts(self, session, track, notebook, module):
        notebook.run("from acn_tortured_module import scale\ndef outer(frames):\n    return scale(frames[:, 0])")
        notebook.define("outer")
        session.get(track, "outer", timeout=WAIT_S)
        session.release("notebook")
        notebook.space["scale"].__code__ = (lambda x: 5 * x).__code__  # what autoreload does
        assert session.freshness(track, "outer").state == "stale"

    def test_a_release_of_a_package_is_named(self, session, track, notebook, tmp_path, monkeypatch):
        site = tmp_path / "site-packages"
        info = site / "acn_tortured_dist-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acn_tortured_dist\nVersion: 1.0\n")
        (site / "acn_tortured_dist.py").write_text("def curve(x):\n    return x\n")
        monkeypatch.syspath_prepend(str(site))
        notebook.run("import acn_tortured_dist\ndef outer(frames):\n    return acn_tortured_dist.curve(frames[:, 0])")
        notebook.define("outer")
        session.get(track, "outer", timeout=WAIT_S)
        session.release("notebook")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acn_tortured_dist\nVersion: 1.1\n")
        importlib.invalidate_caches()
        importlib.reload(sys.modules["acn_tortured_dist"])
        freshness = session.freshness(track, "outer")
        sys.modules.pop("acn_tortured_dist")
        assert freshness.causes == ("acn_tortured_dist 1.0 → 1.1",)


class TestFiles:
    @pytest.fixture
    def wav(self, tmp_path):
        path = tmp_path / "song.wav"
        soundfile.write(path, NOISE, RATE, subtype="FLOAT")
        return path

    def test_refresh_takes_the_new_content_in(self, session, wav):
        track = session.add_audio(wav, offset_ticks=960)
        session.get(track, "rms", timeout=WAIT_S)
        soundfile.write(wav, NOISE / 2, RATE, subtype="FLOAT")
        assert session.status(track).state == "stale"
        again = session.refresh(track)
        assert (again.id, again.offset_ticks) == (track.id, 960)
        assert again.source.digest != track.source.digest
        with acn.Session(cache_dir=False) as other:
            fresh = other.get(other.add_audio(NOISE / 2, RATE), "rms", timeout=WAIT_S).data
        session.wait(WAIT_S)  # what is asked for comes by itself
        assert session.freshness(track, "rms").state == "fresh"
        assert np.array_equal(session.peek(track, "rms").data, fresh)
        assert list(session.store.snapshot().sources) == [again.source_id]

    def test_every_cell_is_followed_by_a_look_at_them(self, session, wav, shell):
        track = session.add_audio(wav)
        session.get(track, "rms", timeout=WAIT_S)
        soundfile.write(wav, NOISE / 2, RATE, subtype="FLOAT")
        assert {row.kind for row in session.diagnostics.groups[0].rows} == {"current"}
        shell.events.trigger("post_run_cell", None)
        until(lambda: session.store.snapshot().sources[track.source_id].status.state == "stale")
        assert {row.kind for row in session.diagnostics.groups[0].rows} == {"stale"}
        session.remove(track)
        shell.events.trigger("post_run_cell", None)  # there is nothing to look at

    def test_and_what_nobody_asks_for_is_stale(self, session, wav):
        track = session.add_audio(wav)
        session.get(track, "rms", timeout=WAIT_S)
        session.release("notebook")
        soundfile.write(wav, NOISE / 2, RATE, subtype="FLOAT")
        session.refresh(track)
        assert session.freshness(track, "rms").causes == ("audio changed",)
        assert session.status(track).state == "stale"

    def test_another_tag_is_no_other_content(self, session, wav):
        track = session.add_audio(wav)
        session.get(track, "rms", timeout=WAIT_S)
        with soundfile.SoundFile(wav, "w", RATE, 2, subtype="FLOAT") as file:
            file.title = "Another"
            file.write(NOISE)
        assert session.freshness(track, "rms").state == "fresh"
        assert session.refresh(track).source.digest == track.source.digest
        assert session.request(track, "rms") == []

    def test_refresh_of_what_is_gone_changes_nothing(self, session, wav):
        track = session.add_audio(wav)
        session.get(track, "rms", timeout=WAIT_S)
        wav.unlink()
        with pytest.raises(acn.SourceMissingError):
            session.refresh(track)
        assert session.freshness(track, "rms").state == "fresh"

    def test_an_array_has_nothing_to_refresh(self, session, track):
        assert session.refresh(track) is session.tracks[track.id]

    def test_put_back_it_is_fresh_again(self, session, wav):
        track = session.add_audio(wav)
        session.get(track, "rms", timeout=WAIT_S)
        content = wav.read_bytes()
        soundfile.write(wav, NOISE / 2, RATE, subtype="FLOAT")
        assert session.status(track).state == "stale"
        wav.write_bytes(content)
        assert session.status(track).state == "ready"
        assert session.freshness(track, "rms").state == "fresh"


class TestKeys:
    def test_a_salt_is_another_cache(self, registry, tmp_path, monkeypatch):
        for salt, variable, hit in (("", "", False), ("", "", True), ("x", "", False), (None, "x", True)):
            monkeypatch.setenv("AUDIOCACHE_NB_SALT", variable)
            with acn.Session(tmp_path, registry=registry, salt=salt) as session:
                track = session.add_audio(NOISE, RATE)
                assert (session.request(track, "rms") == []) is hit, (salt, variable)
                session.get(track, "rms", timeout=WAIT_S)

    def test_the_version_of_the_decoder_takes_part(self, session, tmp_path, monkeypatch):
        path = tmp_path / "song.wav"
        soundfile.write(path, NOISE, RATE)
        key = session.get(session.add_audio(path, track_id="a"), "rms", timeout=WAIT_S).key
        with acn.Session(cache_dir=False) as other:
            monkeypatch.setattr("audiocache_nb.audio.decode.library_version", lambda: "9.9")
            assert other.get(other.add_audio(path), "rms", timeout=WAIT_S).key != key

    def test_the_container_does_not(self, session, tmp_path):
        keys = set()
        for name in ("song.wav", "song.flac", "song.aiff"):
            soundfile.write(tmp_path / name, (NOISE * 30_000).astype(np.int16), RATE, subtype="PCM_16")
            keys.add(session.get(session.add_audio(tmp_path / name), "rms", timeout=WAIT_S).key)
        assert len(keys) == 1

    def test_a_tempo_there_and_back_needs_no_work(self, session, track, notebook):
        notebook.run("def pulse(frames, *, ctx):\n    return np.full(len(frames), ctx.tempo.entries[0].bpm)")
        notebook.define("pulse", depends_on_tempo=True)
        first = session.get(track, "pulse", timeout=WAIT_S)
        session.release("notebook")
        session.tempo.bpm = 90
        assert session.freshness(track, "pulse").explain() == "tempo map changed: 120 BPM → 90 BPM"
        assert session.get(track, "pulse", timeout=WAIT_S).data.max() == 90
        session.tempo.bpm = 120
        assert session.request(track, "pulse") == []
        assert session.peek(track, "pulse").key == first.key


def test_without_source_files_it_is_the_same(tmp_path):
    """A script that comes through a pipe has no lines to read."""
    script = textwrap.dedent("""
        import numpy as np
        import audiocache_nb as acn
        calls, count = [], {"n": 0}
        def helper(x):
            '''Doc.'''
            return x * 2
        @acn.calculator(feature="level", inputs="frames")
        def level(frames):
            calls.append(1); count["n"] += 1
            value = np.abs(frames).mean(axis=1)
            return helper(value)
        with acn.Session(%r) as session:
            track = session.add_audio(np.linspace(-0.5, 0.5, 8000, dtype=np.float32), 8000)
            jobs = session.request(track, "level")
            session.get(track, "level")
            print(bool(jobs), acn.calculators.get("level").uncacheable_reason)
    """) % str(tmp_path)
    said = []
    for text in (script, script.replace("value", "mean").replace("Doc.", "Docs."), script.replace("x * 2", "x * 3")):
        done = subprocess.run([sys.executable, "-"], input=text, capture_output=True, text=True, check=True)
        said.append(done.stdout.strip())
    assert said == ["True", "False", "True"]
