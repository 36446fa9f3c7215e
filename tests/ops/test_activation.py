"""Functions that bend: their values, far out as well, and their slopes at the kinks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyconv as tc
from tinyconv.ops.activation import normal_cdf
from tinyconv.ops.erf import erfc

FAR = [-1e4, -1000.0, -100.0, 100.0, 1000.0, 1e4]
ACTIVATIONS = [tc.leaky_relu, tc.sigmoid, tc.tanh, tc.softplus, tc.gelu, lambda x: tc.gelu(x, "tanh")]


def slopes(function, values, dtype=np.float64):
    x = tc.tensor(np.array(values, dtype), requires_grad=True)
    return tc.grad(function(x).sum(), x).data


def test_leaky_relu_keeps_the_positive_and_shrinks_the_negative():
    assert tc.leaky_relu([-2.0, 0.0, 3.0], 0.5).data.tolist() == [-1, 0, 3]
    assert tc.leaky_relu(np.array([-2.0])).data.tolist() == [-0.02]
    assert tc.leaky_relu([-1.0], slope=np.float64(2)).dtype == np.float32


def test_slopes_at_the_kink_are_those_on_the_left():
    assert slopes(lambda x: tc.leaky_relu(x, 0.1), [-1, -0.0, 0, 2]).tolist() == [0.1, 0.1, 0.1, 1]
    x, w = tc.tensor([[0.0, 0.0]], requires_grad=True), tc.tensor([0.25, -3.0], requires_grad=True)
    gx, gw = tc.grad(tc.prelu(x, w).sum(), [x, w])
    assert gx.data.tolist() == [[0.25, -3]]
    assert gw.data.tolist() == [0, 0]


def test_prelu_has_one_slope_a_channel_or_one_for_all():
    x = np.array([[-1.0, -2.0], [3.0, -4.0]])
    assert tc.prelu(x, np.array([0.5, 0.25])).data.tolist() == [[-0.5, -0.5], [3, -1]]
    assert tc.prelu(x, np.array([0.5])).data.tolist() == [[-0.5, -1], [3, -2]]
    w = tc.tensor(np.array([0.5, 0.25]), requires_grad=True)
    assert tc.grad(tc.prelu(x, w).sum(), w).data.tolist() == [-1, -6]


@pytest.mark.parametrize(("x", "weight"), [((2, 3), (2,)), ((2, 3), (1, 3)), ((2, 3), ()), ((2, 1), (3,)), ((), (1,)),
                                           ((2, 3), (0,))], ids=str)
def test_prelu_refuses_slopes_that_do_not_belong_to_the_channels(x, weight):
    with pytest.raises(tc.ShapeError, match=r"prelu: got x .* one slope for each channel"):
        tc.prelu(tc.tensor(np.ones(x)), tc.tensor(np.ones(weight)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows_far_out(dtype):
    x = tc.tensor(np.array(FAR, dtype), requires_grad=True)
    left, right = slice(0, 3), slice(3, 6)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for function in ACTIVATIONS:
            slope = tc.grad(function(x).sum(), x, create_graph=True)
            curvature = tc.grad(slope.sum(), x) if slope.requires_grad else slope * 0
            assert np.isfinite(function(x).data).all()
            assert np.isfinite(slope.data).all()
            np.testing.assert_allclose(curvature.data, 0, atol=1e-30)
        np.testing.assert_allclose(tc.softplus(x).data[left], 0, atol=1e-40)
        np.testing.assert_array_equal(tc.softplus(x).data[right], x.data[right])
        np.testing.assert_array_equal(tc.gelu(x).data[right], x.data[right])
        np.testing.assert_allclose(tc.sigmoid(x).data, [0, 0, 0, 1, 1, 1], atol=1e-40)


def test_infinite_and_undefined_inputs():
    x = np.array([-np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(tc.sigmoid(x).data, [0, 1, np.nan])
    np.testing.assert_array_equal(tc.softplus(x).data, [0, np.inf, np.nan])
    np.testing.assert_array_equal(tc.tanh(x).data, [-1, 1, np.nan])
    np.testing.assert_array_equal(tc.leaky_relu(x).data, [-np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(normal_cdf(x).data, [0, 1, np.nan])
    np.testing.assert_array_equal(tc.gelu(x[1:]).data, [np.inf, np.nan])


def test_small_values_keep_their_digits():
    x = np.array([-30.0, -20.0])
    np.testing.assert_allclose(tc.sigmoid(x).data, np.exp(x), rtol=1e-8)
    np.testing.assert_allclose(tc.softplus(x).data, np.exp(x), rtol=1e-8)
    np.testing.assert_allclose(slopes(tc.softplus, x), np.exp(x), rtol=1e-8)
    np.testing.assert_allclose(tc.gelu(x).data, [v * math.erfc(-v / math.sqrt(2)) / 2 for v in x], rtol=1e-12)


def test_gelu_has_two_forms_that_nearly_agree_and_no_third():
    x = np.linspace(-6, 6, 241)
    assert 1e-5 < np.abs(tc.gelu(x).data - tc.gelu(x, approximate="tanh").data).max() < 5e-4
    with pytest.raises(tc.ShapeError, match="approximate='sigmoid', expected 'none' or 'tanh'"):
        tc.gelu(x, approximate="sigmoid")


@pytest.mark.parametrize("function", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_are_kept_there_and_back(function, shape, dtype):
    x = tc.tensor(np.full(shape, 0.5, dtype), requires_grad=True)
    y = function(x)
    assert (y.shape, y.dtype) == (shape, dtype)
    slope = tc.grad(y.sum(), x)
    assert (slope.shape, slope.dtype) == (shape, dtype)


def test_views_that_are_not_contiguous():
    x = np.random.default_rng(0).standard_normal((4, 6))[::2, ::-3].T
    for function in ACTIVATIONS:
        np.testing.assert_array_equal(function(x).data, function(x.copy()).data)


def test_symmetries_that_tie_the_functions_together():
    x = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(tc.sigmoid(x).data + tc.sigmoid(-x).data, 1, rtol=1e-15)
    np.testing.assert_allclose(tc.softplus(x).data - tc.softplus(-x).data, x, atol=1e-15)
    np.testing.assert_allclose(tc.tanh(x).data, 2 * tc.sigmoid(2 * x).data - 1, atol=1e-15)
    np.testing.assert_allclose(tc.gelu(x).data - tc.gelu(-x).data, x, atol=1e-15)


@given(st.floats(-27, 27))
def test_erfc_is_pythons(x):
    expected = math.erfc(x)
    assert erfc(np.array([x]))[0] == pytest.approx(expected, rel=2e-15, abs=1e-310)


@pytest.mark.parametrize("x", [0.0, -0.0, 0.46875, -0.46875, np.nextafter(0.46875, 1), 4.0, -4.0, np.nextafter(4, 5), 26.5,
                               100, -100, 1e300])
def test_erfc_at_the_seams_and_ends(x):
    assert erfc(np.array([x], dtype=np.float64))[0] == pytest.approx(math.erfc(x), rel=2e-15, abs=1e-310)


def test_erfc_in_single_precision():
    x = np.linspace(-5, 9, 1401, dtype=np.float32)
    y = erfc(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, [math.erfc(float(v)) for v in x], rtol=1e-6)


@pytest.mark.parametrize("slope", [None, "a", np.ones(2)], ids=["none", "text", "array"])
def test_a_slope_that_is_no_number_is_refused(slope):
    with pytest.raises(tc.DtypeError, match=r"leaky_relu: slope is .*, expected a number"):
        tc.leaky_relu([-1.0], slope)
