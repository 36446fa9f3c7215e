"""Batch norm fused with what follows it: an activation, and the largest of each window. One pass forward, two back.

What stands between is never stored: the node keeps x and four numbers for each channel. The activation is told by its slope
where its input is negative: 1 changes nothing, 0 is ReLU, learned ones are PReLU. Twins made of other operations, which
serve derivatives of higher order, stand above each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensors, primitive
from tinyconv.errors import DataError, ShapeError
from tinyconv.kernels import normalization, pointwise, pooling
from tinyconv.kernels.geometry import Windows
from tinyconv.ops.activation import prelu
from tinyconv.ops.pool import gather_windows
from tinyconv.ops.standardize import Moments, standardize

Activation = Any  # None, "relu", or a tensor of PReLU's slopes, (C,) or (1,)


def slope_of(name: str, x: Tensor, activation: Activation) -> Tensor:
    """The slope of an activation where its input is negative, (C,) or (1,); `name` asks."""
    if activation is None:
        return Tensor(np.ones(1, x.dtype))
    if isinstance(activation, str) and activation == "relu":
        return Tensor(np.zeros(1, x.dtype))
    if isinstance(activation, str):
        raise DataError(f"{name}: activation is {activation!r}, expected None, 'relu', or PReLU's slopes.")
    _, slope = as_tensors(name, x, activation)
    if slope.shape not in ((1,), x.shape[-1:]):
        raise ShapeError(f"{name}: activation has shape {slope.shape}, expected slopes (1,) or {x.shape[-1:]} for x {x.shape}.")
    return slope


# --- By given statistics ----------------------------------------------------------------------------------


def _line_of_operations(x: Tensor, centre: Tensor, scale: Tensor, shift: Tensor, slope: Tensor) -> Tensor:
    return prelu((x - centre) * scale + shift, slope)


@primitive(composite=_line_of_operations)
def broken_line(x: Array, centre: Array, scale: Array, shift: Array, slope: Array) -> Array:
    """v = (x - centre) * scale + shift where that is positive, else slope * v; (C,) each, the slope (C,) or (1,)."""
    return pointwise.bend(x, pointwise.broken_line(x, centre, scale, shift, slope))


def _broken_line_rule(g: Array, live: Sequence[bool], x: Array, centre: Array, scale: Array, shift: Array,
                      slope: Array) -> list[Array | None]:
    gx, sums = pointwise.bend_adjoint(g, x, pointwise.broken_line(x, centre, scale, shift, slope), want_x=live[0])
    arriving, moving, below = sums.astype(x.dtype)
    return _wanted(live, gx, -scale * arriving, moving, arriving, _like(slope, below))


broken_line.fast(_broken_line_rule)


# --- By the batch's own statistics ------------------------------------------------------------------------


def _normalize_of_operations(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor, *, found: Moments) -> Tensor:
    return prelu(standardize(x, found=found) * weight + bias, slope)


@primitive(composite=_normalize_of_operations)
def normalize(x: Array, weight: Array, bias: Array, slope: Array, *, found: Moments) -> Array:
    """v = weight * (x - mean) / sqrt(var + eps) + bias where that is positive, else slope * v; `found` are x's own moments."""
    return pointwise.bend(x, _line(x, weight, bias, slope, found))


def _normalize_rule(g: Array, live: Sequence[bool], x: Array, weight: Array, bias: Array, slope: Array,
                    found: Moments) -> list[Array | None]:
    line, rest, inverse = _line(x, weight, bias, slope, found), found.rest.ravel(), found.inverse_deviation.ravel()
    back = normalization.adjoint(g, x, line, rest, inverse, want_x=live[0])
    return _wanted(live, back.x, back.weight, back.bias, _like(slope, back.slope))


normalize.fast(_normalize_rule)


def _pool_of_operations(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor, *, found: Moments, windows: Windows,
                        chosen: Array) -> Tensor:
    return gather_windows(_normalize_of_operations(x, weight, bias, slope, found=found), chosen=chosen, windows=windows)


@primitive(composite=_pool_of_operations)
def normalize_and_pool(x: Array, weight: Array, bias: Array, slope: Array, *, found: Moments, windows: Windows,
                       chosen: Array) -> Array:
    """The largest of each window of `normalize`'s values; its number goes into `chosen`, an empty array made for it."""
    return pooling.largest(x, windows, chosen, _line(x, weight, bias, slope, found))


def _normalize_and_pool_rule(g: Array, live: Sequence[bool], x: Array, weight: Array, bias: Array, slope: Array, found: Moments,
                             windows: Windows, chosen: Array) -> list[Array | None]:
    line, rest, inverse = _line(x, weight, bias, slope, found), found.rest.ravel(), found.inverse_deviation.ravel()
    back = normalization.pooled_adjoint(g, x, line, rest, inverse, chosen, windows)
    return _wanted(live, back.x, back.weight, back.bias, _like(slope, back.slope))


normalize_and_pool.fast(_normalize_and_pool_rule)


def _line(x: Array, weight: Array, bias: Array, slope: Array, found: Moments) -> Array:
    """The broken line that normalizes: (x - mean) * scale + bias, and what the mean lacks as a part of the shift."""
    scale = weight * found.inverse_deviation.ravel()
    return pointwise.broken_line(x, found.mean.ravel(), scale, bias - found.rest.ravel() * scale, slope)


def _like(slope: Array, gradient: Array) -> Array:
    """The gradient (C,) of the slopes, summed if one slope serves all channels."""
    return gradient if gradient.shape == slope.shape else gradient.sum(keepdims=True)


def _wanted(live: Sequence[bool], *gradients: Array | None) -> list[Array | None]:
    return [gradient if wanted else None for wanted, gradient in zip(live, gradients, strict=True)]
