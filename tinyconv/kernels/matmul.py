"""Matrix products by the tile of `simd`: such a product is a convolution by a kernel of one pixel, and so are its gradients.

Rows are pixels, columns channels. x @ w is the convolution, g @ w' its input adjoint and x' @ g its weight adjoint: which of them
a product is shows in which of its matrices is a transposed view. What is neither is copied once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import direct
from tinyconv.kernels.geometry import ConvGeometry, conv_geometry
from tinyconv.kernels.plain import plain

Array = NDArray[Any]

LINE = 256  # rows that a weight adjoint sums before it looks where the next begin


def matmul(a: Array, b: Array) -> Array:
    """a (M, K) @ b (K, N), two matrices of one dtype, float32 or float64."""
    if _transposed(a) and not _transposed(b):
        return _of_columns(plain(a.T), plain(b))
    if _transposed(b) and b.shape[1] > len(a):  # the longer matrix is not packed, but read where it lies
        return matmul(b.T, plain(a.T)).T
    geometry = _geometry(len(a), a.shape[1], b.shape[1])
    if _transposed(b):
        g, weight = plain(a).reshape(geometry.x_shape), plain(b.T)
        turned = _geometry(len(a), b.shape[1], a.shape[1])
        return direct.input_adjoint(g, weight.reshape(turned.weight_shape), turned).reshape(len(a), b.shape[1])
    x = plain(a).reshape(geometry.x_shape)
    return direct.conv(x, plain(b).reshape(geometry.weight_shape), geometry).reshape(len(a), b.shape[1])


def _of_columns(x: Array, g: Array) -> Array:
    """x' @ g for x (rows, M) and g (rows, N): lines of rows, and what is left of them."""
    whole = len(x) - len(x) % LINE
    total = np.zeros((x.shape[1], g.shape[1]), x.dtype)
    for first, last in ((0, whole), (whole, len(x))):
        if first < last:
            length = min(LINE, last - first)
            geometry = conv_geometry(((last - first) // length, length, x.shape[1]), (1, x.shape[1], g.shape[1]))
            lines = x[first:last].reshape(geometry.x_shape), g[first:last].reshape(geometry.y_shape)
            part = direct.weight_adjoint(*lines, geometry)
            total += part.reshape(total.shape)
    return total


def _geometry(rows: int, inputs: int, outputs: int) -> ConvGeometry:
    """Each row is a sample of one pixel."""
    return conv_geometry((rows, 1, inputs), (1, inputs, outputs))


def _transposed(matrix: Array) -> bool:
    """Whether a matrix lies in memory column by column."""
    return bool(matrix.flags.f_contiguous and not matrix.flags.c_contiguous)
