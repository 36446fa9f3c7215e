"""The layers of a plain ConvNet: convolution, linear, pooling, ReLU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyconv.engine import Parameter, Tensor
from tinyconv.kernels.geometry import is_int
from tinyconv.nn.init import he_normal
from tinyconv.nn.module import Module
from tinyconv.ops.array import reshape
from tinyconv.ops.conv import conv1d, conv2d, conv3d
from tinyconv.ops.elementwise import relu
from tinyconv.ops.pool import avg_pool2d, max_pool2d
from tinyconv.ops.reduce import mean


class _Conv(Module):
    """A convolution with its weight and bias; He initialisation from `rng`."""

    rank: int
    convolve: Any

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, *, rng: np.random.Generator) -> None:
        kernel = (kernel_size,) * self.rank if is_int(kernel_size) else tuple(kernel_size)
        self.weight = Parameter(he_normal((*kernel, in_channels // groups, out_channels), rng))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def forward(self, x: Any) -> Tensor:
        return type(self).convolve(x, self.weight, self.bias, **self.options)


class Conv1d(_Conv):
    """`tc.conv1d` with its weight (kernel, in_channels // groups, out_channels) and bias (out_channels,)."""

    rank, convolve = 1, staticmethod(conv1d)


class Conv2d(_Conv):
    """`tc.conv2d` with its weight (kernel, kernel, in_channels // groups, out_channels) and bias (out_channels,)."""

    rank, convolve = 2, staticmethod(conv2d)


class Conv3d(_Conv):
    """`tc.conv3d` with its weight (*kernel, in_channels // groups, out_channels) and bias (out_channels,)."""

    rank, convolve = 3, staticmethod(conv3d)


class Linear(Module):
    """x @ weight + bias, for x (..., in_features); weight (in_features, out_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, rng: np.random.Generator) -> None:
        self.weight = Parameter(he_normal((in_features, out_features), rng))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None

    def forward(self, x: Any) -> Tensor:
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Any) -> Tensor:
        return relu(x)


class MaxPool2d(Module):
    """`tc.max_pool2d` with fixed options."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False) -> None:
        self.options = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}

    def forward(self, x: Any) -> Tensor:
        return max_pool2d(x, **self.options)


class AvgPool2d(Module):
    """`tc.avg_pool2d` with fixed options."""

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False) -> None:
        self.options = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}

    def forward(self, x: Any) -> Tensor:
        return avg_pool2d(x, **self.options)


class GlobalAvgPool(Module):
    """(N, *size, C) to (N, C): the mean over all positions."""

    def forward(self, x: Any) -> Tensor:
        return mean(x, axis=tuple(range(1, x.ndim - 1)))


class Flatten(Module):
    """(N, ...) to (N, features)."""

    def forward(self, x: Any) -> Tensor:
        return reshape(x, (x.shape[0], math.prod(x.shape[1:])))
