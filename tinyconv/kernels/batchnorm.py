"""Batch norm's own two passes, compiled by Numba: the moments of each channel, and the gradient that knows they move.

Rows are pixels, columns are channels, as in `bending`.
"""

from __future__ import annotations

import numpy as np

from tinyconv.kernels.arrays import array_task, matrix, number, share
from tinyconv.kernels.bending import bent

BLOCK_BYTES = 1 << 14  # rows seen at a time: they stay in the first-level cache, and their sums are short


@array_task
def moments(worker: int, table: int) -> None:
    """moments(workers, x, mean, spread): each worker's share of x (rows, C), its mean and sum of squared distances from it.

    Both are (workers, C), float64. Memory is read once, a block of rows at a time: distances are taken from the mean of what was
    seen before, which is near, so no large squares are subtracted from one another; Chan's formula joins the blocks. The first
    block is seen twice, as nothing is known before it.
    """
    x, mean, spread = matrix(table, 0, number), matrix(table, 1, np.float64)[worker], matrix(table, 2, np.float64)[worker]
    channels = x.shape[1]
    first, last = share(worker, table, x.shape[0])
    block = max(BLOCK_BYTES // (channels * x.itemsize), 8)
    pivot, total, square = np.empty(channels, number), np.empty(channels, number), np.empty(channels, number)
    for c in range(channels):
        mean[c] = pivot[c] = x[first, c]
        spread[c] = total[c] = square[c] = 0
    for turn in range(-1, (last - first + block - 1) // block):
        before = max(turn, 0) * block
        count = min(block, last - first - before)
        for i in range(0, count, 2):  # in pairs: half the additions to memory
            row, other = x[first + before + i], x[first + before + min(i + 1, count - 1)]
            paired = number(i + 1 < count)
            for c in range(channels):
                a, b = row[c] - pivot[c], (other[c] - pivot[c]) * paired
                total[c] += a + b
                square[c] += a * a + b * b
        known, share_of_new = np.float64(turn > 0), count / (before + count)
        for c in range(channels):
            rest = np.float64(total[c]) / count
            step = pivot[c] + rest - mean[c]
            spread[c] = spread[c] * known + (square[c] - rest * total[c]) + step * step * share_of_new * before
            mean[c] += step * share_of_new
            pivot[c] = mean[c]
            total[c] = square[c] = 0


@array_task
def gradient(worker: int, table: int) -> None:
    """gradient(workers, x, g, line, plane, gx): scale * b - plane[1] - plane[2] * (x - plane[0]), with b as in `bend_adjoint`."""
    x, g, line, plane = matrix(table, 0, number), matrix(table, 1, number), matrix(table, 2, number), matrix(table, 3, number)
    gx = matrix(table, 4, number)
    centre, scale, shift, slope, offset, tilt = line[0], line[1], line[2], line[3], plane[1], plane[2]
    first, last = share(worker, table, x.shape[0])
    for i in range(first, last):
        row, seen, back = x[i], g[i], gx[i]
        for c in range(x.shape[1]):
            away = row[c] - centre[c]
            b = bent(away * scale[c] + shift[c], seen[c], slope[c])
            back[c] = scale[c] * b - offset[c] - tilt[c] * away
