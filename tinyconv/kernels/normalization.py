"""Batch norm on arrays (..., C): the moments of each channel, and gradients that know that they move with x.

Normalizing is a broken line (see `pointwise`) with the mean as its centre and weight / deviation as its scale. As a float cannot
hold all of a large mean, the mean is a float and a rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import dispatch, pointwise, pooling, workspace
from tinyconv.kernels.geometry import Windows

Array = NDArray[Any]


class Gradients(NamedTuple):
    """What arrives at weight * (x - mean) / deviation + bias, and its negative part's slope; x is None if nobody wants it."""

    x: Array | None
    weight: Array
    bias: Array
    slope: Array


def moments(x: Array) -> tuple[Array, Array] | None:
    """Mean and biased variance of each channel (C,), float64, from one pass over memory; None where NumPy shall find them."""
    compiled = dispatch.compiled("batchnorm", x.size, x.dtype)
    if compiled is None:
        return None
    cells = pointwise.Cells(x)
    means, spreads = np.empty((2, cells.workers, *cells.shape[1:]))
    compiled.moments(cells.workers, cells.of(x), means, spreads)
    shares = np.diff(cells.shape[0] * np.arange(cells.workers + 1) // cells.workers)[:, None, None]  # rows of each worker
    means, spreads = (found.reshape(cells.workers, cells.together, -1) for found in (means, spreads))
    count = x.size // x.shape[-1]
    mean = (shares * means).sum(axis=(0, 1)) / count
    return mean, (spreads + shares * np.square(means - mean)).sum(axis=(0, 1)) / count


def adjoint(g: Array, x: Array, line: Array, rest: Array, inverse_deviation: Array, want_x: bool = True) -> Gradients:
    """The gradients of a normalization: in two passes over x, one for the sums, one for its own.

    Parameters
    ----------
    g, x : (..., C)
    line : (4, C), the line that normalizes
    rest : (C,), the part of the mean that line[0] does not hold
    inverse_deviation : (C,)
    """
    _, sums = pointwise.bend_adjoint(g, x, line, want_x=False)
    found, plane = _moving(sums, line, rest, inverse_deviation, x)
    return found._replace(x=_gradient(g, x, line, plane)) if want_x else found


def pooled_adjoint(g: Array, x: Array, line: Array, rest: Array, inverse_deviation: Array, chosen: Array,
                   windows: Windows) -> Gradients:
    """The gradients of a normalization of which only the chosen tap of each window was looked at; g is (N, *out, C)."""
    back, sums = pointwise.bend_adjoint(g, pooling.gather(x, chosen, windows), line)
    found, plane = _moving(sums, line, rest, inverse_deviation, x)
    assert back is not None
    return found._replace(x=pooling.scatter(back, chosen, windows, x, plane))


def _moving(sums: Array, line: Array, rest: Array, inverse_deviation: Array, x: Array) -> tuple[Gradients, Array]:
    """The gradients of all but x, and the plane (3, C) by which x's gradient is less because mean and deviation move with it."""
    arriving, moving, below = sums
    moving = moving - rest * arriving  # the sum of b * (x - mean)
    count, scale = x.size // x.shape[-1], line[1]
    tilt = scale * np.square(inverse_deviation) * moving / count
    plane = np.stack([line[0], scale * arriving / count - tilt * rest, tilt])
    weight, bias, slope, plane = (a.astype(x.dtype) for a in (moving * inverse_deviation, arriving, below, plane))
    return Gradients(None, weight, bias, slope), plane


def _gradient(g: Array, x: Array, line: Array, plane: Array) -> Array:
    """scale * b - plane[1] - plane[2] * (x - plane[0]), with b as in `pointwise.bend_adjoint`."""
    compiled = dispatch.compiled("batchnorm", x.size, x.dtype)
    if compiled is None:
        back, _ = pointwise.bend_adjoint(g, x, line)
        assert back is not None
        back -= plane[1] + plane[2] * (x - plane[0])
        return back
    gx, cells = workspace.empty(x.shape, x.dtype), pointwise.Cells(x)
    compiled.gradient(cells.workers, cells.of(x), cells.of(g), cells.tiled(line), cells.tiled(plane), cells.of(gx))
    return gx
