"""The definitions as Python loops: slow, obvious, the oracle of the other kernels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.geometry import ConvGeometry, Shape

Array = NDArray[Any]


def conv(x: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """y[n, o, c] = sum over taps t and channels k of x[n, o * stride + t * dilation - padding, k] * w[t, k, c]."""
    y = np.zeros(geometry.y_shape, x.dtype)
    for seen, used, made in _products(geometry):
        y[made] += x[seen] * weight[used]
    return y


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """Each product of `conv` again, the other way round: what arrives at y goes to x."""
    x = np.zeros(geometry.x_shape, g.dtype)
    for seen, used, made in _products(geometry):
        x[seen] += g[made] * weight[used]
    return x


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry) -> Array:
    """Each product of `conv` again: what arrives at y goes to the weight."""
    w = np.zeros(geometry.weight_shape, x.dtype)
    for seen, used, made in _products(geometry):
        w[used] += x[seen] * g[made]
    return w


def _products(geometry: ConvGeometry) -> Iterator[tuple[Shape, Shape, Shape]]:
    """Every product of the convolution, as its index in x, in the weight and in y."""
    per_group, made_per_group = geometry.in_channels // geometry.groups, geometry.out_channels // geometry.groups
    stands = itertools.product(range(geometry.batch), itertools.product(*map(range, geometry.out)), range(geometry.out_channels))
    for n, o, c in stands:
        for tap in itertools.product(*map(range, geometry.kernel_size)):
            at = tuple(i * s + t * d - p[0] for i, s, t, d, p in
                       zip(o, geometry.stride, tap, geometry.dilation, geometry.padding, strict=True))
            if all(0 <= a < n_ for a, n_ in zip(at, geometry.size, strict=True)):
                for k in range(per_group):
                    yield (n, *at, c // made_per_group * per_group + k), (*tap, k, c), (n, *o, c)
