"""Broken lines, compiled by Numba: batch norm, bias, ReLU and PReLU are one of them, in one pass over the pixels.

For each channel, with four numbers of its own:

    v = (x - centre) * scale + shift,        y = v where v > 0, else slope * v

Slope 1 is a straight line, slope 0 is ReLU, a learned slope is PReLU. Rows are pixels, columns are channels: the innermost
loop runs along the channels, side by side in memory, and is compiled to vectors. It is cut where it would write to so many
arrays that LLVM no longer proves them apart; what is passed on lies in the first-level cache.
"""

from __future__ import annotations

import numpy as np

from tinyconv.kernels.arrays import array_task, inlined, matrix, number, share

SUM_ROWS = 64  # so many rows are added up apart, then to the total in float64: a sum of small sums rounds less


@inlined
def bent(v: float, value: float, slope: float) -> float:
    """`value` where v > 0, else slope * value; slope 0 makes even an infinite value 0, and NaN passes."""
    low = value * slope if slope != 0 else slope
    return low if v <= 0 else value


@array_task
def bend(worker: int, table: int) -> None:
    """bend(workers, x, line, y): the broken line at x (rows, C), into y; `line` (4, C) is centre, scale, shift and slope."""
    x, line, y = matrix(table, 0, number), matrix(table, 1, number), matrix(table, 2, number)
    centre, scale, shift, slope = line[0], line[1], line[2], line[3]
    first, last = share(worker, table, x.shape[0])
    for i in range(first, last):
        row, out = x[i], y[i]
        for c in range(x.shape[1]):
            v = (row[c] - centre[c]) * scale[c] + shift[c]
            out[c] = bent(v, v, slope[c])


@array_task
def bend_adjoint(worker: int, table: int) -> None:
    """bend_adjoint(workers, x, g, line, gx, sums): what arrives at y, sent back to x, and to the line.

    With b = g where v > 0, else slope * g: gx = scale * b, and to `sums` (3 * workers, C), float64, the sums of b, of
    b * (x - centre), and of g * v where v <= 0 are added. If only the sums are wanted, gx has just one row for each worker.
    """
    x, g, line, gx = matrix(table, 0, number), matrix(table, 1, number), matrix(table, 2, number), matrix(table, 3, number)
    sums = matrix(table, 4, np.float64)[3 * worker : 3 * worker + 3]
    centre, scale, shift, slope = line[0], line[1], line[2], line[3]
    first, last = share(worker, table, x.shape[0])
    everywhere = int(gx.shape[0] == x.shape[0])
    part = np.zeros((3, x.shape[1]), number)
    arriving, moving, below = part[0], part[1], part[2]
    for start in range(first, last, SUM_ROWS):
        for i in range(start, min(start + SUM_ROWS, last)):
            row, seen, back = x[i], g[i], gx[i * everywhere + worker * (1 - everywhere)]
            for c in range(x.shape[1]):
                v = (row[c] - centre[c]) * scale[c] + shift[c]
                back[c] = bent(v, seen[c], slope[c])
            for c in range(x.shape[1]):
                arriving[c] += back[c]
                moving[c] += back[c] * (row[c] - centre[c])
            for c in range(x.shape[1]):
                v = (row[c] - centre[c]) * scale[c] + shift[c]
                below[c] += seen[c] * min(v, number(0))
            for c in range(x.shape[1]):
                back[c] *= scale[c]
        for k in range(3):
            for c in range(x.shape[1]):
                sums[k, c] += part[k, c]
                part[k, c] = 0


@array_task
def add(worker: int, table: int) -> None:
    """add(workers, a, b, y): a + b, all three (rows, C), into y."""
    a, b, y = matrix(table, 0, number), matrix(table, 1, number), matrix(table, 2, number)
    first, last = share(worker, table, a.shape[0])
    for i in range(first, last):
        row, other, out = a[i], b[i], y[i]
        for c in range(a.shape[1]):
            out[c] = row[c] + other[c]
