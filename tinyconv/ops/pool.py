"""Pooling in one, two and three dimensions: one number for each window, or for the whole image.

Max pooling chooses a tap without gradient and gathers it, in one pass; average pooling is a window sum times a constant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, primitive
from tinyconv.errors import ShapeError
from tinyconv.kernels import pooling
from tinyconv.kernels.geometry import Windows, pool_windows
from tinyconv.ops.reduce import max as largest
from tinyconv.ops.reduce import mean


@primitive
def largest_in_windows(x: Array, *, chosen: Array, windows: Windows) -> Array:
    """The largest tap of each window; its number goes into `chosen`, an empty array made for it."""
    return pooling.largest(x, windows, chosen)


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


largest_in_windows.vjp(lambda g, chosen, windows: scatter_windows(g, chosen=chosen, windows=windows))
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


def _max_pool(rank: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Tensor:
    x = as_tensor(x)
    windows = pool_windows(x.shape, kernel_size, stride, padding, dilation, ceil_mode, rank, "max_pool")
    return largest_in_windows(x, chosen=pooling.empty_choice(x.data, windows), windows=windows)


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


def of_rank(name: str, rank: int, x: Any) -> Tensor:
    """`x` (N, *size, C) with `rank` spatial axes and at least one pixel, or a `ShapeError`."""
    x = as_tensor(x)
    if x.ndim != rank + 2 or min(x.shape[1:]) < 1:
        raise ShapeError(f"{name}: got x of shape {x.shape}, expected {rank + 2} axes (N, *size, C), and every size but the "
                         "batch at least 1.")
    return x


def at_pixels(pixels: Array) -> tuple[Array, ...]:
    """The index of `pixels` (N, M, C) in an array (N, pixels, C)."""
    return np.arange(pixels.shape[0])[:, None, None], pixels, np.arange(pixels.shape[2])
