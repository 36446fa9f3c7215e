"""Normalization layers as functions, and the response norm of AlexNet.

Batch, instance, layer and group norm are the same formula over different axes of x (N, *size, C):

    y = weight * (x - mean) / sqrt(var + eps) + bias,    var = mean((x - mean)^2), the biased variance

=================  ==============================================  ============================
function           mean and variance over                          shape of weight and bias
=================  ==============================================  ============================
`batch_norm`       N and all of `size`: one pair for each channel  (C,)
`instance_norm`    `size`: one pair for each image and channel     (C,)
`group_norm`       `size` and a group of channels                  (C,)
`layer_norm`       the given axes, as a rule the channels          the sizes of these axes
=================  ==============================================  ============================

For a layer with running statistics: `batch_norm_with_statistics` returns, beside y, the batch's mean and biased
variance as plain arrays (C,), computed once; when not in training the layer calls `batch_norm(x, ..., mean=..., var=...)`.
What they do in one pass is in `ops.batch_norm`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, as_tensors
from tinyconv.errors import DataError, ShapeError
from tinyconv.kernels import pooling
from tinyconv.kernels.geometry import Windows, pool_windows
from tinyconv.kernels.scalars import is_positive_int, is_real
from tinyconv.ops.array import reshape
from tinyconv.ops.axes import Axis, axes_of, count_along
from tinyconv.ops.batch_norm import Activation, broken_line, normalize, normalize_and_pool, slope_of
from tinyconv.ops.elementwise import sqrt
from tinyconv.ops.pool import sum_windows
from tinyconv.ops.standardize import moments, standardize


def batch_norm(x: Any, weight: Any = None, bias: Any = None, *, mean: Any = None, var: Any = None,
               eps: float = 1e-5, activation: Activation = None) -> Tensor:
    """Each channel with mean 0 and variance 1 over the whole batch, then scaled, shifted, and perhaps activated, in one pass.

    With `mean` and `var` given, these take the place of the batch's: weight (x - mean) / sqrt(var + eps) + bias
    is then an affine function of x.

    Parameters
    ----------
    x : Tensor, (N, *size, C), any number of spatial axes, also none
    weight, bias : Tensor, (C,), optional
    mean, var : Tensor, (C,), both or neither
        For example the running statistics of a layer. If they are tensors, they get gradients too.
    eps : float
        Keeps a channel without variance finite.
    activation : None, "relu", or Tensor (C,) or (1,), the slopes of `prelu`

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    ShapeError
        A wrong shape, or a single value for each channel, which has no variance.
    DataError
        A negative `eps` or variance, or an unknown activation.

    Source: Ioffe & Szegedy 2015, "Batch Normalization".

    >>> batch_norm([[1.0, 10.0], [3.0, 30.0]]).data.round(3).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """
    if mean is None and var is None:
        return batch_norm_with_statistics(x, weight, bias, eps=eps, activation=activation)[0]
    if mean is None or var is None:
        raise ShapeError("batch_norm: got only one of mean and var; give both, or neither for the batch's own.")
    x, mean, var = as_tensors("batch_norm", x, mean, var)
    _check("batch_norm", x, 2, eps)
    for name, value in (("mean", mean), ("var", var)):
        _check_shape("batch_norm", name, value, x.shape[-1:], x)
    if (var.data < 0).any():
        raise DataError(f"batch_norm: var has a negative value, {var.data.min()}; expected a variance.")
    weight, bias = _weight_and_bias(x, weight, bias)
    return broken_line(x, mean, weight / sqrt(var + eps), bias, slope_of("batch_norm", x, activation))


def batch_norm_with_statistics(x: Any, weight: Any = None, bias: Any = None, *, eps: float = 1e-5, activation: Activation = None,
                               windows: Windows | None = None) -> tuple[Tensor, Array, Array]:
    """`batch_norm` by the batch's own statistics, and these: the mean (C,) and the biased variance (C,), arrays.

    A layer that keeps an unbiased running variance, as PyTorch's does, multiplies it by n / (n - 1), where
    n = x.size // C is the number of values of a channel. With `windows` only the largest value of each is returned, as by max
    pooling.
    """
    x = as_tensor(x)
    _check("batch_norm", x, 2, eps)
    count = math.prod(x.shape[:-1])
    if count < 2:
        raise ShapeError(f"batch_norm: x {x.shape} leaves {count} of the at least 2 values that a channel's variance needs; "
                         "use a larger batch, or give mean and var.")
    inputs = (x, *_weight_and_bias(x, weight, bias), slope_of("batch_norm", x, activation))
    found = moments(x.data, tuple(range(x.ndim - 1)), eps)
    if windows is None:
        y = normalize(*inputs, found=found)
    else:
        y = normalize_and_pool(*inputs, found=found, windows=windows, chosen=pooling.empty_choice(x.data, windows))
    return y, (found.mean + found.rest).reshape(-1), found.var.reshape(-1)


def _weight_and_bias(x: Tensor, weight: Any, bias: Any) -> list[Tensor]:
    """Of batch norm, (C,) each; 1 and 0 where there is none."""
    found = []
    for name, value, default in (("weight", weight, 1), ("bias", bias, 0)):
        _, value = as_tensors("batch_norm", x, np.full(x.shape[-1:], default, x.dtype) if value is None else value)
        _check_shape("batch_norm", name, value, x.shape[-1:], x)
        found.append(value)
    return found


def instance_norm(x: Any, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Tensor:
    """Each channel of each image with mean 0 and variance 1 over its pixels, then scaled and shifted.

    Parameters
    ----------
    x : Tensor, (N, *size, C), at least two pixels
    weight, bias : Tensor, (C,), optional
    eps : float

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    ShapeError, DataError

    Source: Ulyanov, Vedaldi & Lempitsky 2016, "Instance Normalization: The Missing Ingredient for Fast Stylization".
    """
    x = as_tensor(x)
    _check("instance_norm", x, 3, eps)
    count = math.prod(x.shape[1:-1])
    if count < 2:
        raise ShapeError(f"instance_norm: x {x.shape} has {count} of the at least 2 pixels that a variance needs.")
    return _scaled_and_shifted("instance_norm", _standardized(x, tuple(range(1, x.ndim - 1)), eps), weight, bias, x.shape[-1:])


def layer_norm(x: Any, weight: Any = None, bias: Any = None, *, axes: Axis = -1, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 over `axes`, by default the channels of each pixel, then scaled and shifted.

    Parameters
    ----------
    x : Tensor, any shape
    weight, bias : Tensor, optional
        Their shape is that of the normalized axes, in the order of x's axes.
    axes : int or tuple of int
        The paper takes all but the batch: (1, 2, 3) for images.
    eps : float

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    ShapeError, DataError

    Source: Ba, Kiros & Hinton 2016, "Layer Normalization".
    """
    x = as_tensor(x)
    _check("layer_norm", x, 1, eps)
    along = tuple(sorted(axes_of(axes, x.ndim)))
    count_along("layer_norm", x.shape, along)
    return _scaled_and_shifted("layer_norm", _standardized(x, along, eps), weight, bias, tuple(x.shape[a] for a in along), along)


