"""What the walk computes: shared values, diamonds, long chains, higher orders, and what grad() promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import tinyconv as tc


def leaf(*values, dtype=np.float64):
    return tc.tensor(np.array(values, dtype), requires_grad=True)


def test_gradient_of_a_diamond_is_the_sum_over_both_paths():
    x = leaf(1.0, 2.0, 3.0)
    h = x * x
    y = (h * 2 + tc.exp(h / 10)).sum()
    y.backward()
    np.testing.assert_allclose(x.grad, 2 * x.data * (2 + np.exp(x.data**2 / 10) / 10), rtol=1e-14)


def test_each_node_is_visited_once_however_many_use_it():
    visits = []

    @tc.primitive
    def watched(x):
        return x * 1

    def rule(g):
        visits.append(g.data.copy())
        return g

    watched.vjp(rule)
    x = leaf(2.0)
    h = watched(x)
    (h + h * h + h * 3).sum().backward()
    assert len(visits) == 1
    assert visits[0].tolist() == [1 + 2 * 2 + 3]


def test_gradient_of_shared_tower_is_the_sum():
    rng = np.random.default_rng(0)
    weight, (left, right) = tc.Parameter(rng.standard_normal((3, 4))), rng.standard_normal((2, 5, 3))

    def tower(image):
        return tc.relu(tc.matmul(image, weight))

    (tower(left) * tower(right)).sum().backward()
    a, b = np.maximum(left @ weight.data, 0), np.maximum(right @ weight.data, 0)
    np.testing.assert_allclose(weight.grad, left.T @ (b * (a > 0)) + right.T @ (a * (b > 0)), rtol=1e-13)


def test_gradient_of_a_value_used_with_itself():
    x = leaf(1.0, -2.0)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, -4]
    y = leaf(1.0, -2.0)
    (y - y).sum().backward()
    assert y.grad.tolist() == [0, 0]


def test_backward_adds_to_what_is_there():
    x = leaf(1.0, 2.0)
    for times in (1, 2, 3):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2 * times, 4 * times]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_backward_of_a_leaf_gives_the_seed():
    x = leaf(1.0, 2.0)
    x.backward([3, 4])
    assert x.grad.tolist() == [3, 4]


def test_seed_weighs_the_outputs():
    x = leaf(1.0, 2.0)
    (x * x).backward(np.array([10.0, -1.0]))
    assert x.grad.tolist() == [20, -4]
    assert tc.grad(x * x, x, seed=[1, 0]).data.tolist() == [2, 0]


def test_a_seed_that_is_a_tensor_is_differentiated_too():
    x, seed = leaf(2.0, 3.0), leaf(5.0, 7.0)
    g = tc.grad(x * x, x, create_graph=True, seed=seed)
    assert tc.grad(g.sum(), seed).data.tolist() == [4, 6]


def test_chain_of_twenty_thousand_operations():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1e-4
    y.backward()
    assert y.item() == pytest.approx(3.0)
    assert x.grad.tolist() == [1]


def test_chain_of_twenty_thousand_operations_through_grad_with_graph():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    assert tc.grad(y * y, x, create_graph=True).data.tolist() == [2]


def test_chain_of_two_hundred_thousand_operations_is_dropped_without_a_crash():
    x = leaf(1.0)
    y = x
    for _ in range(200_000):
        y = y + 1e-5
    assert y.item() == pytest.approx(3.0)
    del y
    assert x.grad is None


def test_forty_doublings_cost_forty_steps():
    x = leaf(1.0)
    y = x
    for _ in range(40):
        y = y + y
    y.backward()
    assert y.item() == 2**40
    assert x.grad.tolist() == [2**40]
    assert tc.grad(_doubled(x, 40), x, create_graph=True).data.tolist() == [2**40]


def _doubled(x, times):
    for _ in range(times):
        x = x + x
    return x


def test_derivatives_of_every_order_of_a_power():
    x = leaf(0.0, 1.5, -2.0)
    y, expected = x**4, [(4, 3), (12, 2), (24, 1), (24, 0), (0, 0)]
    for factor, exponent in expected:
        y = tc.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.data, factor * x.data**exponent, rtol=1e-12)


def test_power_at_zero_has_the_slopes_of_its_polynomial():
    for exponent, slope in [(0, 0), (1, 1), (2, 0), (3, 0)]:
        x = leaf(0.0)
        assert tc.grad(x**exponent, x).data.tolist() == [slope]
    x = leaf(0.0)
    assert tc.grad(tc.grad(x**2, x, create_graph=True), x).data.tolist() == [2]


def test_third_derivatives_of_an_exponential():
    x = leaf(0.3, -0.7)
    y = tc.exp(x * 2)
    for order in (1, 2, 3):
        y = tc.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.data, 2**order * np.exp(2 * x.data), rtol=1e-13)


def test_mixed_derivative_is_symmetric():
    a, b = leaf(0.5, 1.5), leaf(2.0, 0.7)
    y = (tc.exp(a) * tc.log(b) * a).sum()
    ab = tc.grad(tc.grad(y, a, create_graph=True).sum(), b)
    ba = tc.grad(tc.grad(y, b, create_graph=True).sum(), a)
    np.testing.assert_allclose(ab.data, ba.data, rtol=1e-13)
    np.testing.assert_allclose(ab.data, np.exp(a.data) * (1 + a.data) / b.data, rtol=1e-13)


def test_third_derivative_of_a_convolution_of_a_convolution():
    """y(t) = conv(t x, t w) cubed is t^6 y(1): its third derivative at t = 1 is 6 * 5 * 4 y(1)."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 5, 6, 3)), rng.standard_normal((3, 2, 3, 4))
    t = tc.tensor(np.array(1.0), requires_grad=True)
    y = (tc.conv2d(t * tc.tensor(x), t * tc.tensor(w), stride=(2, 1), padding=1) ** 3).sum()
    value = y.item()
    for _ in range(3):
        y = tc.grad(y, t, create_graph=True)
    assert y.item() == pytest.approx(120 * value, rel=1e-10)


