"""Pooling layers: windows of fixed size, windows that give a fixed size, and one window for all."""

from __future__ import annotations

from typing import Any

from tinyconv.engine import Tensor
from tinyconv.kernels.geometry import Windows, pool_windows
from tinyconv.nn.module import Global, Module, Shape, Window
from tinyconv.ops.adaptive_pool import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from tinyconv.ops.pool import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)


class _Pool(Module):
    """A pooling function with its options."""

    rank: int
    function: Any
    options: dict[str, Any]

    def forward(self, x: Any) -> Tensor:
        return type(self).function(x, **self.options)


class _WindowPool(_Pool):
    """Pooling by windows that are given."""

    kind: str  # what errors call it

    def windows(self, x_shape: Shape) -> Windows:
        """Where the windows stand on x."""
        geometry = {name: value for name, value in self.options.items() if name != "count_include_pad"}
        return pool_windows(x_shape, rank=self.rank, kind=self.kind, **geometry)

    def window(self, x_shape: Shape) -> Window | None:
        found = self.windows(x_shape)
        return tuple((k - 1) * d + 1 for k, d in zip(found.kernel_size, found.dilation, strict=True)), found.stride


class _MaxPool(_WindowPool):
    """The largest value of each window."""

    kind = "max_pool"

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 ceil_mode: bool = False) -> None:
        self.options = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation,
                        "ceil_mode": ceil_mode}


class MaxPool1d(_MaxPool):
    """`tc.max_pool1d` with fixed options."""

    rank, function = 1, staticmethod(max_pool1d)


class MaxPool2d(_MaxPool):
    """`tc.max_pool2d` with fixed options."""

    rank, function = 2, staticmethod(max_pool2d)


class MaxPool3d(_MaxPool):
    """`tc.max_pool3d` with fixed options."""

    rank, function = 3, staticmethod(max_pool3d)


class _AvgPool(_WindowPool):
    """The mean of each window."""

    kind = "avg_pool"

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:
        self.options = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode,
                        "count_include_pad": count_include_pad}


class AvgPool1d(_AvgPool):
    """`tc.avg_pool1d` with fixed options."""

    rank, function = 1, staticmethod(avg_pool1d)


class AvgPool2d(_AvgPool):
    """`tc.avg_pool2d` with fixed options."""

    rank, function = 2, staticmethod(avg_pool2d)


class AvgPool3d(_AvgPool):
    """`tc.avg_pool3d` with fixed options."""

    rank, function = 3, staticmethod(avg_pool3d)


class _AdaptiveAvgPool(_Pool):
    """Means of windows of nearly equal size, as many as `output_size` says."""

    def __init__(self, output_size: Any) -> None:
        self.options = {"output_size": output_size}

    def window(self, x_shape: Shape) -> Window | None:
        wanted = self.options["output_size"]
        outs = tuple(wanted) if isinstance(wanted, tuple | list) else (wanted,) * self.rank
        axes = [(n, n if out is None else out) for n, out in zip(x_shape[1:-1], outs, strict=True)]
        if any(n % out for n, out in axes):
            return None  # windows of several sizes
        return tuple(n // out for n, out in axes), tuple(n // out for n, out in axes)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """`tc.adaptive_avg_pool1d` with its output size."""

    rank, function = 1, staticmethod(adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """`tc.adaptive_avg_pool2d` with its output size."""

    rank, function = 2, staticmethod(adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """`tc.adaptive_avg_pool3d` with its output size."""

    rank, function = 3, staticmethod(adaptive_avg_pool3d)


class GlobalAvgPool(Global):
    """(N, *size, C) to (N, C): the mean over all positions."""

    def forward(self, x: Any) -> Tensor:
        return global_avg_pool(x)


class GlobalMaxPool(Global):
    """(N, *size, C) to (N, C): the maximum over all positions."""

    def forward(self, x: Any) -> Tensor:
        return global_max_pool(x)
