"""Adaptive pooling: its windows by hand, what it agrees with, errors in plain words."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.errors import ShapeError


def test_adaptive_windows_share_a_pixel_where_they_do_not_divide_the_image():
    x = np.arange(1.0, 6).reshape(1, 5, 1)
    assert tc.adaptive_avg_pool1d(x, 2).data.ravel().tolist() == [2, 4]
    assert tc.adaptive_max_pool1d(x, 2).data.ravel().tolist() == [3, 5]
    assert tc.adaptive_max_pool1d(x, 7).data.ravel().tolist() == [1, 2, 3, 3, 4, 5, 5]
    leaf = tc.tensor(x, requires_grad=True)
    tc.adaptive_max_pool1d(-leaf, 2).backward(np.array([1.0, 10]).reshape(1, 2, 1))
    assert leaf.grad.ravel().tolist() == [-1, 0, -10, 0, 0]


def test_adaptive_pooling_to_a_divisor_is_pooling():
    x = np.random.default_rng(1).standard_normal((2, 6, 8, 3))
    np.testing.assert_allclose(tc.adaptive_avg_pool2d(x, (3, 2)).data, tc.avg_pool2d(x, (2, 4)).data, atol=1e-14)
    np.testing.assert_array_equal(tc.adaptive_max_pool2d(x, (3, 2)).data, tc.max_pool2d(x, (2, 4)).data)


def test_adaptive_pooling_to_one_is_global_pooling():
    x = np.random.default_rng(2).standard_normal((2, 5, 3, 4, 3))
    np.testing.assert_allclose(tc.adaptive_avg_pool3d(x, 1).data.reshape(2, 3), tc.global_avg_pool(x).data, atol=1e-14)
    np.testing.assert_array_equal(tc.adaptive_max_pool3d(x, 1).data.reshape(2, 3), tc.global_max_pool(x).data)


@pytest.mark.parametrize("pool", [tc.adaptive_avg_pool2d, tc.adaptive_max_pool2d])
def test_adaptive_pooling_of_empty_batches_nan_and_kept_axes(pool):
    assert pool(np.ones((0, 4, 6, 3), np.float32), (3, 4)).shape == (0, 3, 4, 3)
    assert pool(np.ones((1, 4, 6, 3)), (None, 2)).shape == (1, 4, 2, 3)
    x = np.ones((1, 4, 4, 1))
    x[0, 3, 0, 0] = np.nan
    assert np.isnan(pool(x, 2).data[0, :, :, 0]).tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: tc.adaptive_avg_pool2d(np.ones((4, 4, 3)), 2), r"^adaptive_avg_pool2d: got x of shape \(4, 4, 3\), expected 4 axes"),
    (lambda: tc.adaptive_avg_pool2d(np.ones((1, 4, 4, 3)), 0), "the output size is 0, expected a positive int"),
    (lambda: tc.adaptive_max_pool2d(np.ones((1, 4, 4, 3)), (2,)), r"the output size is \(2,\)"),
    (lambda: tc.adaptive_max_pool1d(np.ones((1, 0, 3)), 2), "every size but the batch at least 1"),
])
def test_impossible_adaptive_pooling_is_one_clear_error(wrong, message):
    with pytest.raises(ShapeError, match=message):
        wrong()