def test_gradient_penalty_reaches_the_weights():
    """The gradient of |dy/dx|^2 for y = sum((x w)^2) / 2, which is |w w^T x|^2."""
    rng = np.random.default_rng(0)
    w, x = tc.Parameter(rng.standard_normal((3, 3))), tc.tensor(rng.standard_normal((1, 3)), requires_grad=True)
    y = tc.matmul(x, w)
    slope = tc.grad((y * y).sum() / 2, x, create_graph=True)
    (slope * slope).sum().backward()
    m, v = w.data @ w.data.T, x.data.T
    outer = m @ v @ v.T
    np.testing.assert_allclose(w.grad, 2 * (outer + outer.T) @ w.data, rtol=1e-12)


def test_grad_returns_tensors_keeps_the_graph_and_leaves_grad_alone():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    z = (x * y).sum()
    for _ in range(2):
        gx, gy = tc.grad(z, [x, y])
        assert isinstance(gx, tc.Tensor)
        assert (gx.data.tolist(), gy.data.tolist()) == ([3, 4], [1, 2])
        assert not gx.requires_grad
    assert x.grad is None
    assert y.grad is None
    z.backward()
    assert x.grad.tolist() == [3, 4]


def test_grad_of_one_tensor_and_of_a_sequence():
    x = leaf(1.0)
    assert isinstance(tc.grad(x * 2, x), tc.Tensor)
    assert isinstance(tc.grad(x * 2, [x]), list)
    assert isinstance(tc.grad(x * 2, (x, x)), list)
    assert [g.data.tolist() for g in tc.grad(x * 2, (x, x))] == [[2], [2]]
    assert tc.grad(x * 2, []) == []


