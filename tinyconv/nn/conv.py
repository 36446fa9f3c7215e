"""Layers that convolve, and their transposes: a weight, a bias and options, for signals, images and volumes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyconv.engine import Parameter, Tensor
from tinyconv.errors import ShapeError
from tinyconv.kernels.geometry import conv_geometry, per_axis
from tinyconv.kernels.scalars import is_positive_int
from tinyconv.nn.init import he_normal
from tinyconv.nn.module import Module, Shape, Window
from tinyconv.ops.convolution import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d


class _Layer(Module):
    """What a convolution and its transpose share; He initialization from `rng`."""

    rank: int
    function: Any

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, groups: int, bias: bool, rng: np.random.Generator,
                 options: dict[str, Any]) -> None:
        name = type(self).__name__
        kernel = per_axis(name, "kernel_size", kernel_size, self.rank)
        positive = all(map(is_positive_int, (in_channels, out_channels, groups)))
        if not positive or in_channels % groups or out_channels % groups:
            raise ShapeError(f"{name}: got in_channels {in_channels!r}, out_channels {out_channels!r}, groups {groups!r}, "
                             "expected positive ints, groups dividing both numbers of channels.")
        self.options = {**options, "groups": groups}
        shape, fan_in = self.plan(kernel, in_channels, out_channels)
        self.weight = Parameter(he_normal(shape, rng, fan_in))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None

    def plan(self, kernel: Shape, in_channels: int, out_channels: int) -> tuple[Shape, float]:
        """Shape of the weight, and how many products one output adds up."""
        raise NotImplementedError

    def forward(self, x: Any) -> Tensor:
        return type(self).function(x, self.weight, self.bias, **self.options)


class _Conv(_Layer):
    """A convolution; depthwise with groups=in_channels."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, *, rng: np.random.Generator) -> None:
        super().__init__(in_channels, out_channels, kernel_size, groups, bias, rng,
                         {"stride": stride, "padding": padding, "dilation": dilation})

    def forward(self, x: Any, activation: Any = None) -> Tensor:
        return type(self).function(x, self.weight, self.bias, activation=activation, **self.options)

    def plan(self, kernel: Shape, in_channels: int, out_channels: int) -> tuple[Shape, float]:
        shape = (*kernel, in_channels // self.options["groups"], out_channels)
        return shape, math.prod(shape[:-1])

    def flops(self, x_shape: Shape, y_shape: Shape) -> int:
        return conv_geometry(x_shape, self.weight.shape, **self.options).flops

    def window(self, x_shape: Shape) -> Window | None:
        geometry = conv_geometry(x_shape, self.weight.shape, **self.options)
        axes = zip(geometry.kernel_size, geometry.dilation, strict=True)
        return tuple((k - 1) * d + 1 for k, d in axes), geometry.stride


class Conv1d(_Conv):
    """`tc.conv1d` with its weight (kernel, in_channels // groups, out_channels) and bias (out_channels,)."""

    rank, function = 1, staticmethod(conv1d)


class Conv2d(_Conv):
    """`tc.conv2d` with its weight (kernel, kernel, in_channels // groups, out_channels) and bias (out_channels,)."""

    rank, function = 2, staticmethod(conv2d)


class Conv3d(_Conv):
    """`tc.conv3d` with its weight (*kernel, in_channels // groups, out_channels) and bias (out_channels,)."""

    rank, function = 3, staticmethod(conv3d)


class _ConvTranspose(_Layer):
    """The adjoint of the convolution from `out_channels` to `in_channels`, whose weight it has."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, output_padding: Any = 0, *,
                 rng: np.random.Generator) -> None:
        super().__init__(in_channels, out_channels, kernel_size, groups, bias, rng,
                         {"stride": stride, "padding": padding, "dilation": dilation, "output_padding": output_padding})

    def plan(self, kernel: Shape, in_channels: int, out_channels: int) -> tuple[Shape, float]:
        groups = self.options["groups"]
        strides = per_axis(type(self).__name__, "stride", self.options["stride"], self.rank)
        fan_in = math.prod(kernel) * in_channels / groups / math.prod(strides)  # a stride spreads the products over more outputs
        return (*kernel, out_channels // groups, in_channels), fan_in

    def flops(self, x_shape: Shape, y_shape: Shape) -> int:
        return 2 * math.prod(x_shape) * math.prod(self.weight.shape[:-1])


class ConvTranspose1d(_ConvTranspose):
    """`tc.conv_transpose1d` with its weight (kernel, out_channels // groups, in_channels) and bias (out_channels,)."""

    rank, function = 1, staticmethod(conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """`tc.conv_transpose2d` with its weight (*kernel, out_channels // groups, in_channels) and bias (out_channels,)."""

    rank, function = 2, staticmethod(conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """`tc.conv_transpose3d` with its weight (*kernel, out_channels // groups, in_channels) and bias (out_channels,)."""

    rank, function = 3, staticmethod(conv_transpose3d)
