"""Functions that fold axes away: sums, means, maxima, lengths, and the softmax family."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, broadcast_to, primitive, sum_over
from tinyconv.errors import DataError, ShapeError
from tinyconv.kernels.scalars import is_real
from tinyconv.ops.array import getitem, reshape
from tinyconv.ops.axes import Axis, axes_of, count_along, kept_shape
from tinyconv.ops.elementwise import exp, maximum, select


@primitive
def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:  # noqa: A001 - NumPy's name
    """Sum over `axis` (an int, a tuple, or None for all)."""
    axes = axes_of(axis, x.ndim)
    total = sum_over(x, axes)
    return total if keepdims else total.squeeze(axes)


sum.vjp(lambda g, x_shape, axis: broadcast_to(reshape(g, kept_shape(x_shape, axis)), shape=x_shape))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Mean over `axis` (an int, a tuple, or None for all)."""
    x = as_tensor(x)
    return sum(x, axis=axis, keepdims=keepdims) * (1 / count_along("mean", x.shape, axis))


def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Tensor:
    """Variance over `axis`: the mean square distance from the mean, times n / (n - ddof)."""
    x = as_tensor(x)
    n = count_along("var", x.shape, axis)
    if not isinstance(ddof, int | np.integer) or ddof < 0:
        raise ShapeError(f"var: ddof is {ddof!r}, expected a whole number, 0 or more.")
    if n <= ddof:
        raise ShapeError(f"var: got {n} values per result and ddof={ddof}, expected more values than ddof.")
    centred = x - mean(x, axis=axis, keepdims=True)
    return sum(centred * centred, axis=axis, keepdims=keepdims) / (n - ddof)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:  # noqa: A001 - NumPy's name
    """Largest value over `axis`. The first largest element is chosen, then gathered: it alone gets the gradient."""
    x = as_tensor(x)
    axes = axes_of(axis, x.ndim)
    others = tuple(i for i in range(x.ndim) if i not in axes)
    count = count_along("max", x.shape, axis)
    rows = x.transpose(*others, *axes).reshape(*(x.shape[i] for i in others), count)
    where = rows.data.argmax(axis=-1)
    largest = getitem(rows, index=(*np.indices(where.shape, sparse=True), where), unique=True)
    return reshape(largest, kept_shape(x.shape, axis)) if keepdims else largest


@primitive
def norm(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Euclidean length sqrt(sum(x^2)) over `axis` (an int, a tuple, or None for all).

    The gradient is x / norm; at the zero vector, where the length has a kink, it is 0.

    >>> norm([[3, 4], [0, 0]], axis=1).data
    array([5., 0.], dtype=float32)
    """
    axes = axes_of(axis, x.ndim)
    largest = np.abs(x).max(axis=axes, keepdims=True, initial=0)
    ordinary = np.isfinite(largest) & (largest > 0)
    unit = np.ldexp(x.dtype.type(1), np.frexp(np.where(ordinary, largest, x.dtype.type(1)))[1] - 1)  # a power of 2 near it
    length = np.sqrt(sum_over(np.square(x / unit), axes)) * unit  # no square overflows, or vanishes
    return length if keepdims else length.squeeze(axes)


def _norm_rule(g: Tensor, out: Tensor, x: Tensor, axis: Axis) -> Tensor:
    kept = kept_shape(x.shape, axis)
    zero = (out.data == 0).reshape(kept)
    return select(reshape(g, kept) * x / (reshape(out, kept) + zero), mask=~zero)


norm.vjp(_norm_rule)


def l2_normalize(x: Any, axis: Axis = -1, eps: float = 1e-12) -> Tensor:
    """x / max(norm(x), eps) over `axis`: vectors of length 1, as embeddings on the unit sphere are.

    A zero vector stays zero, with gradient 0: it has no direction to turn.

    Parameters
    ----------
    x : Tensor, any shape
    axis : int, tuple of int, or None for all
    eps : float
        Vectors shorter than this are divided by it.

    Raises
    ------
    DataError
        `eps` is not positive.

    >>> l2_normalize([[3, 4], [0, 0]]).data.round(1).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    x = as_tensor(x)
    if not is_real(eps) or not eps > 0:
        raise DataError(f"l2_normalize: eps is {eps!r}, expected a positive number.")
    length = norm(x, axis=axis, keepdims=True)
    zero = length.data == 0
    return select(x, mask=~zero) / maximum(length + zero, eps)


@primitive
def logsumexp(x: Array, axis: Axis = -1, keepdims: bool = False) -> Array:
    """log(sum(exp(x))) over `axis`, without overflow."""
    axes = axes_of(axis, x.ndim)
    top = x.max(axis=axes, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    with np.errstate(divide="ignore"):  # no value, or all -inf: log(0) = -inf
        out = np.log(np.exp(x - top).sum(axis=axes, keepdims=True)) + top
    return out if keepdims else out.squeeze(axes)


def _logsumexp_rule(g: Tensor, out: Tensor, x: Tensor, axis: Axis) -> Tensor:
    kept = kept_shape(x.shape, axis)
    return reshape(g, kept) * exp(x - reshape(out, kept))


logsumexp.vjp(_logsumexp_rule)


@primitive
def log_softmax(x: Array, axis: Axis = -1) -> Array:
    """x - logsumexp(x): the logarithms of `softmax`, accurate also for tiny probabilities."""
    axes = axes_of(axis, x.ndim)
    shifted = x - x.max(axis=axes, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=axes, keepdims=True))


log_softmax.vjp(lambda g, out, axis: g - exp(out) * sum(g, axis=axis, keepdims=True))


@primitive
def softmax(x: Array, axis: Axis = -1) -> Array:
    """exp(x) / sum(exp(x)) over `axis`: positive numbers that sum to 1."""
    axes = axes_of(axis, x.ndim)
    e = np.exp(x - x.max(axis=axes, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=axes, keepdims=True)


softmax.vjp(lambda g, out, axis: out * (g - sum(g * out, axis=axis, keepdims=True)))

Tensor.sum = lambda self, axis=None, keepdims=False: sum(self, axis=axis, keepdims=keepdims)
Tensor.mean = lambda self, axis=None, keepdims=False: mean(self, axis=axis, keepdims=keepdims)
