"""Matrix products by the tile: whatever lies transposed, in batches or in odd sizes, it is np.matmul."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.cases import assert_close
from tinyconv.kernels import dispatch, matmul

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def matrix(rng, shape, transposed, dtype):
    return rng.standard_normal(shape[::-1]).astype(dtype).T if transposed else rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", [(70, 33, 50), (1, 300, 17), (300, 1, 10), (3, 40, 200), (200, 40, 3), (513, 64, 64),
                                   (5, 7, 1)])
def test_product_of_any_layout_is_that_of_numpy(sizes, dtype):
    rows, inner, columns = sizes
    rng = np.random.default_rng(0)
    for left in (False, True):
        for right in (False, True):
            a, b = matrix(rng, (rows, inner), left, dtype), matrix(rng, (inner, columns), right, dtype)
            assert_close(matmul.matmul(a, b), (a.astype(np.float64) @ b.astype(np.float64)).astype(dtype), TOLERANCE[dtype])


def test_strided_operands_count_as_what_they_show():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 60))[::2, ::3], rng.standard_normal((20, 30))[:, ::2]
    assert_close(matmul.matmul(a, b), a @ b, 1e-12)


@pytest.mark.parametrize("shapes", [((300, 50), (50, 60)), ((2, 300, 50), (50, 60)), ((2, 3, 300, 50), (3, 50, 60)),
                                    ((1, 64, 300), (1, 300, 64)), ((300, 50), (2, 50, 60))])
def test_door_takes_batches_as_numpy_does(shapes, monkeypatch):
    called = []
    original = matmul.matmul
    monkeypatch.setattr(matmul, "matmul", lambda a, b: called.append(a.shape) or original(a, b))
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape) for shape in shapes)
    assert_close(dispatch.matmul(a, b), np.matmul(a, b), 1e-12)
    assert called


def test_small_products_and_other_dtypes_are_left_to_numpy(monkeypatch):
    monkeypatch.setattr(matmul, "matmul", lambda a, b: pytest.fail("compiled code was called"))
    a = np.ones((60, 60), np.float32)
    assert dispatch.matmul(a, a)[0, 0] == 60
    assert dispatch.matmul(np.ones((300, 300), np.float16), np.ones((300, 300), np.float16)).dtype == np.float16


def test_long_sums_stay_accurate():
    x = np.full((100_000, 4), 0.1, np.float32)
    assert matmul.matmul(x.T, x).ravel() == pytest.approx(float(np.float64(np.float32(0.1)) ** 2 * 100_000), rel=5e-6)
