"""Resizing, output padding of transposed convolutions, and dropout's factor against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.conformance.oracle import DTYPES, check_same, last

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")
functional = torch.nn.functional
pytestmark = [pytest.mark.oracle, pytest.mark.parametrize("dtype", DTYPES)]

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
TRANSPOSED = {1: (tc.conv_transpose1d, functional.conv_transpose1d), 2: (tc.conv_transpose2d, functional.conv_transpose2d),
              3: (tc.conv_transpose3d, functional.conv_transpose3d)}


def sizes(seed, rank):
    rng = np.random.default_rng([seed, rank])
    return rng, *(tuple(int(n) for n in rng.integers(1, 10, rank)) for _ in range(2))


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_linear_resizing_and_its_gradients(seed, rank, align, dtype):
    rng, size, out = sizes(seed, rank)
    check_same(lambda x: tc.resize_bilinear(x * x, out, align_corners=align),
               lambda x: functional.interpolate(x * x, out, mode=LINEAR[rank], align_corners=align),
               [rng.standard_normal((2, 3, *size))], dtype, border=[last], out=last)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_nearest_resizing_and_its_gradients(seed, rank, dtype):
    rng, size, out = sizes(seed, rank)
    check_same(lambda x: tc.resize_nearest(x * x, out), lambda x: functional.interpolate(x * x, out, mode="nearest"),
               [rng.standard_normal((2, 3, *size))], dtype, border=[last], out=last)


@pytest.mark.parametrize(("size", "out"), [((32, 48), (7, 100)), ((100, 3), (33, 64))])
def test_resizing_of_larger_images(size, out, dtype):
    x = np.random.default_rng(1).uniform(0, 1, (1, 3, *size))
    check_same(lambda x: tc.resize_bilinear(x, out), lambda x: functional.interpolate(x, out, mode="bilinear"), [x], dtype,
               border=[last], out=last)


@pytest.mark.parametrize("kernel", ["im2col", "direct"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_transposed_convolution_with_output_padding(seed, rank, kernel, dtype):
    rng = np.random.default_rng([seed, rank])
    groups = int(rng.integers(1, 3))
    stride, dilation = (tuple(int(n) for n in rng.integers(1, 4, rank)) for _ in range(2))
    weight = tuple(int(n) for n in rng.integers(2, 4, rank))
    extra = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True))
    padding = tuple(int(rng.integers(0, (k - 1) * d + 1)) for k, d in zip(weight, dilation, strict=True))
    size = tuple(2 + -(-2 * p // s) for p, s in zip(padding, stride, strict=True))
    options = {"stride": stride, "dilation": dilation, "padding": padding, "output_padding": extra, "groups": groups}
    ours, theirs = TRANSPOSED[rank]
    shapes = [(2, 2 * groups, *size), (2 * groups, 3, *weight), (3 * groups,)]
    check_same(lambda x, w, b: ours(x, w, b, kernel=kernel, **options), lambda x, w, b: theirs(x, w, b, **options),
               [rng.standard_normal(shape) for shape in shapes], dtype,
               border=[last, lambda w: np.moveaxis(w, (0, 1), (-1, -2)), lambda b: b], out=last)


def test_dropout_scales_what_it_keeps_as_pytorch_does(dtype):
    torch.manual_seed(0)
    theirs = functional.dropout(torch.ones(40, dtype=torch.tensor(dtype(1)).dtype), 0.3).unique().numpy()
    ours = np.unique(tc.dropout(np.ones(40, dtype), 0.3, np.random.default_rng(0)).data)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
