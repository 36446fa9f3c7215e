"""Max pooling undone: which pixel each maximum comes from, and back to that pixel, the adjoint of gathering it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor
from tinyconv.errors import ShapeError
from tinyconv.kernels import pooling
from tinyconv.kernels.geometry import pool_windows, spatial_size
from tinyconv.ops.array import reshape, scatter
from tinyconv.ops.gather import whole_numbers
from tinyconv.ops.pool import at_pixels, of_rank


def max_pool_indices1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                       ceil_mode: bool = False) -> Array:
    """Which step each value of `max_pool1d` comes from, (N, L_out, C): see `max_pool_indices2d`."""
    return _max_pool_indices(1, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool_indices2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                       ceil_mode: bool = False) -> Array:
    """Which pixel each value of `max_pool2d` comes from: the "switches" that `max_unpool2d` needs.

    Parameters are those of `max_pool2d`.

    Returns
    -------
    int64 array, (N, H_out, W_out, C): row * W + column in the image, padding not counted. A choice, so no tensor.

    Raises
    ------
    ShapeError

    >>> max_pool_indices2d([[[[1.0], [7.0]], [[3.0], [5.0]]]], 2).tolist()
    [[[[1]]]]
    """
    return _max_pool_indices(2, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool_indices3d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                       ceil_mode: bool = False) -> Array:
    """Which voxel each value of `max_pool3d` comes from, (N, D_out, H_out, W_out, C): see `max_pool_indices2d`."""
    return _max_pool_indices(3, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_unpool1d(x: Any, indices: Any, output_size: Any) -> Tensor:
    """Put each value of a signal (N, L, C) back to the step it came from: see `max_unpool2d`."""
    return _max_unpool(1, x, indices, output_size)


def max_unpool2d(x: Any, indices: Any, output_size: Any) -> Tensor:
    """Put each value back to the pixel it came from; all other pixels are 0.

    Where windows overlapped, several values may come from one pixel: they add up. So unpooling is the adjoint of gathering,
    <max_unpool2d(x, indices), a> = <x, a at indices>, and the gradient of x is g at `indices`.

    Parameters
    ----------
    x : Tensor, (N, H, W, C)
    indices : integer array, shape of x
        row * W_out + column for each value, as `max_pool_indices2d` gives them.
    output_size : positive int, or one per axis
        Size of the image that was pooled.

    Returns
    -------
    Tensor, (N, *output_size, C)

    Raises
    ------
    ShapeError
        Indices that are no integers, of another shape, or outside the output.
    GradientError
        Indices that are a tensor.

    Source: Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", 2.1.
    """
    return _max_unpool(2, x, indices, output_size)


def max_unpool3d(x: Any, indices: Any, output_size: Any) -> Tensor:
    """Put each value of a volume (N, D, H, W, C) back to the voxel it came from: see `max_unpool2d`."""
    return _max_unpool(3, x, indices, output_size)


def _max_pool_indices(rank: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Array:
    x = as_tensor(x)
    windows = pool_windows(x.shape, kernel_size, stride, padding, dilation, ceil_mode, rank, "max_pool_indices")
    return pooling.positions(pooling.argmax(x.data, windows), windows)


def _max_unpool(rank: int, x: Any, indices: Any, output_size: Any) -> Tensor:
    name = f"max_unpool{rank}d"
    x = of_rank(name, rank, x)
    size = spatial_size(name, x.shape, output_size)
    count = math.prod(size)
    chosen = whole_numbers(name, f"indices into an output of {size}", indices, 0, count - 1)
    if chosen.shape != x.shape:
        raise ShapeError(f"{name}: indices have shape {chosen.shape}, expected that of x, {x.shape}.")
    rows = chosen.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])
    ordered = np.sort(rows, axis=1)
    flat = scatter(reshape(x, rows.shape), index=at_pixels(rows), shape=(x.shape[0], count, x.shape[-1]),
                   unique=bool((ordered[:, 1:] > ordered[:, :-1]).all()))
    return reshape(flat, (x.shape[0], *size, x.shape[-1]))
