"""Pooling and nearest upsampling in one, two and three dimensions.

Max pooling chooses a tap without gradient, then gathers it; average pooling is a window sum times a
constant; nearest upsampling is the adjoint of a window sum whose windows do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyconv.engine import Array, Tensor, as_tensor, primitive
from tinyconv.errors import ShapeError
from tinyconv.kernels import pooling
from tinyconv.kernels.geometry import Windows, is_int, pool_windows


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
