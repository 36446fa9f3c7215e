"""Broken lines through every pixel: ReLU, PReLU, bias and the normalizing half of batch norm, there and back.

For each channel, with four numbers of its own,

    v = (x - centre) * scale + shift,        y = v where v > 0, else slope * v

Slope 1 is a straight line, slope 0 is ReLU, a learned slope is PReLU. A `line` is an array (4, C) with rows centre, scale, shift
and slope. Large arrays go to compiled code, which does it in one pass; NumPy does what is small.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import dispatch, threads, workspace
from tinyconv.kernels.plain import plain

Array = NDArray[Any]

SHORTEST = 16  # numbers in a row that is worth compiled code
WIDE = 256  # numbers in a row at most: compiled code has room for no more; neighbouring pixels are taken together up to that


def broken_line(x: Array, centre: Any = 0, scale: Any = 1, shift: Any = 0, slope: Any = 1) -> Array:
    """The line (4, C) of x's channels and number type; each of its rows is a number, or one for each channel."""
    out = np.empty((4, x.shape[-1]), x.dtype)
    for row, value in zip(out, (centre, scale, shift, slope), strict=True):
        row[...] = value
    return out


def bend(x: Array, line: Array) -> Array:
    """y at x (..., C)."""
    compiled = dispatch.compiled("bending", x.size, x.dtype)
    if compiled is None:
        v = _straight(x, line)
        return _bent(v, v, line[3])
    y, cells = workspace.empty(x.shape, x.dtype), Cells(x)
    compiled.bend(cells.workers, cells.of(x), cells.tiled(line), cells.of(y))
    return y


def bend_adjoint(g: Array, x: Array, line: Array, want_x: bool = True) -> tuple[Array | None, Array]:
    """What arrives at y, sent back to x (None if nobody wants it), and to the line: sums (3, C), float64.

    With b = g where v > 0, else slope * g, these are scale * b, and the sums over all pixels of b, of b * (x - centre), and of
    g * v where v <= 0: what a shift, a scale and a slope get.
    """
    compiled = dispatch.compiled("bending", x.size, x.dtype)
    if compiled is None:
        return _bend_adjoint(g, x, line, want_x)
    cells = Cells(x)
    gx = workspace.empty(x.shape, x.dtype) if want_x else None
    back = np.empty((cells.workers, *cells.shape[1:]), x.dtype) if gx is None else cells.of(gx)
    sums = np.empty((3 * cells.workers, *cells.shape[1:]))
    compiled.bend_adjoint(cells.workers, cells.of(x), cells.of(g), cells.tiled(line), back, sums)
    return gx, cells.joined(sums.reshape(cells.workers, 3, -1)).sum(axis=0)


def relu(x: Array) -> Array:
    """max(x, 0); NaN stays."""
    rows = None if small(x) else _flat(x)
    return np.maximum(x, 0) if rows is None else bend(rows, broken_line(rows, slope=0)).reshape(x.shape)


def prelu(x: Array, slope: Array) -> Array:
    """x (..., C) where it is positive, else slope * x; the slope is (C,) or (1,)."""
    return np.where(x > 0, x, x * slope) if small(x) else bend(x, broken_line(x, slope=slope))


def relu_adjoint(g: Array, out: Array) -> Array:
    """What arrives at ReLU's output, where this is positive, else 0."""
    rows = None if small(out) else _flat(out)
    if rows is None:
        return np.where(out > 0, g, g.dtype.type(0))
    back, _ = bend_adjoint(plain(g).reshape(rows.shape), rows, broken_line(rows, slope=0))
    assert back is not None
    return back.reshape(out.shape)


def add(a: Array, b: Array) -> Array:
    """a + b; shapes broadcast as in NumPy."""
    compiled = None if a.shape != b.shape or a.dtype != b.dtype else dispatch.compiled("bending", a.size, a.dtype)
    rows = None if compiled is None else _flat(a)
    if compiled is None or rows is None:
        return np.asarray(a + b)
    y = workspace.empty(rows.shape, a.dtype)
    cells = Cells(rows)
    compiled.add(cells.workers, cells.of(rows), cells.of(b), cells.of(y))
    return y.reshape(a.shape)