def group_norm(x: Any, groups: int, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Tensor:
    """Mean 0 and variance 1 over the pixels and the channels of one group, for each image; then scaled and shifted.

    One group is `layer_norm` over all axes but the batch, as many groups as channels is `instance_norm`.

    Parameters
    ----------
    x : Tensor, (N, *size, C)
    groups : int that divides C
        Neighbouring channels, C // groups of them, make a group.
    weight, bias : Tensor, (C,), optional
    eps : float

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    ShapeError, DataError

    Source: Wu & He 2018, "Group Normalization".
    """
    x = as_tensor(x)
    _check("group_norm", x, 2, eps)
    channels = x.shape[-1]
    if not is_positive_int(groups) or channels % groups:
        raise ShapeError(f"group_norm: groups is {groups!r}, expected a positive int that divides the {channels} channels of "
                         f"x {x.shape}.")
    grouped = reshape(x, (x.shape[0], math.prod(x.shape[1:-1]), int(groups), channels // int(groups)))
    count_along("group_norm", grouped.shape, (1, 3))
    y = reshape(_standardized(grouped, (1, 3), eps), x.shape)
    return _scaled_and_shifted("group_norm", y, weight, bias, x.shape[-1:])


def local_response_norm(x: Any, size: int, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha / size * (sum of x^2 over `size` neighbouring channels))^beta, channels beyond the ends counting as 0.

    Parameters
    ----------
    x : Tensor, (N, *size, C)
    size : positive int
        The channel itself, size // 2 before it and (size - 1) // 2 after it, as in PyTorch.
    alpha, beta, k : float
        AlexNet takes size 5, beta 0.75, k 2 and, as its alpha is not divided by the size, alpha 5e-4.

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    ShapeError

    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks", 3.3.
    """
    x = as_tensor(x)
    _check("local_response_norm", x, 2, 0.0)
    if not is_positive_int(size):
        raise ShapeError(f"local_response_norm: size is {size!r}, expected a positive int, a number of channels.")
    rows = reshape(x * x, (math.prod(x.shape[:-1]), x.shape[-1], 1))  # each pixel a signal of C steps
    windows = pool_windows(rows.shape, size, stride=1, padding=(size // 2, (size - 1) // 2), rank=1)
    energy = reshape(sum_windows(rows, windows=windows), x.shape)
    return x * (k + energy * (alpha / size)) ** -beta


def _standardized(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    return standardize(x, found=moments(x.data, axes, eps))


def _scaled_and_shifted(name: str, y: Tensor, weight: Any, bias: Any, shape: tuple[int, ...],
                        axes: tuple[int, ...] = (-1,)) -> Tensor:
    """weight * y + bias, both of the `shape` that y has along `axes`."""
    kept = [1] * y.ndim
    for axis, size in zip(axes, shape, strict=True):
        kept[axis] = size
    if weight is not None:
        y, weight = as_tensors(name, y, weight)
        _check_shape(name, "weight", weight, shape, y)
        y = y * reshape(weight, tuple(kept))
    if bias is not None:
        y, bias = as_tensors(name, y, bias)
        _check_shape(name, "bias", bias, shape, y)
        y = y + reshape(bias, tuple(kept))
    return y


def _check(name: str, x: Tensor, least_axes: int, eps: float) -> None:
    if x.ndim < least_axes or x.shape[-1] < 1:
        axes = {1: "at least one axis", 2: "(N, *size, C)", 3: "(N, *size, C) with at least one spatial axis"}[least_axes]
        raise ShapeError(f"{name}: got x of shape {x.shape}, expected {axes} and at least one channel.")
    if not is_real(eps) or not 0 <= eps < math.inf:
        raise DataError(f"{name}: eps is {eps!r}, expected a small number, 0 or more.")


def _check_shape(name: str, what: str, value: Tensor, expected: tuple[int, ...], x: Tensor) -> None:
    if value.shape != expected:
        raise ShapeError(f"{name}: {what} has shape {value.shape}, expected {expected} for x {x.shape}.")
