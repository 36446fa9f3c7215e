"""Matrix products, and the linear layer made of them."""

from __future__ import annotations

import math
from typing import Any

from tinyconv.engine import Array, Tensor, as_tensors, primitive, sum_to
from tinyconv.errors import ShapeError
from tinyconv.kernels import dispatch
from tinyconv.ops.array import reshape, transpose

Shape = tuple[int, ...]


def _product(a: Array, b: Array) -> Array:
    """The product of two stacks of matrices, a new array: every product below is this one."""
    try:
        return dispatch.matmul(a, b)
    except ValueError as error:
        raise ShapeError(f"matmul: shapes {a.shape} and {b.shape} do not fit; a's last axis meets b's "
                         "second-last, the axes before broadcast.") from error


@primitive
def _matmul(a: Array, b: Array) -> Array:
    return _product(a, b)


def _swap(x: Tensor) -> Tensor:
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _matmul_fast(g: Array, live: tuple[bool, ...], a: Array, b: Array, a_shape: Shape, b_shape: Shape) -> list[Array | None]:
    return [sum_to.forward(_product(g, b.swapaxes(-1, -2)), a_shape) if live[0] else None,
            sum_to.forward(_product(a.swapaxes(-1, -2), g), b_shape) if live[1] else None]


_matmul.vjp(
    lambda g, a_shape, b: sum_to(_matmul(g, _swap(b)), shape=a_shape),
    lambda g, a, b_shape: sum_to(_matmul(_swap(a), g), shape=b_shape),
)
_matmul.fast(_matmul_fast)


@primitive
def gram_matrix(a: Array) -> Array:
    """a' @ a over the last two axes, (..., P, C) to (..., C, C): one matrix product, and one for its gradient."""
    return _product(a.swapaxes(-1, -2), a)


gram_matrix.vjp(lambda g, a: _matmul(a, g + _swap(g)))


def matmul(a: Any, b: Any) -> Tensor:
    """Matrix product of the last two axes; earlier axes broadcast, a 1-D operand is a row or a column.

    >>> import tinyconv as tc
    >>> tc.matmul(tc.tensor([[1, 2], [3, 4]]), tc.tensor([1, 1])).data
    array([3., 7.], dtype=float32)
    """
    a, b = as_tensors("matmul", a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(f"matmul: got shapes {a.shape} and {b.shape}, expected at least one axis each; scale with *.")
    row, column = a.ndim == 1, b.ndim == 1
    out = _matmul(a.reshape(1, -1) if row else a, b.reshape(-1, 1) if column else b)
    if row or column:
        kept = out.shape[:-2] + (() if row else out.shape[-2:-1]) + (() if column else out.shape[-1:])
        out = out.reshape(kept)
    return out


@primitive
def linear(x: Array, weight: Array, bias: Array) -> Array:
    """x @ weight + bias for x (..., in), weight (in, out) and bias (out,): one product, whatever the leading axes of x.

    Raises
    ------
    ShapeError
        Shapes that do not fit.
    """
    if x.ndim == 0 or weight.shape != x.shape[-1:] + bias.shape or bias.ndim != 1:
        raise ShapeError(f"linear: got x {x.shape}, weight {weight.shape} and bias {bias.shape}, expected (..., in), (in, out) "
                         "and (out,).")
    y = _product(x.reshape(_rows(x.shape)), weight)
    y += bias
    return y.reshape(x.shape[:-1] + bias.shape)


def _rows(shape: Shape) -> Shape:
    return math.prod(shape[:-1]), shape[-1]


def _linear_fast(g: Array, live: tuple[bool, ...], x: Array, weight: Array, x_shape: Shape,
                 bias_shape: Shape) -> list[Array | None]:
    g = g.reshape(_rows(g.shape))
    return [_product(g, weight.T).reshape(x_shape) if live[0] else None,
            _product(x.reshape(_rows(x_shape)).T, g) if live[1] else None,
            sum_to.forward(g, bias_shape) if live[2] else None]


linear.vjp(
    lambda g, weight, x_shape: reshape(_matmul(reshape(g, _rows(g.shape)), _swap(weight)), x_shape),
    lambda g, x: _matmul(_swap(reshape(x, _rows(x.shape))), reshape(g, _rows(g.shape))),
    lambda g, bias_shape: sum_to(g, bias_shape),
)
linear.fast(_linear_fast)

Tensor.__matmul__ = lambda self, other: matmul(self, other)
Tensor.__rmatmul__ = lambda self, other: matmul(other, self)
