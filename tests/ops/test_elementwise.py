"""Elementwise ops against NumPy, and their gradients at kinks."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc


def leaf(*values, dtype=np.float64):
    return tc.tensor(np.array(values, dtype), requires_grad=True)


def slopes(function, *values):
    x = leaf(*values)
    return tc.grad(function(x).sum(), x).data.tolist()


@pytest.mark.parametrize(("ours", "numpys"), [(tc.exp, np.exp), (tc.log, np.log), (tc.sqrt, np.sqrt), (tc.abs, np.abs)])
def test_functions_of_one_input_are_numpys(ours, numpys):
    x = np.array([[0.5, 1.0], [2.0, 3.0]])
    np.testing.assert_array_equal(ours(x).data, numpys(x))
    assert ours(2.0).data == numpys(np.float32(2))


@pytest.mark.parametrize(("ours", "numpys"), [(tc.add, np.add), (tc.subtract, np.subtract), (tc.multiply, np.multiply),
                                              (tc.divide, np.divide), (tc.power, np.power), (tc.maximum, np.maximum),
                                              (tc.minimum, np.minimum)])
def test_functions_of_two_inputs_are_numpys_with_broadcasting(ours, numpys):
    rng = np.random.default_rng(0)
    for first, second in [((3, 4), (2, 3, 1)), ((), (2,)), ((0, 3), (1, 1)), ((5,), (5,))]:
        a, b = rng.uniform(0.5, 2, first), rng.uniform(0.5, 2, second)
        np.testing.assert_array_equal(ours(tc.tensor(a), tc.tensor(b)).data, numpys(a, b))


def test_gradients_at_kinks():
    assert slopes(tc.relu, -1, -0.0, 0, 2) == [0, 0, 0, 1]
    assert slopes(tc.abs, -1, 0, 2) == [-1, 0, 1]
    assert slopes(lambda x: tc.clip(x, -1, 1), -2, -1, 0, 1, 2) == [0, 1, 1, 1, 0]
    a, b = leaf(1, 2, 3), leaf(3, 2, 1)
    for op, first in [(tc.maximum, [0, 1, 1]), (tc.minimum, [1, 1, 0])]:
        ga, gb = tc.grad(op(a, b).sum(), [a, b])
        assert ga.data.tolist() == first
        assert (ga + gb).data.tolist() == [1, 1, 1]


def test_clip_takes_one_bound_numpy_scalars_and_keeps_the_dtype():
    x = tc.tensor([-2.0, 0.5, 3.0])
    assert tc.clip(x, low=0).data.tolist() == [0, 0.5, 3]
    assert tc.clip(x, high=1).data.tolist() == [-2, 0.5, 1]
    y = tc.clip(x, np.float64(-1), np.float64(1))
    assert y.data.tolist() == [-1, 0.5, 1]
    assert y.dtype == np.float32


def test_where_broadcasts_and_sends_each_gradient_home():
    a, b = leaf(1, 2, 3), leaf(10)
    condition = np.array([[True, False, True], [False, False, True]])
    y = tc.where(condition, a, b)
    assert y.data.tolist() == [[1, 10, 3], [10, 10, 3]]
    ga, gb = tc.grad(y.sum(), [a, b])
    assert ga.data.tolist() == [1, 0, 2]
    assert gb.data.tolist() == [3]
    assert tc.where([1, 0, 1], a, 0).data.tolist() == [1, 0, 3]


def test_the_value_not_chosen_may_be_infinite_without_spoiling_the_gradient():
    x = leaf(0.0, 4.0)
    with np.errstate(divide="ignore"):
        g = tc.grad(tc.where(x.data > 0, tc.log(tc.where(x.data > 0, x, 1)), 0).sum(), x)
    assert g.data.tolist() == [0, 0.25]


def test_powers_of_negative_numbers():
    assert slopes(lambda x: x**2, -3) == [-6]
    assert slopes(lambda x: x**3, -2) == [12]
    assert slopes(lambda x: x**-1, -2) == [-0.25]
    assert slopes(lambda x: x**0, -2, 0) == [0, 0]


def test_exponent_has_a_gradient_too():
    a, b = leaf(2.0, 3.0), leaf(3.0, 0.5)
    ga, gb = tc.grad((a**b).sum(), [a, b])
    np.testing.assert_allclose(ga.data, [12, 0.5 / np.sqrt(3)])
    np.testing.assert_allclose(gb.data, a.data**b.data * np.log(a.data))


def test_nan_passes_through_relu_and_maximum():
    x = tc.tensor([np.nan, 1.0])
    assert np.isnan(tc.relu(x).data[0])
    assert np.isnan(tc.maximum(x, 0).data[0])


def test_zero_to_the_power_of_zero_is_one_and_flat_in_both():
    a, b = leaf(0.0, 0.0, 0.0), leaf(0.0, 1.0, 2.0)
    y = a**b
    assert y.data.tolist() == [1, 0, 0]
    ga, gb = tc.grad(y.sum(), [a, b], create_graph=True)
    assert ga.data.tolist() == [0, 1, 0]
    assert gb.data.tolist() == [0, 0, 0]
    assert np.isfinite(tc.grad(ga[2], a).data).all()


def test_integer_bases_and_exponents_are_floats():
    assert tc.power(2, -1).data == 0.5
    assert tc.power(np.array([2, 3]), -2).data.tolist() == [0.25, np.float32(1 / 9)]
    assert tc.power([2, 3], [3, 2]).dtype == np.float32
    assert (2.0 ** tc.tensor([3.0])).data.tolist() == [8]
    assert tc.power(tc.tensor(np.array([-2.0])), np.array([3])).data.tolist() == [-8]


def test_a_negative_base_needs_a_whole_exponent():
    with np.errstate(invalid="ignore"):
        assert np.isnan(tc.power(np.array([-2.0]), 0.5).data[0])


@pytest.mark.parametrize("bound", ["a", tc.tensor(0.0)], ids=["text", "tensor"])
def test_a_bound_that_is_no_number_is_refused(bound):
    with pytest.raises(tc.DtypeError, match="clip: got a bound of type"):
        tc.clip([1.0], bound, 2)
