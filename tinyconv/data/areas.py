"""Means over areas of a picture, each in the same time however large the area: how pictures and parts of them shrink cleanly.

A summed-area table S holds at (y, x) the sum of all pixels above y and left of x, so that the sum over an area is
S(bottom, right) - S(top, right) - S(bottom, left) + S(top, left); between its entries S is linear, which counts the pixels
that an area covers in part. Source: Crow 1984, "Summed-area tables for texture mapping".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import as_array, check_size
from tinyconv.data.images import check_picture
from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

Array = NDArray[Any]

BLOCK = 1 << 17  # so many sums at a time: 1 MB


class Areas:
    """The summed-area table of a picture; it takes twice the memory of a float32 picture.

    Parameters
    ----------
    picture : float (H, W, 3), any range

    Attributes
    ----------
    size : (H, W)

    Raises
    ------
    DataError
        No float picture, or values that are not finite.
    """

    def __init__(self, picture: Any) -> None:
        array = check_picture(picture, "Areas")
        self.size = array.shape[:2]
        self._dtype = array.dtype
        self._sums = np.zeros((self.size[0] + 1, self.size[1] + 1, array.shape[2]))
        for row, above, below in zip(array, self._sums, self._sums[1:], strict=False):
            below[1:] = above[1:] + np.cumsum(row, axis=0, dtype=np.float64)

    def resized(self, size: tuple[int, int], box: tuple[float, float, float, float] | None = None) -> Array:
        """A part of the picture at another size; what lies beyond the picture is black, 0.

        A pixel of the result is the mean over the area it stands for where the part shrinks, and where it grows the mean over
        one pixel around its place, which is bilinear interpolation.

        Parameters
        ----------
        size : (height, width) of the result
        box : (x0, y0, x1, y1), its edges, counted from the picture's left upper corner; None: the whole picture

        Returns
        -------
        array (height, width, 3) in the picture's dtype

        Raises
        ------
        DataError
            A size that is none, or a box that is not finite or has no area.
        """
        height, width = check_size(size, "resized")
        x0, y0, x1, y1 = (0.0, 0.0, float(self.size[1]), float(self.size[0])) if box is None else _checked_box(box)
        left = int(np.clip(x0 - 1, 0, self.size[1] - 1))
        right = int(np.clip(x1 + 2, left + 1, self.size[1]))
        sums = self._sums[:, left : right + 1]
        out = np.empty((height, width, sums.shape[2]), self._dtype)
        block = max(BLOCK // sums[0].size, 1)
        for first in range(0, height, block):
            rows = _means(sums, 0, y0, (y1 - y0) / height, np.arange(first, min(first + block, height)))
            out[first : first + block] = _means(rows, 1, x0 - left, (x1 - x0) / width, np.arange(width))
        return out


def _checked_box(box: Any) -> tuple[float, ...]:
    edges = as_array(box, "resized")
    if edges.shape != (4,) or edges.dtype.kind not in "fiu" or not np.isfinite(edges).all() or not (edges[:2] < edges[2:]).all():
        raise DataError(f"resized: box is {one_line(edges.tolist())}, expected finite (x0, y0, x1, y1) with x0 < x1 and y0 < y1.")
    return tuple(edges.tolist())


def _means(sums: Array, axis: int, start: float, step: float, numbers: Array) -> Array:
    """What the running `sums` along an axis say of stretches that follow each other by `step`, as long, but at least 1 long.

    Of a stretch that reaches over an end the part inside counts, of one whose middle is outside nothing.
    """
    size = sums.shape[axis] - 1
    middles = start + step * (numbers + 0.5)
    begins, ends = (np.clip(middles + side * max(step, 1.0) / 2, 0, size) for side in (-1, 1))
    inside = (middles >= 0) & (middles <= size)
    shares = np.where(inside, 1 / np.where(inside, ends - begins, 1), 0)
    return (_between(sums, axis, ends) - _between(sums, axis, begins)) * _along(shares, sums, axis)


def _between(sums: Array, axis: int, places: Array) -> Array:
    """`sums` at `places` between its entries."""
    before = np.minimum(places.astype(np.intp), sums.shape[axis] - 2)
    first = sums.take(before, axis=axis)
    return first + _along(places - before, sums, axis) * (sums.take(before + 1, axis=axis) - first)


def _along(factors: Array, sums: Array, axis: int) -> Array:
    """`factors` in a shape in which they multiply `sums` along an axis."""
    return factors.reshape(-1, *(1,) * (sums.ndim - 1 - axis))
