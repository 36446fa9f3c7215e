"""Depthwise convolution: channels do not mix, so vectors of channels pass through the taps, and memory sets the pace.

Nothing is copied or padded: tables say which taps of a window see the image (`stands`). Two tasks share the work.

**Taps, one after the other**, serve every kernel, stride and dilation. Four pixels in a row are made together, so that a weight
is loaded once for four products; of a pixel that stands alone, four vectors of channels.

**The sliding window** serves 3x3 kernels, which are nearly all there are. Along a row of pixels nine vectors of the image and
nine of the weight stay in registers, and a step to the right loads a column of three. Forward, each stand gives an output;
backward to the weight the same nine registers are the sums.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import simd, threads, workspace
from tinyconv.kernels.geometry import ConvGeometry
from tinyconv.kernels.memory import peek
from tinyconv.kernels.stands import slide, stands, views
from tinyconv.kernels.vectors import (
    RELU,
    SLOPES,
    STRAIGHT,
    VectorTask,
    add_up,
    expect,
    integers,
    lanes,
    load,
    loads,
    numbers,
    plus,
    stores,
    times_plus,
    zeros,
)

Array = NDArray[Any]

PAST_CACHES = 1 << 24  # bytes: so large a result has left the caches before anybody reads it, and is written past them
SUM_PIXELS = 64  # about so many products are summed in a register, then added to a total in float64


def conv(x: Array, weight: Array, geometry: ConvGeometry, bias: Array | None = None,
         activation: str | Array | None = None) -> Array:
    """y[n, o, c] = bias[c] + sum over taps t of x[n, o * stride + t * dilation - padding, c // copies] * w[t, 0, c].

    Parameters
    ----------
    geometry : one with as many groups as input channels, each of which has `copies` output channels
    bias : (C_out,), optional
    activation : None, "relu": values below 0 become 0, or an array (C_out,): they are multiplied by it
    """
    x, wide = _repeated(x, geometry), _one_each(geometry)
    y = workspace.empty(wide.y_shape, x.dtype)
    _carry(x, weight, y, wide, False, bias, activation)
    return y


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to x: each tap sends g back to the pixels it saw."""
    wide = _one_each(geometry)
    x = workspace.empty(wide.x_shape, g.dtype)
    _carry(g, weight, x, wide, True)
    copies = wide.in_channels // geometry.in_channels
    return x if copies == 1 else x.reshape(*geometry.x_shape, copies).sum(axis=-1)


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to w: what each tap saw, times what arrives."""
    x, wide, workers = _repeated(x, geometry), _one_each(geometry), threads.count()
    channels, taps, dtype, window = wide.in_channels, math.prod(wide.kernel_size), x.dtype, slide(wide, False)
    width = _lanes(channels, dtype)
    totals = np.zeros((workers, -(-channels // width), taps, width))  # of each worker, for each vector of channels
    if window is not None:
        begin, rows = _nothing(channels, dtype), max(SUM_PIXELS // window.width, 1)
        arrays = x.ctypes.data, 0, begin.ctypes.data, g.ctypes.data, totals.ctypes.data
        _slide.of(dtype, width)(workers, workers, *arrays, wide.batch, rows, 0, 0, *window.integers)
    else:
        seen = views(wide)
        _weigh.of(dtype, width)(workers, workers, x.ctypes.data, g.ctypes.data, totals.ctypes.data, wide.batch,
                                *seen.integers)
    sums = totals.sum(axis=0).swapaxes(0, 1)  # (taps, vectors, width)
    weight, whole = np.empty((taps, channels), dtype), channels // width
    weight[:, : whole * width] = sums[:, :whole].reshape(taps, whole * width)
    weight[:, channels - width :] = sums[:, -1]  # a last vector that is not full began earlier
    return weight.reshape(wide.weight_shape)


def _one_each(geometry: ConvGeometry) -> ConvGeometry:
    """The same with one output channel for each input channel: those that had several are repeated."""
    channels = geometry.out_channels
    return geometry if channels == geometry.in_channels else replace(geometry, in_channels=channels, groups=channels)


def _repeated(x: Array, geometry: ConvGeometry) -> Array:
    copies = geometry.out_channels // geometry.in_channels
    return x if copies == 1 else np.repeat(x, copies, axis=-1)


def _lanes(channels: int, dtype: Any) -> int:
    """As many numbers as a vector holds; four or one where there are fewer channels than that."""
    most = simd.lanes(dtype)
    return next(count for count in (most, 4, 1) if count <= min(channels, most))


@functools.lru_cache(maxsize=64)
def _nothing(channels: int, dtype: Any) -> Array:
    """What sums begin with, a pixel of padding, and slopes: all zeros."""
    return np.zeros(3 * channels, dtype)


def _carry(source: Array, weight: Array, target: Array, geometry: ConvGeometry, adjoint: bool, bias: Array | None = None,
           activation: str | Array | None = None) -> None:
    """Fill the target: y from x, or backward x from y."""
    channels, dtype, workers, window = geometry.in_channels, source.dtype, threads.count(), slide(geometry, adjoint)
    width, begin, place, bend = _lanes(channels, dtype), _nothing(channels, dtype), target.ctypes.data, STRAIGHT
    if bias is not None or activation is not None:
        bend, begin = SLOPES if isinstance(activation, np.ndarray) else RELU if activation else STRAIGHT, begin.copy()
        begin[:channels] = 0 if bias is None else bias
        begin[2 * channels :] = activation if bend == SLOPES else 0
    if window is not None and adjoint:
        weight = np.ascontiguousarray(weight[::-1, ::-1])
    past = target.nbytes >= PAST_CACHES and width == simd.lanes(dtype) and channels % width == 0 and place % simd.BYTES == 0
    arrays = source.ctypes.data, weight.ctypes.data, begin.ctypes.data, place
    if window is not None:
        _slide.of(dtype, width)(workers, workers, *arrays, 0, geometry.batch, 1, bend, past, *window.integers)
    else:
        places = stands(geometry, adjoint)
        _add_taps.of(dtype, width)(workers, workers, *arrays, geometry.batch, bend, past, *places.integers)


# --- Compiled: one worker's share; distances are in numbers -------------------------------------------------


@VectorTask
def _add_taps(worker: int, table: Any) -> None:
    """target pixel = start + sum over its list of taps of source pixels times weights."""
    (workers,), (x, w, start, y), width = integers(table, 0, 1), numbers(table, 1, 4), lanes(table)
    batch, bend, past, rows, row_table, tiles, tile_table = integers(table, 5, 7)
    lists, kinds, taps, source, target, channels, source_step, target_step = integers(table, 12, 8)
    for unit in range(batch * rows * worker // workers, batch * rows * (worker + 1) // workers):
        n, row = unit // rows, unit % rows * 3
        for tile in range(0, 4 * tiles, 4):
            first = n * source + peek(row_table, row) + peek(tile_table, tile)
            place = n * target + peek(row_table, row + 1) + peek(tile_table, tile + 1)
            listed = peek(lists, peek(row_table, row + 2) * kinds + peek(tile_table, tile + 2))
            alone = peek(tile_table, tile + 3) == 1
            many = 4 * width if alone and channels >= 4 * width else width  # of a pixel alone, four vectors of channels together
            for vector in range(0, channels, many):
                k = min(vector, channels - many)  # what is last and not full begins earlier
                tap, weight, at = listed, peek(taps, listed), first + k
                a = b = c = d = load(start, k)
                slope = load(start, 2 * channels + k)
                if not alone:
                    while weight >= 0:
                        v, (x0, x1, x2, x3) = load(w, weight + k), loads(x, at + peek(taps, tap + 1), source_step, 4)
                        a, b, c, d = times_plus(x0, v, a), times_plus(x1, v, b), times_plus(x2, v, c), times_plus(x3, v, d)
                        tap += 2
                        weight = peek(taps, tap)
                    stores(y, place + k, target_step, (a, b, c, d), (slope, slope, slope, slope), bend, past)
                elif many > width:
                    a, b, c, d = loads(start, k, width, 4)
                    while weight >= 0:
                        x0, x1, x2, x3 = loads(x, at + peek(taps, tap + 1), width, 4)
                        w0, w1, w2, w3 = loads(w, weight + k, width, 4)
                        a, b, c, d = times_plus(x0, w0, a), times_plus(x1, w1, b), times_plus(x2, w2, c), times_plus(x3, w3, d)
                        tap += 2
                        weight = peek(taps, tap)
                    stores(y, place + k, width, (a, b, c, d), loads(start, 2 * channels + k, width, 4), bend, past)
                else:
                    while weight >= 0:
                        a = times_plus(load(x, at + peek(taps, tap + 1)), load(w, weight + k), a)
                        tap += 2
                        weight = peek(taps, tap)
                    stores(y, place + k, 0, (a,), (slope,), bend, past)


@VectorTask
def _slide(worker: int, table: Any) -> None:
    """Slide a 3x3 window along rows of x, `block` rows at a time: make y, or, given an address for totals, read y and add up.

    Rows of the window are a, b and c, its columns 0, 1 and 2; w is the weight, or the sums.
    """
    (workers,), (x, weight, start, y) = integers(table, 0, 1), numbers(table, 1, 4)
    totals, batch, block, bend, past, rows, row_table = integers(table, 5, 7)
    width, source_width, source, target, channels, stride, before, descent = integers(table, 12, 8)
    step, none, blocks, columns = lanes(table), zeros(table), -(-rows // block), (width - 1) * stride + 3
    for unit in range(batch * blocks * worker // workers, batch * blocks * (worker + 1) // workers):
        n, top = unit // blocks, unit % blocks * block
        for vector in range(0, channels, step):
            k = min(vector, channels - step)  # a last vector that is not full begins earlier
            w0 = w1 = w2 = w3 = w4 = w5 = w6 = w7 = w8 = begin = slope = none
            if totals == 0:
                w0, w1, w2, w3, w4, w5, w6, w7, w8 = loads(weight, k, channels, 9)
                begin, slope = load(start, k), load(start, 2 * channels + k)
            for row in range(top, min(top + block, rows)):
                up, on, down = peek(row_table, 3 * row), peek(row_table, 3 * row + 1), peek(row_table, 3 * row + 2)
                a, at_a, step_a = (x, n * source + up, channels) if up >= 0 else (start, channels, 0)  # all one pixel of padding
                b, at_b, step_b = (x, n * source + on, channels) if on >= 0 else (start, channels, 0)
                c, at_c, step_c = (x, n * source + down, channels) if down >= 0 else (start, channels, 0)
                at_a, at_b, at_c = at_a + k - before * step_a, at_b + k - before * step_b, at_c + k - before * step_c
                ahead = n * source + max(down, 0) + block * descent + vector * columns
                later = n * target + (row + block) * width * channels + vector * width
                a0 = a1 = a2 = b0 = b1 = b2 = c0 = c1 = c2 = none
                place, due = n * target + row * width * channels + k, 2 - before
                for column in range(-before, columns - before):
                    a0, b0, c0, a1, b1, c1 = a1, b1, c1, a2, b2, c2
                    if 0 <= column < source_width:
                        a2, b2, c2 = load(a, at_a), load(b, at_b), load(c, at_c)
                    else:
                        a2 = b2 = c2 = none
                    at_a, at_b, at_c = at_a + step_a, at_b + step_b, at_c + step_c
                    expect(x, ahead)
                    if stride > 1:
                        expect(x, ahead - descent // 2)
                    ahead += step
                    if column == due:
                        if totals == 0:
                            p = times_plus(a2, w2, times_plus(a1, w1, times_plus(a0, w0, begin)))
                            q = times_plus(b2, w5, times_plus(b1, w4, times_plus(b0, w3, none)))
                            r = times_plus(c2, w8, times_plus(c1, w7, times_plus(c0, w6, none)))
                            stores(y, place, 0, (plus(plus(p, q), r),), (slope,), bend, past)
                        else:
                            g = load(y, place)
                            expect(y, later)
                            later += step
                            w0, w1, w2 = times_plus(a0, g, w0), times_plus(a1, g, w1), times_plus(a2, g, w2)
                            w3, w4, w5 = times_plus(b0, g, w3), times_plus(b1, g, w4), times_plus(b2, g, w5)
                            w6, w7, w8 = times_plus(c0, g, w6), times_plus(c1, g, w7), times_plus(c2, g, w8)
                        place += channels
                        due += stride
            if totals != 0:
                at = (worker * (-(-channels // step)) + vector // step) * 9 * step
                add_up(totals, at, (w0, w1, w2, w3, w4, w5, w6, w7, w8))


@VectorTask
def _weigh(worker: int, table: Any) -> None:
    """totals of taps += sum over the pixels of y whose window sees the image through the tap, of what it sees times g."""
    (workers,), (x, g), width, none = integers(table, 0, 1), numbers(table, 1, 2), lanes(table), zeros(table)
    totals, batch, rows, row_table, lines, columns, column_table = integers(table, 3, 7)
    source, row_length, channels, step, taps = integers(table, 10, 5)
    for unit in range(batch * rows * worker // workers, batch * rows * (worker + 1) // workers):
        line = peek(row_table, unit % rows)
        tap = peek(lines, line)
        while tap >= 0:
            seen, arriving = unit // rows * source + peek(lines, line + 1), unit * row_length
            for column in range(columns):
                first, last = peek(column_table, 3 * column), peek(column_table, 3 * column + 1)
                for vector in range(0, channels, width):
                    k = min(vector, channels - width)
                    at, place = seen + k + peek(column_table, 3 * column + 2), arriving + k + first * channels
                    for begin in range(first, last, SUM_PIXELS):
                        a = b = none
                        for _ in range(begin, min(begin + SUM_PIXELS, last) - 1, 2):
                            a = times_plus(load(x, at), load(g, place), a)
                            b = times_plus(load(x, at + step), load(g, place + channels), b)
                            at, place = at + 2 * step, place + 2 * channels
                        if (min(begin + SUM_PIXELS, last) - begin) % 2:
                            a = times_plus(load(x, at), load(g, place), a)
                            at, place = at + step, place + channels
                        total = ((worker * (-(-channels // width)) + vector // width) * taps + tap + column) * width
                        add_up(totals, total, (plus(a, b),))
            line += 2
            tap = peek(lines, line)
