"""Broken lines, compiled by Numba: batch norm, bias, ReLU and PReLU are one of them, in one pass over the pixels.

For each channel, with four numbers of its own:

    v = (x - centre) * scale + shift,        y = v where v > 0, else slope * v

Slope 1 is a straight line, slope 0 is ReLU, a learned slope is PReLU. Arrays are (rows, blocks, width): rows are pixels, or a few
neighbouring pixels taken as one where they have few channels; blocks are channels that a `local` array has room for. The
innermost loop runs along the width, side by side in memory, and is compiled to vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.arrays import array_task, cube, inlined, local, number, share

Array = NDArray[Any]

SUM_ROWS = 64  # so many rows are added up apart, then to the total in float64: a sum of small sums rounds less


@inlined
def bent(v: float, value: float, slope: float) -> float:
    """`value` where v > 0, else slope * value; slope 0 makes even an infinite value 0, and NaN passes."""
    low = value * slope if slope != 0 else slope
    return low if v <= 0 else value


@inlined
def held(line: Array, block: int, kind: Any) -> tuple[Array, Array, Array, Array]:
    """Centre, scale, shift and slope of one block of channels, as local arrays."""
    centre, scale, shift, slope = local(kind), local(kind), local(kind), local(kind)
    for c in range(line.shape[2]):
        centre[c], scale[c], shift[c], slope[c] = line[0, block, c], line[1, block, c], line[2, block, c], line[3, block, c]
    return centre, scale, shift, slope


@array_task
def bend(worker: int, table: int) -> None:
    """bend(workers, x, line, y): the broken line at x, into y; `line` (4, blocks, width) is centre, scale, shift and slope."""
    x, line, y = cube(table, 0, number), cube(table, 1, number), cube(table, 2, number)
    first, last = share(worker, table, x.shape[0])
    for block in range(x.shape[1]):
        centre, scale, shift, slope = held(line, block, number)
        for i in range(first, last):
            row, out = x[i, block], y[i, block]
            for c in range(x.shape[2]):
                v = (row[c] - centre[c]) * scale[c] + shift[c]
                out[c] = bent(v, v, slope[c])


@array_task
def bend_adjoint(worker: int, table: int) -> None:
    """bend_adjoint(workers, x, g, line, gx, sums): what arrives at y, sent back to x, and to the line.

    With b = g where v > 0, else slope * g: gx = scale * b, and `sums` (3 * workers, blocks, width), float64, are those of b, of
    b * (x - centre), and of g * v where v <= 0. If only the sums are wanted, gx has just one row for each worker.
    """
    x, g, line, gx = cube(table, 0, number), cube(table, 1, number), cube(table, 2, number), cube(table, 3, number)
    sums = cube(table, 4, np.float64)
    first, last = share(worker, table, x.shape[0])
    everywhere = int(gx.shape[0] == x.shape[0])
    arriving, moving, below = local(number), local(number), local(number)
    for block in range(x.shape[1]):
        centre, scale, shift, slope = held(line, block, number)
        for c in range(x.shape[2]):
            arriving[c] = moving[c] = below[c] = 0
            sums[3 * worker, block, c] = sums[3 * worker + 1, block, c] = sums[3 * worker + 2, block, c] = 0
        for start in range(first, last, SUM_ROWS):
            for i in range(start, min(start + SUM_ROWS, last)):
                row, seen, back = x[i, block], g[i, block], gx[i * everywhere + worker * (1 - everywhere), block]
                for c in range(x.shape[2]):
                    away = row[c] - centre[c]
                    v = away * scale[c] + shift[c]
                    b = bent(v, seen[c], slope[c])
                    arriving[c] += b
                    moving[c] += b * away
                    below[c] += seen[c] * min(v, number(0))
                    back[c] = scale[c] * b
            for c in range(x.shape[2]):
                sums[3 * worker, block, c] += arriving[c]
                sums[3 * worker + 1, block, c] += moving[c]
                sums[3 * worker + 2, block, c] += below[c]
                arriving[c] = moving[c] = below[c] = 0


@array_task
def add(worker: int, table: int) -> None:
    """add(workers, a, b, y): a + b, into y."""
    a, b, y = cube(table, 0, number), cube(table, 1, number), cube(table, 2, number)
    first, last = share(worker, table, a.shape[0])
    for i in range(first, last):
        row, other, out = a[i, 0], b[i, 0], y[i, 0]
        for c in range(a.shape[2]):
            out[c] = row[c] + other[c]
