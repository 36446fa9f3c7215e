"""Wrong uses of a graph are refused with their fix, and a backward that fails changes no gradient."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc


def leaf(*values):
    return tc.tensor(np.array(values), requires_grad=True)


def test_backward_twice_is_refused():
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(tc.GradientError, match=r"a second time through sum.*compute the loss again, or use tc\.grad"):
        y.backward()
    with pytest.raises(tc.GradientError, match="a second time"):
        tc.grad(y, x)
    assert x.grad.tolist() == [2, 4]


def test_a_second_loss_through_a_freed_part_is_refused_not_zero():
    x = leaf(1.0, 2.0)
    shared = x * x
    first, second = shared.sum(), (shared * 3).sum()
    first.backward()
    with pytest.raises(tc.GradientError, match="a second time through multiply"):
        second.backward()
    assert x.grad.tolist() == [2, 4]
    with pytest.raises(tc.GradientError, match="a second time through multiply"):
        tc.grad((shared * 3).sum(), x)


def test_a_freed_part_that_does_not_lead_to_the_input_is_no_obstacle():
    x, other = leaf(1.0, 2.0), leaf(3.0, 4.0)
    freed = other * other
    freed.sum().backward()
    assert tc.grad((x * freed).sum(), x).data.tolist() == [9, 16]


def test_a_seed_of_the_wrong_shape_is_refused():
    y = leaf(1.0, 2.0) * 2
    for seed in (np.ones(3), np.ones((2, 1)), 1.0):
        with pytest.raises(tc.ShapeError, match=r"got a seed of float64 .*expected float64 \(2,\)"):
            y.backward(seed)
    with pytest.raises(tc.ShapeError, match="got a seed of float32"):
        y.backward(tc.tensor([1.0, 2.0]))


def test_a_missing_seed_is_refused_for_many_elements():
    x = leaf(1.0, 2.0)
    with pytest.raises(tc.ShapeError, match=r"shape \(2,\) and no seed; reduce it with \.sum\(\) or give a seed"):
        (x * 2).backward()
    (x[:1] * 2).backward()
    assert x.grad.tolist() == [2, 0]


def test_nothing_that_needs_a_gradient_is_refused():
    for constant in (tc.tensor([1.0]), tc.tensor([1.0]) * 2):
        with pytest.raises(tc.GradientError, match="nothing here needs a gradient; create a leaf with requires_grad=True"):
            constant.backward()
    x = leaf(1.0)
    with pytest.raises(tc.GradientError, match=r"grad: input 1 of shape \(1,\) needs no gradient"):
        tc.grad(x * 2, [x, tc.tensor([1.0])])


def test_a_parameter_changed_since_its_forward_is_refused():
    p = tc.Parameter([1.0, 2.0])
    y = (p * p).sum()
    p.assign([3, 4])
    with pytest.raises(tc.GradientError, match=r"multiply used a parameter \(2,\) that has changed since \(version 0, now 1\)"):
        y.backward()
    assert p.grad is None
    (p * p).sum().backward()
    assert p.grad.tolist() == [6, 8]


def test_a_changed_parameter_is_refused_even_where_it_is_frozen():
    x, p = leaf(1.0), tc.Parameter(np.array([2.0]), requires_grad=False)
    y = x * p
    p.assign([5])
    with pytest.raises(tc.GradientError, match="has changed since"):
        tc.grad(y, x)


def test_a_backward_that_fails_changes_no_gradient():
    @tc.primitive
    def fragile(x):
        return x * 1

    def rule(g):
        raise ZeroDivisionError

    fragile.vjp(rule)
    first, x, late = leaf(1.0), leaf(2.0), leaf(3.0)
    loss = fragile(first * x) + late * x
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    assert first.grad is None
    assert x.grad is None
    assert late.grad is None


def test_the_members_of_the_family_are_pythons_own_errors_too():
    assert issubclass(tc.ShapeError, ValueError)
    assert issubclass(tc.DtypeError, TypeError)
    assert issubclass(tc.GradientError, RuntimeError)
    assert issubclass(tc.errors.RuleError, tc.GradientError)
    for error in (tc.ShapeError, tc.DtypeError, tc.GradientError, tc.KernelError, tc.DataError):
        assert issubclass(error, tc.TinyconvError)
