"""Functions that fold axes away: sums, means, maxima, and the softmax family."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, broadcast_to, primitive
from tinyconv.errors import ShapeError
from tinyconv.ops.array import reshape
from tinyconv.ops.elementwise import exp

Axis = int | tuple[int, ...] | None


def _axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """`axis` as a tuple of non-negative axes."""
    wanted = tuple(range(ndim)) if axis is None else (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    if builtins.any(not -ndim <= a < ndim for a in wanted):
        raise ShapeError(f"axis {axis} is out of range for {ndim} axes.")
    return tuple(int(a) % ndim for a in wanted)


def _count(name: str, shape: tuple[int, ...], axis: Axis) -> int:
    """How many values each result over `axis` has: at least one."""
    count = math.prod(shape[a] for a in _axes(axis, len(shape)))
    if count == 0:
        raise ShapeError(f"{name}: got shape {shape}, expected at least one value along axis {axis}.")
    return count


def _kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """`shape` with the axes that are folded away kept as 1."""
    axes = _axes(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


@primitive
def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:  # noqa: A001 - NumPy's name
    """Sum over `axis` (an int, a tuple, or None for all)."""
    return x.sum(axis=_axes(axis, x.ndim), keepdims=keepdims)


sum.vjp(lambda g, x_shape, axis: broadcast_to(reshape(g, _kept(x_shape, axis)), shape=x_shape))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Mean over `axis` (an int, a tuple, or None for all)."""
    x = as_tensor(x)
    return sum(x, axis=axis, keepdims=keepdims) * (1 / _count("mean", x.shape, axis))


def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Tensor:
    """Variance over `axis`: the mean square distance from the mean, times n / (n - ddof)."""
    x = as_tensor(x)
    n = _count("var", x.shape, axis)
    if n <= ddof:
        raise ShapeError(f"var: got {n} values per result and ddof={ddof}, expected more values than ddof.")
    centred = x - mean(x, axis=axis, keepdims=True)
    return sum(centred * centred, axis=axis, keepdims=keepdims) / (n - ddof)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:  # noqa: A001 - NumPy's name
    """Largest value over `axis`. The first largest element is chosen, then gathered: it alone gets the gradient."""
    x = as_tensor(x)
    axes = _axes(axis, x.ndim)
    others = tuple(i for i in range(x.ndim) if i not in axes)
    count = _count("max", x.shape, axis)
    rows = x.transpose(*others, *axes).reshape(*(x.shape[i] for i in others), count)
    where = rows.data.argmax(axis=-1)
    largest = rows[(*np.indices(where.shape, sparse=True), where)]
    return reshape(largest, _kept(x.shape, axis)) if keepdims else largest


@primitive
def logsumexp(x: Array, axis: Axis = -1, keepdims: bool = False) -> Array:
    """log(sum(exp(x))) over `axis`, without overflow."""
    axes = _axes(axis, x.ndim)
    top = x.max(axis=axes, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    with np.errstate(divide="ignore"):  # no value, or all -inf: log(0) = -inf
        out = np.log(np.exp(x - top).sum(axis=axes, keepdims=True)) + top
    return out if keepdims else out.squeeze(axes)


def _logsumexp_rule(g: Tensor, out: Tensor, x: Tensor, axis: Axis) -> Tensor:
    kept = _kept(x.shape, axis)
    return reshape(g, kept) * exp(x - reshape(out, kept))


logsumexp.vjp(_logsumexp_rule)


@primitive
def log_softmax(x: Array, axis: Axis = -1) -> Array:
    """x - logsumexp(x): the logarithms of `softmax`, accurate also for tiny probabilities."""
    axes = _axes(axis, x.ndim)
    shifted = x - x.max(axis=axes, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(axis=axes, keepdims=True))


log_softmax.vjp(lambda g, out, axis: g - exp(out) * sum(g, axis=axis, keepdims=True))


@primitive
def softmax(x: Array, axis: Axis = -1) -> Array:
    """exp(x) / sum(exp(x)) over `axis`: positive numbers that sum to 1."""
    axes = _axes(axis, x.ndim)
    e = np.exp(x - x.max(axis=axes, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=axes, keepdims=True)


softmax.vjp(lambda g, out, axis: out * (g - sum(g * out, axis=axis, keepdims=True)))

Tensor.sum = lambda self, axis=None, keepdims=False: sum(self, axis=axis, keepdims=keepdims)
Tensor.mean = lambda self, axis=None, keepdims=False: mean(self, axis=axis, keepdims=keepdims)
