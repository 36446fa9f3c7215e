"""The checks as a learner uses them on a function of his own."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.engine import primitive, tensor
from tinyconv.gradcheck import adjoint_check, gradcheck


def wrong_at(index):
    """Twice the input, with a rule that is wrong at one element."""

    @primitive
    def twice(x):
        return 2 * x

    def rule(g):
        error = np.zeros(g.shape)
        error[index] = 1e-3
        return g * (2 + error)

    twice.vjp(rule)
    return twice


@pytest.mark.parametrize("full", [False, True])
def test_the_report_names_op_input_worst_index_both_values_and_error(full):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    report = gradcheck(lambda a, volume: a.sum() * wrong_at((1, 0, 2))(volume), np.ones(3), x, full=full, name="my op")
    assert not report.ok
    assert report.findings[0].error < 1e-2
    worst = report.findings[1]
    assert (worst.name, worst.position, worst.index, worst.shape) == ("volume", 1, (1, 0, 2), (2, 3, 4))
    assert worst.analytic == pytest.approx(worst.numeric * 1.0005, rel=1e-6)
    assert report.error == worst.error >= 1e-6
    for part in ("my op", "gradient of order 1", "WRONG", "input 1, volume", "(1, 0, 2)", f"{worst.analytic:.9g}",
                 f"{worst.numeric:.9g}", f"{worst.error:.1e}"):
        assert part in str(report)


def test_a_right_report_says_how_near_it_was():
    report = gradcheck(tc.multiply, [1.0, 2.0], [3.0, 4.0])
    assert report.ok
    assert report.error < 1e-9
    assert str(report).splitlines()[0] == "multiply, gradient of order 1: right"
    assert "input 1, b (2,): agrees" in str(report)


def test_second_order_catches_a_rule_that_leaves_the_graph():
    @primitive
    def square(x):
        return x * x

    square.vjp(lambda g, x: g * (2 * x.data))
    x = np.array([0.5, -1.5, 2.0])
    assert gradcheck(square, x).ok
    report = gradcheck(square, x, order=2)
    assert report.findings[0].looks_like == "a forgotten term: analytic is zero everywhere"
    assert report.check == "gradient of order 2"


def test_every_order_of_a_smooth_function_passes():
    x = np.array([0.5, 1.5, 0.8])
    for order in (1, 2, 3, 4):
        assert gradcheck(lambda x: tc.exp(x * x) / x, x, order=order, full=True).ok


def test_a_function_that_ignores_an_input_has_a_zero_gradient():
    report = gradcheck(lambda a, b: a * 2, [1.0], [2.0, 3.0], full=True)
    assert report.ok
    assert report.findings[1].analytic == report.findings[1].numeric == 0


def test_a_constant_function_passes():
    assert gradcheck(lambda a: tensor(np.ones(3)), [1.0]).ok


def test_empty_inputs_pass():
    for full in (False, True):
        assert gradcheck(lambda x: x * 2, np.zeros((0, 3)), full=full).ok


def test_scalars_lists_and_tensors_are_inputs():
    assert gradcheck(lambda a, b, c: a * b * c, 2.0, [1, 2, 3], tensor([[1.0], [2.0]]), full=True, order=2).ok


def test_inputs_far_from_one_have_a_step_of_their_size():
    assert gradcheck(tc.log, [1e-5, 2e-5, 3e-5]).ok
    assert gradcheck(lambda x: tc.exp(x / 1e6), [1e6, -2e6]).ok


def test_inputs_are_not_changed():
    x = np.array([1.0, 2.0])
    gradcheck(tc.exp, x, full=True)
    assert x.tolist() == [1.0, 2.0]
    assert x.flags.writeable


def test_one_generator_one_report():
    first, second = (gradcheck(tc.exp, [1.0, 2.0], rng=np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_order_zero_is_refused():
    with pytest.raises(tc.GradientError, match="order is 0, expected 1 or more"):
        gradcheck(tc.exp, [1.0], order=0)


def test_an_error_of_the_function_itself_is_not_hidden():
    with pytest.raises(tc.ShapeError, match="matmul"):
        gradcheck(tc.matmul, np.ones((2, 3)), np.ones((2, 3)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adjoint_identity_holds_for_a_convolution_in_its_own_dtype(dtype):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 7, 5, 3)).astype(dtype), rng.standard_normal((3, 2, 3, 4)).astype(dtype)
    report = adjoint_check(lambda x, weight: tc.conv2d(x, weight, stride=2, padding=1), x, weight)
    assert report.ok, report
    assert report.check == "adjoint identity"
    assert 0 <= report.error < 100 * np.finfo(dtype).eps


def test_adjoint_identity_rejects_a_rule_that_is_not_the_adjoint():
    @primitive
    def turn(x):
        return x.transpose(1, 0)

    turn.vjp(lambda g, x_shape: g.reshape(x_shape))
    report = adjoint_check(turn, np.random.default_rng(0).standard_normal((3, 4)))
    assert not report.ok
    assert "not the adjoint" in str(report)


def test_adjoint_identity_rejects_a_function_that_is_not_linear():
    x = np.random.default_rng(0).standard_normal(5)
    assert not adjoint_check(lambda x: x * 2 + 1, x).ok
    assert not adjoint_check(lambda x: x * x, x).ok
    assert adjoint_check(lambda x: x * 2, x).ok
    assert adjoint_check(lambda x, y: x * tc.exp(y), x, x, linear=[0]).ok


def test_inputs_drawn_with_a_small_seed_are_not_the_cotangent():
    @primitive
    def outer(x, w):
        return x @ w

    outer.vjp(lambda g, w: g @ w.transpose(), lambda g, x: g.transpose() @ x)  # transposed; x.T @ x would hide it
    for seed in range(5):
        x, w = np.random.default_rng(seed).standard_normal((2, 3, 3))
        assert not gradcheck(outer, x, w).ok
