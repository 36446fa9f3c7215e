"""The committed notebooks are what the lessons generate, have outputs, and tell nothing of the machine that made them."""

from __future__ import annotations

import json
import re
import sys

import pytest

from lessons.__main__ import main
from lessons.course import lessons
from lessons.machinery.notebook import NOTEBOOKS, source_notebook, write_notebook

ALL = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.number)


def committed(lesson):
    return json.loads((NOTEBOOKS / f"{lesson.name}.ipynb").read_text(encoding="utf-8"))


def sources(notebook):
    return [(cell["cell_type"], cell["id"], "".join(cell["source"])) for cell in notebook["cells"]]


@ALL
def test_committed_notebook_has_the_lessons_cells(lesson):
    fresh = source_notebook(lesson)
    assert sources(committed(lesson)) == [(cell.cell_type, cell.id, cell.source) for cell in fresh.cells], (
        f"stale: run `python -m lessons notebook {lesson.number}`")
    assert committed(lesson)["metadata"] == fresh.metadata


def test_there_is_no_notebook_without_a_lesson():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == {lesson.name for lesson in lessons()}


@ALL
def test_committed_notebook_was_executed_in_order_without_errors(lesson):
    code = [cell for cell in committed(lesson)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert all(sum(output["output_type"] == "stream" for output in cell["outputs"]) <= 1 for cell in code)
    assert {output["output_type"] for output in outputs} <= {"stream", "execute_result"}
    assert {output.get("name", "stdout") for output in outputs} == {"stdout"}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2


@ALL
def test_committed_notebook_says_nothing_of_the_machine(lesson):
    path = NOTEBOOKS / f"{lesson.name}.ipynb"
    text = re.sub(r'"image/png": "[^"]*"', "", path.read_text(encoding="utf-8"))
    assert not re.search(r"/home/|/tmp|/usr/|/root|/Users/|site-packages|0x[0-9a-f]{6,}|iopub|\d{4}-\d\d-\d\dT", text)
    assert all(cell["metadata"] == {} for cell in committed(lesson)["cells"])
    assert path.stat().st_size < 3_000_000


@ALL
def test_cells_of_the_notebook_are_the_cells_of_the_page(lesson):
    from lessons.machinery.cells import read_cells

    cells = [("code" if cell.is_code else "markdown", cell.text) for cell in read_cells(lesson.path)]
    assert [(cell.cell_type, cell.source) for cell in source_notebook(lesson).cells] == cells


@pytest.mark.parametrize("missing", ["jupytext", "nbclient", "nbformat", "ipykernel"])
def test_missing_tools_are_one_line_and_exit_2(missing, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["notebook", "s00", "-o", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert missing in error
    assert "tinyconv[notebooks]" in error
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["notebook", "s00", "-o", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.slow
@ALL
def test_notebook_executes_and_gives_the_committed_kinds_of_output(lesson, tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.delenv("TINYCONV_DATA", raising=False)  # real packs would add pictures
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    fresh = json.loads(write_notebook(lesson, tmp_path).read_text(encoding="utf-8"))
    assert [path.name for path in tmp_path.iterdir()] == [f"{lesson.name}.ipynb"]

    def kinds(notebook):
        return [[sorted(output.get("data", {"text": 0})) for output in cell.get("outputs", [])] for cell in notebook["cells"]]

    assert kinds(fresh) == kinds(committed(lesson))


@pytest.mark.slow
def test_failing_cell_is_one_line_and_writes_nothing(tmp_path, capsys, monkeypatch):
    from lessons import course

    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "s00_small.py").write_text("# %%\n1 / 0\n", encoding="utf-8")
    monkeypatch.setattr(course, "FOLDER", folder)
    assert main(["notebook", "s00", "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error
    assert error.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == []
