"""Which axes? The `axis` argument of every function that has one, checked once."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tinyconv.errors import ShapeError

Axis = int | tuple[int, ...] | None


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """`axis` (an int, a tuple, or None for all) as a tuple of non-negative axes, each once.

    >>> axes_of((-1, 0), 3)
    (2, 0)
    """
    wanted = tuple(range(ndim)) if axis is None else tuple(axis) if isinstance(axis, Iterable) else (axis,)
    if any(not isinstance(a, int | np.integer) or isinstance(a, bool) for a in wanted):
        raise ShapeError(f"axis {axis!r} is no axis; expected an integer, a tuple of integers, or None for all.")
    if any(not -ndim <= a < ndim for a in wanted):
        raise ShapeError(f"axis {axis} is out of range for {ndim} axes.")
    axes = tuple(int(a) % ndim for a in wanted)
    if len(set(axes)) < len(axes):
        raise ShapeError(f"axis {axis} names one of the {ndim} axes twice.")
    return axes


def one_axis(axis: int, ndim: int) -> int:
    """`axis`, one integer, as a non-negative axis."""
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        raise ShapeError(f"axis {axis!r} is no axis; expected one integer.")
    return axes_of(axis, ndim)[0]


def kept_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """`shape` with the axes that are folded away kept as 1."""
    axes = axes_of(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def count_along(name: str, shape: tuple[int, ...], axis: Axis) -> int:
    """How many values each result of the function `name` over `axis` has: at least one."""
    count = math.prod(shape[a] for a in axes_of(axis, len(shape)))
    if count == 0:
        raise ShapeError(f"{name}: got shape {shape}, expected at least one value along axis {axis}.")
    return count
