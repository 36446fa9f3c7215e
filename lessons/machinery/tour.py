"""The tour: every lesson's quick form on one page, and at its end a picture painted by our own net."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lessons.course import Lesson, lessons
from lessons.machinery.cells import Cell, read_cells
from lessons.machinery.files import prepare_folder, write_whole
from lessons.machinery.page import Chapter, page
from lessons.machinery.run import Outcome, run
from tinyconv.data.images import sample_photograph
from tinyconv.data.makers.whirls import painted_style
from tinyconv.style.features import own_features
from tinyconv.style.transfer import Record, stylize
from tinyconv.viz.images import strip
from tinyconv.viz.picture import Picture

Watch = Callable[[Iterator[Record]], Iterable[Record]]

SIZE, STEPS = 256, 100  # of the picture at the end: longer side in pixels, steps of Adam

LEAD = ("Each lesson asks one question and answers it with code short enough to read; every number and every picture on this "
        "page was computed while it was made.")
CLOSING = """# A picture painted by our own net

Everything above, put to work. The photograph comes with matplotlib, the painting is made by code, and the net that compares
them was trained by tinyconv from nothing. The picture's own pixels are what is trained: they move until the net sees the
photograph's content and the painting's style. The function below is the whole of it, and it is what `tinyconv stylize` runs."""


def write_tour(folder: Path) -> Path:
    """Run every lesson's quick form and write `folder`/index.html; returns its path."""
    path = prepare_folder(folder, "index.html")
    chosen = lessons()
    total = sum(len(read_cells(lesson.path)) for lesson in chosen) + STEPS + 1
    with tqdm(total=total, desc="tour", unit="step", bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed}") as bar:
        chapters = [_run_lesson(lesson, bar) for lesson in chosen]
        closing = _painted(bar)
        bar.set_description("tour: writing the page")
        html = page("A tour of the course", LEAD, [*chapters, closing], cover=closing.outcomes[-1].picture)
    write_whole(path, html)
    return path


def lesson_page(lesson: Lesson, outcomes: list[Outcome]) -> str:
    """One lesson that has run, as a page of its own."""
    return page(lesson.part, "One lesson of the course, run on this machine.", [_chapter(lesson, outcomes)])


def _run_lesson(lesson: Lesson, bar: tqdm[None]) -> Chapter:
    bar.set_description(f"tour: {lesson.title}")
    outcomes = []
    for outcome in run(lesson, quick=True):
        outcomes.append(outcome)
        bar.update()
    return _chapter(lesson, outcomes)


def _chapter(lesson: Lesson, outcomes: list[Outcome]) -> Chapter:
    note = f"This lesson is `lessons/{lesson.path.name}`; its full form: `python -m lessons run {lesson.number}`."
    return Chapter(lesson.part, lesson.title, outcomes, note)


def _painted(bar: tqdm[None]) -> Chapter:
    """The last chapter: our net paints the sample photograph in the style of the picture made by code."""

    def watch(records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            bar.update()
            yield record

    bar.set_description("tour: painting")
    began = time.perf_counter()
    picture, text = paint(watch)
    seconds = time.perf_counter() - began
    code = inspect.getsource(paint) + "\n\npaint(tqdm)"
    title = CLOSING.splitlines()[0].lstrip("# ")
    outcomes = [Outcome(Cell(False, CLOSING, 1), "", None, 0.0), Outcome(Cell(True, code, 1), text, picture, seconds)]
    note = "Paint your own photograph: `tinyconv stylize photograph.jpg painting.jpg -o out.png`."
    return Chapter("The main job", title, outcomes, note)


def paint(watch: Watch) -> tuple[Picture, str]:
    """Our net paints the photograph; `watch` sees every step, as a progress bar does."""
    content = sample_photograph(SIZE)
    style = painted_style(SIZE, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    steps = stylize(content, style, own_features(), steps=STEPS, rng=rng)
    first, *_, last = watch(steps)
    caption = ("A photograph, a painting made by code, and the photograph in that "
               f"style after {last.step} steps.")
    titles = ["content", "style", "painted"]
    picture = strip([content, style, last.picture], titles, caption)
    return picture, (f"style cost {first.style:.3f} -> {last.style:.3f}\n"
                     f"content cost {first.content:.3f} -> {last.content:.3f}")
