"""Convolutions that between them have every difficulty: ranks, unequal strides and paddings, groups, tiny and empty sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.kernels.geometry import ConvGeometry, conv_geometry

# name: (shape of x, shape of the weight, options)
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "1d": ((2, 9, 3), (4, 3, 5), {}),
    "1d, everything": ((2, 11, 4), (3, 2, 6), {"stride": 2, "padding": (3, 1), "dilation": 2, "groups": 2}),
    "1d, same, stride over length": ((1, 3, 2), (5, 2, 3), {"stride": 4, "padding": "same"}),
    "1d, length one": ((3, 1, 2), (1, 2, 1), {}),
    "1d, length one under a wide kernel": ((1, 1, 1), (5, 1, 2), {"padding": 2}),
    "1d, longer than a segment": ((1, 40, 5), (3, 5, 300), {"padding": 1}),
    "1d, empty batch": ((0, 7, 2), (3, 2, 4), {"padding": 1}),
    "2d": ((2, 6, 5, 3), (3, 2, 3, 4), {}),
    "2d, one by one": ((2, 3, 4, 5), (1, 1, 5, 3), {}),
    "2d, unequal": ((1, 7, 9, 3), (2, 3, 3, 5), {"stride": (2, 3), "padding": ((0, 2), (1, 0)), "dilation": (3, 1)}),
    "2d, same": ((1, 5, 6, 2), (4, 3, 2, 3), {"stride": (2, 1), "padding": "same", "dilation": (1, 2)}),
    "2d, groups": ((2, 5, 4, 6), (3, 3, 2, 9), {"padding": 1, "groups": 3}),
    "2d, groups and steps": ((1, 8, 7, 8), (2, 3, 4, 6), {"stride": (3, 2), "padding": (1, 2), "dilation": (2, 1), "groups": 2}),
    "2d, depthwise": ((2, 6, 5, 5), (3, 2, 1, 5), {"stride": (1, 2), "padding": 1, "groups": 5}),
    "2d, depthwise, three outputs each": ((2, 4, 5, 4), (2, 3, 1, 12), {"padding": 1, "dilation": (1, 2), "groups": 4}),
    "2d, depthwise, two channels": ((1, 4, 3, 2), (3, 3, 1, 2), {"padding": 1, "groups": 2}),
    "2d, channels over a block": ((1, 4, 5, 17), (2, 2, 17, 3), {}),
    "2d, row of one pixel": ((2, 6, 1, 3), (3, 1, 3, 2), {"padding": ((1, 1), (0, 0))}),
    "2d, image of one pixel": ((2, 1, 1, 3), (3, 3, 3, 4), {"padding": 1}),
    "2d, most padding outside": ((1, 2, 2, 1), (2, 3, 1, 2), {"stride": 2, "padding": ((4, 1), (0, 5))}),
    "2d, last pixels unseen": ((1, 8, 9, 2), (2, 2, 2, 2), {"stride": (3, 4)}),
    "2d, stride over kernel": ((1, 9, 7, 2), (2, 1, 2, 3), {"stride": (4, 3), "padding": (1, 0)}),
    "2d, more pixels than one sum": ((1, 40, 40, 1), (2, 1, 1, 1), {}),
    "2d, empty batch in groups": ((0, 5, 4, 4), (3, 2, 2, 6), {"groups": 2}),
    "2d, empty batch, depthwise": ((0, 5, 4, 4), (3, 2, 1, 8), {"groups": 4}),
    "3d": ((2, 4, 3, 5, 2), (2, 3, 2, 2, 3), {}),
    "3d, unequal": ((1, 5, 6, 4, 2), (3, 2, 1, 2, 3), {"stride": (2, 3, 1), "padding": ((1, 0), (0, 2), (1, 1)),
                                                        "dilation": (1, 2, 3)}),
    "3d, same, groups": ((1, 3, 4, 5, 4), (2, 3, 3, 2, 4), {"stride": (1, 2, 2), "padding": "same", "groups": 2}),
    "3d, depthwise": ((1, 3, 4, 3, 3), (2, 2, 3, 1, 3), {"padding": (1, 0, 1), "groups": 3}),
    "3d, length one": ((2, 1, 1, 1, 2), (1, 1, 1, 2, 3), {}),
    "3d, empty batch": ((0, 3, 3, 4, 1), (2, 2, 2, 1, 2), {}),
}

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
CONTRACTIONS = ("conv", "input_adjoint", "weight_adjoint")


def geometry(case: str) -> ConvGeometry:
    """The geometry of a case by name."""
    x_shape, weight_shape, options = CASES[case]
    return conv_geometry(x_shape, weight_shape, **options)


def arrays(made: ConvGeometry, dtype: Any, seed: int = 0) -> tuple[Any, Any, Any]:
    """Random x, weight and y of a geometry."""
    rng = np.random.default_rng(seed)
    shapes = (made.x_shape, made.weight_shape, made.y_shape)
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def arguments(contraction: str, made: ConvGeometry, dtype: Any, seed: int = 0) -> tuple[Any, Any]:
    """The two arrays a contraction takes."""
    x, weight, y = arrays(made, dtype, seed)
    return {"conv": (x, weight), "input_adjoint": (y, weight), "weight_adjoint": (x, y)}[contraction]


def assert_close(got: Any, expected: Any, tolerance: float) -> None:
    """Same shape and dtype, and no element further off than `tolerance` times the largest expected value."""
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    largest = np.abs(expected).max(initial=0)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * max(float(largest), 1e-3))