def test_grad_for_a_value_in_the_middle():
    x = leaf(1.0, 2.0)
    h = x * x
    y = (h * h).sum()
    gh, gx = tc.grad(y, [h, x])
    assert gh.data.tolist() == [2, 8]
    assert gx.data.tolist() == [4, 32]
    assert tc.grad(y, y).data.tolist() == 1


def test_grad_of_an_unreached_tensor_is_zero():
    x, other = leaf(1.0, 2.0), leaf(1.0, 2.0, 3.0, dtype=np.float32)
    gx, zero = tc.grad((x * 2).sum(), [x, other])
    assert gx.data.tolist() == [2, 2]
    assert zero.data.tolist() == [0, 0, 0]
    assert zero.dtype == np.float32


def test_grad_runs_no_rule_that_does_not_lead_to_its_inputs():
    @tc.primitive
    def trap(x):
        return x * 1

    def rule(g):
        raise AssertionError("this rule is not needed")

    trap.vjp(rule)
    x, other = leaf(1.0), leaf(2.0)
    assert tc.grad(x * 3 + trap(other), x).data.tolist() == [3]


def test_grad_runs_no_rule_of_an_input_without_gradient():
    @tc.primitive
    def product(a, b):
        return a * b

    def rule(g, a):
        raise AssertionError("b needs no gradient")

    product.vjp(lambda g, b: g * b, rule)
    x = leaf(3.0)
    product(x, np.array([5.0])).backward()
    assert x.grad.tolist() == [5]


def test_second_derivatives_are_recorded_only_on_request():
    x = leaf(2.0)
    assert not tc.grad(x**3, x).requires_grad
    assert tc.grad(x**3, x, create_graph=True).requires_grad
    with tc.no_grad():
        assert not (x * 2).requires_grad


def test_grad_with_graph_inside_no_grad_records_the_gradient():
    x = leaf(2.0)
    y = x**3
    with tc.no_grad():
        g = tc.grad(y, x, create_graph=True)
        assert not (x * 2).requires_grad
    assert tc.grad(g, x).data.tolist() == [12]


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=3, min_side=0), st.sampled_from(["+", "-", "*", "/"]))
def test_gradients_of_broadcast_operands_have_the_shapes_of_the_operands(shapes, operator):
    (first, second, third), result = shapes.input_shapes, shapes.result_shape
    rng = np.random.default_rng(0)
    a, b, c = (tc.tensor(rng.uniform(1, 2, s), requires_grad=True) for s in (first, second, third))
    y = {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[operator] * c
    assert y.shape == result
    y.backward(seed := rng.standard_normal(result))
    for x, slope in [(c, (y / c).data), (a, {"*": b.data, "/": 1 / b.data}.get(operator, 1.0) * c.data)]:
        full = np.broadcast_to(seed * slope, result)
        lead = full.ndim - x.ndim
        folded = full.sum(axis=tuple(range(lead)) + tuple(i + lead for i, n in enumerate(x.shape) if n == 1), keepdims=True)
        np.testing.assert_allclose(x.grad, folded.reshape(x.shape), rtol=1e-12, atol=1e-12)
    assert b.grad.shape == b.shape


def test_backward_records_nothing_of_its_own():
    recorded = []

    @tc.primitive
    def square(x):
        return x * x

    def rule(g, x):
        recorded.append((g * x).requires_grad)
        return g * x * 2

    square.vjp(rule)
    x = leaf(3.0)
    square(x).backward()
    tc.grad(square(x), x, create_graph=True)
    assert recorded == [False, True]
    assert x.grad.tolist() == [6]


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_other_float_dtypes_pass_through_both_ways(dtype):
    x = leaf(1.0, -2.0, 0.5, dtype=dtype)
    y = tc.concatenate([tc.relu(x * 2), tc.exp(x)])[1:].reshape(5, 1).mean() + tc.softmax(x).sum() + tc.max(x)
    assert y.dtype == dtype
    assert tc.grad(y, x, create_graph=True).dtype == dtype
    y.backward()
    assert x.grad.dtype == dtype
