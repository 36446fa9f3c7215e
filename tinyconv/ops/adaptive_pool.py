"""Adaptive pooling: as many windows as asked for, whatever the size of the image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.kernels import resampling
from tinyconv.kernels.geometry import spatial_size
from tinyconv.ops.array import getitem, reshape
from tinyconv.ops.pool import at_pixels, of_rank
from tinyconv.ops.resize import each_axis


def adaptive_avg_pool1d(x: Any, output_size: Any) -> Tensor:
    """Mean of `output_size` windows of a signal (N, L, C): see `adaptive_avg_pool2d`."""
    return _adaptive_avg_pool(1, x, output_size)


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Tensor:
    """Mean of as many windows as asked for, per channel, whatever the size of the image.

    Window i of the m on an axis of n pixels reaches from floor(i n / m) to ceil((i + 1) n / m), the end excluded: together
    they see every pixel, and neighbours share one where m does not divide n.

    Parameters
    ----------
    x : Tensor, (N, H, W, C)
    output_size : positive int, or one per axis; None keeps an axis

    Returns
    -------
    Tensor, (N, *output_size, C)

    Raises
    ------
    ShapeError

    Source: PyTorch's rule for the windows; He et al. 2014, "Spatial Pyramid Pooling".

    >>> adaptive_avg_pool1d([[[1.0], [2.0], [3.0], [4.0], [5.0]]], 2).data.ravel().tolist()
    [2.0, 4.0]
    """
    return _adaptive_avg_pool(2, x, output_size)


def adaptive_avg_pool3d(x: Any, output_size: Any) -> Tensor:
    """Mean of `output_size` windows of a volume (N, D, H, W, C): see `adaptive_avg_pool2d`."""
    return _adaptive_avg_pool(3, x, output_size)


def adaptive_max_pool1d(x: Any, output_size: Any) -> Tensor:
    """Largest value of `output_size` windows of a signal (N, L, C): see `adaptive_max_pool2d`."""
    return _adaptive_max_pool(1, x, output_size)


def adaptive_max_pool2d(x: Any, output_size: Any) -> Tensor:
    """Largest value of each of the windows of `adaptive_avg_pool2d`; the first of equal values gets the gradient."""
    return _adaptive_max_pool(2, x, output_size)


def adaptive_max_pool3d(x: Any, output_size: Any) -> Tensor:
    """Largest value of `output_size` windows of a volume (N, D, H, W, C): see `adaptive_max_pool2d`."""
    return _adaptive_max_pool(3, x, output_size)


def _adaptive_avg_pool(rank: int, x: Any, output_size: Any) -> Tensor:
    name = f"adaptive_avg_pool{rank}d"
    x = of_rank(name, rank, x)
    total = each_axis(name, x, output_size, resampling.adaptive_sum)
    bounds = [resampling.adaptive_bounds(n, m) for n, m in zip(x.shape[1:-1], total.shape[1:-1], strict=True)]
    count = np.asarray(math.prod(np.ix_(*(end - begin for begin, end in bounds))))
    return total / count[..., None]


def _adaptive_max_pool(rank: int, x: Any, output_size: Any) -> Tensor:
    name = f"adaptive_max_pool{rank}d"
    x = of_rank(name, rank, x)
    size = x.shape[1:-1]
    out = spatial_size(name, x.shape, output_size)
    grids = [resampling.adaptive_places(n, m) for n, m in zip(size, out, strict=True)]  # (m, longest window) for each axis
    pixels = np.arange(math.prod(size)).reshape(size)
    for axis, grid in enumerate(grids):
        pixels = pixels.take(grid, 2 * axis)
    windows = pixels.transpose(*range(0, 2 * rank, 2), *range(1, 2 * rank, 2)).reshape(math.prod(out), -1)  # (windows, taps)
    flat = reshape(x, (x.shape[0], math.prod(size), x.shape[-1]))
    best = flat.data[:, windows].argmax(axis=2)  # (N, windows, C)
    chosen = windows[np.arange(len(windows))[:, None], best]
    disjoint = all(n % m == 0 for n, m in zip(size, out, strict=True))
    return reshape(getitem(flat, index=at_pixels(chosen), unique=disjoint), (x.shape[0], *out, x.shape[-1]))
