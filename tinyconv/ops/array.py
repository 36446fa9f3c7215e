"""Functions that move elements without changing them: shapes, indexing, joining, padding."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, primitive
from tinyconv.errors import GradientError, ShapeError


@primitive
def reshape(x: Array, shape: tuple[int, ...] = ()) -> Array:
    """The same elements in another shape; one entry may be -1."""
    try:
        return x.reshape(shape)
    except ValueError as error:
        raise ShapeError(f"reshape: {x.size} elements of shape {x.shape} do not fit {shape}.") from error


@primitive
def transpose(x: Array, axes: Sequence[int] | None = None) -> Array:
    """Permute the axes; None reverses them."""
    try:
        return x.transpose(axes)
    except ValueError as error:
        raise ShapeError(f"transpose: axes {axes} do not permute the {x.ndim} axes of {x.shape}.") from error


def _transpose_rule(g: Tensor, axes: Sequence[int] | None) -> Tensor:
    return transpose(g, None if axes is None else tuple(np.argsort([a % g.ndim for a in axes])))


reshape.vjp(lambda g, x_shape: reshape(g, x_shape))
transpose.vjp(_transpose_rule)


@primitive
def getitem(x: Array, index: Any = ()) -> Array:
    """x[index] with NumPy's indexing: integers, slices, None, `...`, integer and boolean arrays."""
    return x[index]


@primitive
def scatter(y: Array, index: Any = (), shape: tuple[int, ...] = ()) -> Array:
    """Zeros of `shape` with `y` added at `index`, repeated indices adding up: the adjoint of `getitem`."""
    out = np.zeros(shape, y.dtype)
    if _is_basic(index):
        out[index] = y
    else:
        np.add.at(out, index, y)
    return out


getitem.vjp(lambda g, x_shape, index: scatter(g, index=index, shape=x_shape))
scatter.vjp(lambda g, index: getitem(g, index=index))


def _is_basic(index: Any) -> bool:
    """Whether no element can be met twice: integers, slices, None and `...` only."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is ... or isinstance(part, int | np.integer | slice) for part in parts)


def _getitem(x: Tensor, index: Any) -> Tensor:
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Tensor) for part in parts):
        raise GradientError("an index is a choice and has no gradient: use an integer array, for example t.data.argmax().")
    return getitem(x, index=index if _is_basic(index) else copy.deepcopy(index))  # its array may change before backward


@primitive
def _concatenate(*xs: Array, axis: int = 0) -> Array:
    return np.concatenate(xs, axis)


def _concatenate_rule(g: Tensor, index: int, shapes: Sequence[tuple[int, ...]], axis: int) -> Tensor:
    start = sum(shape[axis] for shape in shapes[:index])
    return g[(slice(None),) * (axis % g.ndim) + (slice(start, start + shapes[index][axis]),)]


_concatenate.vjp(_concatenate_rule)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors along an existing axis; all other sizes agree."""
    try:
        return _concatenate(*xs, axis=axis)
    except ValueError as error:
        shapes = ", ".join(str(np.shape(x.data if isinstance(x, Tensor) else x)) for x in xs)
        raise ShapeError(f"concatenate: shapes {shapes} do not join along axis {axis}.") from error


@primitive
def _pad_zero(x: Array, pairs: tuple[tuple[int, int], ...] = ()) -> Array:
    return np.pad(x, pairs)


def _pad_zero_rule(g: Tensor, x_shape: tuple[int, ...], pairs: tuple[tuple[int, int], ...]) -> Tensor:
    return g[tuple(slice(before, before + size) for (before, _), size in zip(pairs, x_shape, strict=True))]


_pad_zero.vjp(_pad_zero_rule)


def pad(x: Any, width: Any, mode: str = "zero") -> Tensor:
    """Widen each axis of `x`.

    Parameters
    ----------
    width : int, or one (before, after) pair per axis
    mode : "zero", "reflect" (mirror without repeating the edge), "edge" (repeat the edge)
    """
    x = as_tensor(x)
    pairs = ((width, width),) * x.ndim if isinstance(width, int | np.integer) else tuple(width)
    if len(pairs) != x.ndim or not all(_is_pair(pair) for pair in pairs):
        raise ShapeError(f"pad: got width {width}, expected one non-negative (before, after) pair for each "
                         f"of the {x.ndim} axes of {x.shape}.")
    if mode == "zero":
        return _pad_zero(x, pairs=pairs)
    if mode not in ("reflect", "edge"):
        raise ShapeError(f"pad: got mode {mode!r}, expected 'zero', 'reflect' or 'edge'.")
    if mode == "reflect" and any(max(pair) >= max(n, 1) for pair, n in zip(pairs, x.shape, strict=True) if max(pair)):
        raise ShapeError(f"pad: cannot reflect {pairs} in shape {x.shape}; a mirror needs more pixels than it adds.")
    if mode == "edge" and any(n == 0 for pair, n in zip(pairs, x.shape, strict=True) if max(pair)):
        raise ShapeError(f"pad: shape {x.shape} has no edge to repeat.")
    for axis, (pair, size) in enumerate(zip(pairs, x.shape, strict=True)):
        if max(pair):
            x = x[(slice(None),) * axis + (np.pad(np.arange(size), pair, mode=mode),)]  # type: ignore[call-overload]
    return x


def _is_pair(value: Any) -> bool:
    return np.ndim(value) == 1 and len(value) == 2 and all(isinstance(n, int | np.integer) and n >= 0 for n in value)


Tensor.__getitem__ = _getitem
Tensor.reshape = lambda self, *shape: reshape(self, shape[0] if shape and not isinstance(shape[0], int | np.integer) else shape)
Tensor.transpose = lambda self, *axes: transpose(self, (axes[0] if isinstance(axes[0], Sequence) else axes) if axes else None)
