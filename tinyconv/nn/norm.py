"""Normalization layers: weight 1 and bias 0 at first, both learned; batch norm also keeps running statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyconv.engine import Parameter, Tensor, as_tensor, recording
from tinyconv.errors import DataError, ShapeError
from tinyconv.kernels.geometry import Windows
from tinyconv.kernels.scalars import is_positive_int, is_real
from tinyconv.nn.buffer import Buffer
from tinyconv.nn.module import Global, Module, Pointwise, Shape, Window
from tinyconv.ops.batch_norm import Activation
from tinyconv.ops.norm import (
    batch_norm,
    batch_norm_with_statistics,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
)
from tinyconv.ops.reduce import l2_normalize


class _Affine(Module):
    """A weight of ones and a bias of zeros, float32, of one `shape`; and eps."""

    def __init__(self, shape: int | tuple[int, ...], eps: float) -> None:
        sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        if not sizes or not all(map(is_positive_int, sizes)):
            raise ShapeError(f"{type(self).__name__}: got {shape!r}, expected a positive number of channels.")
        if not is_real(eps) or not 0 <= eps < math.inf:
            raise DataError(f"{type(self).__name__}: eps is {eps!r}, expected a small number, 0 or more.")
        self.weight = Parameter(np.ones(sizes, np.float32))
        self.bias = Parameter(np.zeros(sizes, np.float32))
        self.eps = eps


class BatchNorm(_Affine, Pointwise):
    """`tc.batch_norm` over (N, *size, channels), by the batch's statistics in train mode, else by the running ones.

    A call in train mode that records (not within `tc.no_grad()`) moves the buffers running_mean and running_var, at first
    0 and 1: running = (1 - momentum) * running + momentum * batch, with the batch's unbiased variance, as in PyTorch.

    Parameters
    ----------
    channels : int
    momentum : float in [0, 1]
        The share of the newest batch.
    eps : float

    Raises
    ------
    ShapeError, DataError

    Source: Ioffe & Szegedy 2015, "Batch Normalization".
    """

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)
        if not is_real(momentum) or not 0 <= momentum <= 1:
            raise DataError(f"BatchNorm: momentum is {momentum!r}, expected a number from 0 to 1, the share of the newest batch.")
        self.momentum = momentum
        self.running_mean = Buffer(np.zeros(channels, np.float32))
        self.running_var = Buffer(np.ones(channels, np.float32))

    def forward(self, x: Any, activation: Activation = None, windows: Callable[[Shape], Windows] | None = None) -> Tensor:
        """With an activation as in `tc.batch_norm`; in train mode, told where windows stand, only the largest value of each."""
        x = as_tensor(x)
        if not self.training:
            mean, var = (buffer.data.astype(x.dtype) for buffer in (self.running_mean, self.running_var))
            return batch_norm(x, self.weight, self.bias, mean=mean, var=var, eps=self.eps, activation=activation)
        y, mean, var = batch_norm_with_statistics(x, self.weight, self.bias, eps=self.eps, activation=activation,
                                                  windows=None if windows is None else windows(x.shape))
        if recording():
            count = math.prod(x.shape[:-1])
            for buffer, value in ((self.running_mean, mean), (self.running_var, var * (count / (count - 1)))):
                buffer.assign((1 - self.momentum) * buffer.data + self.momentum * value)
        return y


class InstanceNorm(_Affine, Global):
    """`tc.instance_norm` over (N, *size, channels)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)

    def forward(self, x: Any) -> Tensor:
        return instance_norm(x, self.weight, self.bias, eps=self.eps)


class LayerNorm(_Affine):
    """`tc.layer_norm` over the last axes, whose sizes are `shape`: a number of channels, or (H, W, C) for whole images."""

    def __init__(self, shape: int | tuple[int, ...], eps: float = 1e-5) -> None:
        super().__init__(shape, eps)

    def forward(self, x: Any) -> Tensor:
        return layer_norm(x, self.weight, self.bias, axes=tuple(range(-self.weight.ndim, 0)), eps=self.eps)

    def window(self, x_shape: Shape) -> Window | None:
        """One position, or all of them along an axis that is normalized over."""
        rank = len(x_shape) - 2
        alone = rank - (self.weight.ndim - 1)  # spatial axes that are not normalized over
        return tuple(1 if axis < alone else n for axis, n in enumerate(x_shape[1:-1])), (1,) * rank


class GroupNorm(_Affine, Global):
    """`tc.group_norm` over (N, *size, channels) in `groups` groups of channels."""

    def __init__(self, groups: int, channels: int, eps: float = 1e-5) -> None:
        super().__init__(channels, eps)
        if not is_positive_int(groups) or channels % groups:
            raise ShapeError(f"GroupNorm: groups is {groups!r}, expected a positive int that divides {channels} channels.")
        self.groups = groups

    def forward(self, x: Any) -> Tensor:
        return group_norm(x, self.groups, self.weight, self.bias, eps=self.eps)


class LocalResponseNorm(Pointwise):
    """`tc.local_response_norm` over `size` neighbouring channels."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size = size
        self.options = {"alpha": alpha, "beta": beta, "k": k}

    def forward(self, x: Any) -> Tensor:
        return local_response_norm(x, self.size, **self.options)


class L2Normalize(Pointwise):
    """x divided by its Euclidean length along `axis`: embeddings of length 1."""

    def __init__(self, axis: int = -1, eps: float = 1e-12) -> None:
        self.axis, self.eps = axis, eps

    def forward(self, x: Any) -> Tensor:
        return l2_normalize(x, axis=self.axis, eps=self.eps)

    def window(self, x_shape: Shape) -> Window | None:
        """One position, if it is the channels that are normalized over."""
        return super().window(x_shape) if self.axis in (-1, len(x_shape) - 1) else None
