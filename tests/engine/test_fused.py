"""A fused primitive: its fast rule on arrays agrees with what it is made of, in every order, and runs once for each node."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.engine import primitive


def leaf(*values):
    return tc.tensor(np.array(values), requires_grad=True)


def plain(x, weight, *, power=3):
    return x**power * weight + tc.exp(weight)


def power_rule(g, live, x, weight, power):
    return [g * power * x ** (power - 1) * weight if live[0] else None, g * (x**power + np.exp(weight)) if live[1] else None]


def fused_power(rule=power_rule):
    """x^power * weight + e^weight, with a composite twin."""
    @primitive(composite=plain)
    def fused(x, weight, *, power=3):
        return x**power * weight + np.exp(weight)

    fused.fast(rule)
    return fused


def product_with_rules(rule):
    """A product with rules on tensors, and a fast one besides."""
    @primitive
    def product(a, b):
        return a * b

    product.vjp(lambda g, b: g * b, lambda g, a: g * a)
    product.fast(rule)
    return product


def both_slopes(g, live, a, b):
    return [g * b if live[0] else None, g * a if live[1] else None]


# --- The same gradients in every order


@pytest.mark.parametrize("order", [1, 2, 3])
def test_fast_rule_and_composite_agree_in_every_order(order):
    rng = np.random.default_rng(0)
    arrays, g = rng.standard_normal((2, 3, 4)), rng.standard_normal((3, 4))
    found = []
    for function in (fused_power(), plain):
        x, weight = (tc.tensor(a, requires_grad=True) for a in arrays)
        y = function(x, weight, power=4)
        for _ in range(order - 1):
            y = sum(tc.grad(y, [x, weight], create_graph=True, seed=g))
        found.append([y.data, *(t.data for t in tc.grad(y, [x, weight], seed=g))])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_backward_equals_grad_with_and_without_graph():
    fused, x, weight = fused_power(), leaf(1.0, 2.0), leaf(-1.0, 0.5)
    y = fused(x, weight).sum()
    fast, recorded = tc.grad(y, [x, weight]), tc.grad(y, [x, weight], create_graph=True)
    y.backward()
    for t, g, same in zip((x, weight), fast, recorded, strict=True):
        assert not g.requires_grad
        assert same.requires_grad
        np.testing.assert_array_equal(t.grad, g.data)
        np.testing.assert_allclose(same.data, g.data, rtol=1e-14)


def test_rules_on_tensors_serve_higher_orders_of_a_primitive_that_has_both():
    product, a, b = product_with_rules(both_slopes), leaf(2.0), leaf(5.0)
    ga = tc.grad(product(a, product(a, b)), a, create_graph=True)
    assert ga.data.tolist() == [20]
    assert [g.data.tolist() for g in tc.grad(ga, [a, b])] == [[10], [4]]


def test_gradient_of_one_tensor_as_both_inputs_is_the_sum():
    fused, x = fused_power(), leaf(1.5)
    expected = tc.grad(plain(x, x), x).data
    for create_graph in (False, True):
        np.testing.assert_allclose(tc.grad(fused(x, x), x, create_graph=create_graph).data, expected, rtol=1e-14)
    slope = tc.grad(fused(x, x), x, create_graph=True)
    np.testing.assert_allclose(tc.grad(slope, x).data, tc.grad(tc.grad(plain(x, x), x, create_graph=True), x).data, rtol=1e-14)


def test_an_input_that_is_the_others_ancestor_is_counted_once():
    for function in (fused_power(), plain):
        x = leaf(0.7)
        weight = tc.exp(x) * x
        y = function(x, weight)
        slope = tc.grad(y, x, create_graph=True)
        np.testing.assert_allclose(slope.data, tc.grad(plain(x, weight), x).data, rtol=1e-14)
        found = tc.grad(y, [x, weight], create_graph=True)
        np.testing.assert_allclose(found[1].data, 0.7**3 + np.exp(weight.data), rtol=1e-14)
        np.testing.assert_allclose(found[0].data, slope.data, rtol=1e-14)


def test_a_fused_primitive_may_be_part_of_a_composite():
    inner = fused_power()

    @primitive(composite=lambda x: inner(x, x * 2) * x)
    def outer(x):
        return (x**3 * x * 2 + np.exp(x * 2)) * x

    outer.fast(lambda g, x: [g * (10 * x**4 + np.exp(2 * x) * (1 + 2 * x))])
    x = leaf(0.3, -0.4)
    slope = tc.grad(outer(x), x, create_graph=True, seed=np.ones(2))
    np.testing.assert_allclose(slope.data, tc.grad(outer(x), x, seed=np.ones(2)).data, rtol=1e-13)
    curve = tc.grad(slope, x, seed=np.ones(2)).data
    np.testing.assert_allclose(curve, 40 * x.data**3 + np.exp(2 * x.data) * (4 + 4 * x.data), rtol=1e-13)


def test_a_variadic_fused_primitive_gets_all_inputs_at_once():
    @primitive(composite=lambda *xs, scale: sum(x * x for x in xs) * scale)
    def squares(*xs, scale=1.0):
        return sum(x * x for x in xs) * scale

    squares.fast(lambda g, xs, live, shapes, scale: [2 * scale * g * x if wanted else None
                                                     for x, wanted in zip(xs, live, strict=True)])
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = squares(a, [7.0, 7.0], b, scale=2.0)
    for create_graph in (False, True):
        found = tc.grad(y, [a, b], create_graph=create_graph, seed=np.ones(2))
        assert [g.data.tolist() for g in found] == [[4, 8], [12, 16]]
    assert tc.grad(found[0], a, seed=np.ones(2)).data.tolist() == [4, 4]


def test_an_elementwise_fast_rule_is_summed_over_broadcast_axes():
    @primitive(elementwise=True)
    def product(a, b):
        return a * b

    product.vjp(lambda g, b: g * b, lambda g, a: g * a)
    product.fast(lambda g, live, a, b: [g * b, g * a])
    a, b = tc.tensor(np.ones((4, 3)), requires_grad=True), leaf(1.0, 2.0, 3.0)
    assert tc.grad(product(a, b).sum(), b).data.tolist() == [4, 4, 4]


# --- When it runs, and what it gets


def test_fast_rule_runs_once_for_each_node_and_only_where_nothing_is_recorded():
    calls = []

    def counted(g, live, a, b):
        calls.append(live)
        return both_slopes(g, live, a, b)

    product, a, b = product_with_rules(counted), leaf(2.0), leaf(3.0)
    y = product(a, b) + a
    y.backward()
    assert calls == [(True, True)]
    tc.grad(product(a, b), [a, b])
    assert len(calls) == 2
    tc.grad(product(a, b), [a, b], create_graph=True)
    assert len(calls) == 2


def test_an_input_that_needs_no_gradient_or_leads_to_none_that_is_wanted_is_not_live():
    seen = []

    def watched(g, live, x, weight, power):
        seen.append(live)
        return power_rule(g, live, x, weight, power)

    fused, x, weight = fused_power(watched), leaf(1.0), leaf(2.0)
    fused(x, weight.data).backward()
    tc.grad(fused(x, weight), weight)
    tc.grad(fused(x, weight), [weight, x])
    assert seen == [(True, False), (False, True), (True, True)]
    assert x.grad is not None


def test_with_a_frozen_input_the_fast_rule_gets_none_for_what_no_live_rule_keeps():
    seen = []

    def watched(g, live, a, b):
        seen.append((a is None, b is None))
        return both_slopes(g, live, a, b)

    product, a = product_with_rules(watched), leaf(2.0)
    features = a * 3
    memory = weakref.ref(features.data)
    y = product(features, np.array([5.0]))
    del features
    assert memory() is None
    assert set(y._node.saved) == {"b"}
    y.backward()
    assert a.grad.tolist() == [15]
    assert seen == [(True, False)]


def test_fast_rule_gets_arrays_shapes_statics_and_the_output():
    def rule(g, out, live, x, x_shape, power, chosen):
        assert all(type(array) is np.ndarray for array in (g, out, x))
        assert (x_shape, power, live) == ((2,), 2, (True,))
        return (g * power * out / x * chosen,)

    @primitive(composite=lambda x, *, power, chosen: x**power)
    def fused(x, *, power, chosen):
        chosen[:] = x > 0
        return x**power

    fused.fast(rule)
    x, chosen = leaf(3.0, -5.0), np.empty(2, bool)
    y = fused(x, power=2, chosen=chosen)
    assert chosen.tolist() == [True, False]
    assert tc.grad(y.sum(), x).data.tolist() == [6, 0]  # the buffer that the forward filled has reached the rule


def test_a_number_from_a_fast_rule_of_a_scalar_counts_as_its_array():
    product, a, b = product_with_rules(both_slopes), tc.tensor(np.array(2.0), requires_grad=True), np.array(3.0)
    product(a, b).backward()
    assert a.grad.shape == ()
    assert a.grad.item() == 3


# --- Wrong rules


@pytest.mark.parametrize(("rule", "said"), [
    (lambda g: [g[:1], g], r"the rule of product for a gave float64 \(1,\), expected float64 \(2,\)"),
    (lambda g: [g, g.reshape(2, 1)], r"the rule of product for b gave float64 \(2, 1\), expected float64 \(2,\)"),
    (lambda g: [g, g.astype(np.float32)], r"the rule of product for b gave float32 \(2,\), expected float64 \(2,\)"),
    (lambda g: [g, None], r"the rule of product for b gave NoneType, expected float64 \(2,\)"),
    (lambda g: [g], r"the fast rule of product gave 1, expected a list of 2 gradients"),
    (lambda g: [g, g, g], r"the fast rule of product gave 3, expected a list of 2"),
    (lambda g: g, r"the fast rule of product gave ndarray, expected a list of 2"),
    (lambda g: None, r"the fast rule of product gave NoneType, expected a list of 2"),
])
def test_a_wrong_fast_rule_is_an_error_with_its_name(rule, said):
    product = product_with_rules(rule)
    with pytest.raises(tc.errors.RuleError, match=said):
        product(leaf(1.0, 2.0), leaf(3.0, 4.0)).sum().backward()


def test_a_composite_of_another_shape_is_refused():
    @primitive(composite=lambda x: x.sum())
    def double(x):
        return x * 2

    double.fast(lambda g: [2 * g])
    x = leaf(1.0, 2.0)
    assert tc.grad(double(x).sum(), x).data.tolist() == [2, 2]
    with pytest.raises(tc.errors.RuleError, match=r"the composite of double gave float64 \(\), expected float64 \(2,\)"):
        tc.grad(double(x).sum(), x, create_graph=True)


def test_a_fast_rule_is_checked_when_it_is_declared():
    @primitive
    def product(a, b, power=1):
        return a * b

    with pytest.raises(tc.GradientError, match=r"product\.fast: higher orders need product\.vjp\(\.\.\.\) before it, or a comp"):
        product.fast(lambda g: [g, g])
    product.vjp(lambda g, b: g * b, lambda g, a: g * a)
    known = r"\['a', 'a_shape', 'b', 'b_shape', 'g', 'live', 'out', 'power'\]"
    with pytest.raises(tc.GradientError, match=rf"product\.fast: a rule names \['index'\]; it may name {known}"):
        product.fast(lambda g, index: [g, g])


def test_a_composite_without_a_fast_rule_serves_constants_only():
    @primitive(composite=plain)
    def fused(x, weight, *, power=3):
        return x**power * weight + np.exp(weight)

    assert fused(np.array([1.0]), np.array([0.0])).data.tolist() == [1]
    with pytest.raises(tc.GradientError, match="fused has no gradient rules"):
        fused(leaf(1.0), leaf(0.0))


# --- The engine's promises


def test_a_freed_graph_and_a_changed_parameter_are_refused():
    fused, x = fused_power(), tc.Parameter(np.array([1.0, 2.0]))
    y = fused(x, x).sum()
    y.backward()
    for create_graph in (False, True):
        with pytest.raises(tc.GradientError, match="a second time through sum"):
            tc.grad(y, x, create_graph=create_graph)
    y = fused(x, x).sum()
    x.assign(x.data)
    for create_graph in (False, True):
        with pytest.raises(tc.GradientError, match="fused used a parameter"):
            tc.grad(y, x, create_graph=create_graph)


def test_debug_names_the_forward_line_of_a_gradient_that_is_not_finite():
    def endless(g, live, x, weight, power):
        return [np.full_like(x, np.inf), np.zeros_like(weight)]

    fused, x = fused_power(endless), leaf(1.0)
    with tc.debug():
        y = fused(x, leaf(2.0))  # the forward
        with pytest.raises(tc.GradientError, match=r"fused: its gradient for x is inf at \(0,\)") as caught:
            y.backward()
        slope = tc.grad(y, x, create_graph=True)
    assert str(caught.value).rstrip().endswith("# the forward")
    assert slope._node.trace.rstrip().endswith("# the forward")


def test_a_primitive_with_a_composite_keeps_its_inputs_and_what_its_fast_rule_names():
    fused, x = fused_power(), leaf(1.0)
    features = x * 2
    inside, result = weakref.ref(features.data), fused(features, np.array([1.0]))
    assert set(result._node.saved) == {"x", "weight", "power"}
    output = weakref.ref(result.data)
    del features
    assert inside() is not None
    result = result.sum()
    assert output() is None
    result.backward()
    assert inside() is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_nothing_is_left_for_the_garbage_collector(create_graph):
    def run():
        fused, x, weight = fused_power(), leaf(1.0), leaf(2.0)
        y = fused(x, fused(x * 2, weight))
        slopes = tc.grad(y, [x, weight], create_graph=create_graph)
        if create_graph:
            sum(slopes).backward()
        return [weakref.ref(t) for t in (y._node, y.data, *(g.data for g in slopes))]

    gc.collect()
    gc.disable()
    try:
        assert [memory() for memory in run()] == [None] * 4
    finally:
        gc.enable()


def test_a_chain_of_fused_operations_costs_each_of_them_a_constant(monkeypatch):
    """A composite's own walk ends at its inputs: behind them lie thousands of older nodes."""
    fused, x = fused_power(), leaf(0.5)
    y = x
    for _ in range(2000):
        y = fused(y * 0.1, y * 0.0)
    visited, walk = [], tc.engine._leading_to

    def counted(wanted, root):
        found = walk(wanted, root)
        visited.append(len(found))
        return found

    monkeypatch.setattr(tc.engine, "_leading_to", counted)
    slope = tc.grad(y, x, create_graph=True)
    assert slope.requires_grad
    assert len(visited) == 2001
    assert max(visited[1:]) < 20
