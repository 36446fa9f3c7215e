"""Convolution as one matrix product: gather every window into a row, multiply by the weights. NumPy alone.

The three contractions below are each other's adjoints:  <conv(x, w), g> = <x, input_adjoint(g, w)>
= <w, weight_adjoint(x, g)>. Windows are gathered a block at a time, so that the rows stay small.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.geometry import ConvGeometry, Shape

Array = NDArray[Any]
BLOCK_BYTES = 1 << 20  # rows gathered at a time: from 512 KB to 2 MB is fastest, they stay in the second-level cache


def conv(x: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """y[n, o, c] = sum over taps t and channels k of x[n, o * stride + t * dilation - padding, k] * w[t, k, c]."""
    y = np.empty(geometry.y_shape, x.dtype)
    w = _group(weight, geometry)  # (G, taps * C_in/G, C_out/G)
    for block, columns in _columns(x, geometry):
        y[block] = _ungroup(columns @ w, y[block].shape)
    return y


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to w: windows transposed, times what arrives."""
    w = np.zeros(geometry.weight_shape, x.dtype)
    total = _group(w, geometry)  # a view: what is added to it is added to w
    for block, columns in _columns(x, geometry):
        total += columns.swapaxes(1, 2) @ _group(g[block], geometry)
    return w


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to x: each tap sends g back to the pixels it saw."""
    padded = np.zeros((geometry.batch, *geometry.reach, geometry.in_channels), g.dtype)
    rows = _group(g, geometry)
    for offsets in itertools.product(*map(range, geometry.kernel_size)):
        seen = padded[(slice(None), *geometry.tap(offsets))]
        seen += _ungroup(rows @ _group(weight[offsets], geometry).swapaxes(1, 2), seen.shape)
    return np.ascontiguousarray(padded[(slice(None), *geometry.inside)])


def _columns(x: Array, geometry: ConvGeometry) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Yield (which samples and rows of y, their windows as (groups, windows, taps * channels))."""
    padded = x
    if geometry.reach != geometry.size:
        padded = np.zeros((geometry.batch, *geometry.reach, geometry.in_channels), x.dtype)
        padded[(slice(None), *geometry.inside)] = x
    sample, *pixel, channel = padded.strides
    per_group, taps = geometry.in_channels // geometry.groups, math.prod(geometry.kernel_size)
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (geometry.batch, *geometry.out, *geometry.kernel_size, geometry.groups, per_group),
        (sample, *(p * s for p, s in zip(pixel, geometry.stride, strict=True)),
         *(p * d for p, d in zip(pixel, geometry.dilation, strict=True)), per_group * channel, channel),
        writeable=False,
    )
    row_bytes = math.prod(geometry.out[1:]) * taps * geometry.in_channels * x.itemsize
    rows = min(max(BLOCK_BYTES // row_bytes, 1), geometry.out[0])
    samples = max(BLOCK_BYTES // (row_bytes * geometry.out[0]), 1)
    for n, r in itertools.product(range(0, geometry.batch, samples), range(0, geometry.out[0], rows)):
        block = slice(n, n + samples), slice(r, r + rows)
        yield block, np.moveaxis(windows[block], -2, 0).reshape(geometry.groups, -1, taps * per_group)


def _group(array: Array, geometry: ConvGeometry) -> Array:
    """(..., C_out) as (G, rows, C_out / G)."""
    rows = math.prod(array.shape[:-1])
    return array.reshape(rows, geometry.groups, geometry.out_channels // geometry.groups).swapaxes(0, 1)


def _ungroup(rows: Array, shape: Shape) -> Array:
    """(G, rows, C / G) as `shape` (..., C)."""
    return rows.swapaxes(0, 1).reshape(shape)
