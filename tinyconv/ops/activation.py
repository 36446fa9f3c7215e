"""What stands between two linear layers: functions that bend, each with its slope."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, as_tensors, primitive
from tinyconv.errors import DtypeError, ShapeError
from tinyconv.kernels import pointwise
from tinyconv.kernels.scalars import is_real
from tinyconv.ops.elementwise import clip, exp, select, where
from tinyconv.ops.erf import erfc


@primitive(elementwise=True)
def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    """x where x > 0, `slope` * x elsewhere; the gradient at 0 is `slope`.

    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).
    """
    if not is_real(slope):
        raise DtypeError(f"leaky_relu: slope is {type(slope).__name__}, expected a number; a slope that is learned is prelu's.")
    return np.where(x > 0, x, x * x.dtype.type(slope))


leaky_relu.vjp(lambda g, x, slope: g * np.where(x.data > 0, x.dtype.type(1), x.dtype.type(slope)))


@primitive(elementwise=True)
def _prelu(x: Array, weight: Array) -> Array:
    return pointwise.prelu(x, weight)


def _prelu_rule(g: Array, live: Sequence[bool], x: Array, weight: Array | None,
                weight_shape: tuple[int, ...]) -> list[Array | None]:
    """Both gradients in one pass over x; without a live x its weight is not kept, and not needed."""
    back, sums = pointwise.bend_adjoint(g, x, pointwise.broken_line(x, slope=1 if weight is None else weight), want_x=live[0])
    below = sums[2].astype(x.dtype)
    return [back, (below if weight_shape == below.shape else below.sum(keepdims=True)) if live[1] else None]


_prelu.vjp(
    lambda g, x, weight: g * where(x.data > 0, 1, weight),
    lambda g, x: g * select(x, mask=x.data <= 0),
)
_prelu.fast(_prelu_rule)


def prelu(x: Any, weight: Any) -> Tensor:
    """x where x > 0, weight * x elsewhere: a leaky ReLU whose slope is learned; at 0 both gradients are as on the left.

    Parameters
    ----------
    x : Tensor, (..., C)
    weight : Tensor, (C,) or (1,)
        One slope a channel, or one for all.

    Raises
    ------
    ShapeError
        `weight` has another shape.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers" (2015).
    """
    x, weight = as_tensors("prelu", x, weight)
    if x.ndim == 0 or weight.shape not in ((1,), x.shape[-1:]):
        raise ShapeError(f"prelu: got x {x.shape} and weight {weight.shape}, expected a weight of shape (1,) or "
                         f"{x.shape[-1:]}: one slope for each channel of x's last axis.")
    return _prelu(x, weight)


@primitive(elementwise=True)
def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), a probability in [0, 1]; neither side overflows.

    >>> sigmoid([-1000, 0, 1000]).data.tolist()
    [0.0, 0.5, 1.0]
    """
    e = np.exp(-np.abs(x))  # never above 1
    return np.where(x >= 0, x.dtype.type(1), e) / (1 + e)


sigmoid.vjp(lambda g, out: g * (out * (1 - out)))


@primitive(elementwise=True)
def tanh(x: Array) -> Array:
    """Hyperbolic tangent, in [-1, 1]; its slope is 1 - tanh(x)^2."""
    return np.tanh(x)


tanh.vjp(lambda g, out: g * (1 - out * out))


@primitive(elementwise=True)
def softplus(x: Array) -> Array:
    """log(1 + e^x), a smooth relu, without overflow; its slope is the sigmoid."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


softplus.vjp(lambda g, x: g * sigmoid(x))


@primitive(elementwise=True)
def normal_cdf(x: Array) -> Array:
    """The probability that a standard normal number is below x: erfc(-x / sqrt(2)) / 2."""
    return erfc(x * -math.sqrt(0.5)) * x.dtype.type(0.5)


normal_cdf.vjp(lambda g, x: g * (exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))))


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal number is below x.

    Parameters
    ----------
    x : Tensor, any shape
    approximate : "none" or "tanh"
        "tanh" takes x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) instead; it differs by less than 5e-4.

    Raises
    ------
    ShapeError
        No such approximation.

    Hendrycks and Gimpel, "Gaussian error linear units" (2016).

    >>> gelu([-1, 0, 1]).data.round(4).tolist()
    [-0.15870000422000885, 0.0, 0.8413000106811523]
    """
    x = as_tensor(x)
    if approximate == "none":
        return x * normal_cdf(x)
    if approximate != "tanh":
        raise ShapeError(f"gelu: got approximate={approximate!r}, expected 'none' or 'tanh'.")
    near = clip(x, -10, 10)  # beyond, tanh is 1 to the last digit, and the cube may overflow
    return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * (near * near * near))))
