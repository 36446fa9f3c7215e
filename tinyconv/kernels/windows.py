"""Pooling windows, compiled by Numba: choose the largest tap, add taps up, and send back to them what arrives.

A signal is a volume of one slice and one row, an image a volume of one slice: arrays are (N, D, H, W, blocks, width) for every
rank, where blocks are channels that a `local` array has room for. Taps are numbered row by row, in one byte. The innermost loop
runs along the channels, side by side in memory, and is compiled to vectors. `steps` (4, 3) are kernel size, stride, dilation and
padding before, each along depth, height and width.

Forward, a worker makes whole rows of windows. Backward, it makes whole rows of pixels, each from all the rows of windows that
see it, in order: overlapping windows need no lock, and the same input gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.arrays import array_task, cube, inlined, local, matrix, number, share, volumes
from tinyconv.kernels.bending import bent, held

Array = NDArray[Any]


@array_task
def largest(worker: int, table: int) -> None:
    """largest(workers, x, line, steps, y, chosen): the largest of each window, into y, and the number of its tap, into chosen.

    What is looked at is the broken line (4, blocks, width) at x, see `bending`. The first of equals is chosen; NaN is largest.
    """
    x, line, steps = volumes(table, 0, number), cube(table, 1, number), matrix(table, 2, np.int64)
    y, chosen = volumes(table, 3, number), volumes(table, 4, np.uint8)
    axis_d, axis_h, axis_w = axis(steps, 0), axis(steps, 1), axis(steps, 2)
    best, best_tap = local(number), local(np.int32)
    first, last = share(worker, table, y.shape[0] * y.shape[1] * y.shape[2])
    for block in range(x.shape[4]):
        centre, scale, shift, slope = held(line, block, number)
        for unit in range(first, last):
            n, d, h = place(unit, y)
            at_d, first_d, last_d = seen(d, axis_d, x.shape[1])
            at_h, first_h, last_h = seen(h, axis_h, x.shape[2])
            for w in range(y.shape[3]):
                at_w, first_w, last_w = seen(w, axis_w, x.shape[3])
                for c in range(x.shape[5]):
                    best[c] = -np.inf
                    best_tap[c] = (first_d * axis_h[0] + first_h) * axis_w[0] + first_w  # stays where nothing is above -inf
                for a in range(first_d, last_d):
                    for b in range(first_h, last_h):
                        for e in range(first_w, last_w):
                            tap = np.int32((a * axis_h[0] + b) * axis_w[0] + e)
                            row = x[n, at_d + a * axis_d[2], at_h + b * axis_h[2], at_w + e * axis_w[2], block]
                            for c in range(x.shape[5]):
                                v = (row[c] - centre[c]) * scale[c] + shift[c]
                                v = bent(v, v, slope[c])
                                better = not (v <= best[c] or best[c] != best[c])
                                best[c] = v if better else best[c]
                                best_tap[c] = tap if better else best_tap[c]
                for c in range(x.shape[5]):
                    y[n, d, h, w, block, c] = best[c]
                    chosen[n, d, h, w, block, c] = best_tap[c]


@array_task
def collect(worker: int, table: int) -> None:
    """collect(workers, x, chosen, steps, y): the chosen tap of each window, or, if chosen is None, the sum of its taps."""
    x, chosen, steps = volumes(table, 0, number), volumes(table, 1, np.uint8), matrix(table, 2, np.int64)
    y = volumes(table, 3, number)
    axis_d, axis_h, axis_w = axis(steps, 0), axis(steps, 1), axis(steps, 2)
    total = local(number)
    first, last = share(worker, table, y.shape[0] * y.shape[1] * y.shape[2])
    for unit in range(first, last):
        n, d, h = place(unit, y)
        at_d, first_d, last_d = seen(d, axis_d, x.shape[1])
        at_h, first_h, last_h = seen(h, axis_h, x.shape[2])
        for w in range(y.shape[3]):
            at_w, first_w, last_w = seen(w, axis_w, x.shape[3])
            for block in range(x.shape[4]):
                for c in range(x.shape[5]):
                    total[c] = 0
                for a in range(first_d, last_d):
                    for b in range(first_h, last_h):
                        for e in range(first_w, last_w):
                            row = x[n, at_d + a * axis_d[2], at_h + b * axis_h[2], at_w + e * axis_w[2], block]
                            add_to(total, row, chosen, (n, d, h, w, block), (a * axis_h[0] + b) * axis_w[0] + e)
                for c in range(x.shape[5]):
                    y[n, d, h, w, block, c] = total[c]


@array_task
def send(worker: int, table: int) -> None:
    """send(workers, g, chosen, steps, x, plane, gx): what arrives at each window to the pixel it chose, or to all its pixels.

    From every pixel plane[1] + plane[2] * (x - plane[0]) is subtracted, unless there is no plane (3, blocks, width).
    """
    g, chosen, steps = volumes(table, 0, number), volumes(table, 1, np.uint8), matrix(table, 2, np.int64)
    x, plane, gx = volumes(table, 3, number), cube(table, 4, number), volumes(table, 5, number)
    axis_d, axis_h, axis_w = axis(steps, 0), axis(steps, 1), axis(steps, 2)
    centre, offset, tilt = local(number), local(number), local(number)
    first, last = share(worker, table, gx.shape[0] * gx.shape[1] * gx.shape[2])
    for block in range(gx.shape[4]):
        for c in range(plane.shape[2]):
            centre[c], offset[c], tilt[c] = plane[0, block, c], plane[1, block, c], plane[2, block, c]
        for unit in range(first, last):
            n, d, h = place(unit, gx)
            for w in range(gx.shape[3]):
                pixel = gx[n, d, h, w, block]
                if plane.size:
                    row = x[n, d, h, w, block]
                    for c in range(gx.shape[5]):
                        pixel[c] = -offset[c] - tilt[c] * (row[c] - centre[c])
                else:
                    for c in range(gx.shape[5]):
                        pixel[c] = 0
            for a in range(axis_d[0]):
                for b in range(axis_h[0]):
                    at_d, at_h = stand(d, a, axis_d, g.shape[1]), stand(h, b, axis_h, g.shape[2])
                    for w in range(g.shape[3] if at_d >= 0 and at_h >= 0 else 0):
                        at_w, first_w, last_w = seen(w, axis_w, gx.shape[3])
                        for e in range(first_w, last_w):
                            add_to(gx[n, d, h, at_w + e * axis_w[2], block], g[n, at_d, at_h, w, block], chosen,
                                   (n, at_d, at_h, w, block), (a * axis_h[0] + b) * axis_w[0] + e)


@inlined
def place(unit: int, array: Array) -> tuple[int, int, int]:
    """Sample, depth and height of a row of `array`."""
    depth, height = array.shape[1], array.shape[2]
    return unit // (depth * height), unit // height % depth, unit % height


@inlined
def axis(steps: Array, number_of_axis: int) -> tuple[int, int, int, int]:
    """Kernel size, stride, dilation and padding before along one axis, as numbers that compiled code need not look up again."""
    return steps[0, number_of_axis], steps[1, number_of_axis], steps[2, number_of_axis], steps[3, number_of_axis]


@inlined
def seen(window: int, along: tuple[int, int, int, int], size: int) -> tuple[int, int, int]:
    """What a window sees along one axis: where it starts, its first tap on the image, and the one after its last."""
    kernel_size, stride, step, before = along
    start = window * stride - before
    if start >= 0 and start + (kernel_size - 1) * step < size:
        return start, 0, kernel_size
    return start, max(0, -(start // step)), min(kernel_size, -((start - size) // step))


@inlined
def stand(pixel: int, tap: int, along: tuple[int, int, int, int], count: int) -> int:
    """The one of `count` windows along an axis whose tap sees the pixel, or -1."""
    _, stride, step, before = along
    start = pixel + before - tap * step
    return start // stride if start % stride == 0 and 0 <= start < count * stride else -1


@inlined
def add_to(total: Array, row: Array, chosen: Array, window: tuple[int, int, int, int, int], tap: int) -> None:
    """total += row, where the window chose this tap or had no choice."""
    if chosen.size == 0:
        for c in range(row.shape[0]):
            total[c] += row[c]
    else:
        taps = chosen[window]
        for c in range(row.shape[0]):
            total[c] += row[c] if taps[c] == tap else number(0)
