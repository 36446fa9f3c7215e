"""Weights that `tinyconv faces` lacks: shown with licence, size and source, asked for on a terminal only."""

from __future__ import annotations

import io
import os

import pytest

from tests.cli import crowd
from tinyconv.cli import sources
from tinyconv.cli.faces import weights
from tinyconv.cli.main import main
from tinyconv.data import packs
from tinyconv.data.registry import lookup

ENROL = ["faces", "enrol", "ann", "ann.png"]
ENTRIES = [lookup(name) for name in ("mobilefacenet", "mtcnn")]
FACTS = [text for entry in ENTRIES for text in (f"licence: {entry.licence}", f"source: {entry.home}")]


class Terminal(io.StringIO):
    """Somebody who types, and sees what is printed."""

    def isatty(self):
        return True


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a picture; no pack is there."""
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    crowd.write_face(tmp_path / "ann.png", 1)
    return tmp_path


def test_without_a_terminal_the_command_to_fetch_them_is_named(folder, capsys):
    assert main(ENROL) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert all(text in err for text in [*FACTS, "size: 3.9 MB", "size: 1.9 MB"])
    last = err.splitlines()[-1]
    assert last.startswith("tinyconv faces: the weights mobilefacenet and mtcnn are absent; fetch them with "
                           "`tinyconv weights fetch mobilefacenet mtcnn`")
    assert "--encoder own" in last
    assert os.listdir(folder) == ["ann.png"]


@pytest.mark.parametrize(("answer", "fetched"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)])
def test_on_a_terminal_they_are_fetched_if_the_answer_is_yes(folder, monkeypatch, answer, fetched):
    asked, seen = [], Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setattr("sys.stderr", seen)
    monkeypatch.setattr(sources, "fetch", lambda entry, say, progress: asked.append(entry.name) or f"/{entry.name}.npz")
    if fetched:
        weights.need(["mobilefacenet", "mtcnn"])
    else:
        assert main(ENROL) == 2
    assert asked == (["mobilefacenet", "mtcnn"] if fetched else [])
    assert "Fetch now? [y/N] " in seen.getvalue()
    assert all(text in seen.getvalue() for text in FACTS)


def test_paths_of_fetched_packs_do_not_mix_with_results(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    monkeypatch.setattr(weights, "_can_ask", lambda: True)
    monkeypatch.setattr(sources, "fetch", lambda entry, say, progress: "there.npz")
    weights.need(["mtcnn"])
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1]) == ("", "Fetch now? [y/N] there.npz")


def test_only_what_is_absent_is_shown(folder, capsys):
    path = folder / "cache" / lookup("mobilefacenet").path
    path.parent.mkdir(parents=True)
    path.touch()
    assert main(ENROL) == 2
    err = capsys.readouterr().err
    assert "mobilefacenet:" not in err
    assert "the weights mtcnn are absent; fetch them with `tinyconv weights fetch mtcnn`" in err


def test_aligned_pictures_need_no_detector(folder, capsys):
    assert main([*ENROL, "--aligned", "yes"]) == 2
    assert "`tinyconv weights fetch mobilefacenet`" in capsys.readouterr().err
