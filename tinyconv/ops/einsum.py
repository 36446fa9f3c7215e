"""Sums of products by Einstein's convention: each step is a matrix product, so its gradient is one, too."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Tensor, as_tensors
from tinyconv.errors import ShapeError
from tinyconv.ops.array import getitem, reshape, transpose
from tinyconv.ops.linear import matmul
from tinyconv.ops.reduce import sum

# One for each axis: a letter or, for an axis under an ellipsis, its place from the right, as in "-1".
Labels = tuple[str, ...]


def einsum(equation: str, *xs: Any) -> Tensor:
    """Multiply tensors, and sum over the letters that the output leaves out.

    Parameters
    ----------
    equation : str
        One group of letters a tensor, one letter an axis, as in "ij,jk->ik". A letter has one size everywhere; an
        axis of size 1 broadcasts. A letter twice in one group takes the diagonal. `...` stands for any further axes,
        which broadcast from the right. Without `->` the output has the axes under `...`, then the letters that occur
        once, sorted.
    xs : Tensor
        As many as there are groups. More than two are multiplied from left to right: put small results first.

    Raises
    ------
    ShapeError
        An equation that cannot be read, or that does not fit the tensors.

    >>> import tinyconv as tc
    >>> features = tc.tensor([[1, 2], [3, 4], [5, 6]])
    >>> tc.einsum("nc,nd->cd", features, features).data.tolist()
    [[35.0, 44.0], [44.0, 56.0]]
    """
    tensors = as_tensors("einsum", *xs)
    shapes = [x.shape for x in tensors]
    inputs, output = _read(equation, shapes)
    sizes = _sizes(equation, inputs, shapes)
    terms = [_each_label_once(x, labels, sizes) for x, labels in zip(tensors, inputs, strict=True)]
    y, labels = terms[0]
    for i, (x, others) in enumerate(terms[1:], 2):
        y, labels = _product(y, labels, x, others, {*output, *(label for _, later in terms[i:] for label in later)}, sizes)
    y, labels = _summed(y, labels, set(output))
    return _arranged(y, labels, output)


def _read(equation: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[Labels], Labels]:
    """The labels of each input, and of the output."""
    if not isinstance(equation, str):
        raise ShapeError(f"einsum: the equation is of type {type(equation).__name__}, expected a string such as 'ij,jk->ik'.")
    left, arrow, right = equation.replace(" ", "").partition("->")
    groups = left.split(",")
    for group in (*groups, right):
        if strange := group.replace("...", "", 1).strip(string.ascii_letters):
            raise ShapeError(f"einsum: {equation!r} has {strange!r}; expected letters, at most one '...' a group, ',' and '->'.")
    if len(groups) != len(shapes):
        raise ShapeError(f"einsum: {equation!r} has {len(groups)} groups of letters, got {len(shapes)} tensors.")
    inputs = [_labels(equation, group, shape) for group, shape in zip(groups, shapes, strict=True)]
    hidden = max(len(labels) - _letters(group) for labels, group in zip(inputs, groups, strict=True))
    under_ellipsis = tuple(str(place) for place in range(-hidden, 0))
    if arrow:
        before, dots, after = right.partition("...")
        output = (*before, *(under_ellipsis if dots else ()), *after)
    else:
        output = (*under_ellipsis, *sorted(letter for letter in string.ascii_letters if left.count(letter) == 1))
    for label in output:
        if output.count(label) > 1 or not any(label in labels for labels in inputs):
            raise ShapeError(f"einsum: the output of {equation!r} has {label!r} twice, or no input has it.")
    return inputs, output


def _letters(group: str) -> int:
    return len(group.replace("...", ""))


def _labels(equation: str, group: str, shape: tuple[int, ...]) -> Labels:
    """One label for each axis of a tensor."""
    before, dots, after = group.partition("...")
    hidden = len(shape) - _letters(group)
    if hidden < 0 or (hidden and not dots):
        raise ShapeError(f"einsum: {group!r} of {equation!r} names {_letters(group)} axes, got a tensor of shape {shape}.")
    return (*before, *(str(place) for place in range(-hidden, 0)), *after)


def _sizes(equation: str, inputs: Sequence[Labels], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """The size of each label: that of its axes, but for those of size 1, which broadcast."""
    found: dict[str, set[int]] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        own: dict[str, int] = {}
        for label, size in zip(labels, shape, strict=True):
            found.setdefault(label, set()).add(size)
            if own.setdefault(label, size) != size:
                raise ShapeError(f"einsum: {equation!r} takes a diagonal along {label!r}, got sizes {own[label]} and {size}.")
    for label, sizes in found.items():
        if len(sizes - {1}) > 1:
            raise ShapeError(f"einsum: {label!r} of {equation!r} has the sizes {sorted(sizes)}; one letter, one size. "
                             f"The shapes are {', '.join(map(str, shapes))}.")
    return {label: max(sizes - {1}, default=1) for label, sizes in found.items()}


def _each_label_once(x: Tensor, labels: Labels, sizes: dict[str, int]) -> tuple[Tensor, Labels]:
    """`x` with diagonals taken, and without the axes of size 1 that broadcast: a factor that lacks an axis is the same."""
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        twice = tuple(i for i, own in enumerate(labels) if own == label)
        rest = tuple(i for i, own in enumerate(labels) if own != label)
        x = getitem(transpose(x, twice + rest), index=(np.arange(x.shape[twice[0]]),) * len(twice), unique=True)
        labels = (label, *(labels[i] for i in rest))
    kept = tuple(label for label, size in zip(labels, x.shape, strict=True) if size == sizes[label])
    return _shaped(x, tuple(sizes[label] for label in kept)), kept


def _product(a: Tensor, a_labels: Labels, b: Tensor, b_labels: Labels, needed: set[str],
             sizes: dict[str, int]) -> tuple[Tensor, Labels]:
    """The product of two tensors, summed over the labels that nobody needs: (each, left, inner) @ (each, inner, right)."""
    a, a_labels = _summed(a, a_labels, needed.union(b_labels))
    b, b_labels = _summed(b, b_labels, needed.union(a_labels))
    each = tuple(label for label in a_labels if label in b_labels and label in needed)
    inner = tuple(label for label in a_labels if label in b_labels and label not in needed)
    left = tuple(label for label in a_labels if label not in b_labels)
    right = tuple(label for label in b_labels if label not in a_labels)
    a, b = _arranged(a, a_labels, each + left + inner), _arranged(b, b_labels, each + inner + right)
    shapes = {group: tuple(sizes[label] for label in group) for group in (each, left, inner, right)}
    if inner:
        rows, depth, columns = (math.prod(shapes[group]) for group in (left, inner, right))
        y = matmul(_shaped(a, (*shapes[each], rows, depth)), _shaped(b, (*shapes[each], depth, columns)))
    else:
        y = _shaped(a, (*a.shape, *(1,) * len(right))) * _shaped(b, (*shapes[each], *(1,) * len(left), *shapes[right]))
    return _shaped(y, shapes[each] + shapes[left] + shapes[right]), each + left + right


def _summed(x: Tensor, labels: Labels, needed: set[str]) -> tuple[Tensor, Labels]:
    """`x` summed over the axes that nobody needs."""
    axes = tuple(i for i, label in enumerate(labels) if label not in needed)
    return (sum(x, axis=axes) if axes else x), tuple(label for label in labels if label in needed)


def _arranged(x: Tensor, labels: Labels, order: Labels) -> Tensor:
    """`x` with its axes in this order."""
    return x if labels == order else transpose(x, tuple(labels.index(label) for label in order))


def _shaped(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return x if x.shape == shape else reshape(x, shape)
