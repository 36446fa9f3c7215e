"""Reductions and the softmax family, against NumPy, with empty and extreme values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyconv as tc

AXES = [None, 0, -1, (0, 2), (-1, 0), (0, 1, 2), (), np.int64(1)]
REDUCTIONS = {tc.sum: np.sum, tc.mean: np.mean, tc.max: np.max, tc.var: np.var,
              tc.norm: lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
              tc.logsumexp: lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))}


@pytest.mark.parametrize("ours", REDUCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_are_numpys(ours, axis, keepdims):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    expected = REDUCTIONS[ours](x, axis=axis, keepdims=keepdims)
    y = ours(tc.tensor(x), axis=axis, keepdims=keepdims)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-13, atol=1e-15)


def test_methods_are_the_functions():
    x = tc.tensor([[1.0, 2.0], [3.0, 5.0]])
    assert x.sum().item() == 11
    assert x.sum(axis=0).data.tolist() == [4, 7]
    assert x.mean(axis=1, keepdims=True).data.tolist() == [[1.5], [4]]
    assert x.mean((0, 1)).item() == 2.75


@pytest.mark.parametrize("function", [tc.sum, tc.mean, tc.var, tc.max, tc.norm, tc.l2_normalize, tc.logsumexp, tc.softmax,
                                      tc.log_softmax])
@pytest.mark.parametrize("axis", [2, -3, (0, 5)])
def test_an_axis_out_of_range_is_named(function, axis):
    with pytest.raises(tc.ShapeError, match="is out of range for 2 axes"):
        function(tc.tensor(np.ones((2, 3))), axis=axis)


@pytest.mark.parametrize("function", [tc.sum, tc.mean, tc.max, tc.norm, tc.softmax])
@pytest.mark.parametrize("axis", [(0, 0), (1, -1), 0.5, "0", (0, 1.0), True])
def test_what_is_no_axis_or_stands_there_twice_is_named(function, axis):
    with pytest.raises(tc.ShapeError, match=r"axis .* (is no axis|twice)"):
        function(tc.tensor(np.ones((2, 3))), axis=axis)


def test_nothing_to_reduce_is_an_error_where_it_has_no_value():
    empty = tc.tensor(np.zeros((0, 3)))
    for function in (tc.mean, tc.max, tc.var):
        for axis in (0, None, (0, 1)):
            with pytest.raises(tc.ShapeError, match=rf"{function.__name__}: got shape \(0, 3\), expected at least one value"):
                function(empty, axis=axis)
        assert function(empty, axis=1).shape == (0,)
        assert function(empty, axis=1, keepdims=True).shape == (0, 1)
    assert tc.sum(empty, axis=0).data.tolist() == [0, 0, 0]
    assert tc.logsumexp(empty, axis=0).data.tolist() == [-np.inf] * 3


def test_an_empty_batch_passes_through_softmax_and_back():
    for function in (tc.softmax, tc.log_softmax, tc.logsumexp, tc.sum, tc.mean, tc.max):
        x = tc.tensor(np.zeros((0, 3)), requires_grad=True)
        function(x, axis=1).sum().backward()
        assert x.grad.shape == (0, 3)


def test_variance_divides_by_n_minus_ddof():
    x = tc.tensor([[1.0, 2.0, 6.0]])
    assert tc.var(x, axis=1).data.tolist() == pytest.approx([14 / 3])
    assert tc.var(x, axis=1, ddof=1).data.tolist() == pytest.approx([7])
    assert tc.var(x, axis=0).data.tolist() == [0, 0, 0]
    with pytest.raises(tc.ShapeError, match="got 1 values per result and ddof=1"):
        tc.var(x, axis=0, ddof=1)


def test_the_first_of_equal_values_gets_the_gradient_of_max():
    x = tc.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], requires_grad=True)
    assert tc.grad(tc.max(x, axis=1).sum(), x).data.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert tc.grad(tc.max(x), x).data.tolist() == [[0, 1, 0], [0, 0, 0]]


def test_max_and_logsumexp_pass_nan_on():
    x = tc.tensor([1.0, np.nan, 2.0])
    assert np.isnan(tc.max(x).item())
    assert np.isnan(tc.logsumexp(x).item())


def test_extreme_values_do_not_overflow():
    x = tc.tensor(np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]]), requires_grad=True)
    np.testing.assert_allclose(tc.softmax(x).data, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(tc.logsumexp(x).data, [1e4, -1e4 + np.log(3)])
    np.testing.assert_allclose(tc.log_softmax(x).data[0], [0, -2e4, -1e4])
    for function in (tc.softmax, tc.logsumexp, tc.log_softmax):
        assert np.isfinite(tc.grad(function(x).sum(), x).data).all()


def test_minus_infinity_counts_as_probability_zero():
    x = tc.tensor(np.array([0.0, -np.inf, 0.0]), requires_grad=True)
    assert tc.softmax(x).data.tolist() == [0.5, 0, 0.5]
    assert tc.logsumexp(x).item() == pytest.approx(np.log(2))
    assert tc.grad(tc.logsumexp(x), x).data.tolist() == pytest.approx([0.5, 0, 0.5])
    assert tc.logsumexp(tc.tensor([-np.inf, -np.inf])).item() == -np.inf
    assert tc.logsumexp(tc.tensor([np.inf, 1.0])).item() == np.inf


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6), st.floats(-1e3, 1e3))
def test_softmax_sums_to_one_and_ignores_a_common_shift(values, shift):
    x = np.array(values)
    y = tc.softmax(tc.tensor(x)).data
    assert y.sum() == pytest.approx(1)
    np.testing.assert_allclose(tc.softmax(tc.tensor(x + shift)).data, y, atol=1e-10)
    np.testing.assert_allclose(np.exp(tc.log_softmax(tc.tensor(x)).data), y, atol=1e-12)


def test_norm_is_the_length_with_gradient_zero_at_the_zero_vector():
    x = tc.tensor(np.array([[3.0, 4.0], [0.0, 0.0]]), requires_grad=True)
    lengths = tc.norm(x, axis=1)
    assert lengths.data.tolist() == [5, 0]
    slope = tc.grad(lengths.sum(), x, create_graph=True)
    assert slope.data.tolist() == [[0.6, 0.8], [0, 0]]
    curvature = tc.grad(slope, x, seed=np.ones((2, 2)))
    np.testing.assert_allclose(curvature.data, [[(16 - 12) / 125, (9 - 12) / 125], [0, 0]], atol=1e-16)
    assert tc.norm(np.zeros((0, 3))).item() == 0
    assert tc.norm(np.zeros((2, 0)), axis=1).data.tolist() == [0, 0]
    assert tc.norm(-3.0).item() == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [-1, 0, (0, 2), None], ids=str)
def test_normalized_vectors_have_length_one_and_gradients_at_right_angles(axis, dtype):
    x = tc.tensor(np.random.default_rng(0).standard_normal((2, 3, 4)).astype(dtype), requires_grad=True)
    y = tc.l2_normalize(x, axis=axis)
    assert y.dtype == dtype
    np.testing.assert_allclose(tc.norm(y, axis=axis).data, 1, rtol=1e-6)
    slope = tc.grad(y, x, seed=np.random.default_rng(1).standard_normal(x.shape))
    np.testing.assert_allclose((slope.data * y.data).sum(axis=axis), 0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("eps", [1e-12, 1e-30])
def test_a_zero_vector_stays_zero_with_gradients_of_both_orders(eps, dtype):
    x = tc.tensor(np.array([[0, 0, 0], [1, 2, 2]], dtype), requires_grad=True)
    y = tc.l2_normalize(x, eps=eps)
    np.testing.assert_allclose(y.data, [[0, 0, 0], [1 / 3, 2 / 3, 2 / 3]], rtol=1e-6)
    slope = tc.grad(y, x, create_graph=True, seed=np.full((2, 3), 100))
    assert slope.data[0].tolist() == [0, 0, 0]
    assert np.isfinite(tc.grad((slope * slope).sum(), x).data).all()


def test_vectors_shorter_than_eps_are_divided_by_it():
    assert tc.l2_normalize([3.0, 4.0], eps=10).data.tolist() == pytest.approx([0.3, 0.4])
    for eps in (0, -1e-3, np.nan):
        with pytest.raises(tc.DataError, match=r"l2_normalize: eps is .*, expected a positive number"):
            tc.l2_normalize([3.0, 4.0], eps=eps)


@pytest.mark.parametrize("shape", [(1, 1024, 1024, 3), (1_000_003, 2), (3, 70_000, 5), (2, 1_000_000, 1)])
def test_a_float32_sum_over_many_pixels_keeps_its_digits(shape):
    x = np.random.default_rng(0).standard_normal(shape, np.float32) + np.float32(1e4)
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(tc.mean(x, axis=axes).data, x.mean(axes, dtype=np.float64), rtol=5e-6)
    np.testing.assert_allclose(tc.var(x, axis=axes).data, x.var(axes, dtype=np.float64), rtol=1e-3)
    np.testing.assert_allclose(tc.norm(x, axis=axes).data, np.sqrt(np.square(x.astype(np.float64)).sum(axes)), rtol=5e-6)


def test_the_gradient_of_a_bias_keeps_its_digits():
    bias = tc.tensor(np.zeros(3, np.float32), requires_grad=True)
    tc.add(np.zeros((1, 1000, 1000, 3), np.float32), bias).backward(np.full((1, 1000, 1000, 3), 0.1))
    np.testing.assert_allclose(bias.grad, 1e5, rtol=5e-6)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), ()], ids=str)
def test_a_sum_in_blocks_is_the_sum_in_any_layout(axes):
    x = np.random.default_rng(0).standard_normal((3, 2049, 2))
    for array in (x, np.asfortranarray(x), x[::-1, ::2], x.transpose(1, 0, 2), x[:0]):
        np.testing.assert_allclose(tc.sum(array, axis=axes).data, array.sum(axes), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e25])
def test_a_length_is_right_where_its_square_overflows_or_vanishes(scale):
    x = tc.tensor(np.float32([[3, 4], [0, 0]]) * np.float32(scale), requires_grad=True)
    length = tc.norm(x, axis=1)
    np.testing.assert_allclose(length.data, np.float32([5, 0]) * np.float32(scale), rtol=1e-6)
    np.testing.assert_allclose(tc.grad(length, x, seed=np.ones(2)).data, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert np.isnan(tc.norm([np.nan, 1.0]).data)
    assert tc.norm([np.inf, 1.0]).data == np.inf


def test_options_of_reductions_that_are_no_numbers_are_named():
    for ddof in ("a", -1, 0.5):
        with pytest.raises(tc.ShapeError, match="var: ddof is"):
            tc.var([1.0, 2.0], ddof=ddof)
    for eps in ("a", None):
        with pytest.raises(tc.DataError, match="l2_normalize: eps is"):
            tc.l2_normalize([1.0], eps=eps)
