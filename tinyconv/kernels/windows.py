"""Pooling windows, compiled by Numba: choose the largest tap, add taps up, and send back to them what arrives.

A signal is a volume of one slice and one row, an image a volume of one slice: arrays are (N, D, H, W, C) for every rank.
Taps are numbered row by row, in one byte. The innermost loop runs along the channels, side by side in memory, and is compiled to
vectors. `steps` (4, 3) are kernel size, stride, dilation and padding before, each along depth, height and width.

Forward, a worker makes whole rows of windows. Backward, it makes whole rows of pixels, each from all the rows of windows that
see it, in order: overlapping windows need no lock, and the same input gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.arrays import array_task, inlined, matrix, number, share, volumes
from tinyconv.kernels.bending import bent

Array = NDArray[Any]


@array_task
def largest(worker: int, table: int) -> None:
    """largest(workers, x, line, steps, y, chosen): the largest of each window, into y, and the number of its tap, into chosen.

    What is looked at is the broken line (4, C) at x, see `bending`. The first of equals is chosen; NaN is largest.
    """
    x, line, steps = volumes(table, 0, number), matrix(table, 1, number), matrix(table, 2, np.int64)
    y, chosen = volumes(table, 3, number), volumes(table, 4, np.uint8)
    centre, scale, shift, slope = line[0], line[1], line[2], line[3]
    axis_d, axis_h, axis_w = axis(steps, 0), axis(steps, 1), axis(steps, 2)
    first, last = share(worker, table, y.shape[0] * y.shape[1] * y.shape[2])
    for unit in range(first, last):
        n, d, h = place(unit, y)
        at_d, first_d, last_d = seen(d, axis_d, x.shape[1])
        at_h, first_h, last_h = seen(h, axis_h, x.shape[2])
        for w in range(y.shape[3]):
            at_w, first_w, last_w = seen(w, axis_w, x.shape[3])
            best, chosen_tap = y[n, d, h, w], chosen[n, d, h, w]
            for c in range(x.shape[4]):
                best[c] = -np.inf
                chosen_tap[c] = (first_d * axis_h[0] + first_h) * axis_w[0] + first_w  # stays where nothing is above -inf
            for a in range(first_d, last_d):
                for b in range(first_h, last_h):
                    for e in range(first_w, last_w):
                        tap = (a * axis_h[0] + b) * axis_w[0] + e
                        row = x[n, at_d + a * axis_d[2], at_h + b * axis_h[2], at_w + e * axis_w[2]]
                        for c in range(x.shape[4]):
                            v = (row[c] - centre[c]) * scale[c] + shift[c]
                            v = bent(v, v, slope[c])
                            better = not (v <= best[c] or best[c] != best[c])
                            best[c] = v if better else best[c]
                            chosen_tap[c] = tap if better else chosen_tap[c]


@array_task
def collect(worker: int, table: int) -> None:
    """collect(workers, x, chosen, steps, y): the chosen tap of each window, or, if chosen is None, the sum of its taps."""
    x, chosen, steps = volumes(table, 0, number), volumes(table, 1, np.uint8), matrix(table, 2, np.int64)
    y = volumes(table, 3, number)
    axis_d, axis_h, axis_w = axis(steps, 0), axis(steps, 1), axis(steps, 2)
    first, last = share(worker, table, y.shape[0] * y.shape[1] * y.shape[2])
    for unit in range(first, last):
        n, d, h = place(unit, y)
        at_d, first_d, last_d = seen(d, axis_d, x.shape[1])
        at_h, first_h, last_h = seen(h, axis_h, x.shape[2])
        for w in range(y.shape[3]):
            at_w, first_w, last_w = seen(w, axis_w, x.shape[3])
            total = y[n, d, h, w]
            for c in range(x.shape[4]):
                total[c] = 0
            for a in range(first_d, last_d):
                for b in range(first_h, last_h):
                    for e in range(first_w, last_w):
                        row = x[n, at_d + a * axis_d[2], at_h + b * axis_h[2], at_w + e * axis_w[2]]
                        add_to(total, row, chosen, (n, d, h, w), (a * axis_h[0] + b) * axis_w[0] + e)


@array_task
def send(worker: int, table: int) -> None:
    """send(workers, g, chosen, steps, x, plane, gx): what arrives at each window to the pixel it chose, or to all its pixels.

    From every pixel plane[1] + plane[2] * (x - plane[0]) is subtracted, unless there is no plane (3, C).
    """
    g, chosen, steps = volumes(table, 0, number), volumes(table, 1, np.uint8), matrix(table, 2, np.int64)
    x, plane, gx = volumes(table, 3, number), matrix(table, 4, number), volumes(table, 5, number)
    axis_d, axis_h, axis_w = axis(steps, 0), axis(steps, 1), axis(steps, 2)
    first, last = share(worker, table, gx.shape[0] * gx.shape[1] * gx.shape[2])
    for unit in range(first, last):
        n, d, h = place(unit, gx)
        begin(x, plane, (n, d, h), gx[n, d, h])
        for a in range(axis_d[0]):
            for b in range(axis_h[0]):
                at_d, at_h = stand(d, a, axis_d, g.shape[1]), stand(h, b, axis_h, g.shape[2])
                for w in range(g.shape[3] if at_d >= 0 and at_h >= 0 else 0):
                    at_w, first_w, last_w = seen(w, axis_w, gx.shape[3])
                    for e in range(first_w, last_w):
                        pixel = gx[n, d, h, at_w + e * axis_w[2]]
                        add_to(pixel, g[n, at_d, at_h, w], chosen, (n, at_d, at_h, w), (a * axis_h[0] + b) * axis_w[0] + e)


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
def add_to(total: Array, row: Array, chosen: Array, window: tuple[int, int, int, int], tap: int) -> None:
    """total += row, where the window chose this tap or had no choice."""
    if chosen.size == 0:
        for c in range(total.shape[0]):
            total[c] += row[c]
    else:
        chosen_tap = chosen[window]
        for c in range(total.shape[0]):
            total[c] += row[c] if chosen_tap[c] == tap else number(0)


@inlined
def begin(x: Array, plane: Array, row: tuple[int, int, int], gx: Array) -> None:
    """A row of pixels before anything arrives."""
    if plane.size == 0:
        for w in range(gx.shape[0]):
            for c in range(gx.shape[1]):
                gx[w, c] = 0
    else:
        centre, offset, tilt = plane[0], plane[1], plane[2]
        for w in range(gx.shape[0]):
            pixel = x[row][w]
            for c in range(gx.shape[1]):
                gx[w, c] = -offset[c] - tilt[c] * (pixel[c] - centre[c])