def column_sums(g: Array) -> Array:
    """The sum of g (..., C) over all but the channels: what a bias gets."""
    return bend_adjoint(g, g, broken_line(g), want_x=False)[1][0].astype(g.dtype)


def masked(g: Array, out: Array, activation: str | None, bias: bool = True) -> tuple[Array, Array | None]:
    """What arrives after an activation, None or "relu", sent back through it, and its sum over the pixels, which a bias gets.

    Parameters
    ----------
    g, out : (..., C)
        What arrives, and what came out of the activation.
    bias : whether the sum, (C,), is wanted; else None

    Both in one pass.
    """
    if activation is None:
        return g, column_sums(g) if bias else None
    back, sums = bend_adjoint(g, out, broken_line(out, slope=0))
    assert back is not None
    return back, sums[0].astype(g.dtype) if bias else None


# --- The shape that compiled code wants ---------------------------------------------------------------------


def small(x: Array) -> bool:
    """Whether NumPy shall do it."""
    return dispatch.compiled("bending", x.size, x.dtype) is None


def block_width(channels: int) -> int:
    """So many channels at a time are looked at: the largest part of them that is not too wide."""
    return next(n for n in range(min(channels, WIDE), 0, -1) if channels % n == 0)


class Cells:
    """An array (..., C) as (rows, blocks, width): pixels taken together where C is small, blocks of channels where it is large.

    Attributes
    ----------
    shape : (rows, blocks, width)
    together : so many neighbouring pixels are a row, a power of 2 that divides their number
    workers : so many threads, each with at least one row
    """

    def __init__(self, x: Array) -> None:
        channels = x.shape[-1]
        pixels, self.together = x.size // channels, 1
        while pixels % (2 * self.together) == 0 and 2 * self.together * channels <= WIDE:
            self.together *= 2
        width = block_width(channels) * self.together
        self.shape = (pixels // self.together, channels * self.together // width, width)
        self.workers = min(threads.count(), self.shape[0])

    def of(self, x: Array) -> Array:
        """An array of that size as cells; of a fresh one it is a view, through which compiled code writes."""
        return plain(x).reshape(self.shape)

    def tiled(self, numbers: Array) -> Array:
        """Numbers of each channel, (k, C), as cells (k, blocks, width): once more for each pixel that is taken together."""
        return np.tile(numbers, (1, self.together)).reshape(len(numbers), *self.shape[1:])

    def joined(self, sums: Array) -> Array:
        """Sums (workers, k, ...) of each place in a row, as sums of each channel, (workers, k, C)."""
        return sums.reshape(*sums.shape[:2], self.together, -1).sum(axis=2)


def _flat(x: Array) -> Array | None:
    """x as rows of equal length, whatever its shape; None where it has no rows of a vector's length."""
    length = math.gcd(x.size, WIDE)
    return plain(x).reshape(-1, length) if length >= SHORTEST else None


# --- NumPy ------------------------------------------------------------------------------------------------


def _straight(x: Array, line: Array) -> Array:
    v = x - line[0]
    v *= line[1]
    v += line[2]
    return v


def _bent(v: Array, value: Array, slope: Array) -> Array:
    """`value` where v > 0, else slope * value."""
    if (slope == 1).all():
        return value
    if not slope.any():  # even an infinite value becomes 0
        return np.where(v <= 0, slope, value)
    return np.where(v <= 0, slope * value, value)


def _bend_adjoint(g: Array, x: Array, line: Array, want_x: bool) -> tuple[Array | None, Array]:
    v = _straight(x, line)
    back = _bent(v, g, line[3])
    pixels = tuple(range(x.ndim - 1))
    accurate = np.result_type(x.dtype, np.float64)
    sums = [np.sum(term, axis=pixels, dtype=accurate) for term in (back, back * (x - line[0]), g * np.minimum(v, 0))]
    return back * line[1] if want_x else None, np.stack(sums)
