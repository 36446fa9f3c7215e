"""Functions applied to each element by itself, with their one-line gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, add, primitive
from tinyconv.errors import DtypeError
from tinyconv.kernels import pointwise
from tinyconv.kernels.scalars import is_real


@primitive(elementwise=True)
def power(a: Array, b: Array) -> Array:
    """Elementwise a ** b, with 0 ** 0 = 1. A negative base needs whole exponents.

    The gradient for `b` is a^b log(a): NaN where a < 0; at a = 0 it is 0 for b >= 0, as a^b is flat there.
    """
    return a**b


def _power_base(g: Tensor, a: Tensor, b: Tensor) -> Tensor:
    # b a^(b-1), except that x^0 is flat at 0 too, where 0 * 0^-1 would give NaN.
    flat = (a.data == 0) & (b.data == 0)
    return g * (b * a ** (b - 1 + flat))


def _power_exponent(g: Tensor, out: Tensor, a: Tensor, b: Tensor) -> Tensor:
    # a^b log(a), except that 0^b is flat, where 0 * log(0) would give NaN.
    flat = (a.data == 0) & (b.data >= 0)
    return g * (out * log(a + flat))


@primitive(elementwise=True)
def exp(x: Array) -> Array:
    """Elementwise e^x."""
    return np.exp(x)


@primitive(elementwise=True)
def log(x: Array) -> Array:
    """Elementwise natural logarithm."""
    return np.log(x)


@primitive(elementwise=True)
def sqrt(x: Array) -> Array:
    """Elementwise square root. Its slope at 0 is infinite: add an epsilon under the root where 0 can occur."""
    return np.sqrt(x)


@primitive(elementwise=True)
def select(x: Array, mask: Any = None) -> Array:
    """`x` where `mask` is true, 0 elsewhere; `mask` is a constant boolean array of x's shape."""
    return np.where(mask, x, x.dtype.type(0))


@primitive(elementwise=True)
def relu(x: Array) -> Array:
    """max(x, 0); gradient 0 at 0."""
    return pointwise.relu(x)


@primitive(elementwise=True)
def abs(x: Array) -> Array:  # noqa: A001 - the field's name
    """Elementwise |x|; gradient 0 at 0."""
    return np.abs(x)


@primitive(elementwise=True)
def clip(x: Array, low: float | None = None, high: float | None = None) -> Array:
    """`x` limited to [low, high]; gradient 1 inside and on the bounds, 0 outside."""
    if wrong := [bound for bound in (low, high) if not (bound is None or is_real(bound))]:
        raise DtypeError(f"clip: got a bound of type {type(wrong[0]).__name__}, expected a number or None; for tensors take "
                         "maximum and minimum.")
    return np.clip(x, low, high).astype(x.dtype, copy=False)


@primitive(elementwise=True)
def maximum(a: Array, b: Array) -> Array:
    """Elementwise larger value; where both are equal the gradient goes to `a`."""
    return np.maximum(a, b)


@primitive(elementwise=True)
def minimum(a: Array, b: Array) -> Array:
    """Elementwise smaller value; where both are equal the gradient goes to `a`."""
    return np.minimum(a, b)


@primitive(elementwise=True)
def _where(a: Array, b: Array, condition: Any = None) -> Array:
    return np.where(condition, a, b)


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """`a` where `condition`, a constant boolean array, is true, `b` elsewhere; all three broadcast."""
    return _where(a, b, condition=np.array(condition, dtype=bool))  # a copy: what is chosen stays chosen


def _inside(x: Tensor, low: float | None, high: float | None) -> Array:
    return (x.data >= (-np.inf if low is None else low)) & (x.data <= (np.inf if high is None else high))


power.vjp(_power_base, _power_exponent)
exp.vjp(lambda g, out: g * out)
log.vjp(lambda g, x: g / x)
sqrt.vjp(lambda g, out: g * 0.5 / out)
select.vjp(lambda g, mask: select(g, mask=mask))
relu.vjp(lambda g, out: select(g, mask=out.data > 0))
abs.vjp(lambda g, x: g * np.sign(x.data))
clip.vjp(lambda g, x, low, high: select(g, mask=_inside(x, low, high)))
maximum.vjp(lambda g, a, b: select(g, mask=a.data >= b.data), lambda g, a, b: select(g, mask=a.data < b.data))
minimum.vjp(lambda g, a, b: select(g, mask=a.data <= b.data), lambda g, a, b: select(g, mask=a.data > b.data))
_where.vjp(lambda g, condition: select(g, mask=condition), lambda g, condition: select(g, mask=~condition))


def _relu_rule(g: Array, out: Array) -> list[Array]:
    return [pointwise.relu_adjoint(g, out)]


relu.fast(_relu_rule)
add.forward = pointwise.add  # the engine knows NumPy alone; sums of large arrays, its own too, use all threads

Tensor.__pow__ = lambda self, other: power(self, other)
Tensor.__rpow__ = lambda self, other: power(other, self)
