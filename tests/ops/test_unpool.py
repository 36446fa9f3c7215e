"""Unpooling: where maxima come from, and back there, with gradients to the right pixels."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.errors import ShapeError

POOL = {1: tc.max_pool1d, 2: tc.max_pool2d, 3: tc.max_pool3d}


def test_indices_say_where_the_largest_values_stand():
    image = np.array([[1, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]], np.float32).reshape(1, 4, 4, 1)
    assert tc.max_pool_indices2d(image, 2)[0, :, :, 0].tolist() == [[5, 2], [13, 11]]
    x = np.random.default_rng(3).standard_normal((2, 5, 6, 3))
    options = {"kernel_size": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1)), "dilation": (1, 2), "ceil_mode": True}
    chosen = tc.max_pool_indices2d(x, **options)
    assert chosen.dtype == np.int64
    rows = np.take_along_axis(x.reshape(2, 30, 3), chosen.reshape(2, -1, 3), axis=1)
    np.testing.assert_array_equal(rows.reshape(chosen.shape), tc.max_pool2d(x, **options).data)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling_puts_the_largest_values_back(rank):
    x = np.random.default_rng(rank).uniform(1, 2, (2, *(7, 4, 6)[:rank], 3))
    indices, unpool = ((tc.max_pool_indices1d, tc.max_unpool1d), (tc.max_pool_indices2d, tc.max_unpool2d),
                       (tc.max_pool_indices3d, tc.max_unpool3d))[rank - 1]
    pooled = POOL[rank](x, 2)
    back = unpool(pooled, indices(x, 2), x.shape[1:-1])
    assert back.shape == x.shape
    assert (np.isin(back.data, [0]) | (back.data == x)).all()
    np.testing.assert_array_equal(POOL[rank](back, 2).data, pooled.data)


def test_values_unpooled_to_one_pixel_add_up_and_its_gradient_is_gathered():
    y = tc.tensor(np.array([1.0, 10, 100]).reshape(1, 3, 1), requires_grad=True)
    x = tc.max_unpool1d(y, np.array([2, 0, 2]).reshape(1, 3, 1), 4)
    assert x.data.ravel().tolist() == [10, 0, 101, 0]
    x.backward(np.array([1.0, 2, 3, 4]).reshape(1, 4, 1))
    assert y.grad.ravel().tolist() == [3, 1, 3]


def test_indices_may_change_after_unpooling():
    y = tc.tensor(np.ones((1, 2, 1)), requires_grad=True)
    chosen = np.array([0, 3]).reshape(1, 2, 1)
    x = tc.max_unpool1d(y, chosen, 4)
    chosen[:] = 1
    x.backward(np.arange(4.0).reshape(1, 4, 1))
    assert y.grad.ravel().tolist() == [0, 3]


def test_unpooling_an_empty_batch():
    assert tc.max_unpool2d(np.ones((0, 2, 3, 4)), np.ones((0, 2, 3, 4), np.int32), (5, 6)).shape == (0, 5, 6, 4)


@pytest.mark.parametrize(("indices", "error", "message"), [
    (np.full((1, 2, 1), 4), ShapeError,
     r"^max_unpool1d: indices into an output of \(4,\) must be integers from 0 to 3; got 4 to 4"),
    (np.full((1, 2, 1), -1), ShapeError, "got -1 to -1"),
    (np.full((1, 2, 1), 2**64 - 1, np.uint64), ShapeError, "must be integers from 0 to 3"),
    (np.zeros((1, 2, 1)), ShapeError, "got float64"),
    (np.zeros((1, 2, 1), bool), ShapeError, "got bool"),
    (np.zeros((1, 3, 1), int), ShapeError, r"indices have shape \(1, 3, 1\), expected that of x, \(1, 2, 1\)"),
    (tc.tensor(np.zeros((1, 2, 1))), tc.GradientError, "a choice has no gradient"),
])
def test_impossible_indices_are_one_clear_error(indices, error, message):
    with pytest.raises(error, match=message):
        tc.max_unpool1d(np.ones((1, 2, 1)), indices, 4)


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: tc.max_pool_indices2d(np.ones((1, 4, 4, 3)), 5), "^max_pool_indices2d: a window of 5 does not fit"),
    (lambda: tc.max_unpool2d(np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1, 1), int), 1.5), r"the output size is 1\.5"),
])
def test_impossible_unpooling_is_one_clear_error(wrong, message):
    with pytest.raises(ShapeError, match=message):
        wrong()
