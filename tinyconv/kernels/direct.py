"""Direct convolution, compiled by Numba: no window is gathered, rows of pixels are multiplied where they lie.

A signal is a volume of one slice and one row, an image a volume of one slice: one set of loops serves every
rank. Along one row of pixels each contraction is a small matrix product, and every element of the result is
summed by one thread in a fixed order, so the same input gives the same bits.

    conv            y row  +=  x row @ w[tap]          for every tap
    input adjoint   x row  +=  y row @ w[tap].T        for every tap
    weight adjoint  w[tap] +=  x row.T @ y row         for every row
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from tinyconv.kernels.compiled import jit
from tinyconv.kernels.geometry import ConvGeometry

Array = NDArray[Any]
Steps = tuple[int, ...]

SEGMENT_BYTES = 1 << 14  # a row is made in segments that stay in the first-level cache
CHANNEL_BLOCK = 8  # input channels of the weight that one thread sums at a time
SUM_PIXELS = 1024  # so many pixels are summed apart, then added to the total: a sum of small sums rounds less

_lock = threading.Lock()  # Numba's "workqueue" threads abort the process when two Python threads call them at once
_forked = False  # threads do not survive a fork, and GNU OpenMP ends a child that would use them again


def conv(x: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """y[n, o, c] = sum over taps t and channels k of x[n, o * stride + t * dilation - padding, k] * w[t, k, c]."""
    y = _split(np.zeros(geometry.y_shape, x.dtype), 1, geometry)
    x, w = _split(_repeated(x, geometry), 1, geometry), _split(weight, 0, geometry)
    _run(_conv, _conv_segment, _segments(y), x, w, y, _steps(geometry))
    return _joined(y, geometry).reshape(geometry.y_shape)


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to x: each tap sends g back to the pixels it saw."""
    copies = _copies(geometry)
    x = _split(np.zeros((*geometry.x_shape[:-1], geometry.in_channels * copies), g.dtype), 1, geometry)
    w = _split(weight, 0, geometry)
    if not _depthwise(geometry):
        w = np.ascontiguousarray(w.swapaxes(-1, -2))
    _run(_input_adjoint, _input_segment, _segments(x), _split(g, 1, geometry), w, x, _steps(geometry))
    total = _joined(x, geometry)
    return (total.reshape(*geometry.x_shape, copies).sum(axis=-1) if copies > 1 else total).reshape(geometry.x_shape)


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to w: what each tap saw, times what arrives."""
    w = _split(np.zeros(geometry.weight_shape, x.dtype), 0, geometry)
    blocks = math.prod(w.shape[:4]) * -(-w.shape[4] // CHANNEL_BLOCK)
    x, g = _split(_repeated(x, geometry), 1, geometry), _split(g, 1, geometry)
    _run(_weight_adjoint, _weight_block, blocks, x, g, w, _steps(geometry))
    return _joined(w, geometry).reshape(geometry.weight_shape)


# --- Layout: every array as (group, batch or depth of the kernel, ..., channels of the group) --------------


def _depthwise(geometry: ConvGeometry) -> bool:
    """Each group sees one channel: then channels stay side by side, and products are elementwise."""
    return geometry.groups == geometry.in_channels > 1


def _copies(geometry: ConvGeometry) -> int:
    """How many output channels each input channel of a depthwise convolution has; else 1."""
    return geometry.out_channels // geometry.groups if _depthwise(geometry) else 1


def _repeated(x: Array, geometry: ConvGeometry) -> Array:
    """A depthwise x with a channel for every output channel."""
    copies = _copies(geometry)
    return np.repeat(x, copies, axis=-1) if copies > 1 else x


def _split(array: Array, lead: int, geometry: ConvGeometry) -> Array:
    """(N, *size, C) or (*kernel, C_in/G, C_out) as (G, ..., C/G); ones after the first `lead` axes make it a volume."""
    groups = 1 if _depthwise(geometry) else geometry.groups
    ones = (1,) * (3 - len(geometry.size))
    volume = array.reshape(*array.shape[:lead], *ones, *array.shape[lead:-1], groups, array.shape[-1] // groups)
    return np.ascontiguousarray(np.moveaxis(volume, -2, 0))


def _joined(array: Array, geometry: ConvGeometry) -> Array:
    """The groups back in the last axis."""
    return np.ascontiguousarray(np.moveaxis(array, 0, -2))


def _steps(geometry: ConvGeometry) -> Steps:
    """Stride, dilation and padding before, each along depth, height and width: nine numbers."""
    missing = 3 - len(geometry.size)
    before = tuple(pair[0] for pair in geometry.padding)
    return (1,) * missing + geometry.stride + (1,) * missing + geometry.dilation + (0,) * missing + before


# --- Threads ----------------------------------------------------------------------------------------------


def _segments(array: Array) -> int:
    """Into how many segments the rows of `array` are cut: the units of work."""
    return math.prod(array.shape[:4]) * -(-array.shape[4] // _segment_length(array))


def _run(in_parallel: Callable[..., None], one: Callable[..., None], count: int, a: Array, b: Array, out: Array,
         steps: Steps) -> None:
    """Call `one(unit, ...)` for `count` units of work: on all threads, in a forked child on one."""
    a, b = _read_only(a), _read_only(b)
    if _forked:
        for unit in range(count):
            one(unit, a, b, out, steps)
    else:
        with _lock:
            in_parallel(count, a, b, out, steps)


def _read_only(array: Array) -> Array:
    """Numba compiles once more for each mixture of read-only and writable arrays: inputs are all read-only."""
    view = array.view()
    view.flags.writeable = False
    return view


def _after_fork() -> None:
    global _lock, _forked
    _lock, _forked = threading.Lock(), True


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork)


# Numba counts a prange in unsigned integers; mixed with signed ones they would become floats, hence np.int64.


@jit(parallel=True)
def _conv(count: int, x: Array, w: Array, y: Array, steps: Steps) -> None:
    for unit in prange(count):
        _conv_segment(np.int64(unit), x, w, y, steps)


@jit(parallel=True)
def _input_adjoint(count: int, y: Array, w: Array, x: Array, steps: Steps) -> None:
    for unit in prange(count):
        _input_segment(np.int64(unit), y, w, x, steps)


@jit(parallel=True)
def _weight_adjoint(count: int, x: Array, y: Array, w: Array, steps: Steps) -> None:
    for unit in prange(count):
        _weight_block(np.int64(unit), x, y, w, steps)


# --- The loops: what one thread does at a time --------------------------------------------------------------


@jit()
def _conv_segment(unit: int, x: Array, w: Array, y: Array, steps: Steps) -> None:
    """One segment of a row of y: the sum over taps of the pixels of x they see, times the weights."""
    stride_d, stride_h, stride_w, step_d, step_h, step_w, before_d, before_h, before_w = steps
    depth, height, width = x.shape[2:5]
    g, n, out_d, out_h, first, last = _segment(unit, y)
    for kd in range(w.shape[1]):
        d = out_d * stride_d + kd * step_d - before_d
        if d < 0 or d >= depth:
            continue
        for kh in range(w.shape[2]):
            h = out_h * stride_h + kh * step_h - before_h
            if h < 0 or h >= height:
                continue
            for kw in range(w.shape[3]):
                shift = kw * step_w - before_w
                low, high = _stands(0, width, shift, stride_w, first, last)
                _add_product(y[g, n, out_d, out_h], low, 1, x[g, n, d, h], low * stride_w + shift, stride_w,
                             high - low, w[g, kd, kh, kw])


@jit()
def _input_segment(unit: int, y: Array, w: Array, x: Array, steps: Steps) -> None:
    """One segment of a row of x: the sum over taps of the pixels of y that saw it, times the weights."""
    stride_d, stride_h, stride_w, step_d, step_h, step_w, before_d, before_h, before_w = steps
    out_depth, out_height, out_width = y.shape[2:5]
    g, n, d, h, first, last = _segment(unit, x)
    for kd in range(w.shape[1]):
        out_d, rest = divmod(d + before_d - kd * step_d, stride_d)
        if rest or out_d < 0 or out_d >= out_depth:
            continue
        for kh in range(w.shape[2]):
            out_h, rest = divmod(h + before_h - kh * step_h, stride_h)
            if rest or out_h < 0 or out_h >= out_height:
                continue
            for kw in range(w.shape[3]):
                shift = kw * step_w - before_w
                low, high = _stands(first, last, shift, stride_w, 0, out_width)
                _add_product(x[g, n, d, h], low * stride_w + shift, stride_w, y[g, n, out_d, out_h], low, 1,
                             high - low, w[g, kd, kh, kw])


@jit()
def _weight_block(unit: int, x: Array, y: Array, w: Array, steps: Steps) -> None:
    """A few input channels of one tap: the sum over all rows of what the tap saw, times what arrives."""
    stride_d, stride_h, stride_w, step_d, step_h, step_w, before_d, before_h, before_w = steps
    depth, height, width = x.shape[2:5]
    _, batch, out_depth, out_height, out_width, _ = y.shape
    blocks = -(-w.shape[4] // CHANNEL_BLOCK)
    tap, block = divmod(unit, blocks)
    tap, kw = divmod(tap, w.shape[3])
    tap, kh = divmod(tap, w.shape[2])
    g, kd = divmod(tap, w.shape[1])
    first = block * CHANNEL_BLOCK
    total = w[g, kd, kh, kw, first : first + CHANNEL_BLOCK]
    part, pixels = np.zeros_like(total), 0
    shift = kw * step_w - before_w
    low, high = _stands(0, width, shift, stride_w, 0, out_width)
    for n in range(batch):
        for out_d in range(out_depth):
            d = out_d * stride_d + kd * step_d - before_d
            if d < 0 or d >= depth:
                continue
            for out_h in range(out_height):
                h = out_h * stride_h + kh * step_h - before_h
                if h < 0 or h >= height:
                    continue
                for start in range(low, high, SUM_PIXELS):
                    count = min(SUM_PIXELS, high - start)
                    if w.shape[4] == x.shape[5]:
                        _add_outer(part, first, x[g, n, d, h], start * stride_w + shift, stride_w,
                                   y[g, n, out_d, out_h], start, count)
                    else:
                        _add_elementwise(part[0], x[g, n, d, h], start * stride_w + shift, stride_w,
                                         y[g, n, out_d, out_h], start, count)
                    pixels += count
                    if pixels >= SUM_PIXELS:
                        _flush(part, total)
                        pixels = 0
    _flush(part, total)


@jit()
def _segment(unit: int, array: Array) -> tuple[int, int, int, int, int, int]:
    """Where the unit lies in `array`: (group, sample, depth, height, first pixel, pixel after the last)."""
    length = _segment_length(array)
    unit, segment = divmod(unit, -(-array.shape[4] // length))
    unit, h = divmod(unit, array.shape[3])
    unit, d = divmod(unit, array.shape[2])
    g, n = divmod(unit, array.shape[1])
    return g, n, d, h, segment * length, min((segment + 1) * length, array.shape[4])


@jit()
def _segment_length(array: Array) -> int:
    return max(SEGMENT_BYTES // (array.shape[5] * array.itemsize), 16)


@jit()
def _stands(low: int, high: int, shift: int, stride: int, first: int, last: int) -> tuple[int, int]:
    """The stands o, first <= o < last, whose pixel o * stride + shift lies between `low` and `high`, as a range."""
    start = max(first, -((shift - low) // stride))
    return start, max(start, min(last, -((shift - high) // stride)))


@jit()
def _add_product(target: Array, t: int, t_step: int, source: Array, s: int, s_step: int, count: int, matrix: Array) -> None:
    """target[t + i * t_step] += source[s + i * s_step] @ matrix for every i < count; depthwise, times its one row.

    Four channels of the source at a time, so that the target is read and written once for four products.
    """
    channels = matrix.shape[0]
    if channels != source.shape[1]:
        for i in range(count):
            out, pixel = target[t + i * t_step], source[s + i * s_step]
            for c in range(out.size):
                out[c] += pixel[c] * matrix[0, c]
        return
    whole = channels - channels % 4
    for k in range(0, whole, 4):
        m0, m1, m2, m3 = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
        for i in range(0, count - 1, 2):
            out, pixel = target[t + i * t_step], source[s + i * s_step]
            out1, pixel1 = target[t + (i+1) * t_step], source[s + (i+1) * s_step]
            p0, p1, p2, p3 = pixel[k], pixel[k + 1], pixel[k + 2], pixel[k + 3]
            q0, q1, q2, q3 = pixel1[k], pixel1[k + 1], pixel1[k + 2], pixel1[k + 3]
            for c in range(out.size):
                out[c] += p0 * m0[c] + p1 * m1[c] + p2 * m2[c] + p3 * m3[c]
                out1[c] += q0 * m0[c] + q1 * m1[c] + q2 * m2[c] + q3 * m3[c]
        for i in range(count - count % 2, count):
            out, pixel = target[t + i * t_step], source[s + i * s_step]
            p0, p1, p2, p3 = pixel[k], pixel[k + 1], pixel[k + 2], pixel[k + 3]
            for c in range(out.size):
                out[c] += p0 * m0[c] + p1 * m1[c] + p2 * m2[c] + p3 * m3[c]
    for k in range(whole, channels):
        for i in range(count):
            out, p = target[t + i * t_step], source[s + i * s_step, k]
            for c in range(out.size):
                out[c] += p * matrix[k, c]


@jit()
def _add_outer(total: Array, first: int, source: Array, s: int, s_step: int, rows: Array, r: int, count: int) -> None:
    """total[k] += source[s + i * s_step, first + k] * rows[r + i] for every k and i < count, four rows at a time."""
    whole = count - count % 4
    for i in range(0, whole, 4):
        r0, r1, r2, r3 = rows[r + i], rows[r + i + 1], rows[r + i + 2], rows[r + i + 3]
        at = s + i * s_step
        for k in range(total.shape[0]):
            out = total[k]
            p0, p1 = source[at, first + k], source[at + s_step, first + k]
            p2, p3 = source[at + 2 * s_step, first + k], source[at + 3 * s_step, first + k]
            for c in range(out.size):
                out[c] += p0 * r0[c] + p1 * r1[c] + p2 * r2[c] + p3 * r3[c]
    for i in range(whole, count):
        row = rows[r + i]
        for k in range(total.shape[0]):
            out, p = total[k], source[s + i * s_step, first + k]
            for c in range(out.size):
                out[c] += p * row[c]


@jit()
def _flush(part: Array, total: Array) -> None:
    """total += part, and part starts again from zero."""
    for k in range(total.shape[0]):
        for c in range(total.shape[1]):
            total[k, c] += part[k, c]
            part[k, c] = 0


@jit()
def _add_elementwise(total: Array, source: Array, s: int, s_step: int, rows: Array, r: int, count: int) -> None:
    """total += source[s + i * s_step] * rows[r + i] for every i < count: the weight adjoint of a depthwise convolution."""
    for i in range(count):
        pixel, row = source[s + i * s_step], rows[r + i]
        for c in range(total.size):
            total[c] += pixel[c] * row[c]
