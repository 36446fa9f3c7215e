"""Resizing images, signals and volumes: bilinear and nearest, one axis after the other; whole factors in one step.

Nearest upsampling by whole factors is the adjoint of a window sum whose windows do not overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyconv.engine import Array, Tensor, as_tensor, primitive
from tinyconv.errors import ShapeError
from tinyconv.kernels import resampling
from tinyconv.kernels.geometry import per_axis, pool_windows, spatial_size
from tinyconv.kernels.resampling import Taps
from tinyconv.ops.pool import spread_windows


@primitive
def resample(x: Array, *, taps: Taps, axis: int) -> Array:
    """Weighted sums of elements along one axis."""
    return resampling.resample(x, taps, axis)


resample.vjp(lambda g, taps, axis: resample(g, taps=taps.transposed, axis=axis))


def resize_bilinear(x: Any, size: Any, align_corners: bool = False) -> Tensor:
    """Each pixel of the new size between its neighbours in `x`: linear, bilinear or trilinear, after the number of axes.

    Output i of an axis stands at (i + 1/2) n / m - 1/2 between the n pixels of x, where m is the new size: the edges of
    both images coincide. Nothing is smoothed before an image is made much smaller.

    Parameters
    ----------
    x : Tensor, (N, *size, C) with one, two or three spatial axes
    size : positive int, or one per spatial axis; None keeps an axis
    align_corners : bool
        Output i stands at i (n - 1) / (m - 1): the centres of the corner pixels coincide.

    Returns
    -------
    Tensor, (N, *new size, C)

    Raises
    ------
    ShapeError

    Source: the half-pixel rule of Pillow, PyTorch and ONNX, without anti-aliasing.

    >>> resize_bilinear([[[0.0], [4.0]]], 4).data.ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    >>> resize_bilinear([[[0.0], [3.0]]], 4, align_corners=True).data.ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    return each_axis("resize_bilinear", x, size, lambda n, m: resampling.linear(n, m, bool(align_corners)))


def resize_nearest(x: Any, size: Any) -> Tensor:
    """Each pixel of the new size is a copy: output i of an axis is pixel floor(i n / m) of the n of x, m the new size.

    Parameters
    ----------
    x : Tensor, (N, *size, C) with one, two or three spatial axes
    size : positive int, or one per spatial axis; None keeps an axis

    Returns
    -------
    Tensor, (N, *new size, C)

    Raises
    ------
    ShapeError

    >>> resize_nearest([[[1.0], [2.0], [3.0]]], 5).data.ravel().tolist()
    [1.0, 1.0, 2.0, 2.0, 3.0]
    """
    return each_axis("resize_nearest", x, size, resampling.nearest)


def upsample_nearest(x: Any, scale: Any) -> Tensor:
    """Repeat each pixel `scale` times (an int, or one per axis) along each spatial axis of x (N, *size, C)."""
    x = as_tensor(x)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ShapeError(f"upsample_nearest: got x of shape {x.shape}, expected (N, *size, C), one to three spatial axes.")
    scales = per_axis("upsample_nearest", "scale", scale, rank)
    larger = (x.shape[0], *(n * s for n, s in zip(x.shape[1:-1], scales, strict=True)), x.shape[-1])
    return spread_windows(x, windows=pool_windows(larger, scales, rank=rank))


def each_axis(name: str, x: Any, size: Any, taps: Callable[[int, int], Taps]) -> Tensor:
    """`x` with every spatial axis of n elements resampled to m by `taps(n, m)`; an axis that keeps its size is not touched."""
    x = as_tensor(x)
    wanted = spatial_size(name, x.shape, size)
    if min(x.shape[1:]) < 1:
        raise ShapeError(f"{name}: got x of shape {x.shape}, expected every size but the batch to be at least 1.")
    for axis, (n, m) in enumerate(zip(x.shape[1:-1], wanted, strict=True), start=1):
        if n != m:
            x = resample(x, taps=taps(n, m), axis=axis)
    return x
