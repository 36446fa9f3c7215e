"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensors, primitive, sum_to
from tinyconv.errors import ShapeError
from tinyconv.ops.array import transpose


@primitive
def _matmul(a: Array, b: Array) -> Array:
    try:
        return np.matmul(a, b)
    except ValueError as error:
        raise ShapeError(f"matmul: shapes {a.shape} and {b.shape} do not fit; a's last axis meets b's "
                         "second-last, the axes before broadcast.") from error


def _swap(x: Tensor) -> Tensor:
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


_matmul.vjp(
    lambda g, a_shape, b: sum_to(_matmul(g, _swap(b)), shape=a_shape),
    lambda g, a, b_shape: sum_to(_matmul(_swap(a), g), shape=b_shape),
)


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


Tensor.__matmul__ = lambda self, other: matmul(self, other)
Tensor.__rmatmul__ = lambda self, other: matmul(other, self)
