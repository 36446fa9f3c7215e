"""Boxes around things in a picture, (x0, y0, x1, y1): moved, made square, and thinned out where they show one thing.

They are edges, counted from the picture's left upper corner, so that picture[y0:y1, x0:x1] is what a box of whole numbers shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_choice, check_number
from tinyconv.errors import DataError

Array = NDArray[Any]


def suppress(boxes: Any, scores: Any, most: float, of: str = "union") -> NDArray[np.intp]:
    """Non-maximum suppression: which boxes stay when each, best first, removes those that overlap it too much.

    Parameters
    ----------
    boxes : (N, 4)
    scores : (N,); of equals the first is better
    most : the part of an area that two boxes may share, 0 to 1
    of : which area: of the boxes' "union", or of the "smaller" one, so that a box within another goes too

    Returns
    -------
    integers (M,), the numbers of the boxes that stay, best first

    Raises
    ------
    DataError
        Arrays that do not fit together, or options that are not these.
    """
    boxes, scores = np.asarray(boxes, np.float64), np.asarray(scores, np.float64)
    if scores.ndim != 1 or boxes.shape != (len(scores), 4):
        raise DataError(f"suppress: boxes {boxes.shape} and scores {scores.shape}, expected (N, 4) and (N,).")
    check_choice(of, "of", "suppress", ("union", "smaller"))
    check_number(most, "most", "suppress", least=0, most=1)
    x0, y0, x1, y1 = boxes.T
    areas = np.maximum(x1 - x0, 0) * np.maximum(y1 - y0, 0)
    kept, left = [], np.argsort(-scores, kind="stable")
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        width = np.minimum(x1[left], x1[best]) - np.maximum(x0[left], x0[best])
        height = np.minimum(y1[left], y1[best]) - np.maximum(y0[left], y0[best])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        whole = areas[left] + areas[best] - shared if of == "union" else np.minimum(areas[left], areas[best])
        left = left[shared <= most * whole]
    return np.array(kept, np.intp)


def squares(boxes: Array) -> Array:
    """The squares around the centres of `boxes` (N, 4), as large as their longer sides and at least a pixel large."""
    sides = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True), 1)
    centres = (boxes[:, 2:] + boxes[:, :2]) / 2
    return np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)


def moved(boxes: Array, parts: Array) -> Array:
    """`boxes` (N, 4) with each edge moved by `parts` (N, 4) of their width or height."""
    return boxes + parts * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
