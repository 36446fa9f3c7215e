"""How an op is declared and called, and what a wrong declaration says."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.engine import primitive


def scaled_sum():
    @primitive(elementwise=True)
    def scaled(a, b, scale=1.0, *, shift=0.0):
        """scale * a * b + shift"""
        return scale * a * b + shift

    scaled.vjp(lambda g, b, scale: g * b * scale, lambda g, a, scale: g * a * scale)
    return scaled


def leaf(*values):
    return tc.tensor(np.array(values), requires_grad=True)


def test_inputs_and_statics_may_be_given_by_position_and_by_name():
    op = scaled_sum()
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    calls = [op(a, b, 2.0, shift=1.0), op(a, b, scale=2.0, shift=1.0), op(a=a, b=b, scale=2.0, shift=1.0),
             op(a, b=b, scale=2.0, shift=1)]
    for y in calls:
        assert y.data.tolist() == [7, 17]
        assert [g.data.tolist() for g in tc.grad(y.sum(), [a, b])] == [[6, 8], [2, 4]]
    assert tc.exp(x=a).data.tolist() == tc.exp(a).data.tolist()


def test_a_primitive_looks_like_its_function():
    op = scaled_sum()
    assert op.__name__ == op.name == "scaled"
    assert op.__doc__ == "scale * a * b + shift"
    assert list(inspect.signature(op).parameters) == ["a", "b", "scale", "shift"]
    assert (op.inputs, op.statics) == (("a", "b"), {"scale": 1.0, "shift": 0.0})


def test_wrong_calls_are_pythons_own_errors():
    op, x = scaled_sum(), leaf(1.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        op(x)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        op(b=x)
    with pytest.raises(TypeError, match="unexpected keyword argument 'sclae'"):
        op(x, x, sclae=2)
    with pytest.raises(TypeError, match="positional argument"):
        op(x, x, 1.0, 2.0)
    with pytest.raises(TypeError, match="positional argument"):
        tc.exp(x, 5)


def test_the_number_of_rules_must_be_the_number_of_inputs():
    @primitive
    def product(a, b):
        return a * b

    with pytest.raises(tc.GradientError, match=r"product\.vjp: got 1 rules for the inputs \('a', 'b'\)"):
        product.vjp(lambda g: g)


def test_a_rule_that_names_something_unknown_is_refused_when_declared():
    @primitive
    def product(a, b, power=1):
        return a * b

    known = r"\['a', 'a_shape', 'b', 'b_shape', 'g', 'out', 'power'\]"
    with pytest.raises(tc.GradientError, match=rf"a rule names \['gradient'\]; it may name {known}"):
        product.vjp(lambda gradient, b: gradient * b, lambda g, a: g * a)
    with pytest.raises(tc.GradientError, match=r"a rule names \['index'\]"):
        product.vjp(lambda g, index: g, lambda g, a: g * a)


def test_an_argument_may_not_take_a_name_that_rules_use():
    for source in ("lambda g: g", "lambda x, out=None: x", "lambda live: live",
                   "lambda *shapes: shapes[0]", "lambda *xs, index=0: xs[0]"):
        with pytest.raises(tc.GradientError, match="means something else in a rule; rename it"):
            primitive(eval(source))
    assert primitive(lambda x, index=0: x).inputs == ("x",)


def test_a_primitive_without_rules_serves_constants_only():
    @primitive
    def floor(x):
        return np.floor(x)

    assert floor(np.array([1.5])).data.tolist() == [1]
    with tc.no_grad():
        assert floor(leaf(1.5)).data.tolist() == [1]
    with pytest.raises(tc.GradientError, match=r"floor has no gradient rules; declare them with floor\.vjp"):
        floor(leaf(1.5))


@pytest.mark.parametrize(("rule", "got"), [
    (lambda g: g[:1], r"float64 \(1,\), expected float64 \(2,\)"),
    (lambda g: g.reshape(2, 1), r"float64 \(2, 1\), expected float64 \(2,\)"),
    (lambda g: tc.tensor(g.data, dtype=np.float32), r"float32 \(2,\), expected float64 \(2,\)"),
    (lambda g: g.data, r"ndarray, expected float64 \(2,\)"),
    (lambda g: None, r"NoneType, expected float64 \(2,\)"),
])
def test_a_rule_of_the_wrong_shape_dtype_or_type_is_an_error_with_a_name(rule, got):
    for elementwise in (False, True):
        @primitive(elementwise=elementwise)
        def shift(x):
            return x + 1

        shift.vjp(rule)
        with pytest.raises(tc.GradientError, match=f"the rule of shift for x gave {got}"):
            shift(leaf(1.0, 2.0)).sum().backward()


def test_a_rule_that_forgets_the_gradient_that_arrives_is_seen_in_its_shape():
    @primitive(elementwise=True)
    def product(a, b):
        return a * b

    product.vjp(lambda g, b: b * 1, lambda g, a: g * a)
    a = tc.tensor(np.ones((4, 3)), requires_grad=True)
    with pytest.raises(tc.GradientError, match=r"the rule of product for a gave float64 \(3,\), expected float64 \(4, 3\)"):
        product(a, np.ones(3)).sum().backward()


def test_only_elementwise_rules_are_summed_over_broadcast_axes():
    def product(elementwise):
        @primitive(elementwise=elementwise)
        def product(a, b):
            return a * b

        product.vjp(lambda g, b: g * b, lambda g, a: g * a)
        return product

    a, b = tc.tensor(np.ones((4, 3)), requires_grad=True), leaf(1.0, 2.0, 3.0)
    assert tc.grad(product(True)(a, b).sum(), b).data.tolist() == [4, 4, 4]
    with pytest.raises(tc.GradientError, match=r"for b gave float64 \(4, 3\), expected float64 \(3,\)"):
        tc.grad(product(False)(a, b).sum(), b)


@pytest.mark.parametrize("forward", [lambda x: x > 0, lambda x: x.astype(np.float64), lambda x: x.argmax(), lambda x: x * 1j])
def test_a_forward_that_changes_the_dtype_is_refused(forward):
    with pytest.raises(tc.DtypeError, match=r"its forward gave .* for float32 inputs, expected the same dtype"):
        primitive(forward)(tc.tensor([1.0, 2.0]))


def test_an_error_inside_an_elementwise_forward_is_not_taken_for_a_shape():
    @primitive(elementwise=True)
    def picky(a, b):
        raise ValueError("not on Mondays")

    with pytest.raises(ValueError, match="not on Mondays") as caught:
        picky(np.ones(2), np.ones(2))
    assert not isinstance(caught.value, tc.ShapeError)


def test_a_rule_may_name_shapes_without_keeping_values():
    @primitive
    def total(x, axis=0):
        return x.sum(axis=axis)

    total.vjp(lambda g, x_shape, axis: tc.engine.broadcast_to(g, x_shape))
    x = tc.tensor(np.ones((2, 3)), requires_grad=True)
    y = total(x)
    assert y._node.saved == {"axis": 0}
    assert tc.grad(y.sum(), x).shape == (2, 3)


def test_one_rule_serves_every_input_of_a_variadic_primitive():
    @primitive
    def stack(*xs, axis=0):
        return np.stack(xs, axis)

    stack.vjp(lambda g, index, shapes, axis: g[(slice(None),) * axis + (index,)].reshape(shapes[index]))
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = stack(a, [0, 0], b, axis=1)
    assert y.data.tolist() == [[1, 0, 3], [2, 0, 4]]
    ga, gb = tc.grad(y, [a, b], seed=[[1, 2, 3], [4, 5, 6]])
    assert (ga.data.tolist(), gb.data.tolist()) == ([1, 4], [3, 6])
    stack.vjp(lambda g, index: g)
    with pytest.raises(tc.GradientError, match=r"the rule of stack for xs\[1\] gave"):
        stack(a.data, b).sum().backward()


def test_a_variadic_primitive_keeps_all_inputs_if_its_rule_names_them():
    @primitive
    def product(*xs):
        return np.prod(xs, axis=0)

    product.vjp(lambda g, out, xs, index: g * out / xs[index])
    a, b = leaf(2.0), leaf(5.0)
    y = product(a, b, [3.0])
    assert [g.data.tolist() for g in tc.grad(y, [a, b])] == [[15], [6]]
    assert tc.grad(tc.grad(y, a, create_graph=True), b).data.tolist() == [3]


def test_a_forward_that_writes_into_its_input_is_refused():
    @primitive
    def greedy(x):
        x += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        greedy(tc.tensor([1.0]))


def test_a_rule_that_returns_its_input_unchanged_shares_memory_safely():
    x = leaf(1.0, 2.0)
    y = leaf(3.0, 4.0)
    seed = np.array([1.0, 1.0])
    (x + y).backward(seed)
    seed[:] = 7
    assert x.grad.tolist() == y.grad.tolist() == [1, 1]
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3, 3]
    assert y.grad.tolist() == [1, 1]
