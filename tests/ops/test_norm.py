"""Normalization: means and variances by hand, invariances, large offsets, and errors in plain words."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.errors import DataError, DtypeError, ShapeError
from tinyconv.ops.norm import batch_norm_with_statistics

X = np.random.default_rng(0).normal(3, 2, (4, 5, 3, 6))
OVER = {  # the axes over which each function makes the mean 0 and the variance 1
    "batch": (lambda x: tc.batch_norm(x, eps=0.0), (0, 1, 2)),
    "instance": (lambda x: tc.instance_norm(x, eps=0.0), (1, 2)),
    "layer": (lambda x: tc.layer_norm(x, eps=0.0), (3,)),
    "layer, all but the batch": (lambda x: tc.layer_norm(x, axes=(1, 2, 3), eps=0.0), (1, 2, 3)),
    "one group": (lambda x: tc.group_norm(x, 1, eps=0.0), (1, 2, 3)),
    "as many groups as channels": (lambda x: tc.group_norm(x, 6, eps=0.0), (1, 2)),
}


@pytest.mark.parametrize("name", OVER)
def test_mean_is_0_and_variance_1_over_the_axes_of_the_norm(name):
    norm, axes = OVER[name]
    y = norm(X).data
    assert (y.shape, y.dtype) == (X.shape, X.dtype)
    np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=axes), 1, rtol=1e-12)


@pytest.mark.parametrize("name", OVER)
def test_brightness_and_contrast_do_not_matter(name):
    norm, _ = OVER[name]
    np.testing.assert_allclose(norm(7 * X - 100).data, norm(X).data, atol=1e-11)


@pytest.mark.parametrize("name", OVER)
def test_gradient_is_orthogonal_to_what_does_not_matter(name):
    norm, axes = OVER[name]
    x = tc.tensor(X, requires_grad=True)
    g = tc.grad(norm(x), x, seed=np.random.default_rng(1).standard_normal(X.shape)).data
    np.testing.assert_allclose(g.sum(axis=axes), 0, atol=1e-11)
    np.testing.assert_allclose((g * X).sum(axis=axes), 0, atol=1e-10)


@pytest.mark.parametrize("name", OVER)
def test_a_mean_of_ten_thousand_costs_no_accuracy_in_float32(name):
    norm, axes = OVER[name]
    x = np.random.default_rng(2).normal(1e4, 1, (8, 32, 32, 6)).astype(np.float32)
    exact = x.astype(np.float64) - x.mean(axis=axes, keepdims=True, dtype=np.float64)
    exact /= np.sqrt(np.square(exact).mean(axis=axes, keepdims=True))
    np.testing.assert_allclose(norm(x).data, exact, atol=1e-5)


def test_a_million_pixels_cost_no_accuracy_in_float32():
    x = np.random.default_rng(4).normal(100, 1, (1, 1000, 1000, 2)).astype(np.float32)
    exact = (x - x.mean(axis=(0, 1, 2), dtype=np.float64)) / x.std(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(tc.batch_norm(x, eps=0.0).data, exact, atol=5e-6)


def test_batch_norm_by_hand():
    x = np.array([[1.0, 10], [2, 10], [3, 40]])
    y = tc.batch_norm(x, weight=np.array([2.0, 1]), bias=np.array([0.5, 0]), eps=0.25).data
    expected = [np.array([-1, 0, 1]) / np.sqrt(2 / 3 + 0.25) * 2 + 0.5, np.array([-10, -10, 20]) / np.sqrt(200 + 0.25)]
    np.testing.assert_allclose(y, np.stack(expected, axis=1), rtol=1e-14)


def test_given_statistics_take_the_place_of_the_batchs():
    mean, var = np.array([1.0, -2]), np.array([4.0, 0.25])
    y = tc.batch_norm(np.array([[[3.0, -2], [1, -1]]]), mean=mean, var=var, eps=0.0).data
    np.testing.assert_allclose(y, [[[1, 0], [0, 2]]])
    one = tc.tensor(np.array([[5.0, 5]]), requires_grad=True)  # a single value for each channel is enough now
    tc.batch_norm(one, mean=mean, var=var, eps=0.0).backward(np.ones((1, 2)))
    np.testing.assert_allclose(one.grad, [[0.5, 2]])
    assert tc.batch_norm(np.ones((0, 3, 2)), mean=mean, var=var).shape == (0, 3, 2)


def test_given_statistics_of_the_batch_change_nothing():
    y, mean, var = batch_norm_with_statistics(X)
    np.testing.assert_allclose(mean, X.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(var, X.var(axis=(0, 1, 2)))
    np.testing.assert_allclose(tc.batch_norm(X, mean=mean, var=var).data, y.data, atol=1e-12)


def test_statistics_have_the_dtype_of_the_image():
    _, mean, var = batch_norm_with_statistics(X.astype(np.float32))
    assert [(a.shape, a.dtype) for a in (mean, var)] == [((6,), np.float32)] * 2


def test_a_constant_channel_becomes_0_with_a_finite_gradient():
    x = tc.tensor(np.full((2, 3, 4), 7.0, np.float32), requires_grad=True)
    y = tc.batch_norm(x)
    y.backward(np.random.default_rng(0).standard_normal(x.shape))
    assert not y.data.any()
    assert np.isfinite(x.grad).all()


def test_batch_norm_knows_no_difference_between_pixels_and_images():
    flat = tc.batch_norm(X.reshape(-1, 6)).data
    np.testing.assert_allclose(tc.batch_norm(X).data, flat.reshape(X.shape), rtol=1e-12, atol=1e-12)


def test_layer_norm_weight_has_the_normalized_axes_in_their_order():
    weight = np.random.default_rng(3).standard_normal((5, 6))
    expected = tc.layer_norm(X, axes=(1, 3)).data * weight[:, None, :]
    for axes in ((1, 3), (-1, 1)):
        np.testing.assert_allclose(tc.layer_norm(X, weight, axes=axes).data, expected, rtol=1e-14)


def test_groups_are_neighbouring_channels():
    y = tc.group_norm(X, 3).data
    for start in (0, 2, 4):
        np.testing.assert_allclose(y[..., start : start + 2], tc.layer_norm(X[..., start : start + 2], axes=(1, 2, 3)).data)


def test_non_contiguous_images_are_normalized_alike():
    turned = X.transpose(0, 2, 1, 3)
    np.testing.assert_allclose(tc.instance_norm(turned).data, tc.instance_norm(X).data.transpose(0, 2, 1, 3), rtol=1e-12)
    np.testing.assert_allclose(tc.group_norm(X[::2, ::-1], 2).data, tc.group_norm(X, 2).data[::2, ::-1], rtol=1e-9)


@pytest.mark.parametrize("norm", [tc.instance_norm, tc.layer_norm, lambda x: tc.group_norm(x, 2)])
def test_an_empty_batch_stays_empty(norm):
    x = tc.tensor(np.ones((0, 3, 2, 4)), requires_grad=True)
    y = norm(x)
    y.backward(np.ones(y.shape))
    assert (y.shape, x.grad.shape) == ((0, 3, 2, 4), (0, 3, 2, 4))


def test_nan_stays_in_its_channel():
    x = X.copy()
    x[0, 0, 0, 2] = np.nan
    assert np.isnan(tc.batch_norm(x).data).any(axis=(0, 1, 2)).tolist() == [c == 2 for c in range(6)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 20])
def test_local_response_norm_is_its_formula(size):
    x, (alpha, beta, k) = X[0, 0], (0.5, 0.7, 1.5)
    expected = np.empty_like(x)
    for c in range(6):
        neighbours = x[:, max(c - size // 2, 0) : c + (size - 1) // 2 + 1]
        expected[:, c] = x[:, c] / (k + alpha / size * (neighbours**2).sum(axis=1)) ** beta
    got = tc.local_response_norm(x[None], size, alpha=alpha, beta=beta, k=k).data[0]
    np.testing.assert_allclose(got, expected, rtol=1e-13)
    np.testing.assert_allclose(tc.local_response_norm(x, size, alpha=alpha, beta=beta, k=k).data, expected, rtol=1e-13)


@pytest.mark.parametrize(("wrong", "error", "message"), [
    (lambda: tc.batch_norm(np.ones((1, 3))), ShapeError, r"^batch_norm: x \(1, 3\) leaves 1 of the at least 2 values"),
    (lambda: tc.batch_norm(np.ones((1, 1, 1, 3))), ShapeError, "use a larger batch"),
    (lambda: tc.batch_norm(np.ones((0, 4, 3))), ShapeError, "leaves 0 of"),
    (lambda: tc.batch_norm(np.ones(3)), ShapeError, r"got x of shape \(3,\), expected \(N, \*size, C\)"),
    (lambda: tc.batch_norm(np.ones((4, 3)), mean=np.zeros(3)), ShapeError, "only one of mean and var"),
    (lambda: tc.batch_norm(np.ones((4, 3)), mean=np.zeros(3), var=np.ones(2)), ShapeError,
     r"var has shape \(2,\), expected \(3,\)"),
    (lambda: tc.batch_norm(np.ones((4, 3)), mean=np.zeros(3), var=-np.ones(3)), DataError, "negative value, -1.0"),
    (lambda: tc.batch_norm(np.ones((4, 3)), np.ones(4)), ShapeError, r"weight has shape \(4,\), expected \(3,\)"),
    (lambda: tc.batch_norm(np.ones((4, 3)), bias=np.ones((1, 3))), ShapeError, r"bias has shape \(1, 3\)"),
    (lambda: tc.batch_norm(np.ones((4, 3)), np.ones(3, np.float32)), DtypeError, "float32 and float64"),
    (lambda: tc.batch_norm(np.ones((4, 3)), eps=-1e-5), DataError, "eps is -1e-05"),
    (lambda: tc.batch_norm(np.ones((4, 3)), eps=np.nan), DataError, "eps is nan"),
    (lambda: tc.instance_norm(np.ones((4, 3))), ShapeError, "at least one spatial axis"),
    (lambda: tc.instance_norm(np.ones((4, 1, 1, 3))), ShapeError, "1 of the at least 2 pixels"),
    (lambda: tc.layer_norm(np.ones((4, 3)), axes=2), ShapeError, "axis 2 is out of range"),
    (lambda: tc.layer_norm(np.ones((4, 3)), axes=(1, -1)), ShapeError, "twice"),
    (lambda: tc.layer_norm(np.ones((4, 0, 3)), axes=(1, 2)), ShapeError, "at least one value"),
    (lambda: tc.layer_norm(np.ones((4, 5, 3)), np.ones(3), axes=(1, 2)), ShapeError,
     r"weight has shape \(3,\), expected \(5, 3\)"),
    (lambda: tc.group_norm(np.ones((4, 5, 6)), 4), ShapeError,
     "groups is 4, expected a positive int that divides the 6 channels"),
    (lambda: tc.group_norm(np.ones((4, 5, 6)), 0), ShapeError, "groups is 0"),
    (lambda: tc.group_norm(np.ones((4, 5, 6)), 2.0), ShapeError, r"groups is 2\.0"),
    (lambda: tc.group_norm(np.ones((4, 5, 6)), 2, np.ones(2)), ShapeError, r"weight has shape \(2,\), expected \(6,\)"),
    (lambda: tc.local_response_norm(np.ones((4, 5, 6)), 0), ShapeError, "size is 0, expected a positive int"),
    (lambda: tc.local_response_norm(np.ones((4, 5, 6)), 2.5), ShapeError, r"size is 2\.5"),
])
def test_impossible_normalization_is_one_clear_error(wrong, error, message):
    with assert_refused(message, error):
        wrong()


@pytest.mark.parametrize("eps", ["a", None])
def test_an_eps_that_is_no_number_is_named(eps):
    with pytest.raises(tc.DataError, match="batch_norm: eps is"):
        tc.batch_norm(np.ones((2, 3)), eps=eps)
