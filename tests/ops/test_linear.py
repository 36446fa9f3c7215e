"""Matrix products of every rank, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.ops.linear import linear

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


# --- The linear layer


@pytest.mark.parametrize("lead", [(), (2,), (5, 2), (0,), (3, 0)])
def test_linear_is_a_product_and_a_bias_in_every_order(lead):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((*lead, 4), (4, 3), (3,))]
    g = rng.standard_normal((*lead, 3))
    found = []
    for function in (linear, lambda x, weight, bias: x @ weight + bias):
        leaves = [tc.tensor(a, requires_grad=True) for a in arrays]
        y = function(*leaves)
        slopes = tc.grad(y, leaves, seed=g)
        recorded = tc.grad(y, leaves, create_graph=True, seed=g)
        curved = tc.grad(sum((slope * slope).sum() for slope in recorded), leaves)
        found.append([t.data for t in (y, *slopes, *recorded, *curved)])
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_linear_with_a_frozen_weight_keeps_no_features_and_without_a_gradient_for_x_no_weight():
    x, weight, bias = np.ones((2, 4)), np.ones((4, 3)), np.zeros(3)
    frozen = linear(tc.tensor(x, requires_grad=True), weight, tc.tensor(bias, requires_grad=True))
    assert set(frozen._node.saved) == {"weight"}
    first = linear(x, tc.tensor(weight, requires_grad=True), tc.tensor(bias, requires_grad=True))
    assert set(first._node.saved) == {"x"}


@pytest.mark.parametrize(("x", "weight", "bias"), [((2, 4), (3, 4), (3,)), ((2, 4), (4, 3), (4,)), ((), (4, 3), (3,)),
                                                   ((2, 4), (4, 3), (1, 3)), ((4,), (4,), ())])
def test_shapes_of_a_linear_layer_that_do_not_fit_are_named(x, weight, bias):
    with pytest.raises(tc.ShapeError, match=r"linear: got x .*, weight .* and bias .*, expected \(\.\.\., in\), \(in, out\) and"):
        linear(np.ones(x), np.ones(weight), np.ones(bias))
