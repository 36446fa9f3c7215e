"""Standardizing: mean 0 and variance 1 over some axes, the one formula behind all normalization layers, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyconv.engine import Array, Tensor, primitive, sum_over
from tinyconv.kernels import normalization
from tinyconv.ops.axes import count_along
from tinyconv.ops.reduce import mean


@dataclass(frozen=True)
class Moments:
    """Mean and biased variance of an array over `axes`, these axes kept as 1.

    The mean is `mean + rest`: what a float cannot hold of a mean of 1e4 matters to values that differ by 1.
    """

    axes: tuple[int, ...]
    mean: Array
    rest: Array
    var: Array
    eps: float

    @property
    def inverse_deviation(self) -> Array:
        """1 / sqrt(var + eps)."""
        return np.asarray(1 / np.sqrt(self.var + self.var.dtype.type(self.eps)))

    def centre(self, x: Array) -> Array:
        """x minus its mean."""
        centred = x - self.mean
        centred -= self.rest
        return centred


def moments(x: Array, axes: tuple[int, ...], eps: float) -> Moments:
    """The moments of `x`, in two passes, of channels of large arrays in one: never the difference of two large squares."""
    count = x.dtype.type(count_along("moments", x.shape, axes))
    by_channel = normalization.moments(x) if axes == tuple(range(x.ndim - 1)) else None
    if by_channel is not None:
        exact, variance = (found.reshape((1,) * (x.ndim - 1) + (-1,)) for found in by_channel)
        rough = exact.astype(x.dtype)
        return Moments(axes, rough, (exact - rough).astype(x.dtype), variance.astype(x.dtype), eps)
    rough = sum_over(x, axes) / count
    centred = x - rough
    rest = sum_over(centred, axes) / count
    centred -= rest
    return Moments(axes, rough, rest, sum_over(np.square(centred, out=centred), axes) / count, eps)


@primitive
def standardize(x: Array, *, found: Moments) -> Array:
    """(x - mean) / sqrt(var + eps), where `found` are x's own moments: the rule knows that they move with x."""
    out = found.centre(x)
    out *= found.inverse_deviation
    return out


@primitive
def inverse_deviation(x: Array, *, found: Moments) -> Array:
    """1 / sqrt(var + eps) of x, whose moments are `found`."""
    return found.inverse_deviation


def _standardize_rule(g: Tensor, out: Tensor, x: Tensor, found: Moments) -> Tensor:
    """A step of x in the direction of the mean, or of x itself, does not change the output."""
    along, across = (mean(t, axis=found.axes, keepdims=True) for t in (g, g * out))
    return (g - along - out * across) * inverse_deviation(x, found=found)


def _inverse_deviation_rule(g: Tensor, out: Tensor, x: Tensor, found: Moments) -> Tensor:
    count = count_along("inverse_deviation", x.shape, found.axes)
    return standardize(x, found=found) * (g * out * out * (-1 / count))  # d out / dx = -out^3 (x - mean) / count


standardize.vjp(_standardize_rule)
inverse_deviation.vjp(_inverse_deviation_rule)
