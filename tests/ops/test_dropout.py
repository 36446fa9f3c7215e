"""Dropout: who is left out, who makes up for it, and where the gradient goes."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.errors import DataError


def rng():
    return np.random.default_rng(11)


def test_kept_elements_make_up_for_the_others():
    y = tc.dropout(np.full((40, 50), 3.0), 0.25, rng()).data
    assert set(np.unique(y)) == {0.0, 4.0}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.04)


def test_expected_value_is_kept():
    total = np.zeros(5)
    generator, x = rng(), np.array([1.0, -2, 3, 0.5, 10])
    for _ in range(4000):
        total += tc.dropout(x, 0.5, generator).data
    np.testing.assert_allclose(total / 4000, x, rtol=0.1)


def test_gradient_passes_through_the_elements_that_were_kept():
    x = tc.tensor(np.ones((30, 20)), requires_grad=True)
    y = tc.dropout(x, 0.7, rng())
    y.backward(np.full(x.shape, 2.0))
    np.testing.assert_array_equal(x.grad, 2 * y.data)
    assert x.grad.any()


def test_second_derivative_passes_too():
    x = tc.tensor(np.arange(1.0, 9), requires_grad=True)
    y = tc.dropout(x, 0.5, rng())
    slope = tc.grad((y * y * y).sum(), x, create_graph=True)
    np.testing.assert_allclose(tc.grad(slope.sum(), x).data, 6 * 4 * y.data)  # 6 y (dy / dx)^2


def test_rate_0_is_the_identity_and_draws_nothing():
    generator = rng()
    x = tc.tensor([1.0, 2.0], requires_grad=True)
    assert tc.dropout(x, 0, generator) is x
    assert generator.bit_generator.state == rng().bit_generator.state


def test_equal_generators_leave_out_the_same_elements_in_any_dtype():
    single, double = (tc.dropout(np.ones((6, 7), dtype), 0.5, rng()).data for dtype in (np.float32, np.float64))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single, double)
    assert (tc.dropout(np.ones((6, 7)), 0.5, np.random.default_rng(12)).data != double).any()


def test_one_byte_for_each_element_is_kept_for_the_gradient():
    x = tc.tensor(np.ones((50, 40)), requires_grad=True)
    y = tc.dropout(x, 0.5, rng())
    masks = [value for parent in y._node.parents if parent is not None for value in parent.saved.values()]
    assert [mask.nbytes for mask in masks if isinstance(mask, np.ndarray)] == [50 * 40]


def test_nothing_is_dropped_from_an_empty_batch():
    assert tc.dropout(np.ones((0, 3)), 0.5, rng()).shape == (0, 3)


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 1.5, np.nan, "0.5", None, True])
def test_impossible_rate_is_one_clear_error(rate):
    with pytest.raises(DataError, match=r"^dropout: rate is .*, expected a number from 0 to below 1"):
        tc.dropout(np.ones(3), rate, rng())


@pytest.mark.parametrize("generator", [None, 0, np.random.RandomState(0)])
def test_randomness_is_an_explicit_generator(generator):
    with pytest.raises(DataError, match=r"expected a numpy.random.Generator"):
        tc.dropout(np.ones(3), 0, generator)
