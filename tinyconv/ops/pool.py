"""Pooling, its undoing and nearest upsampling in one, two and three dimensions.

Max pooling chooses a tap without gradient, then gathers it; average pooling is a window sum times a
constant; nearest upsampling is the adjoint of a window sum whose windows do not overlap; max unpooling
puts each value back to the pixel that was chosen, the adjoint of gathering it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, primitive
from tinyconv.errors import ShapeError
from tinyconv.kernels import pooling, resampling
from tinyconv.kernels.geometry import Windows, is_int, pool_windows, spatial_size
from tinyconv.ops.array import getitem, reshape, scatter
from tinyconv.ops.gather import whole_numbers
from tinyconv.ops.reduce import max as largest
from tinyconv.ops.reduce import mean
from tinyconv.ops.resize import each_axis


@primitive
def gather_windows(x: Array, *, chosen: Array, windows: Windows) -> Array:
    """The chosen tap of each window."""
    return pooling.gather(x, chosen, windows)


@primitive
def scatter_windows(y: Array, *, chosen: Array, windows: Windows) -> Array:
    """The adjoint of `gather_windows`."""
    return pooling.scatter(y, chosen, windows)


@primitive
def sum_windows(x: Array, *, windows: Windows) -> Array:
    """The sum of each window."""
    return pooling.window_sum(x, windows)


@primitive
def spread_windows(y: Array, *, windows: Windows) -> Array:
    """The adjoint of `sum_windows`."""
    return pooling.window_spread(y, windows)


gather_windows.vjp(lambda g, chosen, windows: scatter_windows(g, chosen=chosen, windows=windows))
scatter_windows.vjp(lambda g, chosen, windows: gather_windows(g, chosen=chosen, windows=windows))
sum_windows.vjp(lambda g, windows: spread_windows(g, windows=windows))
spread_windows.vjp(lambda g, windows: sum_windows(g, windows=windows))


def max_pool1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False) -> Tensor:
    """Largest value of each window of a signal (N, L, C): see `max_pool2d`."""
    return _max_pool(1, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False) -> Tensor:
    """Largest value of each window, per channel; the first of equal values gets the gradient.

    Parameters
    ----------
    x : Tensor, (N, H, W, C)
    kernel_size, stride, dilation : positive int, or one per axis; stride defaults to kernel_size
    padding : as in `conv2d`, but every window must see a pixel; padding never wins
    ceil_mode : bool
        Let a last window hang over the end, so that no pixel is left out.

    Returns
    -------
    Tensor, (N, H_out, W_out, C)

    Raises
    ------
    ShapeError
    """
    return _max_pool(2, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
               ceil_mode: bool = False) -> Tensor:
    """Largest value of each window of a volume (N, D, H, W, C): see `max_pool2d`."""
    return _max_pool(3, x, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Tensor:
    """Mean of each window of a signal (N, L, C): see `avg_pool2d`."""
    return _avg_pool(1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Tensor:
    """Mean of each window, per channel.

    Parameters are those of `max_pool2d`; with `count_include_pad` the zeros of the padding count as pixels, but
    what a `ceil_mode` window sees beyond the padding never does.
    """
    return _avg_pool(2, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool3d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
               count_include_pad: bool = True) -> Tensor:
    """Mean of each window of a volume (N, D, H, W, C): see `avg_pool2d`."""
    return _avg_pool(3, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def global_avg_pool(x: Any) -> Tensor:
    """Mean of all pixels, per channel: (N, *size, C) becomes (N, C).

    Source: Lin, Chen & Yan 2014, "Network In Network".
    """
    return mean(*_pixels("global_avg_pool", x))


def global_max_pool(x: Any) -> Tensor:
    """Largest of all pixels, per channel: (N, *size, C) becomes (N, C). The first of equal values gets the gradient."""
    return largest(*_pixels("global_max_pool", x))


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


def upsample_nearest(x: Any, scale: Any) -> Tensor:
    """Repeat each pixel `scale` times (an int, or one per axis) along each spatial axis of x (N, *size, C)."""
    x = as_tensor(x)
    rank = x.ndim - 2
    scales = (scale,) * rank if is_int(scale) else tuple(scale) if isinstance(scale, Sequence) else ()
    if rank not in (1, 2, 3) or len(scales) != rank or not all(is_int(s) and s >= 1 for s in scales):
        raise ShapeError(f"upsample_nearest: got x {x.shape} and scale {scale!r}, expected x (N, *size, C) and a "
                         "positive int, or one per spatial axis.")
    larger = (x.shape[0], *(n * s for n, s in zip(x.shape[1:-1], scales, strict=True)), x.shape[-1])
    return spread_windows(x, windows=pool_windows(larger, scales, rank=rank))


def _max_pool(rank: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Tensor:
    x = as_tensor(x)
    windows = pool_windows(x.shape, kernel_size, stride, padding, dilation, ceil_mode, rank, "max_pool")
    return gather_windows(x, chosen=pooling.argmax(x.data, windows), windows=windows)


def _avg_pool(rank: int, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, include: bool) -> Tensor:
    x = as_tensor(x)
    windows = pool_windows(x.shape, kernel_size, stride, padding, 1, ceil_mode, rank, "avg_pool")
    return sum_windows(x, windows=windows) * (1 / pooling.count(windows, include)).astype(x.dtype)


def _pixels(name: str, x: Any) -> tuple[Tensor, tuple[int, ...]]:
    """`x` and its spatial axes."""
    x = as_tensor(x)
    if x.ndim < 3 or min(x.shape[1:]) < 1:
        raise ShapeError(f"{name}: got x of shape {x.shape}, expected (N, *size, C) with at least one spatial axis, and every "
                         "size but the batch at least 1.")
    return x, tuple(range(1, x.ndim - 1))


def _adaptive_avg_pool(rank: int, x: Any, output_size: Any) -> Tensor:
    name = f"adaptive_avg_pool{rank}d"
    x = _of_rank(name, rank, x)
    total = each_axis(name, x, output_size, resampling.adaptive_sum)
    bounds = [resampling.adaptive_bounds(n, m) for n, m in zip(x.shape[1:-1], total.shape[1:-1], strict=True)]
    count = np.asarray(math.prod(np.ix_(*(end - begin for begin, end in bounds))))
    return total / count[..., None]


def _adaptive_max_pool(rank: int, x: Any, output_size: Any) -> Tensor:
    name = f"adaptive_max_pool{rank}d"
    x = _of_rank(name, rank, x)
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
    return reshape(getitem(flat, index=_at(chosen), unique=disjoint), (x.shape[0], *out, x.shape[-1]))


def _max_pool_indices(rank: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Array:
    x = as_tensor(x)
    windows = pool_windows(x.shape, kernel_size, stride, padding, dilation, ceil_mode, rank, "max_pool_indices")
    return pooling.positions(pooling.argmax(x.data, windows), windows)


def _max_unpool(rank: int, x: Any, indices: Any, output_size: Any) -> Tensor:
    name = f"max_unpool{rank}d"
    x = _of_rank(name, rank, x)
    size = spatial_size(name, x.shape, output_size)
    count = math.prod(size)
    chosen = whole_numbers(name, f"indices into an output of {size}", indices, 0, count - 1)
    if chosen.shape != x.shape:
        raise ShapeError(f"{name}: indices have shape {chosen.shape}, expected that of x, {x.shape}.")
    rows = chosen.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])
    ordered = np.sort(rows, axis=1)
    flat = scatter(reshape(x, rows.shape), index=_at(rows), shape=(x.shape[0], count, x.shape[-1]),
                   unique=bool((ordered[:, 1:] > ordered[:, :-1]).all()))
    return reshape(flat, (x.shape[0], *size, x.shape[-1]))


def _at(pixels: Array) -> tuple[Array, ...]:
    """The index of `pixels` (N, M, C) in an array (N, pixels, C)."""
    return np.arange(pixels.shape[0])[:, None, None], pixels, np.arange(pixels.shape[2])


def _of_rank(name: str, rank: int, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim != rank + 2 or min(x.shape[1:]) < 1:
        raise ShapeError(f"{name}: got x of shape {x.shape}, expected {rank + 2} axes (N, *size, C), and every size but the "
                         "batch at least 1.")
    return x
