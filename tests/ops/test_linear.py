"""Matrix products of every rank, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc

SHAPES = [((4,), (4,)), ((4,), (4, 3)), ((2, 4), (4,)), ((2, 4), (4, 3)), ((5, 2, 4), (4, 3)), ((2, 4), (5, 4, 3)),
          ((5, 1, 2, 4), (6, 4, 3)), ((5, 2, 4), (4,)), ((4,), (5, 4, 3)), ((0, 4), (4, 3)), ((2, 0), (0, 3)), ((1, 1), (1, 1))]


@pytest.mark.parametrize(("first", "second"), SHAPES)
def test_matmul_is_numpys_and_its_gradients_are_einsums(first, second):
    rng = np.random.default_rng(0)
    a, b = (tc.tensor(rng.standard_normal(shape), requires_grad=True) for shape in (first, second))
    y = a @ b
    expected = np.matmul(a.data, b.data)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-13)
    ga, gb = tc.grad(y, [a, b], seed=rng.standard_normal(y.shape))
    assert (ga.shape, gb.shape) == (first, second)


def test_matmul_gradient_for_a_matrix_product():
    rng = np.random.default_rng(0)
    a, b, g = rng.standard_normal((2, 4)), rng.standard_normal((4, 3)), rng.standard_normal((2, 3))
    x, y = tc.tensor(a, requires_grad=True), tc.tensor(b, requires_grad=True)
    gx, gy = tc.grad(tc.matmul(x, y), [x, y], seed=g)
    np.testing.assert_allclose(gx.data, g @ b.T)
    np.testing.assert_allclose(gy.data, a.T @ g)


@pytest.mark.parametrize(("first", "second"), [((2, 3), (2, 3)), ((4,), (3,)), ((5, 2, 4), (6, 4, 3)), ((4,), (3, 4))])
def test_matrices_that_do_not_fit_are_named(first, second):
    with pytest.raises(tc.ShapeError, match=r"matmul: shapes .* do not fit; a's last axis meets b's second-last"):
        tc.matmul(np.ones(first), np.ones(second))


def test_a_number_is_no_matrix():
    with pytest.raises(tc.ShapeError, match=r"at least one axis each; scale with \*"):
        tc.tensor([1.0]) @ 2.0
