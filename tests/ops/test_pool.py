"""Pooling as an operation: values by hand, gradients to the right pixels, errors in plain words."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.errors import ShapeError

MAX = {1: tc.max_pool1d, 2: tc.max_pool2d, 3: tc.max_pool3d}
AVERAGE = {1: tc.avg_pool1d, 2: tc.avg_pool2d, 3: tc.avg_pool3d}
IMAGE = np.array([[1, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]], np.float32).reshape(1, 4, 4, 1)


def test_max_pooling_gives_the_numbers_of_the_course():
    assert tc.max_pool2d(IMAGE, 2).data[0, :, :, 0].tolist() == [[9, 2], [6, 3]]


def test_average_pooling_gives_the_numbers_of_the_course():
    assert tc.avg_pool2d(IMAGE, 2).data[0, :, :, 0].tolist() == [[3.75, 1.25], [3.75, 2]]


def test_gradient_of_max_pooling_goes_to_the_first_of_the_largest():
    x = tc.tensor(np.array([2.0, 5, 5, 1, 0, 0]).reshape(1, 6, 1), requires_grad=True)
    tc.max_pool1d(x, 3).backward(np.array([10.0, 20]).reshape(1, 2, 1))
    assert x.grad.ravel().tolist() == [0, 10, 0, 20, 0, 0]


def test_gradients_of_overlapping_windows_add_up():
    x = tc.tensor(np.array([0.0, 7, 0, 1]).reshape(1, 4, 1), requires_grad=True)
    tc.max_pool1d(x, 2, stride=1).backward(np.array([1.0, 10, 100]).reshape(1, 3, 1))
    assert x.grad.ravel().tolist() == [0, 11, 0, 100]
    x.grad = None
    tc.avg_pool1d(x, 2, stride=1).backward(np.array([1.0, 10, 100]).reshape(1, 3, 1))
    assert x.grad.ravel().tolist() == [0.5, 5.5, 55, 50]


def test_padding_never_wins_a_maximum():
    x = np.full((1, 2, 2, 1), -3.0)
    assert (tc.max_pool2d(x, 3, stride=1, padding=1).data == -3).all()


def test_ceil_mode_sees_the_last_pixels():
    x = np.arange(5.0).reshape(1, 5, 1)
    assert tc.max_pool1d(x, 2).data.ravel().tolist() == [1, 3]
    assert tc.max_pool1d(x, 2, ceil_mode=True).data.ravel().tolist() == [1, 3, 4]
    assert tc.avg_pool1d(x, 2, ceil_mode=True).data.ravel().tolist() == [0.5, 2.5, 4]  # the last one is the mean of one pixel


def test_average_counts_the_padding_only_if_asked_to():
    x = np.ones((1, 3, 1))
    assert tc.avg_pool1d(x, 3, stride=1, padding=1, count_include_pad=False).data.ravel().tolist() == [1, 1, 1]
    np.testing.assert_allclose(tc.avg_pool1d(x, 3, stride=1, padding=1).data.ravel(), [2 / 3, 1, 2 / 3])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("pool", [MAX, AVERAGE])
def test_pooling_has_its_slopes_in_every_rank(pool, rank):
    rng = np.random.default_rng(rank)
    x = rng.permutation(np.arange(float(2 * 7 * 5 * 3 * 4)))[: 2 * int(np.prod((7, 5, 4)[:rank])) * 3]
    x = x.reshape(2, *(7, 5, 4)[:rank], 3)  # all different, by at least 1
    arguments = ((3, 2, 2)[:rank], (2, 1, 2)[:rank], ((1, 0), (0, 1), (1, 1))[:rank])
    leaf = tc.tensor(x, requires_grad=True)
    y = pool[rank](leaf, *arguments, ceil_mode=True)
    g, direction = rng.standard_normal(y.shape), rng.uniform(-0.4, 0.4, x.shape)
    gradient = tc.grad(y, leaf, seed=g)
    assert (y.dtype, gradient.shape) == (x.dtype, x.shape)
    slope = np.vdot(pool[rank](x + direction, *arguments, ceil_mode=True).data - y.data, g)
    assert np.vdot(gradient.data, direction) == pytest.approx(slope, rel=1e-9)


def test_second_derivative_passes_through_the_chosen_pixel():
    x = tc.tensor(np.array([1.0, 3, 2, 0]).reshape(1, 4, 1), requires_grad=True)
    slope = tc.grad((tc.max_pool1d(x, 2) ** 3).sum(), x, create_graph=True)
    second = tc.grad(slope.sum(), x)
    assert second.data.ravel().tolist() == [0, 18, 12, 0]


@pytest.mark.parametrize("pool", [tc.max_pool2d, tc.avg_pool2d])
def test_pooling_an_empty_batch_and_a_single_pixel(pool):
    x = tc.tensor(np.ones((0, 4, 6, 3), np.float32), requires_grad=True)
    y = pool(x, (2, 3))
    y.backward(np.ones(y.shape))
    assert (y.shape, y.dtype, x.grad.shape) == ((0, 2, 2, 3), np.float32, (0, 4, 6, 3))
    assert pool(np.full((1, 1, 1, 2), 4.0), 1).data.tolist() == [[[[4, 4]]]]


def test_nan_is_not_hidden_by_pooling():
    x = IMAGE.copy()
    x[0, 0, 0, 0] = np.nan
    for pool in (tc.max_pool2d, tc.avg_pool2d):
        assert np.isnan(pool(x, 2).data[0, :, :, 0]).tolist() == [[True, False], [False, False]]


def test_global_pooling_leaves_one_number_for_each_channel():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    np.testing.assert_allclose(tc.global_avg_pool(x).data, x.mean(axis=(1, 2)))
    np.testing.assert_array_equal(tc.global_max_pool(x).data, x.max(axis=(1, 2)))
    assert tc.global_avg_pool(np.ones((0, 3, 2), np.float32)).shape == (0, 2)
    assert tc.global_max_pool(np.ones((2, 3, 1, 4, 5))).shape == (2, 5)


def test_global_max_pooling_sends_its_gradient_to_the_first_of_the_largest():
    x = tc.tensor(np.array([1.0, 5, 5, 2]).reshape(1, 2, 2, 1), requires_grad=True)
    tc.global_max_pool(x).backward(np.array([[3.0]]))
    assert x.grad.ravel().tolist() == [0, 3, 0, 0]


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: tc.global_avg_pool(np.ones((4, 3))), r"^global_avg_pool: got x of shape \(4, 3\), expected \(N, \*size, C\)"),
    (lambda: tc.global_max_pool(np.ones((1, 0, 3))), "every size but the batch at least 1"),
    (lambda: tc.max_pool2d(np.ones((4, 4, 3)), 2), r"^max_pool2d: got x of shape \(4, 4, 3\), expected 4 axes \(N, H, W, C\)"),
    (lambda: tc.avg_pool1d(np.ones((1, 4, 3)), 5), "a window of 5 does not fit an image of 4"),
    (lambda: tc.max_pool2d(np.ones((1, 4, 4, 3)), 2, stride=0), "stride is 0, expected a positive int"),
    (lambda: tc.max_pool2d(np.ones((1, 4, 4, 3)), (2, 2, 2)), r"kernel_size is \(2, 2, 2\)"),
    (lambda: tc.avg_pool2d(np.ones((1, 4, 4, 3)), 2, padding=2), "without a single pixel"),
])
def test_impossible_pooling_is_one_clear_error(wrong, message):
    with pytest.raises(ShapeError, match=message):
        wrong()
