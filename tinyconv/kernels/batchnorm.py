"""Batch norm's own two passes, compiled by Numba: the moments of each channel, and the gradient that knows they move.

Arrays are (rows, blocks, width), as in `bending`.
"""

from __future__ import annotations

import numpy as np

from tinyconv.kernels.arrays import array_task, cube, local, number, share
from tinyconv.kernels.bending import bent, held

BLOCK_BYTES = 1 << 14  # rows seen at a time: they stay in the first-level cache, and their sums are short


@array_task
def moments(worker: int, table: int) -> None:
    """moments(workers, x, mean, spread): the mean of each worker's share of x, and the sum of squared distances from it.

    Both are (workers, blocks, width), float64. Memory is read once, a few rows at a time: distances are taken from the mean of
    what was seen before, which is near, so no large squares are subtracted from one another; Chan's formula joins the parts. The
    first part is seen twice, as nothing is known before it.
    """
    x, means, spreads = cube(table, 0, number), cube(table, 1, np.float64), cube(table, 2, np.float64)
    first, last = share(worker, table, x.shape[0])
    rows = max(BLOCK_BYTES // (x.shape[2] * x.itemsize), 8)
    pivot, total, square = local(number), local(number), local(number)
    for block in range(x.shape[1]):
        mean, spread = means[worker, block], spreads[worker, block]
        for c in range(x.shape[2]):
            mean[c] = pivot[c] = x[first, block, c]
            spread[c] = total[c] = square[c] = 0
        for turn in range(-1, (last - first + rows - 1) // rows):
            before = max(turn, 0) * rows
            count = min(rows, last - first - before)
            for i in range(0, count, 2):  # in pairs: half the additions to memory
                row, other = x[first + before + i, block], x[first + before + min(i + 1, count - 1), block]
                paired = number(i + 1 < count)
                for c in range(x.shape[2]):
                    a, b = row[c] - pivot[c], (other[c] - pivot[c]) * paired
                    total[c] += a + b
                    square[c] += a * a + b * b
            known, share_of_new = np.float64(turn > 0), count / (before + count)
            for c in range(x.shape[2]):
                rest = np.float64(total[c]) / count
                step = pivot[c] + rest - mean[c]
                spread[c] = spread[c] * known + (square[c] - rest * total[c]) + step * step * share_of_new * before
                mean[c] += step * share_of_new
                pivot[c] = mean[c]
                total[c] = square[c] = 0


@array_task
def gradient(worker: int, table: int) -> None:
    """gradient(workers, x, g, line, plane, gx): scale * b - plane[1] - plane[2] * (x - centre), with b as in `bend_adjoint`."""
    x, g, line, plane = cube(table, 0, number), cube(table, 1, number), cube(table, 2, number), cube(table, 3, number)
    gx = cube(table, 4, number)
    first, last = share(worker, table, x.shape[0])
    offset, tilt = local(number), local(number)
    for block in range(x.shape[1]):
        centre, scale, shift, slope = held(line, block, number)
        for c in range(x.shape[2]):
            offset[c], tilt[c] = plane[1, block, c], plane[2, block, c]
        for i in range(first, last):
            row, seen, back = x[i, block], g[i, block], gx[i, block]
            for c in range(x.shape[2]):
                away = row[c] - centre[c]
                b = bent(away * scale[c] + shift[c], seen[c], slope[c])
                back[c] = scale[c] * b - offset[c] - tilt[c] * away
