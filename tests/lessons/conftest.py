"""Each lesson runs once in its quick form; every test of lessons looks at that run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from lessons.course import Lesson, lessons
from lessons.machinery.run import Outcome, run


@dataclass(frozen=True)
class Ran:
    """A lesson after its quick form: its outcomes, and the names it left behind."""

    lesson: Lesson
    outcomes: list[Outcome]
    namespace: dict[str, Any]

    @property
    def prose(self) -> str:
        return "\n\n".join(outcome.cell.text for outcome in self.outcomes if not outcome.cell.is_code)


@pytest.fixture(scope="session")
def quick_run():
    """Number of a lesson -> its quick run, computed at the first question."""
    runs: dict[str, Ran] = {}

    def find(number: str) -> Ran:
        if number not in runs:
            (lesson,) = [lesson for lesson in lessons() if lesson.number == number]
            namespace: dict[str, Any] = {}
            runs[number] = Ran(lesson, list(run(lesson, quick=True, namespace=namespace)), namespace)
        return runs[number]

    return find


@pytest.fixture(params=[lesson.number for lesson in lessons()])
def ran(request, quick_run):
    """Every lesson in turn, after its quick run."""
    return quick_run(request.param)
