"""Runs a lesson cell by cell, like a notebook: what was printed, the value of the last line, the pictures."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lessons.course import Lesson
from lessons.machinery.cells import Cell, read_cells
from tinyconv.viz.picture import Picture

QUICK = "TINYCONV_QUICK"  # a lesson whose environment has it set to 1 takes its quick form


@dataclass(frozen=True)
class Outcome:
    """A cell and what it gave: `text` is what it printed and the value of its last line; prose gives nothing."""

    cell: Cell
    text: str
    picture: Picture | None
    seconds: float


def run(lesson: Lesson, quick: bool, namespace: dict[str, Any] | None = None) -> Iterator[Outcome]:
    """Run `lesson` in `namespace` (by default a fresh one), one cell each time the iterator is asked.

    An exception of the lesson passes through, with the lesson's own file and line in its traceback.
    """
    namespace = {} if namespace is None else namespace
    namespace["__name__"] = "__main__"
    for cell in read_cells(lesson.path):
        began = time.perf_counter()
        text, picture = _run_code(cell, str(lesson.path), quick, namespace) if cell.is_code else ("", None)
        yield Outcome(cell, text, picture, time.perf_counter() - began)


def _run_code(cell: Cell, filename: str, quick: bool, namespace: dict[str, Any]) -> tuple[str, Picture | None]:
    tree = ast.parse(cell.text, filename)
    ast.increment_lineno(tree, cell.line - 1)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value = None
    with contextlib.redirect_stdout(io.StringIO()) as printed, _form(quick):
        exec(compile(tree, filename, "exec"), namespace)
        if last is not None:
            value = eval(compile(last, filename, "eval"), namespace)
    if isinstance(value, Picture):
        return printed.getvalue(), value
    return printed.getvalue() + ("" if value is None else f"{value!r}\n"), None


@contextlib.contextmanager
def _form(quick: bool) -> Iterator[None]:
    """The environment that tells a lesson which form is wanted."""
    before = os.environ.get(QUICK)
    os.environ[QUICK] = "1" if quick else "0"
    try:
        yield
    finally:
        os.environ.pop(QUICK)
        if before is not None:
            os.environ[QUICK] = before
