"""How far apart? Rows of two matrices, each with its partner, or each with all, without a third axis in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensors, primitive
from tinyconv.errors import DataError, ShapeError
from tinyconv.kernels import dispatch
from tinyconv.ops.array import reshape, transpose
from tinyconv.ops.elementwise import select, sqrt, where
from tinyconv.ops.linear import matmul
from tinyconv.ops.reduce import l2_normalize, norm, sum

METRICS = ("euclidean", "squared_euclidean", "cosine")

# |x|^2 + |y|^2 - 2 <x, y> loses every digit where x and y are near each other: below this share of |x|^2 + |y|^2 the
# distance is computed from the difference. In float64 the others keep nine digits or more.
NEAR = 1e-6
CHUNK = 1 << 20  # numbers at a time


@primitive
def squared_distances(x: Array, y: Array) -> Array:
    """The sum of (x_i - y_j)^2 for each row i of `x` and each row j of `y`: (N, D) and (M, D) give (N, M)."""
    a = x.astype(np.float64)
    b = a if y is x else y.astype(np.float64)  # of one matrix with itself: exactly symmetric
    scale = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    out = np.maximum(scale - 2 * dispatch.matmul(a, b.T), 0)
    near_rows, near_columns = np.nonzero(out <= NEAR * scale)
    step = max(CHUNK // max(a.shape[1], 1), 1)
    for start in range(0, len(near_rows), step):
        i, j = near_rows[start : start + step], near_columns[start : start + step]
        out[i, j] = np.square(a[i] - b[j]).sum(axis=1)
    return out.astype(x.dtype, copy=False)


squared_distances.vjp(
    lambda g, x, y: 2 * (x * sum(g, axis=1, keepdims=True) - matmul(g, y)),
    lambda g, x, y: 2 * (y * reshape(sum(g, axis=0), (-1, 1)) - matmul(transpose(g), x)),
)


def pairwise_distances(x: Any, y: Any = None, metric: str = "euclidean") -> Tensor:
    """The distance of each row of `x` from each row of `y`.

    Parameters
    ----------
    x : Tensor, (N, D)
    y : Tensor, (M, D), optional
        By default x itself.
    metric : "euclidean", "squared_euclidean" or "cosine"
        Cosine distance is 1 - <x, y> / (|x| |y|), from 0 to 2; a zero vector is at distance 1 from everything.

    Returns
    -------
    Tensor, (N, M)
        Never negative, and exactly 0 for equal rows. Where a Euclidean distance is 0 it has a kink: gradient 0 there;
        a zero vector has cosine gradient 0.

    Raises
    ------
    ShapeError
        Not two matrices with rows of one length.
    DataError
        No such metric.

    >>> pairwise_distances([[0, 0], [3, 4]]).data.tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    _check_metric("pairwise_distances", metric)
    x, *others = as_tensors("pairwise_distances", x, *(() if y is None else (y,)))
    y = others[0] if others else x
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ShapeError(f"pairwise_distances: got shapes {x.shape} and {y.shape}, expected (N, D) and (M, D).")
    placed = _on_the_sphere if metric == "cosine" else _around(x)
    rows = placed(x)
    columns = placed(y) if others else rows
    squared = squared_distances(rows, columns)
    if metric == "cosine":  # 1 - cos = |x - y|^2 / 2 for unit vectors, which keeps the digits of small angles
        return 0.5 * squared + np.add.outer(_half_if_zero(rows), _half_if_zero(columns))
    return squared if metric == "squared_euclidean" else _root(squared)


def paired_distances(x: Any, y: Any, metric: str = "euclidean") -> Tensor:
    """The distance of each row of `x` from the row of `y` at the same place.

    The metrics are those of `pairwise_distances`, whose diagonal this is, from the differences and without the rest.

    Parameters
    ----------
    x, y : Tensor, (N, D)
    metric : "euclidean", "squared_euclidean" or "cosine"

    Returns
    -------
    Tensor, (N,)
        Never negative, and exactly 0 for equal rows, unless they are zero vectors, whose cosine distance is 1. Where a Euclidean
        distance is 0 it has a kink: gradient 0 there; a zero vector has cosine gradient 0.

    Raises
    ------
    ShapeError
        Not two matrices of one shape.
    DataError
        No such metric.

    >>> paired_distances([[0, 0], [1, 1]], [[3, 4], [1, 1]]).data.tolist()
    [5.0, 0.0]
    """
    _check_metric("paired_distances", metric)
    x, y = as_tensors("paired_distances", x, y)
    if x.ndim != 2 or x.shape != y.shape:
        raise ShapeError(f"paired_distances: got shapes {x.shape} and {y.shape}, expected (N, D) twice.")
    if metric == "cosine":
        x, y = _on_the_sphere(x), _on_the_sphere(y)
    difference = x - y
    if metric == "euclidean":
        return norm(difference, axis=1)
    squared = sum(difference * difference, axis=1)
    return squared if metric == "squared_euclidean" else 0.5 * squared + (_half_if_zero(x) + _half_if_zero(y))


def _check_metric(name: str, metric: str) -> None:
    if metric not in METRICS:
        raise DataError(f"{name}: got metric {metric!r}, expected one of {', '.join(METRICS)}.")


def _around(x: Tensor) -> Callable[[Tensor], Tensor]:
    """A common shift changes no distance, but saves digits where all rows are far from 0."""
    origin = x.data.mean(axis=0) if len(x) else np.zeros(x.shape[1], x.dtype)
    return lambda rows: rows - origin


def _on_the_sphere(x: Tensor) -> Tensor:
    return l2_normalize(x, eps=float(np.finfo(x.dtype).tiny))


def _half_if_zero(x: Tensor) -> Array:
    """What is missing in |x|^2 / 2 of a zero vector among unit vectors."""
    return np.where(x.data.any(axis=1), x.dtype.type(0), x.dtype.type(0.5))


def _root(squared: Tensor) -> Tensor:
    """The square root, with slope 0 at 0."""
    apart = squared.data > 0
    return select(sqrt(where(apart, squared, 1)), mask=apart)
