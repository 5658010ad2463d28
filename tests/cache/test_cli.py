"""`audiocache-nb cache`: what is kept, whether it is sound, and less of it."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest
import soundfile
from support.tracks import entry_path, long_data, make_track

from audiocache_nb.cache.disk import DiskCache
from audiocache_nb.cli import main


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "cache")


def test_what_is_stored_is_listed(root, capsys):
    DiskCache(root).put(make_track("one", feature="mel\x1b[31m"))
    DiskCache(root).put(make_track("two", feature="chroma", data=long_data(2), seconds=12.5))
    assert main(["cache", "--dir", root, "ls"]) == 0
    text = capsys.readouterr().out
    assert "chroma by mine.mel v1 @ default" in text
    assert "12.500 s" in text
    assert "2.1 MB" in text
    assert "mel?[31m" in text  # nothing that a terminal obeys
    assert "2 features" in text


def test_a_directory_that_is_not_there_is_an_empty_one(root, capsys):
    assert main(["cache", "--dir", root, "ls"]) == 0
    assert main(["cache", "--dir", root, "verify"]) == 0
    assert main(["cache", "--dir", root, "gc"]) == 0
    assert "not there yet" in capsys.readouterr().out
    assert not os.path.exists(root)


def test_damage_is_an_exit_code_until_it_is_repaired(root, capsys):
    tracks = [make_track("one"), make_track("two")]
    for track in tracks:
        DiskCache(root).put(track)
    path = pathlib.Path(entry_path(root, tracks[0].key))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert main(["cache", "--dir", root, "verify"]) == 1
    assert "2 features, " in capsys.readouterr().out
    assert main(["cache", "--dir", root, "verify", "--repair"]) == 0
    assert main(["cache", "--dir", root, "verify"]) == 0
    assert main(["cache", "--dir", root, "gc"]) == 0
    assert "1 damaged" in capsys.readouterr().out


def test_the_users_directory_is_the_default_one_and_the_budget_is_kept(tmp_path, monkeypatch, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(44100, np.float32), 44100)
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_DIR", str(tmp_path / "mine"))
    assert main(["analyze", str(tmp_path / "a.wav"), "--features", "rms", "--out", str(tmp_path)]) == 0
    assert main(["cache", "ls"]) == 0
    assert "1 feature," in capsys.readouterr().out
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_BYTES", "10")
    assert main(["cache", "gc"]) == 0
    assert "1 feature beyond the budget" in capsys.readouterr().out
    monkeypatch.setenv("AUDIOCACHE_NB_CACHE_BYTES", "nonsense")
    assert main(["cache", "gc"]) == 1
    assert "nonsense" in capsys.readouterr().err
