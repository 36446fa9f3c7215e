"""What holds for every lesson: it runs, keeps the rhythm, carries its section's title, types no measured number."""

from __future__ import annotations

import re

import pytest

from lessons.course import SECTIONS, lessons
from lessons.machinery.cells import read_cells
from lessons.machinery.markdown import headings
from lessons.machinery.run import run
from tinyconv.viz import Picture

# What each lesson has, by a pattern that its headings or its prose must show, in this order.
RHYTHM = [r"\*\*The question\.\*\*", r"## .*naive", r"## The same in tinyconv", r"## What breaks, and how it looks",
          r"## The cost", r"## Try it", r"## Sources"]

SOLUTIONS = {  # number: the line that the learner replaces, right answers, wrong answers with a word of the message they get
    "s00": ("rule = None", ["rule = lambda g: -g / a.data**2", "rule = lambda g: g * (-1 / (a.data * a.data))"],
            {"rule = lambda g: g / a.data**2": "nudge", "rule = lambda g: -g / a.data": "nudge", "rule = lambda g: g": "nudge"}),
    "s14": ("return None", ["return np.where(who == who[anchor], np.inf, squared[anchor]).argmin()",
                            "others = np.flatnonzero(who != who[anchor]); return others[squared[anchor, others].argmin()]"],
            {"return squared[anchor].argmin()": "itself", "return np.argsort(squared[anchor])[1]": "positive",
             "return np.where(who == who[anchor], -1, squared[anchor]).argmax()": "nearest",
             "return np.flatnonzero(who != who[anchor])[0]": "nearest",
             "others = np.flatnonzero(who != who[anchor]); return squared[anchor, others].argmin()": "positive|itself|nearest"}),
    "s25": ("return None", ["return np.einsum('nhwc,nhwd->ncd', a, a)",
                            "A = a.reshape(len(a), -1, a.shape[-1]); return A.transpose(0, 2, 1) @ A"],
            {"return np.einsum('nhwc,nhwd->cd', a, a)": "shape", "return np.einsum('nhwc,nhwd->ncd', a, a) / 20": "numbers",
             "A = a.reshape(len(a), -1, a.shape[-1]); return A @ A.transpose(0, 2, 1)": "shape"}),
}


def test_lesson_runs_and_draws_pictures_with_captions(ran):
    pictures = [outcome.picture for outcome in ran.outcomes if outcome.picture is not None]
    assert len(pictures) >= 2
    for picture in pictures:
        assert isinstance(picture, Picture)
        assert picture.caption.endswith(".")


def test_lesson_begins_with_the_title_of_its_section(ran):
    assert headings(ran.outcomes[0].cell.text)[0] == (1, SECTIONS[ran.lesson.number])
    assert [level for level, _ in headings(ran.prose)].count(1) == 1


def test_lesson_keeps_the_rhythm(ran):
    places = [match.start() if (match := re.search(pattern, ran.prose)) else None for pattern in RHYTHM]
    assert None not in places, f"{ran.lesson.name} lacks {RHYTHM[places.index(None)]}"
    assert places == sorted(places)


def test_lesson_checks_what_it_says(ran):
    code = [outcome.cell.text for outcome in ran.outcomes if outcome.cell.is_code]
    assert sum(text.count("assert ") for text in code) >= 5


def test_prose_types_no_number(ran):
    prose = ran.prose[: ran.prose.index("## Sources")]
    prose = re.sub(r"\$\$?[^$]+\$\$?|`[^`]+`|\]\([^)]+\)", " ", prose)  # formulas, code and addresses are no prose
    prose = re.sub(r"\b\d x \d\b", " ", prose)  # the size of a kernel
    assert re.findall(r"(?<![\w.])\d[\d.,%]*", prose) == []


def test_output_says_nothing_of_this_machine(ran):
    text = "".join(outcome.text for outcome in ran.outcomes)
    assert not re.search(r"/home|/tmp|/usr|/root|site-packages|0x[0-9a-f]{6}|\bseconds\b", text)


def test_run_leaves_the_environment_as_it_was(quick_run, monkeypatch):
    import os

    monkeypatch.setenv("TINYCONV_QUICK", "mine")
    outcomes = run(quick_run("s00").lesson, quick=True)
    next(outcome for outcome in outcomes if outcome.cell.is_code)
    assert os.environ["TINYCONV_QUICK"] == "mine"
    outcomes.close()


def test_every_lesson_has_its_exercise_tested():
    assert set(SOLUTIONS) == {lesson.number for lesson in lessons()}


def _exercise(ran):
    """The code cell after the heading "Try it"."""
    cells = read_cells(ran.lesson.path)
    (place,) = [i for i, cell in enumerate(cells) if not cell.is_code and "## Try it" in cell.text]
    return cells[place + 1].text


def _solve(ran, replaced, answer, capsys):
    code = _exercise(ran)
    assert code.count(replaced) == 1
    exec(code.replace(replaced, answer), dict(ran.namespace))
    return capsys.readouterr().out


def test_unsolved_exercise_says_not_yet(ran):
    (text,) = [outcome.text for outcome in ran.outcomes if outcome.cell.text == _exercise(ran)]
    assert text.startswith("not yet")


def test_right_answers_are_accepted(ran, capsys):
    replaced, right, _ = SOLUTIONS[ran.lesson.number]
    for answer in right:
        assert _solve(ran, replaced, answer, capsys).startswith("yes")


def test_wrong_answers_are_rejected_with_a_reason(ran, capsys):
    replaced, _, wrong = SOLUTIONS[ran.lesson.number]
    for answer, word in wrong.items():
        with pytest.raises(AssertionError, match=word):
            _solve(ran, replaced, answer, capsys)
