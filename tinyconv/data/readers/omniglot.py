"""Omniglot: 1,623 handwritten characters of 50 alphabets, each drawn once by 20 people, and Lake's 400 one-shot trials.

Source: Lake, Salakhutdinov, Tenenbaum, Human-level concept learning through probabilistic program induction (2015).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.archives import Archive, open_archive
from tinyconv.data.quoting import one_line
from tinyconv.data.readers.pixels import decode
from tinyconv.errors import DataError

SIDE = 105
DRAWERS = 20
CLASSES = 20  # of one trial
DRAWING = re.compile(r"(?:[^/]+/)?([^/]+)/(character\d+)/\d+_(\d\d)\.(?i:png)")
TRIAL = re.compile(r"(?:.*/)?(run\d+)/(test/item|training/class)(\d\d)\.(?i:png)")


def read_omniglot(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read `images_background.zip` or `images_evaluation.zip`: SET/ALPHABET/characterNN/NNNN_DRAWER.png.

    Returns
    -------
    {"bits": uint8 (N, 20, 105, 14), drawings by character and drawer, `numpy.packbits` of each row, ink is 1;
     "alphabet", "character": str (N,)}, sorted by alphabet and character; the official N are 964 and 659.
     `numpy.unpackbits(bits, axis=-1, count=105)` gives the pixels.

    Raises
    ------
    DataError
        An archive that is refused, no drawings, a drawer who is absent, or a drawing that is not 105x105 in black and white.
    """
    with open_archive(path, largest=1 << 20, total=1 << 28) as archive:
        drawings = _members(archive, DRAWING)
        characters = sorted({key[:2] for key in drawings})
        if not characters:
            raise DataError(f"{archive.path} holds no drawings, expected SET/ALPHABET/characterNN/NNNN_DD.png.")
        drawers = [f"{number:02}" for number in range(1, DRAWERS + 1)]
        _check_complete(archive, drawings, [(*character, drawer) for character in characters for drawer in drawers])
        place = {character: index for index, character in enumerate(characters)}
        bits = np.empty((len(characters), DRAWERS, SIDE, (SIDE + 7) // 8), np.uint8)
        for (alphabet, character, drawer), name in drawings.items():
            bits[place[alphabet, character], int(drawer) - 1] = _ink(archive, name)
    return {"bits": bits, "alphabet": np.array([a for a, _ in characters]), "character": np.array([c for _, c in characters])}


def read_omniglot_runs(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read `all_runs.zip`: in each run, which of 20 characters, seen once, is each of 20 new drawings?

    Returns
    -------
    {"train", "test": uint8 (R, 20, 105, 14), packed as by `read_omniglot`;
     "answer": uint8 (R, 20), the position in `train` of the character of each drawing in `test`}; the official R is 20

    Raises
    ------
    DataError
        An archive that is refused, no runs, a drawing that is absent or not 105x105 in black and white, or a
        `class_labels.txt` that does not answer each drawing once.
    """
    with open_archive(path, largest=1 << 20, total=1 << 28) as archive:
        drawings = _members(archive, TRIAL)
        runs = sorted({key[0] for key in drawings})
        if not runs:
            raise DataError(f"{archive.path} holds no runs, expected runNN/training/classNN.png and runNN/test/itemNN.png.")
        kinds = {"training/class": "train", "test/item": "test"}
        numbers = [f"{number:02}" for number in range(1, CLASSES + 1)]
        _check_complete(archive, drawings, [(run, kind, number) for run in runs for kind in kinds for number in numbers])
        place = {run: index for index, run in enumerate(runs)}
        arrays = {kind: np.empty((len(runs), CLASSES, SIDE, (SIDE + 7) // 8), np.uint8) for kind in kinds.values()}
        for (run, kind, number), name in drawings.items():
            arrays[kinds[kind]][place[run], int(number) - 1] = _ink(archive, name)
        answers = [_answers(archive, drawings[run, "test/item", "01"].rpartition("/test/")[0], run) for run in runs]
    return {**arrays, "answer": np.array(answers, np.uint8)}


def _members(archive: Archive, layout: re.Pattern[str]) -> dict[tuple[str, ...], str]:
    """The members whose names fit `layout`, by its groups; what macOS adds is passed over."""
    found: dict[tuple[str, ...], str] = {}
    for name in archive.sizes:
        fits = layout.fullmatch(name)
        if fits and not name.startswith("__MACOSX/"):
            if fits.groups() in found:
                raise DataError(f"{archive.path}: {one_line(name)} and {one_line(found[fits.groups()])} are the same drawing.")
            found[fits.groups()] = name
    return found


def _check_complete(archive: Archive, found: dict[tuple[str, ...], str], expected: Sequence[tuple[str, ...]]) -> None:
    absent = [key for key in expected if key not in found]
    if absent:
        raise DataError(f"{archive.path}: {len(absent)} drawings are absent, the first is {one_line(' '.join(absent[0]))}.")
    if len(found) > len(expected):
        extra = next(found[key] for key in found if key not in set(expected))
        raise DataError(f"{archive.path}: {one_line(extra)} is one drawing more than expected.")


def _ink(archive: Archive, name: str) -> NDArray[np.uint8]:
    paper = decode(archive.read(name), f"{archive.path}: {one_line(name)}", format="PNG", mode="1", size=(SIDE, SIDE))
    return np.packbits(~paper, axis=-1)


def _answers(archive: Archive, folder: str, run: str) -> list[int]:
    """Lines `runNN/test/itemNN.png runNN/training/classNN.png`, one for each drawing."""
    name = f"{folder}/class_labels.txt"
    lines = archive.read(name).decode("latin-1").splitlines()
    answers = [-1] * CLASSES
    for number, line in enumerate(filter(str.strip, lines), 1):
        fits = re.fullmatch(rf"{run}/test/item(\d\d)\.png {run}/training/class(\d\d)\.png", line.strip(), re.ASCII)
        item, character = (int(fits[1]), int(fits[2])) if fits else (0, 0)
        if not (1 <= item <= CLASSES and 1 <= character <= CLASSES) or answers[item - 1] >= 0:
            raise DataError(f"{archive.path}: line {number} of {one_line(name)} is {one_line(line)!r}, expected "
                            f"'{run}/test/itemNN.png {run}/training/classNN.png', each item once.")
        answers[item - 1] = character - 1
    if -1 in answers:
        raise DataError(f"{archive.path}: {one_line(name)} does not answer item {answers.index(-1) + 1}.")
    return answers
