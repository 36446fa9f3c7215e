"""The sections of the course, and the lessons that exist for them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from tinyconv.errors import DataError

FOLDER = Path(__file__).parent

# The first digit of a lesson's number is the part of the course, the second the section in it.
PARTS = {"0": "Before the course", "1": "Face recognition", "2": "Neural style transfer"}
SECTIONS = {
    "s00": "Tensors and gradients",
    "s11": "What is face recognition?",
    "s12": "One-shot learning",
    "s13": "Siamese network",
    "s14": "Triplet loss",
    "s15": "Face verification and binary classification",
    "s21": "What is neural style transfer?",
    "s22": "What are deep ConvNets learning?",
    "s23": "Cost function",
    "s24": "Content cost function",
    "s25": "Style cost function",
    "s26": "1D and 3D generalizations",
}


@dataclass(frozen=True)
class Lesson:
    """One file of this folder: `number` is its place in the course, `name` what the command line calls it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.name.split("_")[0]

    @property
    def part(self) -> str:
        return PARTS[self.number[1]]

    @property
    def title(self) -> str:
        return SECTIONS[self.number]


def lessons() -> list[Lesson]:
    """All lessons that exist, in reading order."""
    return [Lesson(path) for path in sorted(FOLDER.glob("s[0-9][0-9]_*.py"))]


def find(name: str) -> Lesson:
    """The lesson called `name`, by its full name or by its number.

    Raises
    ------
    DataError
        There is none; the message names the closest ones.
    """
    known = {key: lesson for lesson in lessons() for key in (lesson.number, lesson.name)}
    if name in known:
        return known[name]
    close = {known[key].name for key in difflib.get_close_matches(name, known, n=4, cutoff=0.4)}
    guess = f"did you mean {' or '.join(sorted(close))}?" if close else "`python -m lessons list` shows all."
    raise DataError(f"there is no lesson {name!r}; {guess}")
