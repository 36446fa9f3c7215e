"""Choosing is not differentiable, gathering is: labels, largest values, and what stands at an index."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, tensor
from tinyconv.errors import GradientError, ShapeError
from tinyconv.ops.array import getitem
from tinyconv.ops.axes import count_along, one_axis


def whole_numbers(name: str, what: str, values: Any, low: int, high: int) -> Array:
    """`values` as an array of integers from `low` to `high`; an error of the function `name` calls them `what`.

    Raises
    ------
    GradientError
        A tensor: labels and indices have no gradient.
    ShapeError
        Other values.
    """
    if isinstance(values, Tensor):
        raise GradientError(f"{name}: {what} are a tensor, expected an integer array: a choice has no gradient.")
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of several lengths
        raise ShapeError(f"{name}: {what} must be one array of integers from {low} to {high}; {error}") from error
    if array.size and array.dtype.kind not in "iu":
        raise ShapeError(f"{name}: {what} must be integers from {low} to {high}; got {array.dtype}.")
    if array.size and not low <= int(array.min()) <= int(array.max()) <= high:
        raise ShapeError(f"{name}: {what} must be integers from {low} to {high}; got {array.min()} to {array.max()}.")
    return array.astype(np.intp)


def one_hot(labels: Any, classes: int, dtype: Any = np.float32) -> Tensor:
    """A constant: 1 at each label's place, 0 elsewhere.

    Parameters
    ----------
    labels : integer array, any shape, values 0 .. classes - 1
    classes : int
    dtype : float dtype

    Returns
    -------
    Tensor, (*labels.shape, classes)

    Raises
    ------
    ShapeError
        `classes` is not a positive integer, or a label is no class number.

    >>> one_hot([2, 0], 3).data.tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if not isinstance(classes, int | np.integer) or isinstance(classes, bool) or classes < 1:
        raise ShapeError(f"one_hot: classes is {classes!r}, expected a positive integer.")
    numbers = whole_numbers("one_hot", "labels", labels, 0, int(classes) - 1)
    return tensor(numbers[..., None] == np.arange(classes), dtype)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first largest value over `axis`; without one, the place in the flattened array.

    Returns
    -------
    integer array: a choice, so no tensor. With `keepdims` it fits `take_along_axis`.

    Raises
    ------
    ShapeError
        No such axis, or nothing to choose from.

    >>> argmax([[1, 5, 5], [7, 2, 3]], axis=1)
    array([1, 0])
    """
    values = as_tensor(x).data
    count_along("argmax", values.shape, axis)
    place = None if axis is None else one_axis(axis, values.ndim)
    return np.asarray(np.argmax(values, axis=place, keepdims=keepdims))


def take_along_axis(x: Any, indices: Any, axis: int) -> Tensor:
    """out[.., i, ..] = x[.., indices[.., i, ..], ..]: one index for each value that is taken.

    An element that is taken twice gets the sum of both gradients.

    Parameters
    ----------
    x : Tensor
    indices : integer array with as many axes as x, values from -n to n - 1 where n is x's size along `axis`
        Its other axes broadcast with those of x.
    axis : int

    Raises
    ------
    ShapeError
        Another number of axes, sizes that do not broadcast, or an index outside.

    >>> take_along_axis([[10, 20, 30], [40, 50, 60]], [[2, 0], [1, 1]], axis=1).data.tolist()
    [[30.0, 10.0], [50.0, 50.0]]
    """
    x = as_tensor(x)
    at = one_axis(axis, x.ndim)
    size = x.shape[at]
    chosen = whole_numbers("take_along_axis", "indices", indices, -size, size - 1)
    fits = chosen.ndim == x.ndim and all(i == at or 1 in (n, m) or n == m
                                         for i, (n, m) in enumerate(zip(x.shape, chosen.shape, strict=True)))
    if not fits:
        raise ShapeError(f"take_along_axis: got x {x.shape} and indices {chosen.shape}, expected the same sizes, or 1, "
                         f"in all axes but axis {axis}.")
    return getitem(x, index=_along(x.shape, chosen, at))


def _along(shape: tuple[int, ...], chosen: Array, axis: int) -> tuple[Array, ...]:
    """The index that takes `chosen` along `axis`, and each place by itself along the others."""
    grid = np.ogrid[tuple(slice(n) for n in shape)]
    return (*grid[:axis], chosen, *grid[axis + 1 :])


def top_k(x: Any, k: int, axis: int = -1) -> tuple[Tensor, Array]:
    """The k largest values along `axis`, the largest first; of equal values the one with the lower index. NaN is largest.

    Parameters
    ----------
    x : Tensor
    k : int
        From 0 to the size of `axis`.

    Returns
    -------
    values : Tensor, x's shape with k along `axis`
        Each sends its gradient to where it was found.
    indices : integer array of the same shape

    Raises
    ------
    ShapeError
        `k` is larger than the axis, or no size.

    >>> values, indices = top_k([3, 9, 1, 9], 3)
    >>> values.data.tolist(), indices.tolist()
    ([9.0, 9.0, 3.0], [1, 3, 0])
    """
    x = as_tensor(x)
    at = one_axis(axis, x.ndim)
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or not 0 <= k <= x.shape[at]:
        raise ShapeError(f"top_k: k is {k!r}, expected an integer from 0 to {x.shape[at]}, the size of axis {axis} of {x.shape}.")
    # Sorted backwards, so that of equal values the lower index, and NaN, come last; then read from the end.
    backwards = np.flip(x.data, at).argsort(axis=at, kind="stable")
    order = x.shape[at] - 1 - np.flip(backwards, at)
    chosen = np.ascontiguousarray(order[(slice(None),) * at + (slice(int(k)),)])
    return getitem(x, index=_along(x.shape, chosen, at), unique=True), chosen.copy()
