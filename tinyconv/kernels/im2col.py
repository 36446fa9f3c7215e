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

from tinyconv.kernels.geometry import ConvGeometry

Array = NDArray[Any]
BLOCK_BYTES = 1 << 22  # rows gathered at a time: they should stay in the cache


def conv(x: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """y[n, o, c] = sum over taps t and channels k of x[n, o * stride + t * dilation - padding, k] * w[t, k, c]."""
    y = np.empty(geometry.y_shape, x.dtype)
    w = _grouped_weight(weight, geometry)  # (G, taps * C_in/G, C_out/G)
    for block, columns in _columns(x, geometry):
        y[block] = _ungroup(columns @ w).reshape(y[block].shape)
    return y


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to w: windows transposed, times what arrives."""
    total = np.zeros((geometry.groups, math.prod(geometry.weight_shape[:-1]), geometry.out_channels // geometry.groups), x.dtype)
    for block, columns in _columns(x, geometry):
        total += columns.transpose(0, 2, 1) @ _group(g[block].reshape(-1, geometry.out_channels), geometry.groups)
    return np.ascontiguousarray(total.transpose(1, 0, 2)).reshape(geometry.weight_shape)


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to x: each tap sends g back to the pixels it saw."""
    padded = np.zeros((geometry.batch, *geometry.reach, geometry.in_channels), g.dtype)
    rows = _group(g.reshape(-1, geometry.out_channels), geometry.groups)
    per_tap = _grouped_weight(weight, geometry).reshape(geometry.groups, -1, geometry.in_channels // geometry.groups, rows.shape[-1])
    for t, offsets in enumerate(itertools.product(*map(range, geometry.kernel_size))):
        share = _ungroup(rows @ per_tap[:, t].transpose(0, 2, 1))
        padded[(slice(None), *geometry.tap(offsets))] += share.reshape(geometry.batch, *geometry.out, geometry.in_channels)
    return np.ascontiguousarray(padded[(slice(None), *geometry.inside)])


def _columns(x: Array, geometry: ConvGeometry) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Yield (which samples and rows of y, their windows as (groups, windows, taps * channels))."""
    padded = x
    if geometry.reach != geometry.size:
        padded = np.zeros((geometry.batch, *geometry.reach, geometry.in_channels), x.dtype)
        padded[(slice(None), *geometry.inside)] = x
    sample, *pixel, channel = padded.strides
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (geometry.batch, *geometry.out, *geometry.kernel_size, geometry.groups, geometry.in_channels // geometry.groups),
        (sample, *(p * s for p, s in zip(pixel, geometry.stride, strict=True)),
         *(p * d for p, d in zip(pixel, geometry.dilation, strict=True)),
         geometry.in_channels // geometry.groups * channel, channel),
        writeable=False,
    )
    row_bytes = math.prod(geometry.out[1:]) * math.prod(geometry.kernel_size) * geometry.in_channels * x.itemsize
    rows = min(max(BLOCK_BYTES // row_bytes, 1), geometry.out[0])
    samples = max(BLOCK_BYTES // (row_bytes * rows), 1) if rows == geometry.out[0] else 1
    for n, r in itertools.product(range(0, geometry.batch, samples), range(0, geometry.out[0], rows)):
        block = slice(n, n + samples), slice(r, r + rows)
        taps = math.prod(geometry.kernel_size) * geometry.in_channels // geometry.groups
        yield block, np.moveaxis(windows[block], -2, 0).reshape(geometry.groups, -1, taps)


def _group(rows: Array, groups: int) -> Array:
    """(R, C) as (G, R, C/G)."""
    return rows.reshape(len(rows), groups, -1).transpose(1, 0, 2)


def _ungroup(rows: Array) -> Array:
    """(G, R, C/G) as (R, C)."""
    return rows.transpose(1, 0, 2).reshape(rows.shape[1], -1)


def _grouped_weight(weight: Array, geometry: ConvGeometry) -> Array:
    """(*kernel, C_in/G, C_out) as (G, taps * C_in/G, C_out/G)."""
    return _group(weight.reshape(-1, geometry.out_channels), geometry.groups)
