"""`python -m lessons`: what it prints, what it writes, and one clear line for everything that goes wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lessons import course
from lessons.__main__ import main
from lessons.course import lessons
from lessons.machinery import tour
from lessons.machinery.run import run

ROOT = Path(__file__).parents[2]

SMALL = """# %% [markdown]
# # Tensors and gradients
#
# ## Words & formulas
#
# A sum, $a + b$.

# %%
from tinyconv import viz

print(1 + 1)
viz.bars({"one": [1.0]}, ["a"], caption="One <bar>.")
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A course of one small lesson, and a painting of a few pixels."""
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "s00_small.py").write_text(SMALL, encoding="utf-8")
    monkeypatch.setattr(course, "FOLDER", folder)
    monkeypatch.setattr(tour, "SIZE", 24)
    monkeypatch.setattr(tour, "STEPS", 2)
    return folder


def failed(capsys, *arguments):
    """The one line that the command leaves when it refuses its input."""
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_list_shows_every_lesson_with_its_title(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for lesson in lessons():
        assert re.search(rf"{lesson.name} +{re.escape(lesson.title)}\n", out)


@pytest.mark.parametrize("verb", ["run", "notebook"])
def test_wrong_name_names_the_close_ones(capsys, verb):
    assert "s25_style_cost_function" in failed(capsys, verb, "s25_style_cost")
    assert "list" in failed(capsys, verb, "qqqq")
    assert "../s00" in failed(capsys, verb, "../s00")


def test_lesson_is_found_by_its_number_and_by_its_name():
    for lesson in lessons():
        assert course.find(lesson.number) == course.find(lesson.name) == lesson


def test_run_prints_prose_and_output_and_says_how_to_see_pictures(small, capsys):
    assert main(["run", "s00", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "# Tensors and gradients" in out
    assert "    2\n" in out
    assert "[Picture: One <bar>.]" in out
    assert "-o FOLDER" in out


def test_run_writes_a_page_where_it_is_told(small, tmp_path, capsys):
    assert main(["run", "s00", "-o", str(tmp_path / "new" / "pages")]) == 0
    html = (tmp_path / "new" / "pages" / "s00_small.html").read_text(encoding="utf-8")
    assert 'alt="One &lt;bar&gt;."' in html
    assert html.endswith("</html>\n")


def test_tour_ends_with_a_picture_painted_by_our_own_net(small, tmp_path, capsys):
    assert main(["tour", "-o", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.html"]
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert html.count("<article") == 2
    assert html.count("data:image/png;base64,") == 3  # the cover, the lesson's bars, the painting
    last = html[html.rindex("<article") :]
    assert "A picture painted by our own net" in last
    assert re.search(r"style cost [\d.]+ -&gt; [\d.]+", last)
    assert "after 2 steps" in last
    assert not re.search(r'(src|<link[^>]*href)="(?!data:)', html)
    assert "Computed in" in html
    assert "index.html" in capsys.readouterr().out


def test_tour_shows_code_that_python_accepts():
    import ast
    import inspect

    assert isinstance(ast.parse(inspect.getsource(tour.paint)).body[0], ast.FunctionDef)


@pytest.mark.parametrize("arguments", [["tour"], ["run", "s00"]])
def test_folder_that_is_a_file_is_refused_before_the_work(small, tmp_path, capsys, monkeypatch, arguments):
    monkeypatch.setattr("lessons.machinery.run.run", lambda *_: pytest.fail("the work began"))
    monkeypatch.setattr("lessons.machinery.tour.run", lambda *_, **__: pytest.fail("the work began"))
    (tmp_path / "file").write_text("mine")
    assert "is a file" in failed(capsys, *arguments, "-o", tmp_path / "file")
    assert "cannot be written" in failed(capsys, *arguments, "-o", tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"


def test_write_protected_folder_is_refused_before_the_work(small, tmp_path, capsys, monkeypatch):
    def denied(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    assert "Permission denied" in failed(capsys, "tour", "-o", tmp_path / "out")


def test_folder_in_the_place_of_the_page_is_refused(small, tmp_path, capsys):
    (tmp_path / "out" / "index.html").mkdir(parents=True)
    assert "index.html is a folder" in failed(capsys, "tour", "-o", tmp_path / "out")


def test_interrupted_tour_leaves_the_old_page_and_nothing_half_written(small, tmp_path, capsys, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("the old page")

    def interrupted(lesson, quick):
        yield next(run(lesson, quick))
        raise KeyboardInterrupt

    monkeypatch.setattr(tour, "run", interrupted)
    assert main(["tour", "-o", str(tmp_path / "out")]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in (tmp_path / "out").iterdir()] == [("index.html", "the old page")]


def test_page_that_cannot_be_written_leaves_no_partial_file(small, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tinyconv.data.files.os.replace", full)
    assert main(["run", "s00", "-o", str(tmp_path / "out")]) == 2
    assert "No space left" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_closed_pipe_is_quiet():
    command = [sys.executable, "-m", "lessons", "run", "s00", "--quick"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1


def test_no_verb_and_unknown_verb_are_usage_errors(capsys):
    for arguments in ([], ["dance"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


def test_the_sheet_in_readme_is_what_the_command_draws(tmp_path, capsys):
    assert main(["made", "-o", str(tmp_path / "made.png")]) == 0
    drawn, committed = (Image.open(path).convert("RGB") for path in (tmp_path / "made.png", ROOT / ".github" / "made.png"))
    assert drawn.size == committed.size
    small = [np.asarray(picture.resize((108, 36), Image.Resampling.BOX), float) for picture in (drawn, committed)]
    assert np.abs(small[0] - small[1]).mean() < 6  # of 255: versions of matplotlib place pixels a little differently
