"""Functions that move elements without changing them: shapes, indexing, joining, padding."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, as_tensors, primitive
from tinyconv.errors import GradientError, PositionError, ShapeError
from tinyconv.kernels.scalars import is_int
from tinyconv.ops.axes import Axis, axes_of, one_axis


@primitive
def reshape(x: Array, shape: tuple[int, ...] = ()) -> Array:
    """The same elements in another shape; one entry may be -1."""
    sizes = shape if isinstance(shape, Sequence) else (shape,)
    if not all(isinstance(n, int | np.integer) and n >= -1 for n in sizes):
        raise ShapeError(f"reshape: got {shape!r}, expected a tuple of sizes, of which one may be -1.")
    try:
        return x.reshape(shape)
    except ValueError as error:
        raise ShapeError(f"reshape: {x.size} elements of shape {x.shape} do not fit {shape}.") from error


@primitive
def transpose(x: Array, axes: Sequence[int] | None = None) -> Array:
    """Permute the axes; None reverses them."""
    try:
        return x.transpose(axes)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"transpose: axes {axes} do not permute the {x.ndim} axes of {x.shape}.") from error


def _transpose_rule(g: Tensor, axes: Sequence[int] | None) -> Tensor:
    return transpose(g, None if axes is None else tuple(np.argsort([a % g.ndim for a in axes])))


reshape.vjp(lambda g, x_shape: reshape(g, x_shape))
transpose.vjp(_transpose_rule)


@primitive
def getitem(x: Array, index: Any = (), unique: bool = False) -> Array:
    """x[index] with NumPy's indexing: integers, slices, None, `...`, integer and boolean arrays.

    `unique` promises that no element is met twice; the gradient is then written, not added up, which is much faster.
    """
    try:
        return x[index]
    except IndexError as error:
        raise PositionError(f"indexing: got a tensor of shape {x.shape}; {error}.") from error


@primitive
def scatter(y: Array, index: Any = (), shape: tuple[int, ...] = (), unique: bool = False) -> Array:
    """Zeros of `shape` with `y` added at `index`, repeated indices adding up: the adjoint of `getitem`."""
    out = np.zeros(shape, y.dtype)
    if unique or all(_is_basic(part) or _is_mask(part) for part in _parts(index)):  # then no element is met twice
        out[index] = y
    else:
        np.add.at(out, index, y)
    return out


getitem.vjp(lambda g, x_shape, index, unique: scatter(g, index=index, shape=x_shape, unique=unique))
scatter.vjp(lambda g, index, unique: getitem(g, index=index, unique=unique))


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _is_basic(part: Any) -> bool:
    """Whether this part of an index is an integer, a slice, None or `...`."""
    return part is None or part is ... or isinstance(part, int | np.integer | slice)


def _is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == bool


def _getitem(x: Tensor, index: Any) -> Tensor:
    if any(isinstance(part, Tensor) for part in _parts(index)):
        raise GradientError("an index is a choice and has no gradient: use an integer array, for example t.data.argmax().")
    changeable = not all(_is_basic(part) for part in _parts(index))
    return getitem(x, index=copy.deepcopy(index) if changeable else index)  # an array may change before backward


@primitive
def _concatenate(*xs: Array, axis: int = 0) -> Array:
    return np.concatenate(xs, axis)


def _concatenate_rule(g: Tensor, index: int, shapes: Sequence[tuple[int, ...]], axis: int) -> Tensor:
    start = sum(shape[axis] for shape in shapes[:index])
    return g[(slice(None),) * (axis % g.ndim) + (slice(start, start + shapes[index][axis]),)]


_concatenate.vjp(_concatenate_rule)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors along an existing axis; all other sizes agree."""
    if not isinstance(axis, int | np.integer):  # None would flatten
        raise ShapeError(f"concatenate: axis is {axis!r}, expected an int.")
    try:
        return _concatenate(*xs, axis=axis)
    except ValueError as error:
        shapes = ", ".join(str(np.shape(x.data if isinstance(x, Tensor) else x)) for x in xs)
        raise ShapeError(f"concatenate: shapes {shapes} do not join along axis {axis}.") from error


def stack(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis.

    >>> stack([[1, 2], [3, 4]], axis=1).data.tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    tensors = as_tensors("stack", *xs)
    shapes = {x.shape for x in tensors}
    if len(shapes) != 1:
        got = ", ".join(str(x.shape) for x in tensors) or "nothing"
        raise ShapeError(f"stack: got {got}, expected at least one tensor, all of one shape.")
    (shape,) = shapes
    at = one_axis(axis, len(shape) + 1)
    return _concatenate(*(reshape(x, (*shape[:at], 1, *shape[at:])) for x in tensors), axis=at)


def flip(x: Any, axis: Axis = None) -> Tensor:
    """Reverse the order of the elements along `axis` (an int, a tuple, or None for all)."""
    x = as_tensor(x)
    axes = axes_of(axis, x.ndim)
    return x[tuple(slice(None, None, -1 if a in axes else None) for a in range(x.ndim))]


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
    pairs = ((width, width),) * x.ndim if is_int(width) else tuple(width) if isinstance(width, Iterable) else ()
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
