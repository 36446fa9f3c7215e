"""A lesson's file as a list of cells: `# %% [markdown]` begins prose, `# %%` begins code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tinyconv.errors import DataError

MARKER = re.compile(r"# %%( \[markdown\])?\s*")


class Cell(NamedTuple):
    """One cell: its text without comment signs if it is prose, and the line of the file where the text begins, from 1."""

    is_code: bool
    text: str
    line: int


def read_cells(path: Path) -> list[Cell]:
    """The cells of a lesson, in order.

    Raises
    ------
    DataError
        Something other than a cell comes first, or a line of prose is no comment.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("# %%")]
    if any(line.strip() for line in lines[: starts[0] if starts else None]):
        raise DataError(f"{path.name}: a lesson begins with a cell, `# %% [markdown]`.")
    cells = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        marker = MARKER.fullmatch(lines[start])
        if marker is None:
            raise DataError(f"{path.name}, line {start + 1}: expected `# %%` or `# %% [markdown]`, got {lines[start]!r}.")
        body = lines[start + 1 : end]
        if marker[1]:
            for number, line in enumerate(body, start + 2):
                if line.strip() and line != "#" and not line.startswith("# "):
                    raise DataError(f"{path.name}, line {number}: in prose every line begins with '# '.")
            body = [line[2:] for line in body]
        skipped = next((i for i, line in enumerate(body) if line.strip()), 0)
        cells.append(Cell(not marker[1], "\n".join(body).strip("\n"), start + 2 + skipped))
    return cells
