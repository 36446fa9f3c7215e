"""Resampling one axis: each output element is a weighted sum of a few input elements. NumPy alone.

Two-dimensional resizing is one axis after the other, and the adjoint of a resampling is a resampling again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Taps:
    """out[i] = sum over k of weights[i, k] * x[places[i, k]], for an x of `size`.

    Attributes
    ----------
    size : int
        Number of input elements.
    places : (outputs, taps) integers from 0 to size - 1
    weights : (outputs, taps) float64; 0 where an output needs fewer taps: such a tap is not looked at
    """

    size: int
    places: Array
    weights: Array

    @property
    def transposed(self) -> Taps:
        """The taps of the adjoint: where each input element is used, and with which weight."""
        outputs = len(self.places)
        used = self.weights != 0
        made, seen, weight = np.nonzero(used)[0], self.places[used], self.weights[used]
        order = np.argsort(seen, kind="stable")
        made, seen, weight = made[order], seen[order], weight[order]
        counts = np.bincount(seen, minlength=self.size)
        number = np.arange(len(seen)) - np.repeat(np.cumsum(counts) - counts, counts)  # of this use among those of its element
        places = np.zeros((self.size, max(int(counts.max()), 1)), np.intp)
        weights = np.zeros(places.shape)
        places[seen, number], weights[seen, number] = made, weight
        return Taps(outputs, places, weights)


def linear(size: int, out: int, align_corners: bool) -> Taps:
    """Two taps: the neighbours of the place that output i has between the pixels.

    That place is (i + 1/2) size / out - 1/2, limited to the image, so that the outer edges of both images coincide; with
    `align_corners` it is i (size - 1) / (out - 1), so that the centres of their corner pixels do.
    """
    i = np.arange(out)
    place = i * ((size - 1) / max(out - 1, 1)) if align_corners else np.clip((i + 0.5) * (size / out) - 0.5, 0, size - 1)
    below = np.minimum(np.floor(place).astype(np.intp), size - 1)
    share = place - below
    return Taps(size, np.stack([below, np.minimum(below + 1, size - 1)], axis=1), np.stack([1 - share, share], axis=1))


def nearest(size: int, out: int) -> Taps:
    """One tap: output i repeats the pixel floor(i size / out)."""
    return Taps(size, (np.arange(out) * size // out)[:, None], np.ones((out, 1)))


def adaptive_bounds(size: int, out: int) -> tuple[Array, Array]:
    """Where the `out` windows that together see all of an axis begin and end: floor(i size / out), ceil((i + 1) size / out)."""
    i = np.arange(out)
    return i * size // out, -(-(i + 1) * size // out)


def adaptive_places(size: int, out: int) -> Array:
    """The elements of each adaptive window, (out, longest); shorter windows repeat their last one."""
    begin, end = adaptive_bounds(size, out)
    return np.asarray(np.minimum(begin[:, None] + np.arange((end - begin).max()), end[:, None] - 1))


def adaptive_sum(size: int, out: int) -> Taps:
    """The sum of each adaptive window."""
    begin, end = adaptive_bounds(size, out)
    lengths = (end - begin)[:, None]
    return Taps(size, adaptive_places(size, out), (np.arange(lengths.max()) < lengths).astype(float))


def resample(x: Array, taps: Taps, axis: int) -> Array:
    """Apply `taps` along one axis of `x`."""
    along = (-1,) + (1,) * (x.ndim - axis - 1)
    out = np.zeros((*x.shape[:axis], len(taps.places), *x.shape[axis + 1 :]), x.dtype)
    for places, weights in zip(taps.places.T, taps.weights.T.astype(x.dtype), strict=True):
        rows = slice(None) if weights.all() else np.flatnonzero(weights)
        part = x.take(places[rows], axis)
        part *= weights[rows].reshape(along)
        out[(slice(None),) * axis + (rows,)] += part
    return out
